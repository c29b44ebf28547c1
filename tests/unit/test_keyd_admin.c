// SPDX-License-Identifier: Apache-2.0
/* Volumes, signers, identities, agents and leases as the API offers them. */
#include "jwk.h"
#include "keyd_world.h"
#include "keyd_return.h"

static json_t *member(const struct got *g, const char *name)
{
	return json_object_get(g->body, name);
}

static const char *text(const json_t *obj, const char *name)
{
	return json_string_value(json_object_get(obj, name));
}

/* ---- volumes ---- */

static void a_volume_is_created_shown_and_deleted(void **state)
{
	struct world *w = *state;
	auto_got struct got made = ask(w, OP_VOLUME_CREATE, "", volume_body("other", UUID_OTHER));
	auto_got struct got ready = {0}, all = {0}, gone = {0};

	assert_int_equal(made.http, 200);
	assert_string_equal(text(made.body, "state"), "creating");
	assert_string_equal(text(made.body, "realm"), "keyd-test");
	assert_int_equal(json_integer_value(member(&made, "generation")), 1);
	assert_true(json_is_null(member(&made, "identity")));
	assert_true(json_is_null(member(&made, "lease")));
	assert_string_equal(last_audit(w).event, "volume.create");

	ready = ask(w, OP_VOLUME_READY, "other", json_object());
	assert_string_equal(text(ready.body, "state"), "ready");
	all = ask(w, OP_VOLUME_LIST, "", NULL);
	assert_int_equal(json_array_size(member(&all, "volumes")), 2);

	ask_ok(w, OP_VOLUME_DELETE, "other", NULL);
	assert_string_equal(last_audit(w).event, "volume.delete");
	gone = ask(w, OP_VOLUME_GET, "other", NULL);
	assert_error(&gone, 404, "not-found", "volume");
}

static void ready_again_changes_nothing(void **state)
{
	struct world *w = *state;
	uint64_t rows = last_audit(w).seq;

	ask_ok(w, OP_VOLUME_READY, "pgdata", json_object());
	assert_int_equal(last_audit(w).seq, rows);
}

static int64_t sectors_of(struct world *w, const char *volume)
{
	auto_got struct got v = ask(w, OP_VOLUME_GET, volume, NULL);

	return json_integer_value(member(&v, "sectors"));
}

static void a_volume_grows_and_never_shrinks(void **state)
{
	struct world *w = *state;
	int64_t had = sectors_of(w, "pgdata");
	auto_got struct got smaller =
		ask(w, OP_VOLUME_GROW, "pgdata", json_pack("{s:I}", "sectors", had - 8));
	auto_got struct got odd =
		ask(w, OP_VOLUME_GROW, "pgdata", json_pack("{s:I}", "sectors", had + 1));
	auto_got struct got none = ask(w, OP_VOLUME_GROW, "pgdata", json_object());
	uint64_t rows;

	assert_error(&smaller, 400, "invalid", "");
	assert_error(&odd, 400, "invalid", "");
	assert_error(&none, 400, "invalid", "");
	assert_int_equal(sectors_of(w, "pgdata"), had);
	ask_ok(w, OP_VOLUME_GROW, "pgdata", json_pack("{s:I}", "sectors", had + 8));
	assert_int_equal(sectors_of(w, "pgdata"), had + 8);
	assert_string_equal(last_audit(w).event, "volume.grow");
	rows = last_audit(w).seq;
	ask_ok(w, OP_VOLUME_GROW, "pgdata", json_pack("{s:I}", "sectors", had + 8));
	assert_int_equal(last_audit(w).seq, rows);
}

static void a_ready_volume_is_not_replaced_and_a_broken_off_one_is(void **state)
{
	struct world *w = *state;
	auto_got struct got taken = ask(w, OP_VOLUME_CREATE, "", volume_body("pgdata", UUID_OTHER));
	auto_got struct got uuid = ask(w, OP_VOLUME_CREATE, "", volume_body("other", UUID_PGDATA));
	auto_got struct got again = {0};

	assert_error(&taken, 409, "exists", "");
	assert_error(&uuid, 409, "exists", "");
	ask_ok(w, OP_VOLUME_CREATE, "", volume_body("other", UUID_OTHER));
	again = ask(w, OP_VOLUME_CREATE, "",
		    volume_body("other", "0a000000-0000-4000-8000-000000000003"));
	assert_string_equal(text(again.body, "uuid"), "0a000000-0000-4000-8000-000000000003");
}

static void volumes_that_make_no_sense_are_refused(void **state)
{
	static const struct {
		const char *member;
		const char *value; /* JSON */
	} bad[] = {
		{"name", "\"UPPER\""},
		{"name", "\"../x\""},
		{"name", "\"\""},
		{"uuid", "\"0A000000-0000-4000-8000-000000000002\""},
		{"cipher", "\"aes-cbc-plain\""},
		{"keyBytes", "48"},
		{"keyBytes", "4294967360"},
		{"keyBytes", "-64"},
		{"sectorSize", "1024"},
		{"sectorSize", "0"},
		{"offset", "0"},
		{"offset", "1"},
		{"offset", "65528"},
		{"offset", "9223372036854775807"},
		{"sectors", "0"},
		{"sectors", "7"},
		{"sectors", "9223372036854775800"},
		{"fs", "\"btrfs\""},
		{"fs", "\"ext4 -F\""},
		{"fs", "\"\""},
		{"fs", "\"averyveryverylongname\""},
		{"more", "1"},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json_t *body = volume_body("other", UUID_OTHER);
		auto_got struct got g = {0};

		print_message("# %s = %s\n", bad[i].member, bad[i].value);
		json_object_set_new(body, bad[i].member,
				    json_loads(bad[i].value, JSON_DECODE_ANY, NULL));
		g = ask(w, OP_VOLUME_CREATE, "", body);
		assert_error(&g, 400, "invalid", "");
		assert_non_null(strstr(message_of(&g), bad[i].member));
		assert_string_equal(last_audit(w).outcome, "refuse");
	}
}

/* One that an older keyd took: nothing can be done with it, but it does not stay for ever. */
static void a_stored_record_that_makes_no_sense_is_shown_and_deleted(void **state)
{
	struct world *w = *state;
	auto_got struct got shown = {0}, grown = {0};
	struct store_volume v;
	struct cc_error err;

	assert_int_equal(store_volume_get(w->custodian.store, "pgdata", &v, &err), 0);
	v.rec.offset = 0;
	strcpy(v.rec.fs, "btrfs");
	assert_int_equal(store_volume_update(w->custodian.store, &v, &err), 0);
	shown = ask(w, OP_VOLUME_GET, "pgdata", NULL);
	assert_int_equal(shown.http, 200);
	assert_string_equal(text(shown.body, "fs"), "btrfs");
	grown = ask(w, OP_VOLUME_GROW, "pgdata", json_pack("{s:I}", "sectors", INT64_C(1) << 30));
	assert_error(&grown, 400, "invalid", "");
	assert_non_null(strstr(message_of(&grown), "offset"));
	ask_ok(w, OP_VOLUME_DELETE, "pgdata", NULL);
}

static void deleting_a_volume_erases_its_wrapped_key_from_the_disk(void **state)
{
	static const char *const files[] = {STORE_FILE, STORE_FILE "-wal"};
	struct world *w = *state;
	struct store_volume v;
	struct cc_error err;
	bool was_there = false;

	assert_int_equal(store_volume_get(w->custodian.store, "pgdata", &v, &err), 0);
	for (int after = 0; after < 2; after++) {
		for (size_t i = 0; i < 2; i++) {
			char path[128], *buf = malloc(4 << 20);
			FILE *f;
			size_t n;

			snprintf(path, sizeof(path), "%s/%s", w->dir, files[i]);
			f = fopen(path, "r");
			assert_non_null(f);
			n = fread(buf, 1, 4 << 20, f);
			fclose(f);
			if (memmem(buf, n, v.wrapped, v.wrapped_len)) {
				was_there = true;
				assert_int_equal(after, 0);
			}
			free(buf);
		}
		if (!after)
			ask_ok(w, OP_VOLUME_DELETE, "pgdata", NULL);
	}
	assert_true(was_there);
}

static void a_leased_volume_is_not_deleted(void **state)
{
	struct world *w = *state;
	auto_got struct got lease = release_to(w, BOOT_1, CONTAINER_1);
	auto_got struct got g = ask(w, OP_VOLUME_DELETE, "pgdata", NULL);

	assert_error(&g, 409, "busy", "lease");
	return_lease(w, lease_of(&lease));
	ask_ok(w, OP_VOLUME_DELETE, "pgdata", NULL);
}

/* ---- signers ---- */

static void signers_are_enrolled_listed_and_removed(void **state)
{
	struct world *w = *state;
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	auto_got struct got all = {0}, gone = {0};

	add_signer(w, "release", key);
	assert_string_equal(last_audit(w).event, "signer.add");
	all = ask(w, OP_SIGNER_LIST, "", NULL);
	assert_int_equal(json_array_size(member(&all, "signers")), 2);
	ask_ok(w, OP_SIGNER_DELETE, "release", NULL);
	gone = ask(w, OP_SIGNER_DELETE, "release", NULL);
	assert_error(&gone, 404, "not-found", "signer");
	EVP_PKEY_free(key);
}

static void the_same_signer_again_is_success_another_key_is_not(void **state)
{
	struct world *w = *state;
	uint64_t rows = last_audit(w).seq;
	EVP_PKEY *other = new_p256();
	cc_auto_free char *pem = public_pem(other), *ci = public_pem(w->signer);
	auto_got struct got taken = {0}, twice = {0};

	add_signer(w, "ci", w->signer);
	assert_int_equal(last_audit(w).seq, rows);
	taken = ask(w, OP_SIGNER_ADD, "", json_pack("{s:s, s:s}", "name", "ci", "pem", pem));
	assert_error(&taken, 409, "exists", "");
	twice = ask(w, OP_SIGNER_ADD, "", json_pack("{s:s, s:s}", "name", "ci2", "pem", ci));
	assert_error(&twice, 409, "exists", "");
	EVP_PKEY_free(other);
}

static void a_private_or_weak_key_is_no_signer(void **state)
{
	struct world *w = *state;
	EVP_PKEY *rsa = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	cc_auto_free char *pem = public_pem(rsa);
	auto_got struct got g =
		ask(w, OP_SIGNER_ADD, "", json_pack("{s:s, s:s}", "name", "rsa", "pem", pem));

	assert_int_equal(g.http, 400);
	EVP_PKEY_free(rsa);
}

/* ---- identities ---- */

static void the_identical_envelope_again_is_success(void **state)
{
	struct world *w = *state;
	cc_auto_free char *env = envelope_by(w->signer, predicate(4));
	auto_got struct got first =
		ask(w, OP_IDENTITY_ADD, "", json_pack("{s:s}", "envelope", env));
	uint64_t rows = last_audit(w).seq;
	auto_got struct got second =
		ask(w, OP_IDENTITY_ADD, "", json_pack("{s:s}", "envelope", env));
	auto_got struct got shown = ask(w, OP_IDENTITY_GET, "pgdata", NULL);

	assert_int_equal(first.http, 200);
	assert_int_equal(second.http, 200);
	assert_int_equal(last_audit(w).seq, rows);
	assert_string_equal(text(second.body, "signer"), "ci");
	assert_string_equal(text(shown.body, "envelope"), env);
	assert_string_equal(text(shown.body, "digest"), text(first.body, "digest"));
}

static void serials_only_go_up_also_after_a_revocation(void **state)
{
	struct world *w = *state;
	auto_got struct got lower = add_identity(w, w->signer, predicate(2));
	json_t *pred = predicate(3);
	auto_got struct got same = {0}, after = {0}, higher = {0};

	assert_error(&lower, 403, "refused", "serial");
	json_object_set_new(pred, "mountPoint", json_string("/elsewhere"));
	same = add_identity(w, w->signer, pred);
	assert_error(&same, 403, "refused", "serial");
	ask_ok(w, OP_IDENTITY_REVOKE, "pgdata", NULL);
	after = add_identity(w, w->signer, predicate(3));
	assert_error(&after, 403, "refused", "serial");
	higher = add_identity(w, w->signer, predicate(4));
	assert_int_equal(higher.http, 200);
}

static void an_identity_needs_an_enrolled_signer_and_its_volume(void **state)
{
	struct world *w = *state;
	EVP_PKEY *mallory = new_p256();
	auto_got struct got unknown = add_identity(w, mallory, predicate(9));
	json_t *pred = predicate(9);
	auto_got struct got nowhere = {0};
	struct last_row row = last_audit(w);

	assert_error(&unknown, 403, "refused", "signature");
	assert_string_equal(row.event, "identity.add");
	assert_string_equal(row.outcome, "refuse");
	json_object_set_new(pred, "volume", json_string("nowhere"));
	nowhere = add_identity(w, w->signer, pred);
	assert_error(&nowhere, 404, "not-found", "volume");
	EVP_PKEY_free(mallory);
}

static void a_changed_or_foreign_envelope_is_refused(void **state)
{
	struct world *w = *state;
	cc_auto_free char *env = envelope_by(w->signer, predicate(9));
	cc_auto_free char *other = NULL;
	char *payload = strstr(env, "payload\"");
	auto_got struct got changed = {0}, malformed = {0}, type = {0};
	struct cc_error err;

	payload = strchr(payload + 8, '"') + 30;
	*payload = *payload == 'A' ? 'B' : 'A';
	changed = ask(w, OP_IDENTITY_ADD, "", json_pack("{s:s}", "envelope", env));
	assert_error(&changed, 403, "refused", "signature");
	malformed = ask(w, OP_IDENTITY_ADD, "", json_pack("{s:s}", "envelope", "{\"a\":1}"));
	assert_error(&malformed, 400, "invalid", "envelope");
	/* Rightly signed, but not an identity. */
	assert_int_equal(cc_dsse_sign(CC_DSSE_INTOTO, "{\"a\":1}", 7, w->signer, &other, &err), 0);
	type = ask(w, OP_IDENTITY_ADD, "", json_pack("{s:s}", "envelope", other));
	assert_error(&type, 400, "invalid", "identity");
}

static void signatures_of_any_enrolled_signer_count(void **state)
{
	struct world *w = *state;
	EVP_PKEY *second = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	auto_got struct got g = {0};

	add_signer(w, "a-second", second);
	g = add_identity(w, second, predicate(4));
	assert_string_equal(text(g.body, "signer"), "a-second");
	EVP_PKEY_free(second);
	{
		auto_got struct got released = release_to(w, BOOT_1, CONTAINER_1);

		assert_int_equal(released.http, 200);
	}
}

/* ---- agents ---- */

static void agents_are_enrolled_listed_and_removed(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *host2 = new_agent_key("host2");
	uint64_t rows;
	auto_got struct got all = {0}, private = {0}, taken = {0}, gone = {0};
	struct cc_error err;

	enrol(w, "host2", host2);
	rows = last_audit(w).seq;
	enrol(w, "host2", host2);
	assert_int_equal(last_audit(w).seq, rows);
	all = ask(w, OP_AGENT_LIST, "", NULL);
	assert_int_equal(json_array_size(member(&all, "agents")), 2);

	private = ask(w, OP_AGENT_ADD, "", json_pack("{s:s, s:O}", "name", "host3", "jwk", host2));
	assert_int_equal(private.http, 400);
	assert_null(strstr(private.text, text(host2, "d")));
	assert_null(strstr(last_audit(w).detail, text(host2, "d")));
	taken = ask(w, OP_AGENT_ADD, "",
		    json_pack("{s:s, s:o}", "name", "host1", "jwk", cc_jwk_public(host2, &err)));
	assert_error(&taken, 409, "exists", "");
	ask_ok(w, OP_AGENT_DELETE, "host2", NULL);
	gone = ask(w, OP_AGENT_DELETE, "host2", NULL);
	assert_error(&gone, 404, "not-found", "agent");
}

/* ---- leases ---- */

static json_int_t leases(struct world *w)
{
	auto_got struct got g = ask(w, OP_LEASE_LIST, "", NULL);

	return (json_int_t)json_array_size(member(&g, "leases"));
}

static void the_same_container_gets_its_lease_again(void **state)
{
	struct world *w = *state;
	auto_got struct got a = release_to(w, BOOT_1, CONTAINER_1);
	auto_got struct got b = release_to(w, BOOT_1, CONTAINER_1);

	assert_string_equal(lease_of(&a), lease_of(&b));
	assert_int_equal(fence_of(&a), fence_of(&b));
	assert_int_equal(leases(w), 1);
}

static void another_container_waits_for_the_return_and_gets_a_higher_fence(void **state)
{
	struct world *w = *state;
	auto_got struct got a = release_to(w, BOOT_1, CONTAINER_1);
	auto_got struct got busy = release_to(w, BOOT_1, CONTAINER_2);
	auto_got struct got b = {0};

	assert_error(&busy, 409, "busy", "lease");
	assert_non_null(strstr(busy.text, "host1"));
	return_lease(w, lease_of(&a));
	b = release_to(w, BOOT_1, CONTAINER_2);
	assert_int_equal(b.http, 200);
	assert_int_equal(fence_of(&b), fence_of(&a) + 1);
}

static void another_agent_is_refused_whatever_its_boot(void **state)
{
	struct world *w = *state;
	auto_got struct got a = release_to(w, BOOT_1, CONTAINER_1), b = {0};
	cc_auto_json json_t *host2 = new_agent_key("host2"), *recipient = one_time_key();
	cc_auto_free char *jws = NULL;
	struct claim cl;

	assert_int_equal(a.http, 200);
	enrol(w, "host2", host2);
	cl = claim_default(w, recipient);
	cl.iss = "host2";
	cl.agent = host2;
	cl.boot_id = BOOT_2;
	jws = sign_claim(&cl);
	b = send_release(w, jws, recipient);
	assert_error(&b, 409, "busy", "lease");
}

static void a_new_boot_replaces_the_agents_own_lease(void **state)
{
	struct world *w = *state;
	auto_got struct got a = release_to(w, BOOT_1, CONTAINER_1);
	auto_got struct got b = release_to(w, BOOT_2, CONTAINER_2);

	assert_int_equal(b.http, 200);
	assert_string_not_equal(lease_of(&a), lease_of(&b));
	assert_int_equal(fence_of(&b), fence_of(&a) + 1);
	assert_int_equal(leases(w), 1);
}

static void fences_are_never_used_again(void **state)
{
	struct world *w = *state;
	json_int_t last = 0;

	for (int i = 0; i < 4; i++) {
		auto_got struct got g = release_to(w, BOOT_1, i % 2 ? CONTAINER_1 : CONTAINER_2);

		assert_true(fence_of(&g) > last);
		last = fence_of(&g);
		if (i % 2)
			return_lease(w, lease_of(&g));
		else
			ask_ok(w, OP_LEASE_REVOKE, lease_of(&g), NULL);
		fake_boot_ms += 700000; /* one that was revoked ends in its time */
		reopen_custodian(w);
	}
}

static void leases_survive_a_restart(void **state)
{
	struct world *w = *state;
	auto_got struct got a = release_to(w, BOOT_1, CONTAINER_1), b = {0}, c = {0};

	reopen_custodian(w);
	b = release_to(w, BOOT_1, CONTAINER_2);
	assert_error(&b, 409, "busy", "lease");
	c = release_to(w, BOOT_1, CONTAINER_1);
	assert_string_equal(lease_of(&c), lease_of(&a));
}

static void a_lease_is_returned_twice_with_success_and_revoked_once(void **state)
{
	struct world *w = *state;
	auto_got struct got a = release_to(w, BOOT_1, CONTAINER_1), g = {0};
	uint64_t rows;

	return_lease(w, lease_of(&a));
	rows = last_audit(w).seq;
	return_lease(w, lease_of(&a));
	assert_int_equal(last_audit(w).seq, rows);
	g = ask(w, OP_LEASE_REVOKE, lease_of(&a), NULL);
	assert_error(&g, 404, "not-found", "lease");
}

/* ---- the whole ---- */

static void arguments_are_checked_again_here(void **state)
{
	static const struct {
		enum op op;
		const char *arg;
	} bad[] = {
		{OP_VOLUME_GET, ""},
		{OP_VOLUME_GET, "../etc"},
		{OP_VOLUME_GET, "A'; DROP"},
		{OP_LEASE_REVOKE, "pgdata"},
		{OP_VOLUME_LIST, "pgdata"},
		{OP_END, ""},
		{(enum op)0, ""},
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		auto_got struct got g = ask(w, bad[i].op, bad[i].arg, NULL);

		assert_error(&g, 400, "usage", "");
	}
}

static void every_change_leaves_a_row_and_reading_none(void **state)
{
	static const enum op reads[] = {OP_HEALTHZ,	OP_METRICS,	OP_LEASE_LIST,
					OP_VOLUME_LIST, OP_SIGNER_LIST, OP_AGENT_LIST,
					OP_AUDIT_LIST};
	struct world *w = *state;
	uint64_t rows = last_audit(w).seq;

	/* signer, agent, volume, ready, identity: what the setup did */
	assert_int_equal(rows, 5);
	for (size_t i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
		auto_got struct got g = ask(w, reads[i], "", NULL);

		assert_int_equal(g.http, 200);
	}
	assert_int_equal(last_audit(w).seq, rows);
}

static void the_audit_log_is_read_in_pages(void **state)
{
	struct world *w = *state;
	struct request rq = {.op = OP_AUDIT_LIST, .plane = PLANE_ADMIN};
	json_int_t seq = 0;

	for (int i = 0; i < STORE_AUDIT_PAGE; i++) {
		auto_got struct got g = ask(w, OP_SIGNER_DELETE, "nobody", NULL);

		assert_int_equal(g.http, 404);
	}
	for (int page = 0; page < 3; page++) {
		answer_auto struct answer a = {0};
		cc_auto_json json_t *obj = NULL;
		json_t *rows, *row;
		size_t i;

		rq.after = (uint64_t)seq;
		custodian_handle(&w->custodian, &rq, &a);
		obj = json_loads(a.text, 0, NULL);
		rows = json_object_get(obj, "rows");
		assert_int_equal(json_array_size(rows), page == 0   ? STORE_AUDIT_PAGE
							: page == 1 ? 5
								    : 0);
		json_array_foreach(rows, i, row)
			assert_int_equal(json_integer_value(json_object_get(row, "seq")), ++seq);
	}
}

#define world_test(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(a_volume_is_created_shown_and_deleted),
		world_test(ready_again_changes_nothing),
		world_test(a_volume_grows_and_never_shrinks),
		world_test(a_ready_volume_is_not_replaced_and_a_broken_off_one_is),
		world_test(volumes_that_make_no_sense_are_refused),
		world_test(a_stored_record_that_makes_no_sense_is_shown_and_deleted),
		world_test(deleting_a_volume_erases_its_wrapped_key_from_the_disk),
		world_test(a_leased_volume_is_not_deleted),
		world_test(signers_are_enrolled_listed_and_removed),
		world_test(the_same_signer_again_is_success_another_key_is_not),
		world_test(a_private_or_weak_key_is_no_signer),
		world_test(the_identical_envelope_again_is_success),
		world_test(serials_only_go_up_also_after_a_revocation),
		world_test(an_identity_needs_an_enrolled_signer_and_its_volume),
		world_test(a_changed_or_foreign_envelope_is_refused),
		world_test(signatures_of_any_enrolled_signer_count),
		world_test(agents_are_enrolled_listed_and_removed),
		world_test(the_same_container_gets_its_lease_again),
		world_test(another_container_waits_for_the_return_and_gets_a_higher_fence),
		world_test(another_agent_is_refused_whatever_its_boot),
		world_test(a_new_boot_replaces_the_agents_own_lease),
		world_test(fences_are_never_used_again),
		world_test(leases_survive_a_restart),
		world_test(a_lease_is_returned_twice_with_success_and_revoked_once),
		world_test(arguments_are_checked_again_here),
		world_test(every_change_leaves_a_row_and_reading_none),
		world_test(the_audit_log_is_read_in_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
