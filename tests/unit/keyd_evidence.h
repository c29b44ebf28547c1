/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyd_evidence.h - what an agent sends to keyd: evidence of a container, releases and renewals.
 */
#ifndef TEST_KEYD_EVIDENCE_H
#define TEST_KEYD_EVIDENCE_H

#include "keyd_ask.h"
#include "release.h"

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

/* The public part of a key; new reference. */
static inline json_t *public_of(const json_t *jwk)
{
	struct cc_error err;
	json_t *public = cc_jwk_public(jwk, &err);

	assert_non_null(public);
	return public;
}

static inline struct got send_release(struct world *w, const char *jws, const json_t *recipient)
{
	return ask(w, OP_RELEASE, "",
		   json_pack("{s:s, s:o}", "evidence", jws, "recipient", public_of(recipient)));
}

/* Opens the key of an answer, which must have one, with @private. As cc_release_open(). */
static inline int open_key(const struct got *g, const json_t *private, struct cc_secret *key)
{
	const char *jwe = json_string_value(json_object_get(g->body, "jwe"));
	struct cc_error err;

	if (!jwe)
		fail_msg("%s", message_of(g));
	return cc_release_open(jwe, strlen(jwe), private, key, &err);
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

/* All of @r in one request. */
static inline struct got renew_all_by(struct world *w, const char *iss, const json_t *key,
				      const char *boot_id, struct cc_renewal *r, size_t n)
{
	auto_got struct got g = challenge(w);
	struct cc_evidence ev = {
		.iat = fake_real, .op = CC_OP_RENEW, .n_renewals = n, .renewals = r};
	cc_auto_free char *jws = NULL;
	struct cc_error err;

	assert_int_equal(
		cc_b64u_decode32(json_string_value(json_object_get(g.body, "nonce")), ev.nonce), 0);
	ev.aud = (char *)"keyd-test";
	ev.iss = (char *)iss;
	ev.channel = (char *)channel_of(w);
	snprintf(ev.boot_id, sizeof(ev.boot_id), "%s", boot_id);
	if (cc_evidence_sign(&ev, key, &jws, &err))
		fail_msg("%s", err.text);
	return ask(w, OP_RENEW, "", json_pack("{s:s}", "evidence", jws));
}

static inline struct got renew_by(struct world *w, const char *iss, const json_t *key,
				  const char *boot_id, const char *lease, struct cc_renewal *r)
{
	r->left_ms = fake_kernel_left_ms;
	snprintf(r->lease, sizeof(r->lease), "%s", lease);
	snprintf(r->volume, sizeof(r->volume), "%s", UUID_PGDATA);
	return renew_all_by(w, iss, key, boot_id, r, 1);
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

#endif
