// SPDX-License-Identifier: Apache-2.0
/*
 * document.c - the document that says what keyd is to have.
 */
#include "state/document.h"

#include <libgen.h>
#include <string.h>

#include "client/identity_file.h"
#include "client/key_file.h"
#include "digest.h"
#include "file.h"
#include "jwk.h"
#include "lease_terms.h"
#include "pkey.h"
#include "state/yaml.h"
#include "volume.h"
#include "volume/mkfs.h"

#define WHERE_LEN 48 /* "identities[12345]" */

/**
 * struct entry - an entry of a section while it is read.
 * @where: its path, for errors
 * @dir: where files are, NULL for where the program is
 */
struct entry {
	char where[WHERE_LEN];
	const json_t *obj;
	const char *dir;
};

/* ---- members ------------------------------------------------------------------------------- */

static int entry_name(const struct entry *e, const char *member, char out[static CC_NAME_LEN],
		      struct cc_error *err)
{
	cc_auto_free char *name = NULL;

	if (cc_json_str(e->obj, e->where, member, true, &name, err))
		return -1;
	if (!cc_is_name(name))
		return cc_fail(err, CC_E_INVALID, "%s: %s must be " CC_NAME_RULE ", not \"%.80s\"",
			       e->where, member, name);
	memcpy(out, name, strlen(name) + 1);
	return 0;
}

/* Exactly one of the two is there. */
static int either_member(const struct entry *e, const char *here, const char *file,
			 struct cc_error *err)
{
	bool has_here = json_object_get(e->obj, here), has_file = json_object_get(e->obj, file);

	if (has_here && has_file)
		return cc_fail(err, CC_E_INVALID, "%s: has both %s and %s", e->where, here, file);
	if (!has_here && !has_file)
		return cc_fail(err, CC_E_INVALID, "%s: has neither %s nor %s", e->where, here,
			       file);
	return 0;
}

/* The path that is said in @member; *path is malloced, NULL where nothing is. */
static int entry_file(const struct entry *e, const char *member, char **path, struct cc_error *err)
{
	cc_auto_free char *said = NULL;

	*path = NULL;
	if (cc_json_str(e->obj, e->where, member, false, &said, err))
		return -1;
	if (!said)
		return 0;
	if (strcmp(said, "-") == 0)
		return cc_fail(err, CC_E_INVALID, "%s: %s cannot be standard input", e->where,
			       member);
	if (said[0] == '/' || !e->dir)
		*path = cc_steal(said);
	else if (asprintf(path, "%s/%s", e->dir, said) < 0)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return 0;
}

static int fail_at(const struct entry *e, struct cc_error *err)
{
	return cc_prefix(err, "%s", e->where);
}

/* ---- signers and agents -------------------------------------------------------------------- */

static int read_pem(const struct entry *e, struct state_peer *p, struct cc_error *err)
{
	cc_auto_free char *pem = NULL, *path = NULL;
	cc_auto_pkey EVP_PKEY *key = NULL;

	if (either_member(e, "pem", "pemFile", err) || entry_file(e, "pemFile", &path, err) ||
	    cc_json_str(e->obj, e->where, "pem", false, &pem, err))
		return -1;
	if (path)
		pem = key_file_pem(path, err);
	key = pem ? cc_pubkey_parse(pem, strlen(pem), err) : NULL;
	if (!key || cc_pubkey_id(key, p->key_id, err))
		return fail_at(e, err);
	p->key = json_string(pem);
	return p->key ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

static int read_jwk(const struct entry *e, struct state_peer *p, struct cc_error *err)
{
	cc_auto_free char *path = NULL, *thumbprint = NULL;
	json_t *jwk = NULL;

	if (either_member(e, "jwk", "jwkFile", err) || entry_file(e, "jwkFile", &path, err) ||
	    cc_json_obj(e->obj, e->where, "jwk", false, &jwk, err))
		return -1;
	if (json_object_get(jwk, "d"))
		return cc_fail(err, CC_E_INVALID,
			       "%s: jwk is a private key, which nobody else may have: take the "
			       "public part, or name the file in jwkFile",
			       e->where);
	p->key = path ? key_file_jwk(path, err) : json_incref(jwk);
	if (!p->key || cc_jwk_check_public(p->key, err))
		return fail_at(e, err);
	thumbprint = cc_jwk_thumbprint(p->key, err);
	if (!thumbprint)
		return fail_at(e, err);
	snprintf(p->key_id, sizeof(p->key_id), "%s", thumbprint);
	return 0;
}

static int read_peer(const struct entry *e, enum state_kind kind, struct state_peer *p,
		     struct cc_error *err)
{
	static const char *const of_signers[] = {"name", "pem", "pemFile", "volumes", NULL};
	static const char *const of_agents[] = {"name", "jwk", "jwkFile", "volumes", NULL};
	bool is_signer = kind == STATE_SIGNER;

	p->volumes = (struct cc_scope)CC_SCOPE_ALL;
	if (cc_json_only(e->obj, e->where, is_signer ? of_signers : of_agents, err) ||
	    entry_name(e, "name", p->name, err) ||
	    cc_scope_read(e->obj, e->where, &p->volumes, &p->has_volumes, err))
		return -1;
	return is_signer ? read_pem(e, p, err) : read_jwk(e, p, err);
}

static int add_peer(struct state *s, enum state_kind kind, const struct entry *e,
		    struct cc_error *err)
{
	struct state_peer *p = &s->peers[kind][s->n_peers[kind]];
	const struct state_peer *other;
	int rc = read_peer(e, kind, p, err);

	other = rc ? NULL : state_find_peer(s, kind, p->name) ?: state_find_key(s, kind, p->key_id);
	s->n_peers[kind]++; /* also half of one is cleared */
	if (other)
		return cc_fail(err, CC_E_INVALID, "%s: %s %s is there already, with %s", e->where,
			       state_noun(kind), other->name,
			       strcmp(other->name, p->name) ? "this key" : "this name");
	return rc;
}

/* ---- volumes ------------------------------------------------------------------------------- */

static int read_number(const struct entry *e, const char *member, uint64_t a, uint64_t b,
		       struct cc_error *err)
{
	uint64_t n = a;

	if (cc_json_u64(e->obj, e->where, member, false, &n, err))
		return -1;
	if (n != a && n != b)
		return cc_fail(err, CC_E_INVALID, "%s: %s must be %u or %u", e->where, member,
			       (unsigned int)a, (unsigned int)b);
	return 0;
}

static int read_made(const struct entry *e, struct state_volume *v, struct cc_error *err)
{
	cc_auto_free char *fs = NULL, *cipher = NULL;

	if (cc_json_str(e->obj, e->where, "fs", false, &fs, err) ||
	    cc_json_str(e->obj, e->where, "cipher", false, &cipher, err) ||
	    read_number(e, "keyBytes", 32, 64, err) || read_number(e, "sectorSize", 512, 4096, err))
		return -1;
	if (fs && !mkfs_min_sectors(fs))
		return cc_fail(err, CC_E_INVALID, "%s: fs must be ext4, xfs or none", e->where);
	if (cipher && strcmp(cipher, CC_VOLUME_CIPHER) != 0)
		return cc_fail(err, CC_E_INVALID, "%s: cipher must be " CC_VOLUME_CIPHER, e->where);
	v->made = state_made_read(e->obj);
	return v->made ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

/* What is only for its creation. */
static int read_creation(const struct entry *e, struct state_volume *v, struct cc_error *err)
{
	cc_auto_free char *owner = NULL, *mode = NULL;

	if (cc_json_str(e->obj, e->where, "lun", false, &v->lun, err) ||
	    cc_json_str(e->obj, e->where, "label", false, &v->label, err) ||
	    cc_json_str(e->obj, e->where, "owner", false, &owner, err) ||
	    cc_json_str(e->obj, e->where, "mode", false, &mode, err))
		return -1;
	if (v->lun && v->lun[0] != '/')
		return cc_fail(err, CC_E_INVALID, "%s: lun must be an absolute path", e->where);
	if ((owner && fs_root_owner(owner, &v->root, err)) ||
	    (mode && fs_root_mode(mode, &v->root, err))) {
		err->code = CC_E_INVALID;
		return fail_at(e, err);
	}
	return 0;
}

static int add_volume(struct state *s, const struct entry *e, struct cc_error *err)
{
	static const char *const known[] = {
		"name",		"lun",	  "label",    "owner",	    "mode",
		"fs",		"cipher", "keyBytes", "sectorSize", CC_LEASE_TERMS_MEMBERS,
		"mountOptions", NULL};
	struct state_volume *v = &s->volumes[s->n_volumes];
	bool twice;

	if (cc_json_only(e->obj, e->where, known, err) || entry_name(e, "name", v->name, err))
		return -1;
	twice = state_find_volume(s, v->name) != NULL;
	s->n_volumes++;
	if (twice)
		return cc_fail(err, CC_E_INVALID, "%s: volume %s is there already", e->where,
			       v->name);
	return state_terms_read(e->obj, e->where, &v->terms, err) || read_made(e, v, err) ||
			       read_creation(e, v, err)
		       ? -1
		       : 0;
}

/* ---- identities ---------------------------------------------------------------------------- */

static int take_identity(const struct entry *e, const struct identity_file *file,
			 struct state_identity *id, struct cc_error *err)
{
	const struct identity_envelope *v = identity_file_pick(file, id->volume, err);

	if (!v)
		return fail_at(e, err);
	id->serial = v->id->serial;
	id->envelope = strdup(v->text);
	if (!id->envelope)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	cc_sha256_digest(id->envelope, strlen(id->envelope), id->digest);
	return 0;
}

static int read_envelope(const struct entry *e, struct state_identity *id, struct cc_error *err)
{
	cc_cleanup(identity_file_clear) struct identity_file file = {0};
	cc_auto_free char *text = NULL, *path = NULL;
	int rc;

	if (either_member(e, "envelope", "envelopeFile", err) ||
	    entry_file(e, "envelopeFile", &path, err) ||
	    cc_json_str(e->obj, e->where, "envelope", false, &text, err))
		return -1;
	rc = path ? identity_file_read(path, &file, err)
		  : identity_file_parse(text, strlen(text), "envelope", &file, err);
	return rc ? fail_at(e, err) : take_identity(e, &file, id, err);
}

static int add_identity(struct state *s, const struct entry *e, struct cc_error *err)
{
	static const char *const known[] = {"volume", "envelope", "envelopeFile", NULL};
	struct state_identity *id = &s->identities[s->n_identities];
	bool twice;

	if (cc_json_only(e->obj, e->where, known, err) || entry_name(e, "volume", id->volume, err))
		return -1;
	twice = state_find_identity(s, id->volume) != NULL;
	s->n_identities++;
	if (twice)
		return cc_fail(err, CC_E_INVALID, "%s: volume %s has an identity already", e->where,
			       id->volume);
	return read_envelope(e, id, err);
}

/* ---- the whole ----------------------------------------------------------------------------- */

static int add_entry(struct state *s, enum state_kind kind, const struct entry *e,
		     struct cc_error *err)
{
	switch (kind) {
	case STATE_SIGNER:
	case STATE_AGENT:
		return add_peer(s, kind, e, err);
	case STATE_VOLUME:
		return add_volume(s, e, err);
	default:
		return add_identity(s, e, err);
	}
}

/* Room for the entries of the section. */
static bool section_room(struct state *s, enum state_kind kind, size_t n)
{
	n = n ?: 1;
	switch (kind) {
	case STATE_SIGNER:
	case STATE_AGENT:
		return (s->peers[kind] = calloc(n, sizeof(*s->peers[kind])));
	case STATE_VOLUME:
		return (s->volumes = calloc(n, sizeof(*s->volumes)));
	default:
		return (s->identities = calloc(n, sizeof(*s->identities)));
	}
}

static int read_section(const json_t *doc, enum state_kind kind, const char *dir, struct state *s,
			struct cc_error *err)
{
	const char *section = state_section(kind);
	struct entry e = {.dir = dir};
	json_t *list = NULL;
	size_t i;

	if (cc_json_arr(doc, "document", section, false, &list, err))
		return -1;
	s->given[kind] = list != NULL;
	if (!section_room(s, kind, json_array_size(list)))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	for (i = 0; i < json_array_size(list); i++) {
		e.obj = json_array_get(list, i);
		snprintf(e.where, sizeof(e.where), "%s[%zu]", section, i);
		if (add_entry(s, kind, &e, err))
			return -1;
	}
	return 0;
}

int state_document_parse(const json_t *doc, const char *dir, struct state *s, struct cc_error *err)
{
	static const char *const known[] = {"apiVersion", "signers",	"agents",
					    "volumes",	  "identities", NULL};
	cc_auto_free char *version = NULL;

	/* Which version comes first: another one has other members. */
	if (cc_json_str(doc, "document", "apiVersion", true, &version, err))
		return -1;
	if (strcmp(version, STATE_VERSION) != 0)
		return cc_fail(err, CC_E_INVALID,
			       "document: apiVersion is \"%.40s\", this dmctl takes " STATE_VERSION,
			       version);
	if (cc_json_only(doc, "document", known, err))
		return -1;
	for (int kind = 0; kind < STATE_KINDS; kind++)
		if (read_section(doc, (enum state_kind)kind, dir, s, err))
			return -1;
	return 0;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), n_end = strlen(end);

	return n >= n_end && !strcmp(s + n - n_end, end);
}

/* By its name; what comes without one is JSON when it begins so. */
static bool is_yaml(const char *path, const char *text)
{
	if (strcmp(path, "-") != 0)
		return ends_with(path, ".yaml") || ends_with(path, ".yml");
	return text[strspn(text, " \t\r\n")] != '{';
}

int state_document_read(const char *path, struct state *s, struct cc_error *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	cc_auto_free char *text = NULL, *copy = NULL;
	cc_auto_json json_t *doc = NULL;
	size_t len;

	if (cc_read_file_max(path, STATE_DOCUMENT_MAX, &text, &len, err))
		return -1;
	doc = is_yaml(path, text) ? yaml_parse(text, len, is_stdin ? "document" : path, err)
				  : cc_json_parse_max(text, len, STATE_DOCUMENT_MAX,
						      is_stdin ? "document" : path, err);
	copy = strdup(path);
	if (!doc || !copy)
		return doc ? cc_fail(err, CC_E_NOMEM, "out of memory") : -1;
	return state_document_parse(doc, is_stdin ? NULL : dirname(copy), s, err);
}
