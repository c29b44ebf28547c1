// SPDX-License-Identifier: Apache-2.0
/*
 * state.c - signers, agents, volumes and identities, as keyd is to have them or has them.
 */
#include "state/state.h"

#include <string.h>

#include "lease_terms.h"
#include "mount_options.h"

const char *state_noun(enum state_kind kind)
{
	static const char *const nouns[] = {"signer", "agent", "volume", "identity"};

	return nouns[kind];
}

const char *state_section(enum state_kind kind)
{
	static const char *const sections[] = {"signers", "agents", "volumes", "identities"};

	return sections[kind];
}

void state_clear(struct state *s)
{
	for (int kind = STATE_SIGNER; kind <= STATE_AGENT; kind++) {
		for (size_t i = 0; i < s->n_peers[kind]; i++)
			json_decref(s->peers[kind][i].key);
		free(s->peers[kind]);
	}
	for (size_t i = 0; i < s->n_volumes; i++) {
		json_decref(s->volumes[i].terms);
		json_decref(s->volumes[i].made);
		free(s->volumes[i].lun);
		free(s->volumes[i].label);
	}
	free(s->volumes);
	for (size_t i = 0; i < s->n_identities; i++)
		free(s->identities[i].envelope);
	free(s->identities);
	*s = (struct state){0};
}

const struct state_peer *state_find_peer(const struct state *s, enum state_kind kind,
					 const char *name)
{
	for (size_t i = 0; i < s->n_peers[kind]; i++)
		if (strcmp(s->peers[kind][i].name, name) == 0)
			return &s->peers[kind][i];
	return NULL;
}

const struct state_peer *state_find_key(const struct state *s, enum state_kind kind,
					const char *key_id)
{
	for (size_t i = 0; i < s->n_peers[kind]; i++)
		if (strcmp(s->peers[kind][i].key_id, key_id) == 0)
			return &s->peers[kind][i];
	return NULL;
}

const struct state_volume *state_find_volume(const struct state *s, const char *name)
{
	for (size_t i = 0; i < s->n_volumes; i++)
		if (strcmp(s->volumes[i].name, name) == 0)
			return &s->volumes[i];
	return NULL;
}

const struct state_identity *state_find_identity(const struct state *s, const char *volume)
{
	for (size_t i = 0; i < s->n_identities; i++)
		if (strcmp(s->identities[i].volume, volume) == 0)
			return &s->identities[i];
	return NULL;
}

/* ---- a volume's members -------------------------------------------------------------------- */

/* Of @from the members that @obj has, too. */
static json_t *members_in(json_t *from, const json_t *obj)
{
	cc_auto_json json_t *some = json_object();
	const char *key;
	json_t *value;

	json_object_foreach(from, key, value)
		if (json_object_get(obj, key) && json_object_set(some, key, value))
			return NULL;
	return cc_steal(some);
}

int state_terms_read(const json_t *obj, const char *what, json_t **terms, struct cc_error *err)
{
	struct cc_lease_terms t = CC_LEASE_TERMS_DEFAULT;
	struct cc_mount_options mount = {0};
	cc_auto_json json_t *all = NULL;
	char text[CC_MOUNT_OPTIONS_TEXT];

	if (cc_lease_terms_read(obj, what, &t, err) ||
	    cc_mount_options_read(obj, what, &mount, err))
		return -1;
	cc_mount_options_text(&mount, text);
	all = cc_lease_terms_to_json(&t);
	if (!all || json_object_set_new(all, "mountOptions", json_string(text)))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	*terms = members_in(all, obj);
	return *terms ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

json_t *state_made_read(const json_t *obj)
{
	static const char *const names[] = {"fs", "cipher", "keyBytes", "sectorSize"};
	cc_auto_json json_t *made = json_object();

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		json_t *value = json_object_get(obj, names[i]);

		if (value && json_object_set(made, names[i], value))
			return NULL;
	}
	return cc_steal(made);
}

/* ---- to JSON ------------------------------------------------------------------------------- */

static json_t *peers_json(const struct state *s, enum state_kind kind)
{
	const char *key = kind == STATE_SIGNER ? "pem" : "jwk";
	cc_auto_json json_t *list = json_array();

	for (size_t i = 0; i < s->n_peers[kind]; i++) {
		const struct state_peer *p = &s->peers[kind][i];

		if (json_array_append_new(list, json_pack("{s:s, s:O, s:s}", "name", p->name, key,
							  p->key, "volumes", p->volumes.text)))
			return NULL;
	}
	return cc_steal(list);
}

static json_t *volumes_json(const struct state *s)
{
	cc_auto_json json_t *list = json_array();

	for (size_t i = 0; i < s->n_volumes; i++) {
		const struct state_volume *v = &s->volumes[i];
		json_t *obj = json_pack("{s:s, s:s*}", "name", v->name, "lun", v->lun);

		if (!obj || json_object_update(obj, v->made) || json_object_update(obj, v->terms)) {
			json_decref(obj);
			return NULL;
		}
		if (json_array_append_new(list, obj))
			return NULL;
	}
	return cc_steal(list);
}

static json_t *identities_json(const struct state *s)
{
	cc_auto_json json_t *list = json_array();

	for (size_t i = 0; i < s->n_identities; i++) {
		const struct state_identity *id = &s->identities[i];

		if (json_array_append_new(list, json_pack("{s:s, s:s}", "volume", id->volume,
							  "envelope", id->envelope)))
			return NULL;
	}
	return cc_steal(list);
}

json_t *state_to_json(const struct state *s)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "apiVersion", STATE_VERSION, "signers",
			 peers_json(s, STATE_SIGNER), "agents", peers_json(s, STATE_AGENT),
			 "volumes", volumes_json(s), "identities", identities_json(s));
}
