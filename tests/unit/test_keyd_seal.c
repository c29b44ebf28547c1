// SPDX-License-Identifier: Apache-2.0
/*
 * What somebody achieves who can write to keyd's database, but does not have the KEK: nothing but
 * that rows stop counting.
 */
#include "hex.h"
#include "keyd_hosts.h"

#define BAD_ROW "row"

/* Two volumes, a lease of pgdata, a tombstone, and a key generation. */
static int full_world(void **state)
{
	static const struct store_kek kek = {1, STORE_KEK_ACTIVE, "some id", 1, {1, 2, 3}, 3};
	struct world *w;
	char id[37];

	two_hosts(state);
	w = *state;
	add_volume(w, "other", UUID_OTHER);
	add_volume(w, "gone", "0a000000-0000-4000-8000-000000000003");
	ask_ok(w, OP_VOLUME_DELETE, "gone", NULL);
	assert_int_equal(
		store_setting_put(w->custodian.store, "realm", "keyd-test", &(struct cc_error){0}),
		0);
	assert_int_equal(store_kek_add(w->custodian.store, &kek, &(struct cc_error){0}), 0);
	hold(w, id);
	return 0;
}

#define full_test(f) cmocka_unit_test_setup_teardown(f, full_world, two_hosts_end)

/* ---- each column of each table ---- */

struct columns {
	size_t n;
	struct {
		char name[32], type[16];
	} at[40];
};

static int keep_column(void *arg, int n, char **values, char **names)
{
	struct columns *c = arg;

	(void)n;
	(void)names;
	snprintf(c->at[c->n].name, sizeof(c->at[0].name), "%s", values[1]);
	snprintf(c->at[c->n].type, sizeof(c->at[0].type), "%s", values[2]);
	c->n++;
	return 0;
}

/* As the database has them, so that one that is added later is looked at, too. */
static struct columns columns_of(struct world *w, const char *table)
{
	struct columns c = {0};
	char path[128], sql[64];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/" STORE_FILE, w->dir);
	snprintf(sql, sizeof(sql), "PRAGMA table_info(%s)", table);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, keep_column, &c, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_true(c.n > 2);
	return c;
}

/* Another value of the column's type that the table takes. */
static const char *change_of(const char *column, const char *type, char *buf, size_t size)
{
	if (!strcmp(column, "volume"))
		snprintf(buf, size, "(SELECT id FROM volume WHERE name = 'other')");
	else if (!strcmp(column, "ready") || !strcmp(column, "shared_read"))
		snprintf(buf, size, "1 - %s", column);
	else if (!strcmp(type, "INTEGER"))
		snprintf(buf, size, "%s + 100", column);
	else if (!strcmp(type, "TEXT"))
		snprintf(buf, size, "%s || 'x'", column);
	else
		snprintf(buf, size, "CAST(%s || 'x' AS BLOB)", column);
	return buf;
}

static void edit(struct world *w, const char *table, const char *column, const char *type)
{
	char value[128], sql[512];

	snprintf(sql, sizeof(sql),
		 "CREATE TABLE saved AS SELECT * FROM %s;"
		 "UPDATE %s SET %s = %s WHERE rowid = (SELECT min(rowid) FROM %s)",
		 table, table, column, change_of(column, type, value, sizeof(value)), table);
	tamper(w, sql);
}

static void put_back(struct world *w, const char *table)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		 "DELETE FROM %s; INSERT INTO %s SELECT * FROM saved; DROP TABLE saved", table,
		 table);
	tamper(w, sql);
}

static const char *first_bad(const struct seal *seal)
{
	const struct bad_rows *bad = &seal->bad;

	return bad->ours.n ? bad->ours.at[0] : bad->others.n ? bad->others.at[0] : "";
}

static void every_column_of_every_table_is_part_of_what_is_verified(void **state)
{
	struct world *w = *state;
	struct seal *seal = &w->custodian.seal;
	struct cc_error err;
	size_t bad, edits = 0;

	for (enum sealed_table t = 0; t < SEALED_AUDIT; t++) {
		const char *table = sealed_tables[t].table;
		struct columns c = columns_of(w, table);

		for (size_t i = 0; i < c.n; i++) {
			bad_rows_reset(&seal->bad);
			edit(w, table, c.at[i].name, c.at[i].type);
			assert_int_equal(store_check_rows(w->custodian.store, &bad, &err), 0);
			/* A lease is bound to name and UUID of its volume as well. */
			if (bad < 1 || strncmp(first_bad(seal), table, strlen(table)) != 0)
				fail_msg("%s.%s: %zu bad rows", table, c.at[i].name, bad);
			put_back(w, table);
			assert_int_equal(store_check_rows(w->custodian.store, &bad, &err), 0);
			assert_int_equal(bad, 0);
			edits++;
		}
	}
	assert_true(edits > 60);
}

/* The audit log's own are verified with the chain. */
static void every_column_of_the_log_and_of_its_head_is_verified(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	uint64_t rows;

	tamper(w, "DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete");
	for (enum sealed_table t = SEALED_AUDIT; t < SEALED_END; t++) {
		const char *table = sealed_tables[t].table;
		struct columns c = columns_of(w, table);

		for (size_t i = 0; i < c.n; i++) {
			if (!strcmp(table, "audit_head") && !strcmp(c.at[i].name, "id"))
				continue; /* it is 1 or nothing */
			edit(w, table, c.at[i].name, c.at[i].type);
			if (store_audit_verify(w->custodian.store, &rows, &err) == 0)
				fail_msg("%s.%s", table, c.at[i].name);
			assert_int_equal(err.code, CC_E_INVALID);
			assert_string_equal(err.fact, "audit");
			put_back(w, table);
			assert_int_equal(store_audit_verify(w->custodian.store, &rows, &err), 0);
		}
	}
}

/* A value cannot move from one column to the next, nor a row to another table. */
static void rows_of_the_same_bytes_have_other_macs(void **state)
{
	struct world *w = *state;
	struct store *st = w->custodian.store;
	unsigned char a[STORE_MAC_LEN], b[STORE_MAC_LEN];
	struct cc_error err;

	assert_int_equal(sql_mac(st, a, &err, SEALED_AGENT, "tt", "ab", "c"), 0);
	assert_int_equal(sql_mac(st, b, &err, SEALED_AGENT, "tt", "a", "bc"), 0);
	assert_memory_not_equal(a, b, STORE_MAC_LEN);
	assert_int_equal(sql_mac(st, b, &err, SEALED_SIGNER, "tt", "ab", "c"), 0);
	assert_memory_not_equal(a, b, STORE_MAC_LEN);
	assert_int_equal(
		sql_mac(st, b, &err, SEALED_AGENT, "tb", "ab", (const void *)"c", (size_t)1), 0);
	assert_memory_not_equal(a, b, STORE_MAC_LEN);
	assert_int_equal(sql_mac(st, b, &err, SEALED_AGENT, "ttt", "ab", "c", ""), 0);
	assert_memory_not_equal(a, b, STORE_MAC_LEN);
	assert_int_equal(sql_mac(st, b, &err, SEALED_AGENT, "tt", "ab", "c"), 0);
	assert_memory_equal(a, b, STORE_MAC_LEN);
}

/* ---- the known answers ---- */

/*
 * Computed with python3, hmac and hashlib: prk = HMAC(32 zero bytes, KEK); key = HMAC(prk,
 * "container-crypt row mac 1" 01); HMAC(key, 't' 00000005 "agent" 't' 00000001 "a" 'i'
 * fffffffffffffffe).
 */
static void the_mac_is_over_the_documented_bytes(void **state)
{
	static const char want[] =
		"93e5ad3adf908649eb125737fffdf0be5b612099da4f21c7c22c9e5d092ad2a8";
	struct world *w = *state;
	unsigned char mac[STORE_MAC_LEN];
	char hex[CC_HEX_32];
	struct cc_error err;

	assert_int_equal(
		sql_mac(w->custodian.store, mac, &err, SEALED_AGENT, "ti", "a", (int64_t)-2), 0);
	cc_hex_encode(mac, sizeof(mac), hex);
	assert_string_equal(hex, want);
}

/* ---- attacks ---- */

/* A volume made to look as if it were being created, and an agent of one's own. */
static void ready_and_an_agent_of_ones_own_get_no_key(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *recipient = one_time_key(), *mallory = new_agent_key("mallory");
	struct claim cl = claim_default(w, recipient), format = claim_default(w, recipient);
	cc_auto_free char *jws = NULL, *jws_format = NULL, *jwk = NULL, *sql = NULL;
	auto_got struct got g = {0};
	struct cc_error err;
	json_t *public = cc_jwk_public(mallory, &err);

	jwk = json_dumps(public, JSON_COMPACT);
	json_decref(public);
	assert_true(asprintf(&sql,
			     "INSERT INTO agent (name, enrolment, thumbprint, jwk, mac) SELECT "
			     "'mallory', 'x', 'y', '%s', mac FROM agent WHERE name = 'host1';"
			     "UPDATE volume SET ready = 0",
			     jwk) > 0);
	tamper(w, sql);
	cl.iss = "mallory";
	cl.agent = mallory;
	cl.op = CC_OP_FORMAT;
	jws = sign_claim(&cl);
	g = send_release(w, jws, recipient);
	assert_error(&g, 500, "internal", BAD_ROW);
	assert_non_null(strstr(message_of(&g), "agent mallory"));
	assert_null(strstr(g.text, "jwe"));
	format.op = CC_OP_FORMAT;
	jws_format = sign_claim(&format);
	g = (got_clear(&g), send_release(w, jws_format, recipient));
	assert_error(&g, 500, "internal", BAD_ROW);
	assert_non_null(strstr(message_of(&g), "volume pgdata"));
	assert_null(strstr(g.text, "jwe"));
}

/* Nor with the MACs, for the key itself is bound to the state. */
static void ready_is_what_the_key_was_wrapped_for(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *recipient = one_time_key();
	struct claim cl = claim_default(w, recipient);
	cc_auto_free char *jws = NULL;
	auto_got struct got g = {0};

	tamper_sealed(w, "UPDATE volume SET ready = 0, creator = (SELECT enrolment FROM agent "
			 "WHERE name = 'host1')");
	cl.op = CC_OP_FORMAT;
	jws = sign_claim(&cl);
	g = send_release(w, jws, recipient);
	assert_error(&g, 500, "internal", "wrapped-key");
	assert_null(strstr(g.text, "jwe"));
}

static void a_signer_of_ones_own_signs_nothing(void **state)
{
	struct world *w = *state;
	EVP_PKEY *mallory = new_p256();
	cc_auto_free char *pem = public_pem(mallory), *sql = NULL;
	auto_got struct got g = {0}, own = {0}, list = {0};

	assert_true(
		asprintf(&sql,
			 "INSERT INTO signer (name, keyid, pem, mac) SELECT 'a', 'x', '%s', mac "
			 "FROM signer",
			 pem) > 0);
	tamper(w, sql);
	g = add_identity(w, mallory, predicate(9));
	assert_error(&g, 403, "refused", "signature");
	/* Those that are enrolled count as before. */
	own = add_identity(w, w->signer, predicate(4));
	assert_int_equal(own.http, 200);
	list = ask(w, OP_SIGNER_LIST, "", NULL);
	assert_int_equal(json_array_size(json_object_get(list.body, "signers")), 1);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(list.body, "badRows"), 0)),
		"signer a");
	EVP_PKEY_free(mallory);
}

static void a_lease_that_was_shortened_keeps_its_volume_and_no_other(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	tamper(w, "UPDATE lease SET end_ms = 0");
	g = release_to_host2(w);
	assert_error(&g, 500, "internal", BAD_ROW);
	/* The other one has no identity, but nothing is wrong with it. */
	g = (got_clear(&g), ask(w, OP_VOLUME_GET, "other", NULL));
	assert_int_equal(g.http, 200);
	/* Nor does it come free by a restart. */
	reopen_custodian(w);
	g = (got_clear(&g), release_to_host2(w));
	assert_error(&g, 500, "internal", BAD_ROW);
}

static void a_renewal_goes_on_beside_a_bad_row(void **state)
{
	struct world *w = *state;
	auto_got struct got leases = ask(w, OP_LEASE_LIST, "", NULL), g = {0};
	const json_t *lease = json_array_get(json_object_get(leases.body, "leases"), 0);
	const json_t *one;

	tamper(w, "UPDATE lease SET ms = ms + 1");
	g = renew(w, json_string_value(json_object_get(lease, "id")));
	one = renewal_of(&g);
	assert_true(json_is_false(json_object_get(one, "renewed")));
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(one, "error"), "code")),
		"internal");
	assert_string_equal(last_audit(w).outcome, "error");
	assert_string_equal(last_audit(w).fact, BAD_ROW);
}

static void a_tombstone_that_was_lowered_is_not_believed(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	tamper(w, "UPDATE tombstone SET serial_floor = 0, fence = 0, ver = ver + 1");
	g = ask(w, OP_VOLUME_CREATE, "",
		volume_body("gone", "0a000000-0000-4000-8000-000000000004"));
	assert_error(&g, 500, "internal", BAD_ROW);
	assert_non_null(strstr(message_of(&g), "tombstone gone"));
}

static void a_listing_leaves_out_bad_rows_and_names_them(void **state)
{
	struct world *w = *state;
	auto_got struct got volumes = {0}, agents = {0}, leases = {0};

	tamper(w, "UPDATE volume SET fs = 'xfs' WHERE name = 'other';"
		  "UPDATE agent SET thumbprint = 'x' WHERE name = 'host2'");
	volumes = ask(w, OP_VOLUME_LIST, "", NULL);
	assert_int_equal(volumes.http, 200);
	assert_int_equal(json_array_size(json_object_get(volumes.body, "volumes")), 1);
	assert_non_null(strstr(volumes.text, "\"badRows\":[\"volume other\"]"));
	agents = ask(w, OP_AGENT_LIST, "", NULL);
	assert_int_equal(json_array_size(json_object_get(agents.body, "agents")), 1);
	assert_non_null(strstr(agents.text, "\"badRows\":[\"agent host2\"]"));
	leases = ask(w, OP_LEASE_LIST, "", NULL);
	assert_null(json_object_get(leases.body, "badRows"));
}

static void a_volume_whose_identity_or_lease_is_bad_hides_no_other(void **state)
{
	static const struct {
		const char *sql, *what;
	} ways[] = {{"UPDATE identity SET serial = 1", "[\"identity of volume pgdata\"]"},
		    {"UPDATE lease SET revoked = 1", "[\"lease "}};

	for (size_t i = 0; i < 2; i++) {
		auto_got struct got g = {0};

		two_hosts_end(state);
		full_world(state);
		tamper(*state, ways[i].sql);
		g = ask(*state, OP_VOLUME_LIST, "", NULL);
		assert_int_equal(g.http, 200);
		assert_int_equal(json_array_size(json_object_get(g.body, "volumes")), 1);
		assert_non_null(strstr(g.text, ways[i].what));
	}
}

static void a_bad_row_is_in_the_audit_log_once(void **state)
{
	struct world *w = *state;
	uint64_t rows = last_audit(w).seq;

	tamper(w, "UPDATE agent SET thumbprint = 'x' WHERE name = 'host2'");
	for (int i = 0; i < 5; i++)
		ask_ok(w, OP_AGENT_LIST, "", NULL);
	assert_int_equal(last_audit(w).seq, rows + 1);
	assert_string_equal(last_audit(w).event, "row");
	assert_string_equal(last_audit(w).outcome, "error");
	assert_string_equal(last_audit(w).fact, BAD_ROW);
	assert_string_equal(last_audit(w).detail, "agent host2");
}

static void a_bad_row_can_be_removed_and_enrolled_again(void **state)
{
	struct world *w = *state;

	tamper(w, "UPDATE agent SET thumbprint = 'x' WHERE name = 'host2'");
	ask_ok(w, OP_AGENT_DELETE, "host2", NULL);
	enrol(w, "host2", host2);
}

static void nobody_elses_triggers_run(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	tamper(w, "CREATE TRIGGER lose AFTER INSERT ON lease BEGIN DELETE FROM lease; END;"
		  "CREATE TRIGGER skip BEFORE INSERT ON volume BEGIN SELECT RAISE(IGNORE); END");
	add_volume(w, "third", "0a000000-0000-4000-8000-000000000005");
	fake_boot_ms += END;
	assert_free(w);
	g = ask(w, OP_LEASE_LIST, "", NULL);
	assert_int_equal(json_array_size(json_object_get(g.body, "leases")), 1);
}

static void another_kek_verifies_nothing(void **state)
{
	struct world *w = *state;
	struct cc_secret key = {0};
	kek_auto struct kek other = {0};
	struct store_agent a;
	struct seal seal;
	struct cc_error err;

	assert_int_equal(cc_secret_random(&key, KEK_LEN, &err), 0);
	assert_int_equal(kek_from_secret(&key, &other, &err), 0);
	assert_int_equal(seal_derive(&seal, &other, &err), 0);
	assert_int_equal(store_start(w->custodian.store, &seal.ops, fake_real, &err), -1);
	assert_int_equal(store_agent_get(w->custodian.store, "host1", &a, &err), -1);
	assert_true(store_is_bad_row(&err));
	seal_clear(&seal);
	reopen_custodian(w);
}

/* ---- unverified requests ---- */

/* Any peer can send them, as many as it likes. */
static void requests_that_nobody_signed_fill_no_disk(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *mallory = new_agent_key("host1");
	uint64_t rows = last_audit(w).seq;

	for (int i = 0; i < 25; i++) {
		auto_got struct got g =
			renew_as(w, "host1", mallory, BOOT_1, CONTAINER_1, UUID_OTHER, NULL);

		assert_error(&g, 403, "refused", "signature");
	}
	assert_int_equal(last_audit(w).seq, rows);
	assert_int_equal(w->custodian.counters.unverified, 25);
	/* One line of the log has been written, 24 wait to be counted in the next one. */
	assert_int_equal(w->custodian.quiet.held, 24);
	fake_boot_ms += QUIET_MS;
	{
		auto_got struct got g =
			renew_as(w, "host1", mallory, BOOT_1, CONTAINER_1, UUID_OTHER, NULL);
		auto_got struct got metrics = ask(w, OP_METRICS, "", NULL);

		assert_int_equal(w->custodian.quiet.held, 0);
		assert_non_null(strstr(metrics.text, "container_crypt_unverified_total 26\n"));
	}
}

static void a_refusal_of_an_agent_that_proved_itself_is_recorded(void **state)
{
	struct world *w = *state;
	uint64_t rows = last_audit(w).seq;
	auto_got struct got g = renew(w, UUID_OTHER);

	assert_not_renewed(&g, "lease");
	assert_int_equal(last_audit(w).seq, rows + 1);
	assert_string_equal(last_audit(w).agent, "host1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		full_test(every_column_of_every_table_is_part_of_what_is_verified),
		full_test(every_column_of_the_log_and_of_its_head_is_verified),
		full_test(rows_of_the_same_bytes_have_other_macs),
		full_test(the_mac_is_over_the_documented_bytes),
		full_test(ready_and_an_agent_of_ones_own_get_no_key),
		full_test(ready_is_what_the_key_was_wrapped_for),
		full_test(a_signer_of_ones_own_signs_nothing),
		full_test(a_lease_that_was_shortened_keeps_its_volume_and_no_other),
		full_test(a_renewal_goes_on_beside_a_bad_row),
		full_test(a_tombstone_that_was_lowered_is_not_believed),
		full_test(a_listing_leaves_out_bad_rows_and_names_them),
		full_test(a_volume_whose_identity_or_lease_is_bad_hides_no_other),
		full_test(a_bad_row_is_in_the_audit_log_once),
		full_test(a_bad_row_can_be_removed_and_enrolled_again),
		full_test(nobody_elses_triggers_run),
		full_test(another_kek_verifies_nothing),
		full_test(requests_that_nobody_signed_fill_no_disk),
		full_test(a_refusal_of_an_agent_that_proved_itself_is_recorded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
