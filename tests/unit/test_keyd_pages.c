// SPDX-License-Identifier: Apache-2.0
/* Lists in pages: everything once, in order, and no answer that keeps others waiting. */
#include "keyd_world.h"

#include "keyd/custodian/page.h"

#define MANY 250

static struct got ask_page(struct world *w, enum op op, const char *after)
{
	struct request rq = {.op = op, .plane = PLANE_ADMIN, .paged = true, .body = ""};
	struct answer a = {0};

	snprintf(rq.after, sizeof(rq.after), "%s", after);
	custodian_handle(&w->custodian, &rq, &a);
	return (struct got){.http = a.http, .text = a.text, .body = json_loads(a.text, 0, NULL)};
}

/* As if it had been created: straight into the store, many in one transaction. */
static void add_volumes(struct world *w, int n)
{
	struct cc_error err;
	struct store_volume v;

	assert_int_equal(store_volume_get(w->custodian.store, "pgdata", &v, &err), 0);
	assert_int_equal(store_begin(w->custodian.store, &err), 0);
	for (int i = 0; i < n; i++) {
		snprintf(v.rec.name, sizeof(v.rec.name), "v%05d", i);
		snprintf(v.rec.uuid, sizeof(v.rec.uuid), "0b000000-0000-4000-8000-%012d", i);
		assert_int_equal(store_volume_add(w->custodian.store, &v, &err), 0);
	}
	assert_int_equal(store_commit(w->custodian.store, &err), 0);
}

static void add_leases(struct world *w, int n)
{
	struct store_lease l = {.ms = 600000,
				.cover_ms = 600000,
				.ver = 1,
				.shared = true,
				.read_only = true,
				.agent = "host1",
				.boot_id = BOOT_1,
				.end_ms = INT64_C(1) << 40};
	struct cc_error err;
	struct store_volume v;

	assert_int_equal(store_volume_get(w->custodian.store, "pgdata", &v, &err), 0);
	strcpy(l.volume, v.rec.name);
	strcpy(l.volume_uuid, v.rec.uuid);
	assert_int_equal(store_begin(w->custodian.store, &err), 0);
	for (int i = 0; i < n; i++) {
		snprintf(l.id, sizeof(l.id), "0c000000-0000-4000-8000-%012d", i);
		l.fence = (uint64_t)i + 1;
		assert_int_equal(store_lease_add(w->custodian.store, v.id, &l, &err), 0);
	}
	assert_int_equal(store_commit(w->custodian.store, &err), 0);
}

/* All rows, page by page, each at most PAGE_ROWS; @key is what each has once. */
static json_t *all_pages(struct world *w, enum op op, const char *name, const char *key)
{
	json_t *seen = json_object();
	char after[OP_AFTER_LEN] = "";
	size_t pages = 0, total = 0;

	do {
		auto_got struct got g = ask_page(w, op, after);
		const json_t *next = json_object_get(g.body, "next"), *row;
		json_t *list = json_object_get(g.body, name);
		size_t i;

		if (g.http != 200)
			fail_msg("%s", g.text);
		assert_true(json_array_size(list) <= PAGE_ROWS);
		assert_true(json_is_null(next) || json_array_size(list) == PAGE_ROWS);
		json_array_foreach(list, i, row)
			json_object_set(seen, json_string_value(json_object_get(row, key)),
					json_true());
		total += json_array_size(list);
		snprintf(after, sizeof(after), "%s", json_string_value(next) ?: "");
		pages++;
	} while (after[0]);
	assert_int_equal(json_object_size(seen), total);
	assert_int_equal(pages, total / PAGE_ROWS + (total % PAGE_ROWS || !total));
	return seen;
}

static void every_volume_is_on_one_page(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *seen = NULL;

	add_volumes(w, MANY);
	seen = all_pages(w, OP_VOLUME_LIST, "volumes", "name");
	assert_int_equal(json_object_size(seen), MANY + 1);
	assert_non_null(json_object_get(seen, "pgdata"));
	assert_non_null(json_object_get(seen, "v00249"));
}

static void every_lease_is_on_one_page(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *seen = NULL, *none = all_pages(w, OP_LEASE_LIST, "leases", "id");
	auto_got struct got rest = {0};

	assert_int_equal(json_object_size(none), 0);
	add_volumes(w, MANY);
	add_leases(w, 2 * PAGE_ROWS);
	seen = all_pages(w, OP_LEASE_LIST, "leases", "id");
	assert_int_equal(json_object_size(seen), 2 * PAGE_ROWS);
	rest = ask_page(w, OP_LEASE_LIST, "pgdata:198");
	assert_int_equal(json_array_size(json_object_get(rest.body, "leases")), 2);
}

static void every_agent_and_signer_is_on_one_page(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *signers = all_pages(w, OP_SIGNER_LIST, "signers", "name");
	cc_auto_json json_t *agents = NULL;
	store_auto_agent struct store_agent a = {0};
	struct cc_error err;

	assert_int_equal(json_object_size(signers), 1);
	assert_int_equal(store_agent_get(w->custodian.store, "host1", &a, &err), 0);
	assert_int_equal(store_begin(w->custodian.store, &err), 0);
	for (int i = 0; i < MANY; i++) {
		snprintf(a.name, sizeof(a.name), "a%05d", i);
		snprintf(a.enrolment, sizeof(a.enrolment), "0d000000-0000-4000-8000-%012d", i);
		snprintf(a.thumbprint, sizeof(a.thumbprint), "%d", i);
		assert_int_equal(store_agent_add(w->custodian.store, &a, &err), 0);
	}
	assert_int_equal(store_commit(w->custodian.store, &err), 0);
	agents = all_pages(w, OP_AGENT_LIST, "agents", "name");
	assert_int_equal(json_object_size(agents), MANY + 1);
}

/* Not what keyd wrote: they are left out, and do not make a page look like the last. */
static void rows_that_are_left_out_end_no_list(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *seen = NULL;

	add_volumes(w, MANY);
	tamper(w, "UPDATE volume SET sectors = 8 WHERE name LIKE 'v0001%' OR name LIKE 'v0010%'");
	seen = all_pages(w, OP_VOLUME_LIST, "volumes", "name");
	assert_int_equal(json_object_size(seen), MANY + 1 - 20);
	assert_non_null(json_object_get(seen, "v00249"));
}

/* Not cut short: whoever takes a part for the whole takes the rest for gone. */
static void a_list_too_long_for_one_answer_is_refused_to_who_knows_no_pages(void **state)
{
	struct world *w = *state;
	auto_got struct got whole = {0}, refused = {0};

	add_volumes(w, PAGE_WHOLE - 1);
	whole = ask(w, OP_VOLUME_LIST, "", NULL);
	assert_int_equal(whole.http, 200);
	assert_int_equal(json_array_size(json_object_get(whole.body, "volumes")), PAGE_WHOLE);
	assert_null(json_object_get(whole.body, "next"));
	add_volume(w, "onemore", UUID_OTHER);
	refused = ask(w, OP_VOLUME_LIST, "", NULL);
	assert_error(&refused, 400, "usage", "after");
}

static void what_a_page_comes_after_is_checked_by_the_custodian(void **state)
{
	static const struct {
		enum op op;
		const char *after;
	} bad[] = {
		{OP_VOLUME_LIST, "UPPER"},     {OP_VOLUME_LIST, "a:1"}, {OP_LEASE_LIST, "a"},
		{OP_LEASE_LIST, "a:b"},	       {OP_LEASE_LIST, ":1"},	{OP_AUDIT_LIST, ""},
		{OP_AUDIT_LIST, "pgdata"},     {OP_HEALTHZ, ""},	{OP_HEALTHZ, "1"},
		{OP_SIGNER_LIST, "../../etc"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		auto_got struct got g = ask_page(*state, bad[i].op, bad[i].after);

		print_message("# %s\n", bad[i].after);
		assert_error(&g, 400, "usage", "after");
	}
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(every_volume_is_on_one_page),
		world_test(every_lease_is_on_one_page),
		world_test(every_agent_and_signer_is_on_one_page),
		world_test(rows_that_are_left_out_end_no_list),
		world_test(a_list_too_long_for_one_answer_is_refused_to_who_knows_no_pages),
		world_test(what_a_page_comes_after_is_checked_by_the_custodian),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
