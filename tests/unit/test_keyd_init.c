// SPDX-License-Identifier: Apache-2.0
/* What `keyd init` leaves in the audit log. */
#include <sys/stat.h>

#include "keyd/init.h"
#include "keyd_copies.h"

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fchmod(fileno(f), 0600), 0);
	assert_int_equal(fputs(text, f) < 0 || fclose(f), 0);
}

/* With the world's KEK; the file has the private key as well. */
static void init_with_agent(struct world *w, const json_t *key)
{
	char *agents[] = {(char *)path_of(w, "agent.jwk")};
	const struct init_options opts = {.state_dir = w->dir,
					  .anchor = path_of(w, "anchor"),
					  .kek = path_of(w, "kek"),
					  .agents = agents,
					  .n_agents = 1};
	cc_auto_free char *text = json_dumps(key, 0);
	struct cc_error err;

	write_file(opts.kek, "kekkekkekkekkekkekkekkekkekkekke");
	write_file(agents[0], text);
	if (keyd_init(&opts, &err))
		fail_msg("%s", err.text);
}

static size_t rows_of(struct world *w, const char *event, const char *agent, char *detail,
		      size_t size)
{
	auto_got struct got g = ask(w, OP_AUDIT_LIST, "", NULL);
	const json_t *row;
	size_t i, n = 0;

	json_array_foreach(json_object_get(g.body, "rows"), i, row) {
		if (strcmp(json_string_value(json_object_get(row, "event")), event) != 0 ||
		    strcmp(json_string_value(json_object_get(row, "agent")), agent) != 0)
			continue;
		assert_string_equal(json_string_value(json_object_get(row, "outcome")), "allow");
		snprintf(detail, size, "%s", json_string_value(json_object_get(row, "detail")));
		n++;
	}
	return n;
}

static void an_agent_that_init_enrols_has_a_row_with_its_key_and_its_volumes(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *key = new_agent_key("host9");
	cc_auto_free char *thumbprint = NULL;
	char detail[CC_TEXT_MAX] = "";
	struct cc_error err;

	custodian_close(&w->custodian);
	for (int i = 0; i < 2; i++)
		init_with_agent(w, key);
	open_custodian(w);
	assert_int_equal(rows_of(w, "agent.add", "host9", detail, sizeof(detail)), 1);
	thumbprint = cc_jwk_thumbprint(key, &err);
	assert_non_null(thumbprint);
	assert_non_null(strstr(detail, thumbprint));
	assert_non_null(strstr(detail, "by keyd init"));
	assert_non_null(strstr(detail, "volumes *"));
}

/* One that is refused leaves neither the agent nor a row. */
static void an_agent_that_is_refused_leaves_nothing(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *key = new_agent_key("host9"), *other = new_agent_key("host9");
	char *agents[] = {(char *)path_of(w, "agent.jwk"), (char *)path_of(w, "other.jwk")};
	const struct init_options opts = {.state_dir = w->dir,
					  .anchor = path_of(w, "anchor"),
					  .kek = path_of(w, "kek"),
					  .agents = agents,
					  .n_agents = 2};
	cc_auto_free char *one = json_dumps(key, 0), *two = json_dumps(other, 0);
	char detail[CC_TEXT_MAX];
	struct store_agent a;
	struct cc_error err;

	custodian_close(&w->custodian);
	write_file(opts.kek, "kekkekkekkekkekkekkekkekkekkekke");
	write_file(agents[0], one);
	write_file(agents[1], two);
	assert_int_equal(keyd_init(&opts, &err), -1);
	open_custodian(w);
	assert_int_equal(store_agent_get(w->custodian.store, "host9", &a, &err), -1);
	assert_int_equal(rows_of(w, "agent.add", "host9", detail, sizeof(detail)), 0);
}

#define init_test(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		init_test(an_agent_that_init_enrols_has_a_row_with_its_key_and_its_volumes),
		init_test(an_agent_that_is_refused_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
