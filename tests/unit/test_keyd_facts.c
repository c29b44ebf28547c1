// SPDX-License-Identifier: Apache-2.0
/* A refused release names all that differs, to whoever asked; the audit log counts the others. */
#include "keyd_world.h"

#include "facts.h"

/* Releases to a container that is changed by @differ. */
static struct got release_changed(struct world *w, void (*differ)(json_t *m))
{
	cc_auto_json json_t *recipient = one_time_key();
	struct claim cl = claim_default(w, recipient);
	cc_auto_free char *jws = NULL;

	differ(cl.measurement);
	jws = sign_claim(&cl);
	return send_release(w, jws, recipient);
}

static const json_t *error_of(const struct got *g)
{
	return json_object_get(g->body, "error");
}

static const char *fact_at(const struct got *g, size_t i)
{
	const json_t *f = json_array_get(json_object_get(error_of(g), "facts"), i);

	return json_string_value(json_object_get(f, "fact")) ?: "";
}

static void three_facts(json_t *m)
{
	json_t *env = json_array();

	json_array_append_new(env, json_string("PASSWORD=hunter2"));
	change(m, "config", "cwd", json_string("/tmp"));
	change(m, "config", "env", env);
	change(m, "config", "privileged", json_true());
}

static void all_that_differs_is_in_the_answer_and_the_first_is_the_error(void **state)
{
	struct world *w = *state;
	auto_got struct got g = release_changed(w, three_facts);
	const json_t *first = json_array_get(json_object_get(error_of(&g), "facts"), 0);

	assert_error(&g, 403, "refused", "cwd");
	assert_string_equal(fact_at(&g, 0), "cwd");
	assert_string_equal(fact_at(&g, 1), "env");
	assert_string_equal(
		fact_at(&g, json_array_size(json_object_get(error_of(&g), "facts")) - 1),
		"privileged");
	assert_string_equal(json_string_value(json_object_get(first, "text")), message_of(&g));
	assert_null(strstr(g.text, "hunter2"));
}

static void the_audit_row_has_the_first_fact_and_the_number_of_the_others(void **state)
{
	struct world *w = *state;
	auto_got struct got g = release_changed(w, three_facts);
	json_int_t n = json_integer_value(json_object_get(error_of(&g), "factCount"));
	struct last_row row = last_audit(w);
	char others[64];

	snprintf(others, sizeof(others), " (and %d other facts)", (int)n - 1);
	assert_true(n >= 3);
	assert_string_equal(row.outcome, "refuse");
	assert_string_equal(row.fact, "cwd");
	assert_int_equal(strncmp(row.detail, "cwd: ", 5), 0);
	assert_non_null(strstr(row.detail, others));
	assert_null(strstr(row.detail, "hunter2"));
}

static void metrics_count_one_refusal_by_its_first_fact(void **state)
{
	struct world *w = *state;
	auto_got struct got bad = release_changed(w, three_facts);
	auto_got struct got g = ask(w, OP_METRICS, "", NULL);

	assert_int_equal(bad.http, 403);
	assert_non_null(strstr(g.text, "\ncontainer_crypt_refusals_total{fact=\"cwd\"} 1\n"));
	assert_null(strstr(g.text, "refusals_total{fact=\"privileged\"} 1"));
}

static void one_fact(json_t *m)
{
	change(m, "config", "cwd", json_string("/tmp"));
}

static void a_single_fact_has_no_others_in_the_audit_row(void **state)
{
	struct world *w = *state;
	auto_got struct got g = release_changed(w, one_fact);

	assert_int_equal(json_integer_value(json_object_get(error_of(&g), "factCount")), 1);
	assert_null(strstr(last_audit(w).detail, "other fact"));
}

static void many_devices(json_t *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < 200; i++)
		json_array_append_new(list, json_sprintf("/dev/%0100zu", i));
	change(m, "config", "devices", list);
}

static void the_answer_is_bounded_whatever_the_container_has(void **state)
{
	struct world *w = *state;
	auto_got struct got g = release_changed(w, many_devices);

	assert_error(&g, 403, "refused", "devices");
	assert_int_equal(json_integer_value(json_object_get(error_of(&g), "factCount")), 200);
	assert_true(json_array_size(json_object_get(error_of(&g), "facts")) <= CC_FACTS_MAX);
	assert_true(strlen(g.text) < 2 * CC_FACTS_BYTES + 4096);
}

/* No decision on a container was made, so there is no list. */
static void a_refusal_for_another_reason_has_no_list(void **state)
{
	struct world *w = *state;
	auto_got struct got good = release_to(w, BOOT_1, CONTAINER_1);
	auto_got struct got busy = release_to(w, BOOT_1, CONTAINER_2);

	assert_int_equal(good.http, 200);
	assert_int_equal(busy.http, 409);
	assert_null(json_object_get(error_of(&busy), "facts"));
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(all_that_differs_is_in_the_answer_and_the_first_is_the_error),
		world_test(the_audit_row_has_the_first_fact_and_the_number_of_the_others),
		world_test(metrics_count_one_refusal_by_its_first_fact),
		world_test(a_single_fact_has_no_others_in_the_audit_row),
		world_test(the_answer_is_bounded_whatever_the_container_has),
		world_test(a_refusal_for_another_reason_has_no_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
