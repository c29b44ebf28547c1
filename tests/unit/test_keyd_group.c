// SPDX-License-Identifier: Apache-2.0
/*
 * Requests that share a transaction: each stands or falls by itself, and none is answered before
 * all of them are committed.
 */
#include "keyd_hosts.h"

#include <time.h>

#include "keyd/store/store_sql.h"

/* A request and what is in it; @body is taken over. Return: whether there is room for another. */
static bool add(struct group *g, enum op op, const char *arg, json_t *body)
{
	cc_auto_free char *text = body ? json_dumps(body, 0) : strdup("");
	struct request rq = {.op = op, .plane = PLANE_ADMIN, .peer = 42};
	bool room;

	rq.body = text;
	rq.body_len = strlen(text);
	snprintf(rq.arg, sizeof(rq.arg), "%s", arg);
	snprintf(rq.channel, sizeof(rq.channel), "%s", CC_CHANNEL_UNIX);
	room = group_add(g, &rq);
	memset(text, 'x', rq.body_len);
	json_decref(body);
	return room;
}

static void add_volume_request(struct group *g, unsigned int n)
{
	char name[16], uuid[37];

	snprintf(name, sizeof(name), "group%u", n);
	snprintf(uuid, sizeof(uuid), "0b000000-0000-4000-8000-%012u", n);
	add(g, OP_VOLUME_CREATE, "", volume_body(name, uuid));
}

/* A release of pgdata as @iss. */
static void add_release(struct world *w, struct group *g, const char *iss, const json_t *key,
			const char *boot_id, const char *container)
{
	cc_auto_json json_t *recipient = one_time_key();
	struct claim cl = claim_default(w, recipient);
	cc_auto_free char *jws = NULL;
	struct cc_error err;

	cl.iss = iss;
	cl.agent = key;
	cl.boot_id = boot_id;
	json_decref(cl.measurement);
	cl.measurement = measurement(container);
	jws = sign_claim(&cl);
	add(g, OP_RELEASE, "",
	    json_pack("{s:s, s:o}", "evidence", jws, "recipient", cc_jwk_public(recipient, &err)));
}

static void assert_http(const struct group *g, size_t i, int http)
{
	if (group_answer(g, i)->http != http)
		fail_msg("answer %zu: %s", i, group_answer(g, i)->text);
}

/* What another process sees: rows of @table. */
static int rows_of(struct world *w, const char *table)
{
	sqlite3_stmt *q;
	char path[128], sql[64];
	sqlite3 *db;
	int n;

	snprintf(path, sizeof(path), "%s/" STORE_FILE, w->dir);
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	n = sqlite3_column_int(q, 0);
	sqlite3_finalize(q);
	sqlite3_close(db);
	return n;
}

/* ---- together ---- */

static void requests_of_a_group_are_committed_together_each_with_its_row(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	struct group *g = group_new(&w->custodian, &err);
	const int volumes = rows_of(w, "volume"), audit = rows_of(w, "audit");

	for (unsigned int i = 0; i < 3; i++)
		add_volume_request(g, i);
	assert_int_equal(rows_of(w, "volume"), volumes);
	assert_int_equal(rows_of(w, "audit"), audit);
	assert_int_equal(group_end(g), 3);
	assert_int_equal(rows_of(w, "volume"), volumes + 3);
	assert_int_equal(last_audit(w).seq, (uint64_t)audit + 3);
	for (size_t i = 0; i < 3; i++)
		assert_http(g, i, 200);
	assert_non_null(strstr(group_answer(g, 1)->text, "group1"));
	group_free(g);
}

static void a_refused_request_undoes_itself_only(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	struct group *g = group_new(&w->custodian, &err);
	const uint64_t audit = last_audit(w).seq;

	add_volume_request(g, 0);
	add(g, OP_VOLUME_READY, "nowhere", json_object());
	add(g, OP_HEALTHZ, "", NULL);
	add_volume_request(g, 1);
	add(g, OP_VOLUME_READY, "group0", json_object());
	assert_int_equal(group_end(g), 5);
	assert_http(g, 0, 200);
	assert_http(g, 1, 404);
	assert_http(g, 2, 200);
	assert_http(g, 3, 200);
	assert_http(g, 4, 200);
	assert_int_equal(last_audit(w).seq, audit + 4);
	assert_string_equal(last_audit(w).event, "volume.ready");
	group_free(g);
}

static void a_request_whose_row_cannot_be_written_changes_nothing(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	struct group *g = group_new(&w->custodian, &err);
	const int volumes = rows_of(w, "volume");

	add_volume_request(g, 0);
	add(g, OP_VOLUME_CREATE, "", volume_body("pgdata", UUID_OTHER));
	add_volume_request(g, 1);
	group_end(g);
	assert_http(g, 0, 200);
	assert_http(g, 1, 409);
	assert_http(g, 2, 200);
	assert_int_equal(rows_of(w, "volume"), volumes + 2);
	group_free(g);
}

static void two_hosts_in_one_group_do_not_both_get_the_volume(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	struct group *g = group_new(&w->custodian, &err);

	add_release(w, g, "host1", w->agent, BOOT_1, CONTAINER_1);
	add_release(w, g, "host2", host2, BOOT_2, CONTAINER_2);
	assert_int_equal(group_end(g), 2);
	assert_http(g, 0, 200);
	assert_http(g, 1, 409);
	assert_int_equal(rows_of(w, "lease"), 1);
	group_free(g);
}

static void a_group_is_empty_after_its_end_and_full_at_its_bound(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	struct group *g = group_new(&w->custodian, &err);
	const struct request rq = {.op = OP_HEALTHZ, .plane = PLANE_ADMIN, .body = ""};

	for (size_t round = 0; round < 2; round++) {
		for (size_t i = 1; i < GROUP_MAX; i++)
			assert_true(group_add(g, &rq));
		assert_false(group_add(g, &rq));
		assert_int_equal(group_end(g), GROUP_MAX);
	}
	assert_int_equal(group_end(g), GROUP_MAX); /* nothing new: the same answers */
	group_free(g);
}

/* What it deletes is in the write-ahead log until the transaction is over. */
static void a_deletion_is_the_last_of_its_group_and_so_is_a_list(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	struct group *g = group_new(&w->custodian, &err);

	assert_true(add(g, OP_VOLUME_GET, "pgdata", NULL));
	assert_true(add(g, OP_VOLUME_READY, "pgdata", json_object()));
	assert_false(add(g, OP_VOLUME_DELETE, "pgdata", NULL));
	assert_int_equal(group_end(g), 3);
	assert_http(g, 2, 200);
	assert_non_null(strstr(group_answer(g, 2)->text, "\"log\":\"overwritten\""));
	assert_false(add(g, OP_VOLUME_LIST, "", NULL));
	assert_int_equal(group_end(g), 1);
	group_free(g);
}

/* ---- lost ---- */

static int refusals;

static int refuse_once(void *arg)
{
	(void)arg;
	return refusals-- > 0;
}

static void no_answer_is_yes_when_the_commit_fails(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	struct group *g = group_new(&w->custodian, &err);
	const int volumes = rows_of(w, "volume");

	sqlite3_commit_hook(w->custodian.store->db, refuse_once, NULL);
	add_release(w, g, "host1", w->agent, BOOT_1, CONTAINER_1);
	add_volume_request(g, 0);
	add(g, OP_VOLUME_LIST, "", NULL);
	refusals = 1;
	assert_int_equal(group_end(g), 3);
	for (size_t i = 0; i < 3; i++) {
		assert_http(g, i, 500);
		assert_null(strstr(group_answer(g, i)->text, "jwe"));
		assert_null(strstr(group_answer(g, i)->text, "group0"));
	}
	assert_int_equal(rows_of(w, "volume"), volumes);
	assert_int_equal(rows_of(w, "lease"), 0);
	assert_string_equal(last_audit(w).outcome, "error");
	sqlite3_commit_hook(w->custodian.store->db, NULL, NULL);
	{
		auto_got struct got again = release_to(w, BOOT_1, CONTAINER_1);

		assert_int_equal(again.http, 200);
	}
	group_free(g);
}

/* SQLite gives up a transaction by itself when there is no room for it. */
static void room_for(struct world *w, const char *pages)
{
	char sql[64];

	snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %s", pages);
	assert_int_equal(sqlite3_exec(w->custodian.store->db, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* A signer whose PEM, with text before it, takes some pages. */
static void add_large_signer(struct group *g, unsigned int n)
{
	EVP_PKEY *key = new_p256();
	cc_auto_free char *pem = public_pem(key), *text = NULL;
	char name[16];

	snprintf(name, sizeof(name), "large%u", n);
	assert_true(asprintf(&text, "%*s\n%s", 12000, "padding", pem) > 0);
	add(g, OP_SIGNER_ADD, "", json_pack("{s:s, s:s}", "name", name, "pem", text));
	EVP_PKEY_free(key);
}

static void a_full_disk_half_way_is_a_failure_of_those_before_as_well(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	struct group *g = group_new(&w->custodian, &err);
	const int signers = rows_of(w, "signer");
	unsigned int n = 0;

	add_large_signer(g, n++);
	room_for(w, "1"); /* no more than there are */
	do
		add_large_signer(g, n++);
	while (store_is_open(w->custodian.store) && n < GROUP_MAX - 1);
	assert_in_range(n, 2, GROUP_MAX - 2);
	room_for(w, "1000000");
	add_volume_request(g, 99);
	assert_int_equal(group_end(g), n + 1);
	for (size_t i = 0; i < n; i++)
		assert_http(g, i, 500);
	assert_http(g, n, 200);
	assert_int_equal(rows_of(w, "signer"), signers);
	assert_string_equal(last_audit(w).volume, "group99");
	group_free(g);
}

/* The row of a refusal needs room as well. */
static void a_refusal_without_room_for_its_row_is_a_failure_of_those_before(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	struct group *g = group_new(&w->custodian, &err);
	const int volumes = rows_of(w, "volume");
	size_t n = 1;

	add_volume_request(g, 0);
	room_for(w, "1");
	do
		add(g, OP_VOLUME_READY,
		    "a-volume-that-is-nowhere-and-whose-name-is-as-long-as-it-may-be",
		    json_object());
	while (store_is_open(w->custodian.store) && ++n < GROUP_MAX - 1);
	assert_in_range(n, 1, GROUP_MAX - 2);
	room_for(w, "1000000");
	add_volume_request(g, 99);
	group_end(g);
	assert_http(g, 0, 500);
	assert_http(g, 1, 404);
	assert_http(g, n + 1, 200);
	assert_int_equal(rows_of(w, "volume"), volumes + 1);
	assert_string_equal(last_audit(w).volume, "group99");
	group_free(g);
}

/* Nobody knows who asked: it must not fill the disk. */
static void of_a_lost_group_a_request_without_evidence_leaves_no_row(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	struct group *g = group_new(&w->custodian, &err);
	const uint64_t rows = last_audit(w).seq;
	struct request no = {.op = OP_SIGNER_DELETE, .plane = PLANE_AGENTS, .body = ""};

	sqlite3_commit_hook(w->custodian.store->db, refuse_once, NULL);
	add_volume_request(g, 0);
	add(g, OP_RELEASE, "", json_pack("{s:s, s:{}}", "evidence", "x.y.z", "recipient"));
	snprintf(no.arg, sizeof(no.arg), "ci");
	group_add(g, &no);
	refusals = 1;
	group_end(g);
	sqlite3_commit_hook(w->custodian.store->db, NULL, NULL);
	assert_http(g, 0, 500);
	assert_http(g, 2, 401);
	assert_int_equal(last_audit(w).seq, rows + 1);
	assert_string_equal(last_audit(w).event, "volume.create");
	group_free(g);
}

/* ---- locked ---- */

static sqlite3 *lock_database(struct world *w)
{
	char path[128];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/" STORE_FILE, w->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	return db;
}

static int64_t raw_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void a_group_waits_once_for_a_database_that_is_locked(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	struct group *g = group_new(&w->custodian, &err);
	const uint64_t rows = last_audit(w).seq;
	sqlite3 *db = lock_database(w);
	int64_t start = raw_ms();

	for (unsigned int i = 0; i < 3; i++)
		add_volume_request(g, i);
	add(g, OP_HEALTHZ, "", NULL);
	assert_int_equal(group_end(g), 4);
	assert_in_range(raw_ms() - start, STORE_BUSY_MS - 1, STORE_BUSY_MS + 1500);
	for (size_t i = 0; i < 3; i++)
		assert_http(g, i, 500);
	assert_http(g, 3, 200);
	sqlite3_close(db);
	assert_int_equal(last_audit(w).seq, rows);
	/* The next one does not have it against the database. */
	add_volume_request(g, 0);
	assert_int_equal(group_end(g), 1);
	assert_http(g, 0, 200);
	group_free(g);
}

/* Nor does it wait for the rows of a group that was lost, or of rows that are bad. */
static void what_was_lost_waits_once_for_its_rows(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	struct group *g = group_new(&w->custodian, &err);
	int64_t start;
	sqlite3 *db;

	for (unsigned int i = 0; i < 3; i++)
		add_volume_request(g, i);
	store_rollback(w->custodian.store);
	db = lock_database(w);
	start = raw_ms();
	assert_int_equal(group_end(g), 3);
	assert_in_range(raw_ms() - start, STORE_BUSY_MS - 1, STORE_BUSY_MS + 1500);
	for (size_t i = 0; i < 3; i++)
		assert_http(g, i, 500);
	sqlite3_close(db);
	group_free(g);
}

/* ---- the mark ---- */

static void with_mark(struct world *w)
{
	custodian_close(&w->custodian);
	snprintf(w->anchor, sizeof(w->anchor), "%s/anchor", w->dir);
	open_custodian(w);
}

static void the_mark_has_followed_all_of_a_group_at_its_end(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	struct group *g;

	with_mark(w);
	g = group_new(&w->custodian, &err);
	add_volume_request(g, 0);
	add(g, OP_VOLUME_READY, "nowhere", json_object());
	add_volume_request(g, 1);
	group_end(g);
	assert_http(g, 2, 200);
	assert_int_equal(w->custodian.mark.mark.seq, last_audit(w).seq);
	group_free(g);
}

/* Or the last refusals before a stop could be cut off the log. */
static void the_mark_follows_a_group_of_refusals_too(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	struct group *g;

	with_mark(w);
	g = group_new(&w->custodian, &err);
	add(g, OP_VOLUME_READY, "nowhere", json_object());
	group_end(g);
	assert_http(g, 0, 404);
	assert_int_equal(w->custodian.mark.mark.seq, last_audit(w).seq);
	group_free(g);
}

static void no_answer_is_yes_when_the_mark_does_not_follow(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	struct group *g;
	int fd;

	with_mark(w);
	g = group_new(&w->custodian, &err);
	fd = w->custodian.mark.slots.fd;
	w->custodian.mark.slots.fd = -1;
	add_release(w, g, "host1", w->agent, BOOT_1, CONTAINER_1);
	add_volume_request(g, 0);
	add(g, OP_VOLUME_LIST, "", NULL);
	assert_int_equal(group_end(g), 3);
	for (size_t i = 0; i < 3; i++) {
		assert_http(g, i, 500);
		assert_null(strstr(group_answer(g, i)->text, "jwe"));
		assert_null(strstr(group_answer(g, i)->text, "group0"));
	}
	assert_string_equal(last_audit(w).outcome, "error");
	w->custodian.mark.slots.fd = fd;
	group_free(g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		hosts_test(requests_of_a_group_are_committed_together_each_with_its_row),
		hosts_test(a_refused_request_undoes_itself_only),
		hosts_test(a_request_whose_row_cannot_be_written_changes_nothing),
		hosts_test(two_hosts_in_one_group_do_not_both_get_the_volume),
		hosts_test(a_group_is_empty_after_its_end_and_full_at_its_bound),
		hosts_test(a_deletion_is_the_last_of_its_group_and_so_is_a_list),
		hosts_test(no_answer_is_yes_when_the_commit_fails),
		hosts_test(a_full_disk_half_way_is_a_failure_of_those_before_as_well),
		hosts_test(a_refusal_without_room_for_its_row_is_a_failure_of_those_before),
		hosts_test(of_a_lost_group_a_request_without_evidence_leaves_no_row),
		hosts_test(a_group_waits_once_for_a_database_that_is_locked),
		hosts_test(what_was_lost_waits_once_for_its_rows),
		hosts_test(the_mark_follows_a_group_of_refusals_too),
		hosts_test(the_mark_has_followed_all_of_a_group_at_its_end),
		hosts_test(no_answer_is_yes_when_the_mark_does_not_follow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
