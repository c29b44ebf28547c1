// SPDX-License-Identifier: Apache-2.0
#include "evidence.h"

#include <string.h>
#include <jose/b64.h>
#include <jose/jws.h>

#include "jose.h"
#include "jws.h"
#include "jwk.h"
#include "name.h"
#include "p256.h"

static const char *const op_names[] = {[CC_OP_RELEASE] = "release",
				       [CC_OP_FORMAT] = "format",
				       [CC_OP_RENEW] = "renew",
				       [CC_OP_RETURN] = "return",
				       [CC_OP_MAINTAIN] = "maintain"};

/* NULL: the member is absent. */
static const char *const look_names[] = {[CC_LOOK_UNSAID] = NULL,
					 [CC_LOOK_LATE] = "late",
					 [CC_LOOK_FILTER_UNREAD] = "filterUnread"};

void cc_evidence_clear(struct cc_evidence *ev)
{
	free(ev->aud);
	free(ev->iss);
	free(ev->jkt);
	free(ev->channel);
	free(ev->gate);
	free(ev->command);
	cc_measurement_free(ev->measurement);
	for (size_t i = 0; i < ev->n_renewals; i++) {
		cc_measurement_free(ev->renewals[i].measurement);
		free(ev->renewals[i].refusal);
	}
	free(ev->renewals);
	*ev = (struct cc_evidence){0};
}

static void evidence_fail(struct cc_error *err)
{
	if (err->code == CC_E_INVALID)
		cc_set_fact(err, "evidence");
}

/* ---- claims -------------------------------------------------------------------------------- */

/* Adds @value, whose reference it takes, or nothing when it is NULL for lack of memory. */
static int claim_put(json_t *obj, const char *key, json_t *value)
{
	return value ? json_object_set_new(obj, key, value) : -1;
}

static json_t *refusal_to_json(const struct cc_refusal *r)
{
	return json_pack("{s:s, s:s, s:s}", "container", r->container, "fact", r->fact, "message",
			 r->text);
}

static int put_renewals(json_t *claims, const struct cc_evidence *ev)
{
	json_t *list = json_array();

	if (claim_put(claims, "renewals", list))
		return -1;
	for (size_t i = 0; i < ev->n_renewals; i++) {
		const struct cc_renewal *r = &ev->renewals[i];
		json_t *said = r->refusal ? refusal_to_json(r->refusal)
					  : cc_measurement_to_json(r->measurement);

		if (!said ||
		    json_array_append_new(
			    list, json_pack("{s:s, s:s, s:I, s:s*, s:o}", "lease", r->lease,
					    "volume", r->volume, "leftMs", (json_int_t)r->left_ms,
					    "look", look_names[r->look],
					    r->refusal ? "refused" : "measurement", said)))
			return -1;
	}
	return 0;
}

/* What depends on the operation. */
static int put_subject(json_t *claims, const struct cc_evidence *ev)
{
	if (ev->op == CC_OP_RENEW)
		return put_renewals(claims, ev);
	if (ev->op == CC_OP_RETURN)
		return claim_put(claims, "lease", json_string(ev->lease));
	if (claim_put(claims, "volume", json_string(ev->volume)) ||
	    ((ev->jkt || ev->op != CC_OP_MAINTAIN) &&
	     claim_put(claims, "cnf", json_pack("{s:s}", "jkt", ev->jkt))))
		return -1;
	if (ev->op == CC_OP_MAINTAIN &&
	    (claim_put(claims, "maintenance", json_string(ev->maintenance)) ||
	     claim_put(claims, "command", json_string(ev->command))))
		return -1;
	if (ev->measurement &&
	    claim_put(claims, "measurement", cc_measurement_to_json(ev->measurement)))
		return -1;
	return ev->gate ? claim_put(claims, "gate", json_string(ev->gate)) : 0;
}

static json_t *claims_to_json(const struct cc_evidence *ev)
{
	cc_auto_json json_t *claims = NULL;
	char nonce[CC_B64U_32 + 1];

	if (cc_b64u_encode32(ev->nonce, nonce))
		return NULL;
	claims = json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:s}", "eat_nonce", nonce, "aud",
			   ev->aud, "iss", ev->iss, "iat", (json_int_t)ev->iat, "boot_id",
			   ev->boot_id, "op", op_names[ev->op], "channel", ev->channel);
	return claims && !put_subject(claims, ev) ? cc_steal(claims) : NULL;
}

static int parse_uuid(const json_t *obj, const char *key, char out[static 37], struct cc_error *err)
{
	const char *s = json_string_value(json_object_get(obj, key));

	if (!s || !cc_is_uuid(s))
		return cc_fail(err, CC_E_INVALID, "evidence: \"%s\" must be a lower-case UUID",
			       key);
	memcpy(out, s, 37);
	return 0;
}

static int parse_nonce(const json_t *claims, struct cc_evidence *ev, struct cc_error *err)
{
	const char *s = json_string_value(json_object_get(claims, "eat_nonce"));

	if (s && cc_b64u_decode32(s, ev->nonce) == 0)
		return 0;
	return cc_fail(err, CC_E_INVALID, "evidence: \"eat_nonce\" must be %d bytes of base64url",
		       CC_NONCE_LEN);
}

static int parse_op(const json_t *claims, struct cc_evidence *ev, struct cc_error *err)
{
	const char *s = json_string_value(json_object_get(claims, "op"));

	for (size_t i = 0; s && i < sizeof(op_names) / sizeof(op_names[0]); i++) {
		if (strcmp(s, op_names[i]) != 0)
			continue;
		ev->op = (enum cc_op)i;
		return 0;
	}
	return cc_fail(err, CC_E_INVALID,
		       "evidence: \"op\" must be release, format, renew, return or maintain");
}

/* Hashes in claims: SHA-256, base64url; @word, if not NULL, is allowed in place of one. */
static int check_hash(const char *s, const char *key, const char *word, struct cc_error *err)
{
	unsigned char raw[32];

	if ((word && !strcmp(s, word)) || cc_b64u_decode32(s, raw) == 0)
		return 0;
	return cc_fail(err, CC_E_INVALID, "evidence: \"%s\" must be 32 bytes of base64url%s%s", key,
		       word ? " or " : "", word ? word : "");
}

/* A maintenance that goes on has its key already. */
static int parse_cnf(const json_t *claims, struct cc_evidence *ev, struct cc_error *err)
{
	static const char *const known[] = {"jkt", NULL};
	json_t *cnf = NULL;

	if (cc_json_obj(claims, "evidence", "cnf", ev->op != CC_OP_MAINTAIN, &cnf, err))
		return -1;
	if (!cnf)
		return 0;
	if (cc_json_only(cnf, "evidence cnf", known, err) ||
	    cc_json_str(cnf, "evidence cnf", "jkt", true, &ev->jkt, err))
		return -1;
	return check_hash(ev->jkt, "jkt", NULL, err);
}

static struct cc_measurement *parse_measurement(const json_t *obj, struct cc_error *err)
{
	json_t *m = NULL;

	if (cc_json_obj(obj, "evidence", "measurement", true, &m, err))
		return NULL;
	return cc_measurement_from_json(m, err);
}

static bool is_word(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");

	return n > 0 && n < CC_FACT_MAX && s[n] == '\0';
}

/* It goes into the audit log, as a refusal of keyd's own does. */
static struct cc_refusal *parse_refusal(const json_t *obj, struct cc_error *err)
{
	static const char *const known[] = {"container", "fact", "message", NULL};
	static const char what[] = "evidence refused";
	cc_auto_free char *container = NULL, *fact = NULL, *text = NULL;
	struct cc_refusal *r;

	if (cc_json_only(obj, what, known, err) ||
	    cc_json_str(obj, what, "container", true, &container, err) ||
	    cc_json_str(obj, what, "fact", true, &fact, err) ||
	    cc_json_str(obj, what, "message", true, &text, err))
		return NULL;
	if (!cc_measurement_is_container_id(container) || !is_word(fact) || !*text ||
	    strlen(text) >= CC_TEXT_MAX) {
		cc_fail(err, CC_E_INVALID, "%s: a member is out of range", what);
		return NULL;
	}
	r = calloc(1, sizeof(*r));
	if (!r) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	memcpy(r->container, container, strlen(container) + 1);
	memcpy(r->fact, fact, strlen(fact) + 1);
	memcpy(r->text, text, strlen(text) + 1);
	cc_text_clean(r->text);
	return r;
}

/* What it was measured as, or that it was refused: one of both. */
static int parse_said(const json_t *obj, struct cc_renewal *r, struct cc_error *err)
{
	json_t *refused = NULL;

	if (cc_json_obj(obj, "evidence", "refused", false, &refused, err))
		return -1;
	if (!refused) {
		r->measurement = parse_measurement(obj, err);
		return r->measurement ? 0 : -1;
	}
	if (json_object_get(obj, "measurement"))
		return cc_fail(err, CC_E_INVALID,
			       "evidence: a renewal has a measurement or is refused, not both");
	r->refusal = parse_refusal(refused, err);
	return r->refusal ? 0 : -1;
}

static int parse_look(const json_t *obj, enum cc_look *look, struct cc_error *err)
{
	cc_auto_free char *name = NULL;

	if (cc_json_str(obj, "evidence renewal", "look", false, &name, err))
		return -1;
	for (size_t i = 1; name && i < sizeof(look_names) / sizeof(look_names[0]); i++)
		if (strcmp(name, look_names[i]) == 0)
			*look = (enum cc_look)i;
	return name && !*look ? cc_fail(err, CC_E_INVALID,
					"evidence renewal: \"look\" must be late or filterUnread")
			      : 0;
}

static int parse_renewal(const json_t *obj, struct cc_renewal *r, struct cc_error *err)
{
	static const char *const known[] = {"lease",	   "volume",  "leftMs", "look",
					    "measurement", "refused", NULL};

	if (!json_is_object(obj))
		return cc_fail(err, CC_E_INVALID, "evidence: a renewal must be an object");
	if (cc_json_only(obj, "evidence renewal", known, err) ||
	    parse_uuid(obj, "lease", r->lease, err) || parse_uuid(obj, "volume", r->volume, err) ||
	    cc_json_u64(obj, "evidence renewal", "leftMs", false, &r->left_ms, err) ||
	    parse_look(obj, &r->look, err))
		return -1;
	return parse_said(obj, r, err);
}

/* One lease cannot have two answers, nor fill the request. */
static int check_twice(const struct cc_renewal *all, size_t n, struct cc_error *err)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(all[i].lease, all[n].lease))
			return cc_fail(err, CC_E_INVALID, "evidence: lease %s is named twice",
				       all[n].lease);
	return 0;
}

static int parse_renewals(const json_t *claims, struct cc_evidence *ev, struct cc_error *err)
{
	json_t *list = NULL;
	size_t n;

	if (cc_json_arr(claims, "evidence", "renewals", true, &list, err))
		return -1;
	n = json_array_size(list);
	if (n == 0 || n > CC_RENEWALS_MAX)
		return cc_fail(err, CC_E_INVALID, "evidence: must have 1 to %d renewals",
			       CC_RENEWALS_MAX);
	ev->renewals = calloc(n, sizeof(*ev->renewals));
	if (!ev->renewals)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	ev->n_renewals = n;
	for (size_t i = 0; i < n; i++)
		if (parse_renewal(json_array_get(list, i), &ev->renewals[i], err) ||
		    check_twice(ev->renewals, i, err))
			return -1;
	return 0;
}

/* Claims that each operation has beside the common ones; others are refused. */
static int check_members(const json_t *claims, enum cc_op op, struct cc_error *err)
{
#define COMMON "eat_nonce", "aud", "iss", "iat", "boot_id", "op", "channel"
	static const char *const release[] = {COMMON, "volume", "cnf", "measurement", "gate", NULL};
	static const char *const format[] = {COMMON, "volume", "cnf", NULL};
	static const char *const renew[] = {COMMON, "renewals", NULL};
	static const char *const give_back[] = {COMMON, "lease", NULL};
	static const char *const maintain[] = {COMMON,	      "volume",	 "cnf", "gate",
					       "maintenance", "command", NULL};
	static const char *const *const known[] = {[CC_OP_RELEASE] = release,
						   [CC_OP_FORMAT] = format,
						   [CC_OP_RENEW] = renew,
						   [CC_OP_RETURN] = give_back,
						   [CC_OP_MAINTAIN] = maintain};

	return cc_json_only(claims, "evidence", known[op], err);
}

/* It goes into the audit log as it is. */
static int parse_gate(const json_t *claims, struct cc_evidence *ev, struct cc_error *err)
{
	size_t len;

	if (cc_json_str(claims, "evidence", "gate", false, &ev->gate, err))
		return -1;
	len = ev->gate ? strlen(ev->gate) : 1;
	if (len && len <= CC_GATE_MAX &&
	    (!ev->gate || strspn(ev->gate, "abcdefghijklmnopqrstuvwxyz,") == len))
		return 0;
	return cc_fail(err, CC_E_INVALID,
		       "evidence: \"gate\" must be at most %d lower-case letters and commas",
		       CC_GATE_MAX);
}

/* So does the command: nothing of it is cut there, and none of it can pass for something else. */
static int parse_command(const json_t *claims, struct cc_evidence *ev, struct cc_error *err)
{
	if (parse_uuid(claims, "maintenance", ev->maintenance, err) ||
	    cc_json_str(claims, "evidence", "command", true, &ev->command, err))
		return -1;
	if (cc_evidence_command_fits(ev->command))
		return 0;
	return cc_fail(err, CC_E_INVALID,
		       "evidence: \"command\" must be 1 to %d bytes without control characters",
		       CC_COMMAND_MAX);
}

bool cc_evidence_command_fits(const char *command)
{
	size_t len = strlen(command);

	if (!len || len > CC_COMMAND_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)command[i] < ' ' || command[i] == 0x7f)
			return false;
	return true;
}

static int parse_subject(const json_t *claims, struct cc_evidence *ev, struct cc_error *err)
{
	if (ev->op == CC_OP_RENEW)
		return parse_renewals(claims, ev, err);
	if (ev->op == CC_OP_RETURN)
		return parse_uuid(claims, "lease", ev->lease, err);
	if (parse_uuid(claims, "volume", ev->volume, err) || parse_cnf(claims, ev, err))
		return -1;
	if (ev->op == CC_OP_FORMAT)
		return 0;
	if (ev->op == CC_OP_MAINTAIN)
		return parse_command(claims, ev, err) || parse_gate(claims, ev, err) ? -1 : 0;
	ev->measurement = parse_measurement(claims, err);
	return ev->measurement ? parse_gate(claims, ev, err) : -1;
}

static int parse_claims(const json_t *claims, struct cc_evidence *ev, struct cc_error *err)
{
	static const char what[] = "evidence";
	uint64_t iat = 0;

	if (parse_op(claims, ev, err) || check_members(claims, ev->op, err) ||
	    parse_nonce(claims, ev, err) || cc_json_str(claims, what, "aud", true, &ev->aud, err) ||
	    cc_json_str(claims, what, "iss", true, &ev->iss, err) ||
	    cc_json_u64(claims, what, "iat", true, &iat, err) ||
	    parse_uuid(claims, "boot_id", ev->boot_id, err) ||
	    cc_json_str(claims, what, "channel", true, &ev->channel, err) ||
	    check_hash(ev->channel, "channel", CC_CHANNEL_UNIX, err))
		return -1;
	ev->iat = (int64_t)iat;
	return parse_subject(claims, ev, err);
}

int cc_evidence_claims_parse(const char *text, size_t len, struct cc_evidence *ev,
			     struct cc_error *err)
{
	cc_auto_json json_t *claims = cc_json_parse(text, len, "evidence", err);

	*ev = (struct cc_evidence){0};
	if (claims && !parse_claims(claims, ev, err))
		return 0;
	cc_evidence_clear(ev);
	evidence_fail(err);
	return -1;
}

/* ---- the signature ------------------------------------------------------------------------- */

int cc_evidence_sign(const struct cc_evidence *ev, const json_t *agent_key, char **jws,
		     struct cc_error *err)
{
	const char *kid = json_string_value(json_object_get(agent_key, "kid"));
	cc_auto_json json_t *claims = NULL;
	cc_auto_free char *out = NULL;

	if (!kid || !cc_is_name(kid) || strcmp(kid, ev->iss) != 0)
		return cc_fail(err, CC_E_INVALID,
			       "evidence: \"iss\" must be the name in the agent's key");
	if ((ev->op == CC_OP_RELEASE) != (ev->measurement != NULL) ||
	    (ev->op == CC_OP_RENEW) != (ev->n_renewals > 0) ||
	    (ev->op == CC_OP_RETURN) != (ev->lease[0] != '\0') ||
	    (ev->op == CC_OP_MAINTAIN) != (ev->command != NULL))
		return cc_fail(err, CC_E_INTERNAL,
			       "evidence: a measurement goes with \"release\", renewals with "
			       "\"renew\", a lease with \"return\", a command with "
			       "\"maintain\"");
	claims = claims_to_json(ev);
	out = cc_jws_sign("evidence", CC_EVIDENCE_TYP, claims, agent_key, err);
	if (!out)
		return -1;
	if (strlen(out) > CC_EVIDENCE_MAX)
		return cc_fail(
			err, CC_E_INVALID,
			"evidence: longer than %d bytes; the container's arguments, variables or "
			"mounts, or the documents of its signed image, are too long",
			CC_EVIDENCE_MAX);
	*jws = cc_steal(out);
	return 0;
}

static int open_jws(const char *jws, size_t len, struct cc_jose_part parts[static 3],
		    char kid[static 64], struct cc_error *err)
{
	if (len > CC_EVIDENCE_MAX)
		return cc_fail(err, CC_E_INVALID, "evidence: longer than %d bytes",
			       CC_EVIDENCE_MAX);
	return cc_jws_open("evidence", "evidence header", CC_EVIDENCE_TYP, jws, len, parts, kid,
			   err);
}

int cc_evidence_kid(const char *jws, size_t len, char kid[static 64], struct cc_error *err)
{
	struct cc_jose_part parts[3];

	if (!open_jws(jws, len, parts, kid, err))
		return 0;
	evidence_fail(err);
	return -1;
}

static int check_signature(const struct cc_jose_part parts[static 3], EVP_PKEY *key,
			   struct cc_error *err)
{
	if (cc_jws_verify(parts, key))
		return 0;
	return cc_refuse(
		err, "signature",
		"signature: the evidence's signature does not verify under the agent's key");
}

static int verify(const char *jws, size_t len, EVP_PKEY *key, struct cc_evidence *ev,
		  struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	struct cc_jose_part parts[3];
	size_t text_len;
	char kid[64];

	if (open_jws(jws, len, parts, kid, err) || check_signature(parts, key, err) ||
	    cc_jose_decode(&parts[1], &text, &text_len, "evidence", err) ||
	    cc_evidence_claims_parse(text, text_len, ev, err))
		return -1;
	if (strcmp(ev->iss, kid) == 0)
		return 0;
	cc_evidence_clear(ev);
	return cc_fail(err, CC_E_INVALID, "evidence: \"iss\" is not the agent that signed it");
}

int cc_evidence_verify(const char *jws, size_t len, EVP_PKEY *agent_key, struct cc_evidence *ev,
		       struct cc_error *err)
{
	*ev = (struct cc_evidence){0};
	if (!verify(jws, len, agent_key, ev, err))
		return 0;
	evidence_fail(err);
	return -1;
}

EVP_PKEY *cc_evidence_key(const json_t *jwk, struct cc_error *err)
{
	return cc_jwk_pkey(jwk, false, "ES256", err);
}
