/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyd_ask.h - keyd's world: what is in it, how it is asked, and what its audit log says.
 */
#ifndef TEST_KEYD_ASK_H
#define TEST_KEYD_ASK_H

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

#endif
