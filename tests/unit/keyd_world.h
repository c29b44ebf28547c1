/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyd_world.h - a custodian with everything in place to release the key of volume pgdata to
 * container app, for the tests of keyd. Time stands still unless a test moves it. What a test
 * changes is what it is about.
 */
#ifndef TEST_KEYD_WORLD_H
#define TEST_KEYD_WORLD_H

#include "keyd_ask.h"
#include "keyd_evidence.h"

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
	ask_ok(w, OP_AGENT_ADD, "", json_pack("{s:s, s:o}", "name", name, "jwk", public_of(key)));
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
