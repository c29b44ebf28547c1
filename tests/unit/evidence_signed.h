/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evidence_signed.h - evidence of an agent: signed as it should be, and forged.
 */
#ifndef TEST_EVIDENCE_SIGNED_H
#define TEST_EVIDENCE_SIGNED_H

#include "lib_test.h"

#include <jose/b64.h>
#include <jose/jwe.h>
#include <jose/jwk.h>
#include <jose/jws.h>
#include <sanitizer/lsan_interface.h>

#include "evidence.h"
#include "jose.h"
#include "jwk.h"
#include "pkey.h"
#include "secret.h"
#include "strv.h"

#define UUID "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
#define UUID_2 "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8fa"
#define HASH43 "IUrCNxHSRZQYHv4pl1q7RaPUQiWg7LWiMUBD6xpXUmc"

static json_t *agent, *agent_public, *other_public;
static struct cc_measurement *measured;

static inline int set_up(void **state)
{
	cc_auto_json json_t *m = json_of(
		"{'engine':'docker','state':'created','container':{'id':'c0ffee'},"
		"'process':{'pid':4711,'startTime':123456,'cgroupId':987},"
		"'image':{'id':'" DIGEST_A "','manifests':[],'args':['/app'],'env':[],'cwd':'',"
		"'user':{'uid':0,'gid':0}},'config':{'args':['/app'],'env':[],'cwd':'/',"
		"'user':{'uid':0,'gid':0},'capabilities':[],'noNewPrivileges':false,"
		"'readonlyRootfs':false,'seccomp':'unconfined','mounts':[],'devices':[],'hooks':[],'settings':[],"
		"'namespaces':{'cgroup':'private','ipc':'private','mnt':'private','net':'private',"
		"'pid':'private','uts':'private'},'privileged':false},"
		"'rootfs':{'upper':'clean','firstStart':true}}");
	struct cc_error err = {0};
	cc_auto_json json_t *other = NULL;

	(void)state;
	if (cc_secret_heap_init(&err))
		return -1;
	measured = cc_measurement_from_json(m, &err);
	agent = cc_jwk_new("host1", false, &err);
	other = cc_jwk_new("host1", false, &err);
	agent_public = cc_jwk_public(agent, &err);
	other_public = cc_jwk_public(other, &err);
	return measured && agent_public && other_public ? 0 : -1;
}

static inline int tear_down(void **state)
{
	(void)state;
	json_decref(agent);
	json_decref(agent_public);
	json_decref(other_public);
	cc_measurement_free(measured);
	return 0;
}

/* Borrows all it points to: not for cc_evidence_clear(). */
static inline struct cc_evidence evidence(enum cc_op op)
{
	static char aud[] = "realm", iss[] = "host1", jkt[] = HASH43, channel[] = CC_CHANNEL_UNIX;
	static char gate[] = "open,look";
	struct cc_evidence ev = {.nonce = {1, 2, 3},
				 .aud = aud,
				 .iss = iss,
				 .iat = 1780000000,
				 .boot_id = UUID,
				 .op = op,
				 .volume = UUID,
				 .jkt = jkt,
				 .channel = channel,
				 .gate = op == CC_OP_RELEASE ? gate : NULL,
				 .measurement = op == CC_OP_RELEASE ? measured : NULL};

	return ev;
}

static inline char *sign(enum cc_op op)
{
	struct cc_evidence ev = evidence(op);
	struct cc_error err = {0};
	char *jws = NULL;

	expect_ok(cc_evidence_sign(&ev, agent, &jws, &err), &err);
	return jws;
}

/* A compact JWS with this header and these claims, signed well by libjose with @key. */
static inline char *forge(const char *header, const char *claims, const json_t *key)
{
	cc_auto_json json_t *doc = json_object(), *sig = json_object(), *jwk = json_deep_copy(key);
	cc_auto_jose_cfg jose_cfg_t *cfg = cc_jose_cfg();
	const char *h, *p, *s;
	char *jws = NULL;

	json_object_del(jwk, "alg");
	json_object_set_new(doc, "payload", jose_b64_enc(claims, strlen(claims)));
	json_object_set_new(sig, "protected", jose_b64_enc(header, strlen(header)));
	assert_true(jose_jws_sig(cfg, doc, sig, jwk));
	assert_int_equal(
		json_unpack(doc, "{s:s,s:s,s:s}", "protected", &h, "payload", &p, "signature", &s),
		0);
	assert_true(asprintf(&jws, "%s.%s.%s", h, p, s) > 0);
	return jws;
}

#define HEADER "{\"alg\":\"ES256\",\"typ\":\"" CC_EVIDENCE_TYP "\",\"kid\":\"host1\"}"

static inline char *claims_of(const char *jws)
{
	const char *p = strchr(jws, '.') + 1;
	struct cc_jose_part part = {p, strcspn(p, ".")};
	struct cc_error err = {0};
	char *text = NULL;
	size_t len;

	expect_ok(cc_jose_decode(&part, &text, &len, "claims", &err), &err);
	return text;
}

static inline int verify(const char *jws, const json_t *key, struct cc_evidence *ev,
			 struct cc_error *err)
{
	cc_auto_pkey EVP_PKEY *pkey = cc_evidence_key(key, err);

	*ev = (struct cc_evidence){0};
	return pkey ? cc_evidence_verify(jws, strlen(jws), pkey, ev, err) : -1;
}

static inline void expect_rejected(const char *jws, enum cc_code code, const char *fact,
				   const char *part)
{
	struct cc_error err = {0};
	struct cc_evidence ev;

	assert_int_equal(verify(jws, agent_public, &ev, &err), -1);
	expect_error(&err, code, fact, part);
	assert_null(ev.iss);
	assert_null(ev.measurement);
}

#endif
