// SPDX-License-Identifier: Apache-2.0
/* Rows that somebody else wrote to the database, as many as he likes, hide none of keyd's. */
#include "keyd_hosts.h"

#include <inttypes.h>

/* ---- what somebody with the file does ---- */

/* Agents that nobody enrolled, @from to @to, each of which comes before host1 in any list. */
static void add_junk(struct world *w, int from, int to)
{
	char sql[512];

	snprintf(sql, sizeof(sql),
		 "WITH RECURSIVE n(x) AS (SELECT %d UNION ALL SELECT x + 1 FROM n WHERE x < %d) "
		 "INSERT INTO agent (name, enrolment, thumbprint, jwk, mac) SELECT "
		 "printf('a%%05d', x), 'e' || x, 't' || x, '{}', a.mac FROM n, agent a "
		 "WHERE a.name = 'host1'",
		 from, to);
	tamper(w, sql);
}

static void damage(struct world *w)
{
	tamper(w, "UPDATE agent SET thumbprint = thumbprint || 'x' WHERE name = 'host2'");
}

static void repair(struct world *w)
{
	tamper(w, "UPDATE agent SET thumbprint = rtrim(thumbprint, 'x') WHERE name = 'host2'");
}

/* ---- what is seen ---- */

static bool names(const struct got *g, const char *what)
{
	const json_t *bad = json_object_get(g->body, "badRows"), *one;
	size_t i;

	json_array_foreach(bad, i, one)
		if (!strcmp(json_string_value(one), what))
			return true;
	return false;
}

/* Rows of the audit log about @what; NULL: about any row. */
static size_t told_of(struct world *w, const char *what)
{
	size_t n = 0, i;
	uint64_t after = 0;
	bool more = true;

	while (more) {
		char from[24];
		struct request rq = {
			.op = OP_AUDIT_LIST, .plane = PLANE_ADMIN, .paged = true, .body = ""};
		struct answer a = {0};
		json_t *body;
		const json_t *row;

		snprintf(from, sizeof(from), "%" PRIu64, after);
		snprintf(rq.after, sizeof(rq.after), "%s", from);
		snprintf(rq.channel, sizeof(rq.channel), CC_CHANNEL_UNIX);
		custodian_handle(&w->custodian, &rq, &a);
		body = json_loads(a.text, 0, NULL);
		more = json_array_size(json_object_get(body, "rows")) > 0;
		json_array_foreach(json_object_get(body, "rows"), i, row) {
			after = (uint64_t)json_integer_value(json_object_get(row, "seq"));
			n += !strcmp(json_string_value(json_object_get(row, "event")), "row") &&
			     (!what ||
			      !strcmp(json_string_value(json_object_get(row, "detail")), what));
		}
		json_decref(body);
		answer_clear(&a);
	}
	return n;
}

static struct got list_agents(struct world *w)
{
	return ask(w, OP_AGENT_LIST, "", NULL);
}

/* ---- hidden ---- */

static void rows_that_somebody_makes_up_hide_none_that_keyd_wrote(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	const json_t *bad;

	add_junk(w, 1, 100);
	g = list_agents(w);
	damage(w);
	g = (got_clear(&g), list_agents(w));
	bad = json_object_get(g.body, "badRows");
	assert_int_equal(json_array_size(bad), 101);
	assert_null(json_object_get(g.body, "badRowsMore"));
	/* And it is the first that is named. */
	assert_string_equal(json_string_value(json_array_get(bad, 0)), "agent host2");
	assert_int_equal(told_of(w, "agent host2"), 1);
	assert_int_equal(json_array_size(json_object_get(g.body, "agents")), 1);
}

static void those_that_are_made_up_fill_no_log(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 5; i++) {
		auto_got struct got g = {0};

		add_junk(w, i * 100, i * 100 + 99);
		g = list_agents(w);
		g = (got_clear(&g), list_agents(w));
	}
	assert_int_equal(told_of(w, NULL), BAD_ROWS_OTHER + 1);
	assert_int_equal(told_of(w, BAD_ROWS_AND_MORE), 1);
}

/* Valid once, MACs and all, and as many as somebody has kept: they are none of keyd's any more. */
static void rows_that_keyd_deleted_and_somebody_brings_back_fill_no_log(void **state)
{
	const int n = BAD_ROWS_OTHER + 30;
	struct world *w = *state;
	auto_got struct got g = {0};
	const json_t *bad;
	char name[16];

	for (int i = 0; i < n; i++) {
		cc_auto_json json_t *key = NULL;

		snprintf(name, sizeof(name), "a%05d", i);
		key = new_agent_key(name);
		enrol(w, name, key);
	}
	tamper(w, "CREATE TABLE old AS SELECT * FROM agent WHERE name LIKE 'a0%'");
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "a%05d", i);
		ask_ok(w, OP_AGENT_DELETE, name, NULL);
	}
	tamper(w, "INSERT INTO agent SELECT * FROM old");
	for (int i = 0; i < 2; i++)
		g = (got_clear(&g), list_agents(w));
	assert_int_equal(told_of(w, NULL), BAD_ROWS_OTHER + 1);
	damage(w);
	g = (got_clear(&g), list_agents(w));
	bad = json_object_get(g.body, "badRows");
	assert_int_equal(json_array_size(bad), n + 1);
	assert_string_equal(json_string_value(json_array_get(bad, 0)), "agent host2");
	assert_int_equal(told_of(w, "agent host2"), 1);
}

static void what_is_not_named_is_counted(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0}, metrics = {0};

	add_junk(w, 1, BAD_ROWS_NAMED + 234);
	damage(w);
	g = list_agents(w);
	assert_int_equal(json_array_size(json_object_get(g.body, "badRows")), BAD_ROWS_NAMED + 1);
	assert_int_equal(json_integer_value(json_object_get(g.body, "badRowsMore")), 234);
	assert_true(names(&g, "agent host2"));
	metrics = ask(w, OP_METRICS, "", NULL);
	assert_non_null(strstr(metrics.text, "\ncontainer_crypt_bad_rows_total 1235\n"));
}

/* It has no place, and is nobody nevertheless. */
static void a_row_that_is_not_remembered_counts_for_nothing(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *key = new_agent_key("a00500");
	auto_got struct got g = {0};

	add_junk(w, 1, 500);
	g = list_agents(w);
	g = (got_clear(&g), release_as(w, "a00500", key, BOOT_1, CONTAINER_1));
	assert_error(&g, 500, "internal", "row");
	assert_non_null(strstr(message_of(&g), "agent a00500"));
	assert_null(strstr(g.text, "jwe"));
}

/* More of keyd's own than are told at once: the next requests tell the rest. */
static void each_row_of_keyds_is_told_however_many_there_are(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 2 * BAD_ROWS_TELL + 10; i++) {
		const struct store_bad row = {"x", "", true};

		bad_rows_found(&w->custodian.seal.bad, &row, (uint64_t)i + 1);
		if (i % BAD_ROWS_TELL == BAD_ROWS_TELL - 1)
			while (bad_rows_next(&w->custodian.seal.bad))
				bad_rows_recorded(&w->custodian.seal.bad);
	}
	assert_int_equal(w->custodian.seal.bad.n_tell, 10);
	assert_int_equal(w->custodian.seal.bad.told.n, 2 * BAD_ROWS_TELL);
}

/* ---- right again ---- */

static void a_row_that_is_right_again_and_bad_again_is_told_again(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 3; i++) {
		auto_got struct got g = {0};

		damage(w);
		g = list_agents(w);
		assert_true(names(&g, "agent host2"));
		g = (got_clear(&g), list_agents(w));
		assert_int_equal(told_of(w, "agent host2"), (size_t)i + 1);
		repair(w);
		g = (got_clear(&g), list_agents(w));
		assert_null(json_object_get(g.body, "badRows"));
	}
}

static void a_row_that_is_removed_leaves_its_place_to_another(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	add_junk(w, 1, BAD_ROWS_OTHER);
	g = list_agents(w);
	ask_ok(w, OP_AGENT_DELETE, "a00001", NULL);
	add_junk(w, 100, 100);
	g = (got_clear(&g), list_agents(w));
	assert_int_equal(told_of(w, "agent a00100"), 1);
	assert_int_equal(told_of(w, BAD_ROWS_AND_MORE), 0);
}

/* One identity of a volume is right, another made up: nothing changes back and forth. */
static void a_right_row_beside_a_bad_one_of_its_name_tells_nothing_anew(void **state)
{
	struct world *w = *state;

	tamper(w,
	       "INSERT INTO identity SELECT 'x', volume, 2, floor, state, envelope, digest, signer,"
	       " mount_point, mac FROM identity");
	for (int i = 0; i < 4; i++) {
		auto_got struct got g = ask(w, OP_IDENTITY_LIST, "", NULL);

		assert_int_equal(g.http, 200);
	}
	assert_int_equal(told_of(w, "identity of volume pgdata"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		hosts_test(rows_that_somebody_makes_up_hide_none_that_keyd_wrote),
		hosts_test(those_that_are_made_up_fill_no_log),
		hosts_test(rows_that_keyd_deleted_and_somebody_brings_back_fill_no_log),
		hosts_test(what_is_not_named_is_counted),
		hosts_test(a_row_that_is_not_remembered_counts_for_nothing),
		hosts_test(each_row_of_keyds_is_told_however_many_there_are),
		hosts_test(a_row_that_is_right_again_and_bad_again_is_told_again),
		hosts_test(a_row_that_is_removed_leaves_its_place_to_another),
		hosts_test(a_right_row_beside_a_bad_one_of_its_name_tells_nothing_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
