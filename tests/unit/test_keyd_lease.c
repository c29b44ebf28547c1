// SPDX-License-Identifier: Apache-2.0
/* Leases: who gets a volume when, what is renewed and what is refused, over restarts and reboots of keyd's host. */
#include "keyd_world.h"

#define MS 600000
#define END (MS + 2000 + MS / 200) /* when keyd gives the volume to somebody else */

/* ---- the rules, as a table --------------------------------------------------------------------- */

enum which { SAME, OTHER };

static const struct {
	const char *what;
	/* the lease: against 1000 as now */
	uint64_t ms;
	int64_t end_ms;
	bool shared, read_only, revoked;
	/* the asker: same as the holder's or another */
	enum which agent, boot, container;
	bool ask_shared, ask_read_only;
	enum lease_verdict want;
} rules[] = {
	{"its own", 9, 1001, 0, 0, 0, SAME, SAME, SAME, 0, 0, LEASE_MINE},
	{"its own, over", 9, 1000, 0, 0, 0, SAME, SAME, SAME, 0, 0, LEASE_MINE},
	{"its own, without end", 0, 0, 0, 0, 0, SAME, SAME, SAME, 0, 0, LEASE_MINE},
	{"its own, of a time that did not record it", 0, 0, 0, 0, 0, SAME, SAME, SAME, 0, 1,
	 LEASE_MINE},
	{"its own, revoked", 9, 1001, 0, 0, 1, SAME, SAME, SAME, 0, 0, LEASE_CONFLICT},
	{"its own, revoked and over", 9, 1000, 0, 0, 1, SAME, SAME, SAME, 0, 0, LEASE_OVER},
	{"its own, but read-only", 9, 1001, 0, 1, 0, SAME, SAME, SAME, 0, 0, LEASE_CONFLICT},
	{"its own, but shared", 9, 1001, 1, 1, 0, SAME, SAME, SAME, 0, 1, LEASE_CONFLICT},
	{"another container here", 9, 1001, 0, 0, 0, SAME, SAME, OTHER, 0, 0, LEASE_CONFLICT},
	{"another container here, over", 9, 1000, 0, 0, 0, SAME, SAME, OTHER, 0, 0, LEASE_OVER},
	{"of before the boot", 9, 1001, 0, 0, 0, SAME, OTHER, SAME, 0, 0, LEASE_OVER},
	{"of before the boot, without end", 0, 0, 0, 0, 0, SAME, OTHER, OTHER, 0, 0, LEASE_OVER},
	{"another host's", 9, 1001, 0, 0, 0, OTHER, SAME, SAME, 0, 0, LEASE_CONFLICT},
	{"another host's, whatever its boot", 9, 1001, 0, 0, 0, OTHER, OTHER, SAME, 0, 0,
	 LEASE_CONFLICT},
	{"another host's, without end", 0, 0, 0, 0, 0, OTHER, OTHER, SAME, 0, 0, LEASE_CONFLICT},
	{"another host's, over", 9, 1000, 0, 0, 0, OTHER, OTHER, OTHER, 0, 0, LEASE_OVER},
	{"another host's, revoked", 9, 1001, 0, 0, 1, OTHER, OTHER, OTHER, 0, 0, LEASE_CONFLICT},
	{"both read", 9, 1001, 1, 1, 0, OTHER, OTHER, OTHER, 1, 1, LEASE_BESIDE},
	{"both read, over", 9, 1000, 1, 1, 0, OTHER, OTHER, OTHER, 1, 1, LEASE_OVER},
	{"it reads, the other writes", 9, 1001, 0, 0, 0, OTHER, OTHER, OTHER, 1, 1, LEASE_CONFLICT},
	{"it writes, the other reads", 9, 1001, 1, 1, 0, OTHER, OTHER, OTHER, 0, 0, LEASE_CONFLICT},
};

static void each_rule(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct store_lease l = {
			.agent = "host1",
			.container = CONTAINER_1,
			.boot_id = BOOT_1,
			.ms = rules[i].ms,
			.end_ms = rules[i].end_ms,
			.shared = rules[i].shared,
			.read_only = rules[i].read_only,
			.revoked = rules[i].revoked,
		};
		struct lease_ask ask = {
			.agent = rules[i].agent == SAME ? "host1" : "host2",
			.boot_id = rules[i].boot == SAME ? BOOT_1 : BOOT_2,
			.container = rules[i].container == SAME ? CONTAINER_1 : CONTAINER_2,
			.shared = rules[i].ask_shared,
			.read_only = rules[i].ask_read_only,
		};

		print_message("# %s\n", rules[i].what);
		assert_int_equal(lease_judge(&l, &ask, 1000), rules[i].want);
	}
}

static void keyd_counts_longer_than_the_kernel(void **state)
{
	(void)state;
	assert_int_equal(lease_end(5, 2000), 5 + 2000 + 2000 + 10);
	assert_int_equal(lease_end(5, MS), 5 + END);
	assert_true(lease_end(INT64_C(1) << 40, CC_LEASE_MS_MAX) > 0);
}

/* ---- two hosts --------------------------------------------------------------------------------- */

static json_t *host2;

static int two_hosts(void **state)
{
	world_setup(state);
	host2 = new_agent_key("host2");
	enrol(*state, "host2", host2);
	return 0;
}

static int two_hosts_end(void **state)
{
	json_decref(host2);
	return world_teardown(state);
}

static struct got release_to_host2(struct world *w)
{
	return release_as(w, "host2", host2, BOOT_2, CONTAINER_2);
}

/* Has a lease of host1; the id is copied. */
static void hold(struct world *w, char id[static 37])
{
	auto_got struct got g = release_to(w, BOOT_1, CONTAINER_1);

	assert_int_equal(g.http, 200);
	snprintf(id, 37, "%s", lease_of(&g));
}

static void assert_busy(struct world *w)
{
	auto_got struct got g = release_to_host2(w);

	assert_error(&g, 409, "busy", "lease");
}

static void assert_free(struct world *w)
{
	auto_got struct got g = release_to_host2(w);

	if (g.http != 200)
		fail_msg("%s", g.text);
}

static void a_lease_ends_for_others_after_its_time_and_no_earlier(void **state)
{
	struct world *w = *state;
	auto_got struct got b = {0}, again = {0};
	char id[37];

	hold(w, id);
	fake_boot_ms += END - 1;
	assert_busy(w);
	fake_boot_ms += 1;
	b = release_to_host2(w);
	assert_int_equal(b.http, 200);
	assert_int_equal(fence_of(&b), 2);
	/* Who held it before is told so, and cannot get it back. */
	again = renew(w, id);
	assert_not_renewed(&again, "lease");
	again = (got_clear(&again), release_to(w, BOOT_1, CONTAINER_1));
	assert_error(&again, 409, "busy", "lease");
}

static void the_answer_says_how_long(void **state)
{
	struct world *w = *state;
	auto_got struct got a = release_to(w, BOOT_1, CONTAINER_1), g = {0};
	const json_t *l = json_object_get(a.body, "lease");

	assert_int_equal(json_integer_value(json_object_get(l, "ms")), MS);
	assert_true(json_is_false(json_object_get(l, "shared")));
	fake_boot_ms += 1000;
	g = ask(w, OP_LEASE_LIST, "", NULL);
	l = json_array_get(json_object_get(g.body, "leases"), 0);
	assert_int_equal(json_integer_value(json_object_get(l, "leftMs")), END - 1000);
	assert_true(json_is_false(json_object_get(l, "revoked")));
}

static void a_renewal_keeps_the_lease(void **state)
{
	struct world *w = *state;
	char id[37];

	hold(w, id);
	for (int i = 0; i < 5; i++) {
		auto_got struct got g = {0};

		fake_boot_ms += END - 1;
		g = renew(w, id);
		assert_renewed(&g);
		assert_int_equal(json_integer_value(json_object_get(renewal_of(&g), "fence")), 1);
		assert_int_equal(json_integer_value(json_object_get(renewal_of(&g), "ms")), MS);
		assert_string_equal(json_string_value(json_object_get(renewal_of(&g), "onLapse")),
				    "freeze");
	}
	assert_string_equal(last_audit(w).event, "renew");
	assert_string_equal(last_audit(w).detail, "1 renewed: pgdata");
	assert_string_equal(last_audit(w).volume, "pgdata");
	fake_boot_ms += END - 1;
	assert_busy(w);
	fake_boot_ms += 1;
	assert_free(w);
}

static void a_lease_that_is_over_goes_on_while_nobody_else_took_it(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0}, r = {0};
	char id[37];

	hold(w, id);
	fake_boot_ms += 10 * END;
	g = renew(w, id);
	assert_renewed(&g);
	/* The kernel has lost the key by then: it is asked for again, under the same lease. */
	fake_boot_ms += 10 * END;
	r = release_to(w, BOOT_1, CONTAINER_1);
	assert_string_equal(lease_of(&r), id);
	assert_int_equal(fence_of(&r), 1);
	assert_busy(w);
}

static void the_clock_on_the_wall_does_not_matter(void **state)
{
	struct world *w = *state;
	char id[37];

	hold(w, id);
	fake_real += 1000000;
	assert_busy(w);
	fake_real -= 100000000;
	assert_busy(w);
	fake_boot_ms += END;
	assert_free(w);
}

static void leases_survive_a_restart_of_keyd(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	fake_boot_ms += END / 2;
	reopen_custodian(w);
	g = renew(w, id);
	assert_renewed(&g);
	reopen_custodian(w);
	fake_boot_ms += END - 1;
	assert_busy(w);
	fake_boot_ms += 1;
	assert_free(w);
}

static void a_reboot_of_keyds_host_waits_the_lease_out(void **state)
{
	struct world *w = *state;
	const char *was = fake_host_boot;
	char id[37];

	hold(w, id);
	/* The clock starts again, below or above what the row says. */
	for (int i = 0; i < 2; i++) {
		fake_host_boot = i ? "f0000000-0000-4000-8000-000000000003"
				   : "f0000000-0000-4000-8000-000000000002";
		fake_boot_ms = i ? 90000000 : 5000;
		reopen_custodian(w);
		fake_boot_ms += END - 1;
		assert_busy(w);
	}
	reopen_custodian(w);
	fake_boot_ms += 1;
	assert_free(w);
	fake_host_boot = was;
}

static void what_is_returned_is_free_at_once(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	ask_ok(w, OP_LEASE_RETURN, id, json_object());
	assert_free(w);
	g = renew(w, id);
	assert_not_renewed(&g, "lease");
}

/* ---- what is taken away ------------------------------------------------------------------------ */

static void a_revoked_lease_is_not_renewed_and_others_wait_for_its_end(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0}, again = {0};
	char id[37];

	hold(w, id);
	g = ask(w, OP_LEASE_REVOKE, id, NULL);
	assert_int_equal(g.http, 200);
	assert_int_equal(json_integer_value(json_object_get(g.body, "leftMs")), END);
	g = (got_clear(&g), renew(w, id));
	assert_not_renewed(&g, "revoked");
	assert_string_equal(last_audit(w).event, "renew");
	assert_string_equal(last_audit(w).outcome, "refuse");
	assert_string_equal(last_audit(w).fact, "revoked");
	assert_string_equal(last_audit(w).volume, "pgdata");
	assert_string_equal(last_audit(w).container, CONTAINER_1);
	again = release_to(w, BOOT_1, CONTAINER_1);
	assert_error(&again, 409, "busy", "lease");
	assert_busy(w);
	fake_boot_ms += END;
	assert_free(w);
}

static void a_revoked_lease_that_comes_back_frees_the_volume(void **state)
{
	struct world *w = *state;
	char id[37];

	hold(w, id);
	ask_ok(w, OP_LEASE_REVOKE, id, NULL);
	ask_ok(w, OP_LEASE_RETURN, id, json_object());
	assert_free(w);
}

static void revoke_identity(struct world *w)
{
	ask_ok(w, OP_IDENTITY_REVOKE, "pgdata", NULL);
}

static void revoke_signer(struct world *w)
{
	ask_ok(w, OP_SIGNER_DELETE, "ci", NULL);
}

static void new_identity(struct world *w)
{
	json_t *pred = predicate(4);
	auto_got struct got g = {0};

	json_object_set_new(pred, "process", json_pack("{s:[s]}", "args", "/app2"));
	g = add_identity(w, w->signer, pred);
	assert_int_equal(g.http, 200);
}

static void read_only_identity(struct world *w)
{
	json_t *pred = predicate(4);
	auto_got struct got g = {0};

	json_object_set_new(pred, "readOnly", json_true());
	g = add_identity(w, w->signer, pred);
	assert_int_equal(g.http, 200);
}

static void expired_identity(struct world *w)
{
	json_t *pred = predicate(4);
	auto_got struct got g = {0};

	json_object_set_new(pred, "notAfter", json_string("2027-01-15T00:00:00Z"));
	g = add_identity(w, w->signer, pred);
	assert_int_equal(g.http, 200);
	fake_real = 1810000000;
}

static void whatever_is_revoked_ends_at_the_next_renewal(void **state)
{
	static const struct {
		void (*revoke)(struct world *w);
		const char *fact;
	} ways[] = {
		{revoke_identity, "identity"},	{revoke_signer, "signature"},
		{new_identity, "args"},		{read_only_identity, "readOnly"},
		{expired_identity, "validity"},
	};

	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct world *w;
		auto_got struct got g = {0};
		char id[37];

		two_hosts_end(state);
		two_hosts(state);
		w = *state;
		print_message("# %s\n", ways[i].fact);
		hold(w, id);
		ways[i].revoke(w);
		g = renew(w, id);
		assert_not_renewed(&g, ways[i].fact);
		assert_string_equal(last_audit(w).fact, ways[i].fact);
	}
}

static void an_agent_that_was_removed_renews_nothing(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	ask_ok(w, OP_AGENT_DELETE, "host1", NULL);
	g = renew(w, id);
	assert_error(&g, 403, "refused", "agent");
	assert_busy(w);
	fake_boot_ms += END;
	assert_free(w);
}

static void to_sh(json_t *m)
{
	change(m, "config", "args", json_pack("[s]", "/bin/sh"));
}

static void to_host_pid(json_t *m)
{
	json_object_set_new(json_object_get(json_object_get(m, "config"), "namespaces"), "pid",
			    json_string("host"));
}

static void renewal_measures_again(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	g = renew_as(w, "host1", w->agent, BOOT_1, CONTAINER_1, id, to_sh);
	assert_not_renewed(&g, "args");
	g = (got_clear(&g), renew_as(w, "host1", w->agent, BOOT_1, CONTAINER_1, id, to_host_pid));
	assert_not_renewed(&g, "namespaces");
	g = (got_clear(&g), renew(w, id));
	assert_renewed(&g);
}

static void nobody_renews_anothers_lease(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	g = renew_as(w, "host2", host2, BOOT_1, CONTAINER_1, id, NULL);
	assert_not_renewed(&g, "lease");
	g = (got_clear(&g), renew_as(w, "host1", w->agent, BOOT_2, CONTAINER_1, id, NULL));
	assert_not_renewed(&g, "lease");
	g = (got_clear(&g), renew_as(w, "host1", w->agent, BOOT_1, CONTAINER_2, id, NULL));
	assert_not_renewed(&g, "lease");
	g = (got_clear(&g), renew_as(w, "host1", w->agent, BOOT_1, CONTAINER_1, UUID_OTHER, NULL));
	assert_not_renewed(&g, "lease");
}

static void evidence_is_for_one_purpose(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *recipient = one_time_key();
	struct claim cl = claim_default(w, recipient);
	cc_auto_free char *jws = sign_claim(&cl);
	auto_got struct got g = ask(w, OP_RENEW, "", json_pack("{s:s}", "evidence", jws));

	assert_error(&g, 400, "invalid", "evidence");
}

/* ---- terms ------------------------------------------------------------------------------------- */

static void set(struct world *w, const char *key, json_t *value)
{
	json_t *body = json_object();

	json_object_set_new(body, key, value);
	ask_ok(w, OP_VOLUME_SET, "pgdata", body);
}

static void the_length_is_the_volumes(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	set(w, "leaseMs", json_integer(20000));
	hold(w, id);
	fake_boot_ms += 20000 + 2000 + 100 - 1;
	assert_busy(w);
	set(w, "leaseMs", json_integer(2000));
	g = renew(w, id);
	assert_int_equal(json_integer_value(json_object_get(renewal_of(&g), "ms")), 2000);
	fake_boot_ms += 2000 + 2000 + 10;
	assert_free(w);
}

static void terms_are_checked_and_recorded(void **state)
{
	static const char *const bad[] = {
		"{\"leaseMs\":1999}",
		"{\"leaseMs\":2678400001}",
		"{\"leaseMs\":0}",
		"{\"leaseMs\":\"1\"}",
		"{\"onLapse\":\"kill\"}",
		"{\"onRevoke\":\"\"}",
		"{\"onLock\":\"queue:0\"}",
		"{\"onLock\":\"queue:\"}",
		"{\"onLock\":\"queue:600001\"}",
		"{\"onLock\":\"queue:1s\"}",
		"{\"sharedRead\":1}",
		"{\"name\":\"x\"}",
	};
	struct world *w = *state;
	auto_got struct got g = {0};
	uint64_t rows;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		auto_got struct got refused = ask_text(w, OP_VOLUME_SET, "pgdata", bad[i]);

		print_message("# %s\n", bad[i]);
		assert_int_equal(refused.http, 400);
	}
	g = ask_text(w, OP_VOLUME_SET, "pgdata",
		     "{\"leaseMs\":5000,\"sharedRead\":true,\"onLapse\":\"continue\",\"onRevoke\":"
		     "\"freeze\",\"onLock\":\"error\"}");
	assert_int_equal(g.http, 200);
	assert_string_equal(last_audit(w).event, "volume.set");
	rows = last_audit(w).seq;
	reopen_custodian(w);
	g = (got_clear(&g), ask(w, OP_VOLUME_GET, "pgdata", NULL));
	assert_int_equal(json_integer_value(json_object_get(g.body, "leaseMs")), 5000);
	assert_true(json_is_true(json_object_get(g.body, "sharedRead")));
	assert_string_equal(json_string_value(json_object_get(g.body, "onLapse")), "continue");
	assert_string_equal(json_string_value(json_object_get(g.body, "onRevoke")), "freeze");
	assert_string_equal(json_string_value(json_object_get(g.body, "onLock")), "error");
	set(w, "onLock", json_string("error"));
	assert_int_equal(last_audit(w).seq, rows);
}

static void readers_may_share_and_keep_a_writer_out(void **state)
{
	struct world *w = *state;
	auto_got struct got a = {0}, b = {0}, c = {0};
	json_t *pred = predicate(5);

	read_only_identity(w);
	/* Not unless the volume says so. */
	a = release_to(w, BOOT_1, CONTAINER_1);
	assert_int_equal(a.http, 200);
	assert_busy(w);
	ask_ok(w, OP_LEASE_RETURN, lease_of(&a), json_object());

	set(w, "sharedRead", json_true());
	a = (got_clear(&a), release_to(w, BOOT_1, CONTAINER_1));
	assert_true(json_is_true(json_object_get(json_object_get(a.body, "lease"), "shared")));
	assert_true(json_is_true(json_object_get(json_object_get(a.body, "mount"), "readOnly")));
	b = release_to_host2(w);
	assert_int_equal(b.http, 200);
	c = renew(w, lease_of(&a));
	assert_renewed(&c);
	ask_ok(w, OP_LEASE_RETURN, lease_of(&a), json_object());

	/* Now it may be written: not while there is a reader. */
	c = (got_clear(&c), add_identity(w, w->signer, pred));
	assert_int_equal(c.http, 200);
	c = (got_clear(&c), release_to(w, BOOT_1, CONTAINER_1));
	assert_error(&c, 409, "busy", "lease");
	fake_boot_ms += END;
	c = (got_clear(&c), release_to(w, BOOT_1, CONTAINER_1));
	assert_int_equal(c.http, 200);
	assert_true(json_is_false(json_object_get(json_object_get(c.body, "lease"), "shared")));
	assert_busy(w);
}

static void a_volume_whose_leases_are_over_can_be_deleted(void **state)
{
	struct world *w = *state;
	char id[37];

	hold(w, id);
	fake_boot_ms += END;
	ask_ok(w, OP_VOLUME_DELETE, "pgdata", NULL);
}

/* ---- a database of version 1 ------------------------------------------------------------------- */

/* What the first keyd would have written. */
static void back_to_version_1(struct world *w)
{
	struct kek_use use = {NULL, UUID_PGDATA, 1, "aes-xts-plain64", 64};
	unsigned char wrapped[KEK_WRAPPED_MAX];
	cc_auto_secret struct cc_secret key = {0};
	struct store_volume v;
	struct cc_error err;
	size_t len;

	assert_int_equal(store_volume_get(w->custodian.store, "pgdata", &v, &err), 0);
	use.name = "pgdata";
	assert_int_equal(kek_unwrap(&w->custodian.kek, &use, v.wrapped, v.wrapped_len, &key, &err),
			 0);
	use.name = NULL;
	assert_int_equal(kek_wrap(&w->custodian.kek, &use, &key, wrapped, &len, &err), 0);
	memcpy(v.wrapped, wrapped, len);
	assert_int_equal(store_volume_update(w->custodian.store, &v, &err), 0);
	custodian_close(&w->custodian);
	tamper(w,
	       "DROP INDEX lease_volume;"
	       "ALTER TABLE lease RENAME TO l;"
	       "CREATE TABLE lease (id TEXT PRIMARY KEY,"
	       " volume INTEGER NOT NULL UNIQUE REFERENCES volume, agent TEXT NOT NULL,"
	       " container TEXT NOT NULL, boot_id TEXT NOT NULL, fence INTEGER NOT NULL,"
	       " granted INTEGER NOT NULL, ms INTEGER NOT NULL) STRICT;"
	       "INSERT INTO lease SELECT id, volume, agent, container, boot_id, fence, granted, 0 FROM l;"
	       "DROP TABLE l;"
	       "ALTER TABLE volume DROP COLUMN wrap_format; ALTER TABLE volume DROP COLUMN lease_ms;"
	       "ALTER TABLE volume DROP COLUMN shared_read; ALTER TABLE volume DROP COLUMN on_lapse;"
	       "ALTER TABLE volume DROP COLUMN on_revoke; ALTER TABLE volume DROP COLUMN queue_ms;"
	       "PRAGMA user_version = 1");
}

static void a_database_of_version_1_is_brought_up_to_date(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	struct cc_error err;
	char id[37];

	hold(w, id);
	back_to_version_1(w);
	{
		store_auto struct store *st = store_open(w->dir, STORE_LOOK, &err);
		uint64_t rows;

		assert_non_null(st);
		assert_int_equal(store_check(st, &err), 0);
		assert_int_equal(store_audit_verify(st, &rows, &err), 0);
	}
	open_custodian(w);
	assert_string_equal(last_audit(w).event, "upgrade");
	assert_string_equal(last_audit(w).detail, "1 volume keys bound to their names");
	/* Its lease has no end until it is renewed. */
	fake_boot_ms += 100 * END;
	assert_busy(w);
	g = renew(w, id);
	assert_renewed(&g);
	fake_boot_ms += END;
	assert_free(w);
	assert_int_equal(store_check(w->custodian.store, &err), 0);
	reopen_custodian(w);
	assert_string_not_equal(last_audit(w).event, "upgrade");
}

static void a_key_that_version_1_lost_does_not_keep_keyd_from_starting(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	back_to_version_1(w);
	tamper(w, "UPDATE volume SET uuid = '" UUID_OTHER "'");
	open_custodian(w);
	g = ask(w, OP_VOLUME_GET, "pgdata", NULL);
	assert_int_equal(g.http, 200);
	tamper(w, "UPDATE volume SET uuid = '" UUID_PGDATA "'");
	/* Format 1 is never unwrapped for a release. */
	g = (got_clear(&g), release_to(w, BOOT_1, CONTAINER_1));
	assert_error(&g, 500, "internal", "wrapped-key");
}

static void names_that_were_swapped_in_the_database_open_nothing(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *recipient = one_time_key();
	cc_auto_free char *jws = NULL;
	auto_got struct got g = {0};
	struct claim cl;

	/* The volume's own identity fits whoever is called pgdata now. */
	add_volume(w, "other", UUID_OTHER);
	tamper(w, "UPDATE volume SET name = 'x' WHERE name = 'pgdata';"
		  "UPDATE volume SET name = 'pgdata' WHERE name = 'other';"
		  "UPDATE volume SET name = 'other' WHERE name = 'x';"
		  "UPDATE identity SET volume = (SELECT id FROM volume WHERE name = 'pgdata');"
		  "UPDATE volume SET serial_floor = 3");
	cl = claim_default(w, recipient);
	cl.volume = UUID_OTHER;
	jws = sign_claim(&cl);
	g = send_release(w, jws, recipient);
	assert_error(&g, 500, "internal", "wrapped-key");
	assert_null(strstr(g.text, "jwe"));
}

#define hosts_test(f) cmocka_unit_test_setup_teardown(f, two_hosts, two_hosts_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_rule),
		cmocka_unit_test(keyd_counts_longer_than_the_kernel),
		hosts_test(a_lease_ends_for_others_after_its_time_and_no_earlier),
		hosts_test(the_answer_says_how_long),
		hosts_test(a_renewal_keeps_the_lease),
		hosts_test(a_lease_that_is_over_goes_on_while_nobody_else_took_it),
		hosts_test(the_clock_on_the_wall_does_not_matter),
		hosts_test(leases_survive_a_restart_of_keyd),
		hosts_test(a_reboot_of_keyds_host_waits_the_lease_out),
		hosts_test(what_is_returned_is_free_at_once),
		hosts_test(a_revoked_lease_is_not_renewed_and_others_wait_for_its_end),
		hosts_test(a_revoked_lease_that_comes_back_frees_the_volume),
		hosts_test(whatever_is_revoked_ends_at_the_next_renewal),
		hosts_test(an_agent_that_was_removed_renews_nothing),
		hosts_test(renewal_measures_again),
		hosts_test(nobody_renews_anothers_lease),
		hosts_test(evidence_is_for_one_purpose),
		hosts_test(the_length_is_the_volumes),
		hosts_test(terms_are_checked_and_recorded),
		hosts_test(readers_may_share_and_keep_a_writer_out),
		hosts_test(a_volume_whose_leases_are_over_can_be_deleted),
		hosts_test(a_database_of_version_1_is_brought_up_to_date),
		hosts_test(a_key_that_version_1_lost_does_not_keep_keyd_from_starting),
		hosts_test(names_that_were_swapped_in_the_database_open_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
