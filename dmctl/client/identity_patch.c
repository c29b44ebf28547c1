// SPDX-License-Identifier: Apache-2.0
#include "client/identity_patch.h"

#include <string.h>

#include "client/identity_patch_fact.h"

/* Stands in for the manifest digest when a predicate is only tried out. */
#define NO_DIGEST "sha256:0000000000000000000000000000000000000000000000000000000000000000"
#define ROUNDS_MAX 24 /* more than there are facts: each is patched once */

void identity_repair_clear(struct identity_repair *r)
{
	json_decref(cc_steal(r->patch));
	json_decref(cc_steal(r->patches));
}

struct cc_identity *identity_of_predicate(const json_t *predicate, struct cc_error *err)
{
	char *none[] = {(char *)NO_DIGEST};
	const struct cc_strv subjects = {.n = 1, .v = none};
	cc_auto_free char *statement = cc_identity_statement(predicate, &subjects, "_", err);

	return statement ? cc_identity_parse(statement, strlen(statement), err) : NULL;
}

/*
 * @into with @patch in it; with @apply null takes a member away, without it null is kept, so that
 * two patches become one that does what both do.
 */
static int merge(json_t *into, const json_t *patch, bool apply)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)patch, key, value) {
		json_t *old = json_object_get(into, key);
		int rc;

		if (apply && json_is_null(value)) {
			json_object_del(into, key);
			continue;
		}
		if (json_is_object(value) && !json_is_object(old)) {
			old = json_object();
			if (!old || json_object_set_new(into, key, old))
				return -1;
		}
		rc = json_is_object(value) ? merge(old, value, apply)
					   : json_object_set(into, key, value);
		if (rc)
			return -1;
	}
	return 0;
}

json_t *identity_patch_apply(const json_t *target, const json_t *patch)
{
	cc_auto_json json_t *out = json_deep_copy(target);

	return out && merge(out, patch, true) == 0 ? cc_steal(out) : NULL;
}

/* @patch joins @r->patch, unless that would be no predicate any more: then it is no patch. */
static int take_patch(const json_t *predicate, const char *fact, const json_t *patch,
		      struct identity_repair *r, bool *taken, struct cc_error *err)
{
	cc_auto_json json_t *joined = json_deep_copy(r->patch), *patched = NULL;
	cc_auto_identity struct cc_identity *id = NULL;

	if (joined && merge(joined, patch, false) == 0)
		patched = identity_patch_apply(predicate, joined);
	if (!patched)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	id = identity_of_predicate(patched, err);
	if (!id)
		return 0;
	*taken = true;
	json_decref(r->patch);
	r->patch = cc_steal(joined);
	return json_object_set(r->patches, fact, (json_t *)(uintptr_t)patch)
		       ? cc_fail(err, CC_E_NOMEM, "out of memory")
		       : 0;
}

/* A patch for each fact that differs and has none yet. *news: there was one. */
static int patch_facts(const json_t *predicate, const struct patch_from *from,
		       struct identity_repair *r, bool *news, struct cc_error *err)
{
	*news = false;
	for (size_t i = 0; i < r->left.n; i++) {
		const char *fact = r->left.v[i].fact;
		cc_auto_json json_t *patch = NULL;

		if (json_object_get(r->patches, fact))
			continue;
		patch = patch_for_fact(fact, from);
		if (patch && take_patch(predicate, fact, patch, r, news, err))
			return -1;
	}
	return 0;
}

/* keyd takes a predicate that was changed under a higher serial only. */
static int raise_serial(const struct cc_identity *id, const struct cc_policy *policy, json_t *patch,
			struct cc_error *err)
{
	uint64_t serial = (id->serial > policy->serial ? id->serial : policy->serial) + 1;

	if (json_object_size(patch) == 0)
		return 0;
	return json_object_set_new(patch, "serial", json_integer((json_int_t)serial))
		       ? cc_fail(err, CC_E_NOMEM, "out of memory")
		       : 0;
}

/* The predicate as patched so far, decided on. */
static int decide_again(const json_t *predicate, const struct cc_measurement *m,
			const struct cc_policy *policy, bool values, struct identity_repair *r,
			bool *news, struct cc_error *err)
{
	cc_auto_json json_t *patched = identity_patch_apply(predicate, r->patch);
	cc_auto_identity struct cc_identity *id = NULL;
	struct cc_policy p = *policy;
	struct patch_from from = {patched, NULL, m, &p, values};

	if (!patched)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	from.id = id = identity_of_predicate(patched, err);
	if (!id)
		return -1;
	p.volume = p.volume ?: id->volume;
	cc_decide_all(id, m, &p, &r->left, err);
	if (json_object_size(r->patches) == 0)
		r->facts = r->left;
	return patch_facts(predicate, &from, r, news, err);
}

int identity_repair_find(const json_t *predicate, const struct cc_measurement *m,
			 const struct cc_policy *policy, bool values, struct identity_repair *r,
			 struct cc_error *err)
{
	cc_auto_identity struct cc_identity *id = identity_of_predicate(predicate, err);
	bool news = true;

	if (!id)
		return -1;
	r->patch = json_object();
	r->patches = json_object();
	if (!r->patch || !r->patches)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	for (int round = 0; news && round < ROUNDS_MAX; round++)
		if (decide_again(predicate, m, policy, values, r, &news, err))
			return -1;
	return raise_serial(id, policy, r->patch, err);
}

int identity_repair_above(struct identity_repair *r, uint64_t last, struct cc_error *err)
{
	json_t *serial = json_object_get(r->patch, "serial");

	if (!serial || json_integer_value(serial) > (json_int_t)last)
		return 0;
	return json_object_set_new(r->patch, "serial", json_integer((json_int_t)last + 1))
		       ? cc_fail(err, CC_E_NOMEM, "out of memory")
		       : 0;
}

static json_t *texts(const struct cc_facts *f)
{
	json_t *list = json_array();

	for (size_t i = 0; i < f->n; i++)
		json_array_append_new(list, json_string(f->v[i].text));
	return list;
}

int identity_repair_json(const struct identity_repair *r, json_t *obj, struct cc_error *err)
{
	if (cc_facts_to_json(&r->facts, obj, err))
		return -1;
	if (json_object_set(obj, "patch", r->patch) ||
	    json_object_set(obj, "patches", r->patches) ||
	    (r->left.found && json_object_set_new(obj, "left", texts(&r->left))))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return 0;
}
