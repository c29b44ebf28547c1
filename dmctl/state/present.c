// SPDX-License-Identifier: Apache-2.0
/*
 * present.c - what keyd has.
 */
#include "state/present.h"

#include <string.h>

#include "client/keyd_client.h"
#include "state/ask.h"

#define WHAT "answer of keyd"

static int take_text(const json_t *obj, const char *member, char *out, size_t size,
		     struct cc_error *err)
{
	cc_auto_free char *text = NULL;

	if (cc_json_str(obj, WHAT, member, true, &text, err))
		return -1;
	if (strlen(text) >= size)
		return cc_fail(err, CC_E_INVALID, WHAT ": %s is too long", member);
	memcpy(out, text, strlen(text) + 1);
	return 0;
}

static int take_name(const json_t *obj, char out[static CC_NAME_LEN], struct cc_error *err)
{
	if (take_text(obj, "name", out, CC_NAME_LEN, err))
		return -1;
	return cc_is_name(out) ? 0 : cc_fail(err, CC_E_INVALID, WHAT ": a name is malformed");
}

/* All of them, or none. *list is borrowed from *answer. */
static int whole_list(enum state_kind kind, json_t **answer, json_t **list, struct cc_error *err)
{
	const char *section = state_section(kind);
	const json_t *bad;
	char path[32];

	snprintf(path, sizeof(path), "/v1/%s", section);
	if (keyd_list(path, section, answer, list, err))
		return -1;
	bad = json_array_get(json_object_get(*answer, "badRows"), 0);
	if (!bad)
		return 0;
	cc_fail(err, CC_E_INTERNAL,
		"keyd left out %.80s, which it did not write, so that nobody knows all of the %s: "
		"see keyd(8)",
		json_string_value(bad) ?: "?", section);
	return cc_set_fact(err, "row");
}

/* ---- signers and agents -------------------------------------------------------------------- */

/* An older keyd has no keys of agents in its list; to compare, it needs none. */
static int take_peer(const json_t *obj, enum state_kind kind, bool with_key, struct state_peer *p,
		     struct cc_error *err)
{
	bool is_signer = kind == STATE_SIGNER;

	p->key = json_incref(json_object_get(obj, is_signer ? "pem" : "jwk"));
	if (with_key && !p->key)
		return cc_fail(err, CC_E_INVALID,
			       WHAT
			       ": it gives no keys of %s; upgrade keyd to the version of dmctl",
			       state_section(kind));
	if (take_name(obj, p->name, err) ||
	    take_text(obj, is_signer ? "keyid" : "thumbprint", p->key_id, sizeof(p->key_id), err))
		return -1;
	return cc_scope_read(obj, WHAT, &p->volumes, &p->has_volumes, err);
}

static int read_peers(struct state *s, enum state_kind kind, bool with_keys, struct cc_error *err)
{
	cc_auto_json json_t *answer = NULL;
	json_t *list = NULL;

	if (whole_list(kind, &answer, &list, err))
		return -1;
	s->peers[kind] = calloc(json_array_size(list) + 1, sizeof(*s->peers[kind]));
	if (!s->peers[kind])
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct state_peer *p = &s->peers[kind][s->n_peers[kind]++];

		p->volumes = (struct cc_scope)CC_SCOPE_ALL;
		if (take_peer(json_array_get(list, i), kind, with_keys, p, err))
			return -1;
	}
	return 0;
}

/* ---- volumes and identities ---------------------------------------------------------------- */

/* Its serial and digest say which it is, unless somebody wrote the same envelope otherwise. */
static bool is_asked_for(const struct state_identity *id, const struct state *wanted)
{
	const struct state_identity *w;

	if (!wanted)
		return true;
	w = state_find_identity(wanted, id->volume);
	return w && w->serial == id->serial && strcmp(w->digest, id->digest) != 0;
}

static int ask_envelope(struct state_identity *id, struct cc_error *err)
{
	cc_auto_json json_t *answer = NULL;
	char path[96];

	snprintf(path, sizeof(path), "/v1/identities/%s", id->volume);
	if (state_ask("GET", path, NULL, &answer, err))
		return -1;
	return cc_json_str(answer, WHAT, "envelope", true, &id->envelope, err);
}

static int take_identity_of(const json_t *obj, const char *volume, struct state_identity *id,
			    const struct state *wanted, struct cc_error *err)
{
	memcpy(id->volume, volume, sizeof(id->volume));
	if (cc_json_u64(obj, WHAT, "serial", true, &id->serial, err) ||
	    take_text(obj, "digest", id->digest, sizeof(id->digest), err))
		return -1;
	return is_asked_for(id, wanted) ? ask_envelope(id, err) : 0;
}

static int take_volume(const json_t *obj, struct state_volume *v, struct cc_error *err)
{
	const char *state = json_string_value(json_object_get(obj, "state"));

	if (take_name(obj, v->name, err))
		return -1;
	v->ready = state && strcmp(state, "ready") == 0;
	v->made = state_made_read(obj);
	if (!v->made)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return state_terms_read(obj, WHAT, &v->terms, err);
}

static int read_volumes(struct state *s, const struct state *wanted, struct cc_error *err)
{
	cc_auto_json json_t *answer = NULL;
	json_t *list = NULL;

	if (whole_list(STATE_VOLUME, &answer, &list, err))
		return -1;
	s->volumes = calloc(json_array_size(list) + 1, sizeof(*s->volumes));
	s->identities = calloc(json_array_size(list) + 1, sizeof(*s->identities));
	if (!s->volumes || !s->identities)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *obj = json_array_get(list, i), *id = json_object_get(obj, "identity");
		struct state_volume *v = &s->volumes[s->n_volumes++];

		if (take_volume(obj, v, err))
			return -1;
		if (json_is_object(id) &&
		    take_identity_of(id, v->name, &s->identities[s->n_identities++], wanted, err))
			return -1;
	}
	return 0;
}

int state_present_read(struct state *s, const struct state *wanted, struct cc_error *err)
{
	for (int kind = 0; kind < STATE_KINDS; kind++)
		s->given[kind] = true;
	return read_peers(s, STATE_SIGNER, !wanted, err) ||
			       read_peers(s, STATE_AGENT, !wanted, err) ||
			       read_volumes(s, wanted, err)
		       ? -1
		       : 0;
}
