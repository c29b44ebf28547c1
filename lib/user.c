// SPDX-License-Identifier: Apache-2.0
#include "user.h"

void cc_user_clear(struct cc_user *u)
{
	free(u->groups);
	*u = (struct cc_user){0};
}

/* (uid_t)-1 and (gid_t)-1 mean "unchanged" to the kernel and are nobody's. */
static int id_from_json(uint64_t v, const char *what, const char *key, uint32_t *out,
			struct cc_error *err)
{
	if (v >= UINT32_MAX)
		return cc_fail(err, CC_E_INVALID, "%s: member \"%s\" is out of range", what, key);
	*out = (uint32_t)v;
	return 0;
}

static int groups_from_json(json_t *arr, const char *what, struct cc_user *u, struct cc_error *err)
{
	size_t n = json_array_size(arr);

	if (n == 0)
		return 0;
	if (n > CC_GROUPS_MAX)
		return cc_fail(err, CC_E_INVALID,
			       "%s: member \"additionalGids\" has %zu groups, more than %d", what,
			       n, CC_GROUPS_MAX);
	u->groups = calloc(n, sizeof(*u->groups));
	if (!u->groups)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	for (size_t i = 0; i < n; i++) {
		json_t *g = json_array_get(arr, i);

		if (!json_is_integer(g) || json_integer_value(g) < 0)
			return cc_fail(err, CC_E_INVALID,
				       "%s: member \"additionalGids\" must hold group ids only",
				       what);
		if (id_from_json((uint64_t)json_integer_value(g), what, "additionalGids",
				 &u->groups[i], err))
			return -1;
	}
	u->n_groups = n;
	return 0;
}

int cc_user_from_json(const json_t *obj, const char *what, struct cc_user *u, struct cc_error *err)
{
	static const char *const known[] = {"uid", "gid", "additionalGids", NULL};
	json_t *groups = NULL;
	uint64_t uid = 0, gid = 0;

	if (cc_json_only(obj, what, known, err) || cc_json_u64(obj, what, "uid", true, &uid, err) ||
	    cc_json_u64(obj, what, "gid", true, &gid, err) ||
	    cc_json_arr(obj, what, "additionalGids", false, &groups, err) ||
	    id_from_json(uid, what, "uid", &u->uid, err) ||
	    id_from_json(gid, what, "gid", &u->gid, err))
		return -1;
	return groups_from_json(groups, what, u, err);
}

json_t *cc_user_to_json(const struct cc_user *u)
{
	cc_auto_json json_t *groups = json_array();

	for (size_t i = 0; i < u->n_groups; i++)
		if (json_array_append_new(groups, json_integer(u->groups[i])))
			return NULL;
	return json_pack("{s:I, s:I, s:O}", "uid", (json_int_t)u->uid, "gid", (json_int_t)u->gid,
			 "additionalGids", groups);
}
