/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyd_world.h - a custodian with everything in place to release the key of volume pgdata to
 * container app, for the tests of keyd. Time stands still unless a test moves it. What a test
 * changes is what it is about.
 */
#ifndef TEST_KEYD_WORLD_H
#define TEST_KEYD_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <ftw.h>
#include <openssl/pem.h>
#include <sqlite3.h>

#include "dsse.h"
#include "evidence.h"
#include "identity.h"
#include "jose.h"
#include "keyd/custodian/handle.h"
#include "jwk.h"
#include "keyd/custodian/lease.h"
#include "keyd/custodian/quarantine.h"
#include "keyd/custodian/start.h"
#include "keyd/store/store_sql.h"
#include "strv.h"
#include "keyd/custodian/upgrade.h"
#include "keyd/custodian/volume_key.h"

#define UUID_PGDATA "0a000000-0000-4000-8000-000000000001"
#define UUID_OTHER "0a000000-0000-4000-8000-000000000002"
#define BOOT_1 "b0000000-0000-4000-8000-000000000001"
#define BOOT_2 "b0000000-0000-4000-8000-000000000002"
#define DIGEST_1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define DIGEST_2 "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define CONTAINER_1 "c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1"
#define CONTAINER_2 "c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2c2"

static int64_t fake_real = 1800000000;
static int64_t fake_boot_ms = 1000000;
static uint64_t fake_kernel_left_ms; /* as the evidence of a renewal has it */
static const char *fake_host_boot = "f0000000-0000-4000-8000-000000000001";

static inline int64_t get_fake_real(void)
{
	return fake_real;
}

static inline int64_t get_fake_boot_ms(void)
{
	return fake_boot_ms;
}

/**
 * struct world - the custodian and the others.
 * @signer: private key of the enrolled signer "ci"
 * @agent: private JWK of the enrolled agent "host1"
 * @confined: of test_keyd_confined.c
 * @anchor: directory of the high-water mark and the key generations; "" for none
 * @channel: how requests come and what evidence is made for; NULL: the Unix socket
 * @conn: the connection they come by, 0 for none
 */
struct world {
	struct custodian custodian;
	char dir[64], anchor[80];
	EVP_PKEY *signer;
	json_t *agent;
	struct confined *confined;
	const char *channel;
	uint64_t conn;
};

static inline const char *channel_of(const struct world *w)
{
	return w->channel ? w->channel : CC_CHANNEL_UNIX;
}

/* An answer as the peer sees it. */
struct got {
	int http;
	char *text;
	json_t *body;
};

static inline void got_clear(struct got *g)
{
	json_decref(g->body);
	free(g->text);
	*g = (struct got){0};
}
#define auto_got cc_cleanup(got_clear)

/* ---- asking ---- */

static inline struct got ask_text(struct world *w, enum op op, const char *arg, const char *body)
{
	struct request rq = {.op = op,
			     .plane = PLANE_ADMIN,
			     .conn = w->conn,
			     .peer = 42,
			     .body = body,
			     .body_len = strlen(body)};
	struct answer a = {0};
	struct got g;

	snprintf(rq.arg, sizeof(rq.arg), "%s", arg);
	snprintf(rq.channel, sizeof(rq.channel), "%s", channel_of(w));
	custodian_handle(&w->custodian, &rq, &a);
	g = (struct got){.http = a.http, .text = a.text};
	g.body = a.type == TEXT_JSON ? json_loads(a.text, JSON_REJECT_DUPLICATES, NULL) : NULL;
	assert_true(a.type != TEXT_JSON || g.body);
	return g;
}

/* @body is taken over; NULL for none. */
static inline struct got ask(struct world *w, enum op op, const char *arg, json_t *body)
{
	cc_auto_free char *text = body ? json_dumps(body, 0) : strdup("");
	struct got g = ask_text(w, op, arg, text);

	json_decref(body);
	return g;
}

static inline void ask_ok(struct world *w, enum op op, const char *arg, json_t *body)
{
	auto_got struct got g = ask(w, op, arg, body);

	if (g.http != 200)
		fail_msg("%s", g.text);
}

static inline const char *fact_of(const struct got *g)
{
	return json_string_value(json_object_get(json_object_get(g->body, "error"), "fact"));
}

static inline const char *message_of(const struct got *g)
{
	return json_string_value(json_object_get(json_object_get(g->body, "error"), "message"));
}

static inline void assert_error(const struct got *g, int http, const char *code, const char *fact)
{
	const char *have =
		json_string_value(json_object_get(json_object_get(g->body, "error"), "code"));

	if (g->http != http || !have || strcmp(have, code) != 0 || strcmp(fact_of(g), fact) != 0)
		fail_msg("expected %d %s %s, got %d %s", http, code, fact, g->http, g->text);
}

/* ---- the audit log ---- */

struct last_row {
	uint64_t seq;
	char event[32], outcome[16], agent[64], volume[64], container[129], fact[64];
	char detail[CC_TEXT_MAX];
};

static inline int keep_row(void *arg, const struct store_audit_row *audit, struct cc_error *err)
{
	const struct cc_audit_row *row = &audit->row;
	struct last_row *r = arg;

	(void)err;
	assert_true(audit->sealed);
	r->seq = row->seq;
	snprintf(r->event, sizeof(r->event), "%s", row->event);
	snprintf(r->outcome, sizeof(r->outcome), "%s", row->outcome);
	snprintf(r->agent, sizeof(r->agent), "%s", row->agent);
	snprintf(r->volume, sizeof(r->volume), "%s", row->volume);
	snprintf(r->container, sizeof(r->container), "%s", row->container);
	snprintf(r->fact, sizeof(r->fact), "%s", row->fact);
	snprintf(r->detail, sizeof(r->detail), "%s", row->detail);
	return 0;
}

static inline struct last_row last_audit(struct world *w)
{
	struct last_row r = {0};
	struct cc_error err;
	uint64_t rows;

	struct store_audit_head head;

	if (store_audit_verify(w->custodian.store, &rows, &err) ||
	    store_audit_head(w->custodian.store, &head, &err))
		fail_msg("%s", err.text);
	if (rows)
		assert_int_equal(
			store_audit_each(w->custodian.store, head.seq - 1, keep_row, &r, &err), 0);
	return r;
}

/* ---- identities ---- */

static inline json_t *predicate(uint64_t serial)
{
	return json_pack("{s:s, s:s, s:I, s:{s:s}}", "volume", "pgdata", "mountPoint", "/data",
			 "serial", (json_int_t)serial, "image", "configDigest", DIGEST_1);
}

/* @pred is taken over. */
static inline char *envelope_by(EVP_PKEY *signer, json_t *pred)
{
	struct cc_strv subjects = {0};
	cc_auto_free char *statement = NULL;
	struct cc_error err;
	char *env = NULL;

	assert_int_equal(cc_strv_push(&subjects, DIGEST_2, &err), 0);
	statement = cc_identity_statement(pred, &subjects, "registry/app", &err);
	assert_non_null(statement);
	assert_int_equal(
		cc_dsse_sign(CC_DSSE_INTOTO, statement, strlen(statement), signer, &env, &err), 0);
	cc_strv_clear(&subjects);
	json_decref(pred);
	return env;
}

static inline struct got add_identity(struct world *w, EVP_PKEY *signer, json_t *pred)
{
	cc_auto_free char *env = envelope_by(signer, pred);

	return ask(w, OP_IDENTITY_ADD, "", json_pack("{s:s}", "envelope", env));
}

static inline char *public_pem(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;
	char *pem;

	assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
	len = BIO_get_mem_data(bio, &text);
	pem = strndup(text, (size_t)len);
	BIO_free(bio);
	return pem;
}

static inline void add_signer(struct world *w, const char *name, EVP_PKEY *key)
{
	cc_auto_free char *pem = public_pem(key);

	ask_ok(w, OP_SIGNER_ADD, "", json_pack("{s:s, s:s}", "name", name, "pem", pem));
}

static inline EVP_PKEY *new_p256(void)
{
	return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
}

/* ---- agents ---- */

static inline json_t *new_agent_key(const char *name)
{
	struct cc_error err;
	json_t *jwk = cc_jwk_new(name, false, &err);

	assert_non_null(jwk);
	return jwk;
}

static inline void enrol(struct world *w, const char *name, const json_t *key)
{
	struct cc_error err;
	json_t *public = cc_jwk_public(key, &err);

	assert_non_null(public);
	ask_ok(w, OP_AGENT_ADD, "", json_pack("{s:s, s:o}", "name", name, "jwk", public));
}

/* ---- volumes ---- */

static inline json_t *volume_body(const char *name, const char *uuid)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:s}", "name", name, "uuid", uuid,
			 "cipher", "aes-xts-plain64", "keyBytes", 64, "sectorSize", 4096, "offset",
			 65536, "sectors", 131072, "fs", "ext4");
}

static inline void add_volume(struct world *w, const char *name, const char *uuid)
{
	ask_ok(w, OP_VOLUME_CREATE, "", volume_body(name, uuid));
	ask_ok(w, OP_VOLUME_READY, name, json_object());
}

/* ---- evidence ---- */

/**
 * struct claim - what goes into evidence and release; claim_default() fits volume pgdata and
 * container app.
 * @measurement: new reference, consumed with the claim
 * @agent: signs; @recipient: one-time key; both borrowed
 * @jkt: NULL is @recipient's
 */
struct claim {
	char nonce[64];
	const char *aud, *iss, *boot_id, *volume, *channel, *jkt;
	enum cc_op op;
	json_t *measurement;
	const json_t *agent, *recipient;
};

static inline json_t *measurement(const char *container)
{
	json_t *m = json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:i, s:i, s:i}}", "engine", "docker",
			      "state", "created", "container", "id", container, "name", "app",
			      "process", "pid", 4242, "startTime", 1000, "cgroupId", 77);
	json_t *user = json_pack("{s:i, s:i, s:[]}", "uid", 0, "gid", 0, "additionalGids");

	json_object_set_new(m, "image",
			    json_pack("{s:s, s:[s], s:s, s:[s], s:[s], s:s, s:O}", "id", DIGEST_1,
				      "manifests", DIGEST_2, "ref", "registry/app:1", "args",
				      "/app", "env", "PATH=/bin", "cwd", "/", "user", user));
	json_object_set_new(
		m, "config",
		json_pack("{s:[s], s:[s], s:s, s:o, s:[s], s:b, s:b, s:s, s:[], s:[], s:[], s:[], "
			  "s:{s:s, s:s, s:s, s:s, s:s, s:s}, s:b}",
			  "args", "/app", "env", "PATH=/bin", "cwd", "/", "user", user,
			  "capabilities", "CAP_CHOWN", "noNewPrivileges", 0, "readonlyRootfs", 0,
			  "seccomp", DIGEST_2, "mounts", "devices", "hooks", "settings",
			  "namespaces", "cgroup", "private", "ipc", "private", "mnt", "private",
			  "net", "private", "pid", "private", "uts", "private", "privileged", 0));
	json_object_set_new(m, "rootfs",
			    json_pack("{s:s, s:b}", "upper", "clean", "firstStart", 1));
	return m;
}

/* Changes a member of an object inside a measurement, "config", "args", …; @value is taken over. */
static inline void change(json_t *m, const char *in, const char *key, json_t *value)
{
	json_object_set_new(json_object_get(m, in), key, value);
}

static inline struct got challenge(struct world *w)
{
	return ask(w, OP_CHALLENGE, "", json_object());
}

static inline struct claim claim_default(struct world *w, const json_t *recipient)
{
	auto_got struct got g = challenge(w);
	struct claim cl = {
		.aud = "keyd-test",
		.iss = "host1",
		.boot_id = BOOT_1,
		.volume = UUID_PGDATA,
		.channel = channel_of(w),
		.op = CC_OP_RELEASE,
		.measurement = measurement(CONTAINER_1),
		.agent = w->agent,
		.recipient = recipient,
	};

	snprintf(cl.nonce, sizeof(cl.nonce), "%s",
		 json_string_value(json_object_get(g.body, "nonce")));
	return cl;
}

/* The JWS; consumes @cl->measurement. */
static inline char *sign_claim(struct claim *cl)
{
	struct cc_evidence ev = {.iat = fake_real, .op = cl->op};
	struct cc_error err;
	char *jws = NULL;

	assert_int_equal(cc_b64u_decode32(cl->nonce, ev.nonce), 0);
	ev.aud = strdup(cl->aud);
	ev.iss = strdup(cl->iss);
	ev.channel = strdup(cl->channel);
	ev.jkt = cl->jkt ? strdup(cl->jkt) : cc_jwk_thumbprint(cl->recipient, &err);
	snprintf(ev.boot_id, sizeof(ev.boot_id), "%s", cl->boot_id);
	snprintf(ev.volume, sizeof(ev.volume), "%s", cl->volume);
	if (cl->op == CC_OP_RELEASE) {
		ev.measurement = cc_measurement_from_json(cl->measurement, &err);
		if (!ev.measurement)
			fail_msg("%s", err.text);
	}
	json_decref(cl->measurement);
	if (cc_evidence_sign(&ev, cl->agent, &jws, &err))
		fail_msg("%s", err.text);
	cc_evidence_clear(&ev);
	return jws;
}

static inline struct got send_release(struct world *w, const char *jws, const json_t *recipient)
{
	struct cc_error err;
	json_t *public = cc_jwk_public(recipient, &err);

	return ask(w, OP_RELEASE, "",
		   json_pack("{s:s, s:o}", "evidence", jws, "recipient", public));
}

static inline json_t *one_time_key(void)
{
	struct cc_error err;
	json_t *jwk = cc_jwk_new(NULL, true, &err);

	assert_non_null(jwk);
	return jwk;
}

/* The whole exchange as agent @iss with @key. */
static inline struct got release_as(struct world *w, const char *iss, const json_t *key,
				    const char *boot_id, const char *container)
{
	cc_auto_json json_t *recipient = one_time_key();
	struct claim cl = claim_default(w, recipient);
	cc_auto_free char *jws = NULL;

	cl.iss = iss;
	cl.agent = key;
	cl.boot_id = boot_id;
	json_decref(cl.measurement);
	cl.measurement = measurement(container);
	jws = sign_claim(&cl);
	return send_release(w, jws, recipient);
}

/*
 * A renewal of @lease of pgdata as agent @w->agent; @change, if not NULL, changes the measurement.
 */
typedef void change_fn(json_t *measurement);

static inline struct got renew_by(struct world *w, const char *iss, const json_t *key,
				  const char *boot_id, const char *lease, struct cc_renewal *r)
{
	auto_got struct got g = challenge(w);
	struct cc_evidence ev = {.iat = fake_real, .op = CC_OP_RENEW, .n_renewals = 1};
	cc_auto_free char *jws = NULL;
	struct cc_error err;

	r->left_ms = fake_kernel_left_ms;
	snprintf(r->lease, sizeof(r->lease), "%s", lease);
	snprintf(r->volume, sizeof(r->volume), "%s", UUID_PGDATA);
	assert_int_equal(
		cc_b64u_decode32(json_string_value(json_object_get(g.body, "nonce")), ev.nonce), 0);
	ev.aud = (char *)"keyd-test";
	ev.iss = (char *)iss;
	ev.channel = (char *)channel_of(w);
	snprintf(ev.boot_id, sizeof(ev.boot_id), "%s", boot_id);
	ev.renewals = r;
	if (cc_evidence_sign(&ev, key, &jws, &err))
		fail_msg("%s", err.text);
	return ask(w, OP_RENEW, "", json_pack("{s:s}", "evidence", jws));
}

static inline struct got renew_as(struct world *w, const char *iss, const json_t *key,
				  const char *boot_id, const char *container, const char *lease,
				  change_fn *twist)
{
	cc_auto_json json_t *m = measurement(container);
	struct cc_renewal r = {0};
	struct cc_error err;
	struct got g;

	if (twist)
		twist(m);
	r.measurement = cc_measurement_from_json(m, &err);
	assert_non_null(r.measurement);
	g = renew_by(w, iss, key, boot_id, lease, &r);
	cc_measurement_free(r.measurement);
	return g;
}

static inline struct got renew(struct world *w, const char *lease)
{
	return renew_as(w, "host1", w->agent, BOOT_1, CONTAINER_1, lease, NULL);
}

/* The one renewal of an answer, borrowed. */
static inline const json_t *renewal_of(const struct got *g)
{
	const json_t *list = json_object_get(g->body, "renewals");

	if (g->http != 200 || json_array_size(list) != 1)
		fail_msg("%s", g->text);
	return json_array_get(list, 0);
}

static inline void assert_renewed(const struct got *g)
{
	if (!json_is_true(json_object_get(renewal_of(g), "renewed")))
		fail_msg("%s", g->text);
}

static inline void assert_not_renewed(const struct got *g, const char *fact)
{
	const json_t *error = json_object_get(renewal_of(g), "error");
	const char *have = json_string_value(json_object_get(error, "fact"));

	if (!json_is_false(json_object_get(renewal_of(g), "renewed")) || !have ||
	    strcmp(have, fact) != 0)
		fail_msg("expected fact %s, got %s", fact, g->text);
}

static inline struct got release_to(struct world *w, const char *boot_id, const char *container)
{
	return release_as(w, "host1", w->agent, boot_id, container);
}

static inline json_int_t fence_of(const struct got *g)
{
	return json_integer_value(json_object_get(json_object_get(g->body, "lease"), "fence"));
}

static inline const char *lease_of(const struct got *g)
{
	return json_string_value(json_object_get(json_object_get(g->body, "lease"), "id"));
}

/* ---- life ---- */

/* With the world's KEK. Close it also after a failure. */
static inline int start_custodian(struct world *w, enum store_mode mode, struct cc_error *err)
{
	struct custodian *c = &w->custodian;
	struct cc_secret key = {0};

	*c = (struct custodian){.clock = {get_fake_real, get_fake_boot_ms}};
	strcpy(c->realm, "keyd-test");
	assert_int_equal(cc_secret_heap_init(err), 0);
	assert_int_equal(cc_secret_copy(&key, "kekkekkekkekkekkekkekkekkekkekke", KEK_LEN, err), 0);
	assert_int_equal(kek_from_secret(&key, &c->kek, err), 0);
	strcpy(c->boot_id, fake_host_boot);
	c->kept = kept_new(err);
	c->store = store_open(w->dir, mode, err);
	if (!c->kept || !c->store || custodian_unlock(c, err))
		return -1;
	return w->anchor[0] ? custodian_ready(c, w->anchor, err)
			    : lease_settle(c->store, fake_host_boot, get_fake_boot_ms, err);
}

static inline void open_custodian(struct world *w)
{
	struct cc_error err;

	if (start_custodian(w, STORE_CREATE, &err))
		fail_msg("%s", err.text);
}

/* A restart: what is only in memory is gone. */
static inline void reopen_custodian(struct world *w)
{
	custodian_close(&w->custodian);
	open_custodian(w);
}

static inline struct world *world_empty(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	strcpy(w->dir, "/tmp/test-keyd-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	open_custodian(w);
	fake_real = 1800000000;
	fake_boot_ms = 1000000;
	return w;
}

static inline int world_setup(void **state)
{
	struct world *w = world_empty();

	w->signer = new_p256();
	w->agent = new_agent_key("host1");
	add_signer(w, "ci", w->signer);
	enrol(w, "host1", w->agent);
	add_volume(w, "pgdata", UUID_PGDATA);
	{
		auto_got struct got g = add_identity(w, w->signer, predicate(3));

		assert_int_equal(g.http, 200);
	}
	*state = w;
	return 0;
}

static inline int remove_one(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
	(void)sb;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int world_teardown(void **state)
{
	struct world *w = *state;

	custodian_close(&w->custodian);
	EVP_PKEY_free(w->signer);
	json_decref(w->agent);
	nftw(w->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(w);
	return 0;
}

/* What somebody with the database file could do. */
static inline void tamper(struct world *w, const char *sql)
{
	char path[128];
	char *why = NULL;
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/" STORE_FILE, w->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s", why);
	sqlite3_close(db);
}

/* The same by somebody who has the KEK, too: what is behind the MACs has to stand by itself. */
static inline void tamper_sealed(struct world *w, const char *sql)
{
	struct cc_error err;

	tamper(w, sql);
	if (store_begin(w->custodian.store, &err) || sql_seal_all(w->custodian.store, &err) ||
	    store_commit(w->custodian.store, &err))
		fail_msg("%s", err.text);
}

#endif
