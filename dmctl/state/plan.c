// SPDX-License-Identifier: Apache-2.0
/*
 * plan.c - what has to be done so that keyd has what a document says.
 */
#include "state/plan.h"

#include <inttypes.h>
#include <string.h>

#include "state/trusted_by.h"

/**
 * struct planning - while it is made.
 */
struct planning {
	const struct state *wanted, *present;
	bool prune;
	struct state_plan *plan;
};

/* ---- steps --------------------------------------------------------------------------------- */

void state_plan_clear(struct state_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		json_decref(plan->v[i].members);
		json_decref(plan->v[i].body);
	}
	free(plan->v);
	*plan = (struct state_plan){0};
}

/* A new step at the end, a POST to the section unless it is made another; NULL: @err is filled. */
static struct state_step *add_step(struct planning *p, const char *action, enum state_kind kind,
				   const char *name, struct cc_error *err)
{
	struct state_step *v = reallocarray(p->plan->v, p->plan->n + 1, sizeof(*v)), *step = NULL;

	if (v) {
		p->plan->v = v;
		step = &v[p->plan->n];
		*step = (struct state_step){.action = action,
					    .kind = kind,
					    .name = name,
					    .members = json_object(),
					    .method = "POST"};
		snprintf(step->path, sizeof(step->path), "/v1/%s", state_section(kind));
		p->plan->n += step->members != NULL;
	}
	if (!v || !step->members) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	return step;
}

/* @from, @to: borrowed; @from NULL: nothing was there. */
static int add_member(struct state_step *step, const char *name, json_t *from, json_t *to,
		      struct cc_error *err)
{
	json_t *change = json_pack("{s:O*, s:O}", "from", from, "to", to);

	return json_object_set_new(step->members, name, change)
		       ? cc_fail(err, CC_E_NOMEM, "out of memory")
		       : 0;
}

static int add_text(struct state_step *step, const char *name, const char *from, const char *to,
		    struct cc_error *err)
{
	cc_auto_json json_t *a = from ? json_string(from) : NULL, *b = json_string(to);

	return add_member(step, name, a, b, err);
}

static int set_body(struct state_step *step, json_t *body, struct cc_error *err)
{
	step->body = body;
	return body ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

/* ---- signers and agents -------------------------------------------------------------------- */

static int plan_peer_add(struct planning *p, enum state_kind kind, const struct state_peer *w,
			 struct cc_error *err)
{
	const struct state_peer *other = state_find_key(p->present, kind, w->key_id);
	bool is_signer = kind == STATE_SIGNER;
	struct state_step *step;

	if (other)
		return cc_fail(err, CC_E_EXISTS, "%s[%zu]: this key is enrolled as %s %s",
			       state_section(kind), (size_t)(w - p->wanted->peers[kind]),
			       state_noun(kind), other->name);
	step = add_step(p, "add", kind, w->name, err);
	if (!step || add_text(step, is_signer ? "keyid" : "thumbprint", NULL, w->key_id, err) ||
	    add_text(step, "volumes", NULL, w->volumes.text, err))
		return -1;
	return set_body(step,
			json_pack("{s:s, s:O, s:s}", "name", w->name, is_signer ? "pem" : "jwk",
				  w->key, "volumes", w->volumes.text),
			err);
}

static int plan_scope(struct planning *p, enum state_kind kind, const char *name,
		      const struct cc_scope *from, const struct cc_scope *to, struct cc_error *err)
{
	struct state_step *step = add_step(p, "set", kind, name, err);

	if (!step || add_text(step, "volumes", from->text, to->text, err))
		return -1;
	snprintf(step->path, sizeof(step->path), "/v1/%s/%s/set", state_section(kind), name);
	return set_body(step, json_pack("{s:s}", "volumes", to->text), err);
}

/*
 * The volumes in between: both those of now and those that are wanted. False when nothing comes in
 * between, because the one has all of the other, or they are too long together.
 */
static bool scope_between(const struct cc_scope *now, const struct cc_scope *wanted,
			  struct cc_scope *between)
{
	*between = *wanted;
	return !cc_scope_includes(wanted, now) && !cc_scope_includes(now, wanted) &&
	       cc_scope_join(wanted, now, between);
}

/* More volumes at first, fewer only at the @end, so that nothing is without in between. */
static int plan_peer_set(struct planning *p, enum state_kind kind, const struct state_peer *w,
			 const struct state_peer *now, bool end, struct cc_error *err)
{
	bool more = !cc_scope_includes(&now->volumes, &w->volumes);
	bool fewer = !cc_scope_includes(&w->volumes, &now->volumes);
	struct cc_scope between;
	bool twice = scope_between(&now->volumes, &w->volumes, &between);

	if (!end)
		return more ? plan_scope(p, kind, w->name, &now->volumes, &between, err) : 0;
	if (!fewer || (more && !twice))
		return 0;
	return plan_scope(p, kind, w->name, twice ? &between : &now->volumes, &w->volumes, err);
}

static int plan_peer(struct planning *p, enum state_kind kind, const struct state_peer *w, bool end,
		     struct cc_error *err)
{
	const struct state_peer *now = state_find_peer(p->present, kind, w->name);

	if (!now)
		return end ? 0 : plan_peer_add(p, kind, w, err);
	if (strcmp(now->key_id, w->key_id) != 0)
		return cc_fail(err, CC_E_EXISTS,
			       "%s[%zu]: %s %s has another key, %s: enrol this one under another "
			       "name, and remove the other when nothing needs it",
			       state_section(kind), (size_t)(w - p->wanted->peers[kind]),
			       state_noun(kind), w->name, now->key_id);
	return w->has_volumes ? plan_peer_set(p, kind, w, now, end, err) : 0;
}

static int plan_peers(struct planning *p, enum state_kind kind, bool end, struct cc_error *err)
{
	for (size_t i = 0; i < p->wanted->n_peers[kind]; i++)
		if (plan_peer(p, kind, &p->wanted->peers[kind][i], end, err))
			return -1;
	return 0;
}

/* ---- volumes ------------------------------------------------------------------------------- */

static int fail_creation(const struct planning *p, const struct state_volume *w, const char *why,
			 struct cc_error *err)
{
	return cc_fail(err, CC_E_INVALID, "volumes[%zu]: volume %s is not there, and %s",
		       (size_t)(w - p->wanted->volumes), w->name, why);
}

static int plan_create(struct planning *p, const struct state_volume *w, struct cc_error *err)
{
	const char *fs = json_string_value(json_object_get(w->made, "fs"));
	struct state_step *step;
	const char *key;
	json_t *value;

	if (!w->lun)
		return fail_creation(p, w, "cannot be created without a member lun", err);
	if (!cc_is_volume_name(w->name))
		return fail_creation(p, w, "engines cannot use the name: " CC_VOLUME_NAME_RULE,
				     err);
	if (fs && strcmp(fs, "none") == 0 && (w->root.has_owner || w->root.has_mode || w->label))
		return fail_creation(
			p, w, "without a file system there is no owner, no mode and no label", err);
	step = add_step(p, "create", STATE_VOLUME, w->name, err);
	if (!step || add_text(step, "lun", NULL, w->lun, err))
		return -1;
	step->create = w;
	json_object_foreach(w->made, key, value)
		if (add_member(step, key, NULL, value, err))
			return -1;
	json_object_foreach(w->terms, key, value)
		if (add_member(step, key, NULL, value, err))
			return -1;
	return 0;
}

static int check_made(const struct planning *p, const struct state_volume *w,
		      const struct state_volume *now, struct cc_error *err)
{
	const char *key;
	json_t *value;

	json_object_foreach(w->made, key, value) {
		json_t *has = json_object_get(now->made, key);
		cc_auto_free char *is = NULL, *said = NULL;

		if (has && json_equal(has, value))
			continue;
		is = json_dumps(has, JSON_ENCODE_ANY);
		said = json_dumps(value, JSON_ENCODE_ANY);
		return cc_fail(err, CC_E_EXISTS,
			       "volumes[%zu]: volume %s was made with %s %.40s, not %.40s: that "
			       "cannot be changed",
			       (size_t)(w - p->wanted->volumes), w->name, key, is ?: "?",
			       said ?: "?");
	}
	return 0;
}

static int plan_terms(struct planning *p, const struct state_volume *w,
		      const struct state_volume *now, struct cc_error *err)
{
	cc_auto_json json_t *body = json_object();
	struct state_step *step = NULL;
	const char *key;
	json_t *value;

	json_object_foreach(w->terms, key, value) {
		json_t *has = json_object_get(now->terms, key);

		if (has && json_equal(has, value))
			continue;
		step = step ?: add_step(p, "set", STATE_VOLUME, w->name, err);
		if (!step || add_member(step, key, has, value, err))
			return -1;
		if (json_object_set(body, key, value))
			return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	if (!step)
		return 0;
	snprintf(step->path, sizeof(step->path), "/v1/volumes/%s/set", w->name);
	return set_body(step, cc_steal(body), err);
}

static int plan_volumes(struct planning *p, struct cc_error *err)
{
	for (size_t i = 0; i < p->wanted->n_volumes; i++) {
		const struct state_volume *w = &p->wanted->volumes[i];
		const struct state_volume *now = state_find_volume(p->present, w->name);

		if (!now || !now->ready) {
			if (plan_create(p, w, err))
				return -1;
		} else if (check_made(p, w, now, err) || plan_terms(p, w, now, err)) {
			return -1;
		}
	}
	return 0;
}

/* ---- identities ---------------------------------------------------------------------------- */

/* The same envelope, though somebody may have written its JSON otherwise. */
static bool same_identity(const struct state_identity *a, const struct state_identity *b)
{
	cc_auto_json json_t *left = NULL, *right = NULL;
	struct cc_error ignored;

	if (strcmp(a->digest, b->digest) == 0)
		return true;
	if (!a->envelope || !b->envelope)
		return false;
	left = cc_json_parse(a->envelope, strlen(a->envelope), "envelope", &ignored);
	right = cc_json_parse(b->envelope, strlen(b->envelope), "envelope", &ignored);
	return left && right && json_equal(left, right);
}

static int check_identity(const struct planning *p, const struct state_identity *w,
			  const struct state_identity *now, struct cc_error *err)
{
	size_t i = (size_t)(w - p->wanted->identities);

	if (!state_find_volume(p->present, w->volume) && !state_find_volume(p->wanted, w->volume))
		return cc_fail(err, CC_E_NOTFOUND, "identities[%zu]: there is no volume %s", i,
			       w->volume);
	if (now && w->serial <= now->serial)
		return cc_refuse(err, "serial",
				 "identities[%zu]: serial %" PRIu64
				 " of %s is not above the %" PRIu64
				 " that keyd has: sign it with a higher one",
				 i, w->serial, w->volume, now->serial);
	if (state_trusted_by(w, p->wanted, p->present, p->prune))
		return 0;
	return cc_refuse(err, "signature",
			 "identities[%zu]: none of the signers that are for volume %s has signed "
			 "it",
			 i, w->volume);
}

static int plan_identity(struct planning *p, const struct state_identity *w, struct cc_error *err)
{
	const struct state_identity *now = state_find_identity(p->present, w->volume);
	cc_auto_json json_t *from = NULL, *to = json_integer((json_int_t)w->serial);
	struct state_step *step;

	if (now && same_identity(w, now))
		return 0;
	if (check_identity(p, w, now, err))
		return -1;
	from = now ? json_integer((json_int_t)now->serial) : NULL;
	step = add_step(p, "add", STATE_IDENTITY, w->volume, err);
	if (!step || add_member(step, "serial", from, to, err) ||
	    add_text(step, "digest", now ? now->digest : NULL, w->digest, err))
		return -1;
	return set_body(step, json_pack("{s:s}", "envelope", w->envelope), err);
}

static int plan_identities(struct planning *p, struct cc_error *err)
{
	for (size_t i = 0; i < p->wanted->n_identities; i++)
		if (plan_identity(p, &p->wanted->identities[i], err))
			return -1;
	return 0;
}

/* ---- what is removed ----------------------------------------------------------------------- */

static int plan_removal(struct planning *p, enum state_kind kind, const char *name,
			struct cc_error *err)
{
	struct state_step *step = add_step(p, "remove", kind, name, err);

	if (!step)
		return -1;
	step->method = "DELETE";
	snprintf(step->path, sizeof(step->path), "/v1/%s/%s", state_section(kind), name);
	return 0;
}

static int prune_peers(struct planning *p, enum state_kind kind, struct cc_error *err)
{
	for (size_t i = 0; p->wanted->given[kind] && i < p->present->n_peers[kind]; i++) {
		const char *name = p->present->peers[kind][i].name;

		if (!state_find_peer(p->wanted, kind, name) && plan_removal(p, kind, name, err))
			return -1;
	}
	return 0;
}

static int prune_identities(struct planning *p, struct cc_error *err)
{
	for (size_t i = 0; p->wanted->given[STATE_IDENTITY] && i < p->present->n_identities; i++) {
		const char *volume = p->present->identities[i].volume;

		if (!state_find_identity(p->wanted, volume) &&
		    plan_removal(p, STATE_IDENTITY, volume, err))
			return -1;
	}
	return 0;
}

/* ---- the whole ----------------------------------------------------------------------------- */

int state_plan_make(const struct state *wanted, const struct state *present, bool prune,
		    struct state_plan *plan, struct cc_error *err)
{
	struct planning p = {.wanted = wanted, .present = present, .prune = prune, .plan = plan};

	if (plan_peers(&p, STATE_SIGNER, false, err) || plan_peers(&p, STATE_AGENT, false, err) ||
	    plan_volumes(&p, err) || plan_identities(&p, err) ||
	    plan_peers(&p, STATE_SIGNER, true, err) || plan_peers(&p, STATE_AGENT, true, err))
		return -1;
	if (!prune)
		return 0;
	return prune_identities(&p, err) || prune_peers(&p, STATE_AGENT, err) ||
			       prune_peers(&p, STATE_SIGNER, err)
		       ? -1
		       : 0;
}
