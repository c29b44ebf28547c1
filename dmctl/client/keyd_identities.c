// SPDX-License-Identifier: Apache-2.0
#include "client/keyd_identities.h"

#include <inttypes.h>
#include <string.h>

#include "client/keyd_client.h"

void keyd_identities_clear(struct keyd_identities *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->v[i].text);
		cc_identity_free(list->v[i].id);
	}
	list->n = 0;
}

/* The one of an answer joins the list. */
static int join_list(const json_t *answer, struct keyd_identities *list, struct cc_error *err)
{
	cc_cleanup(identity_file_clear) struct identity_file e = {0};
	cc_auto_free char *envelope = NULL;

	if (cc_json_str(answer, "answer of keyd", "envelope", true, &envelope, err) ||
	    identity_file_parse(envelope, strlen(envelope), "keyd's identity", &e, err))
		return -1;
	list->v[list->n++] = (struct identity_envelope){.text = cc_steal(e.v[0].text),
							.id = cc_steal(e.v[0].id)};
	return 0;
}

/* A keyd of before there were several tells of its only one by its envelope. */
static int take_first(const json_t *answer, struct keyd_identities *list, struct cc_error *err)
{
	const json_t *wants = json_object_get(answer, "wants");
	const struct cc_identity *id;

	if (join_list(answer, list, err) ||
	    cc_json_u64(answer, "answer of keyd", "lastSerial", false, &list->last, err))
		return -1;
	id = list->v[0].id;
	list->starts = !json_is_false(json_object_get(answer, "starts"));
	list->rootfs = id->rootfs_digest || json_is_true(json_object_get(wants, "rootfs"));
	list->demands = id->demands.n || json_is_true(json_object_get(wants, "demands"));
	list->proof = id->feed || json_is_true(json_object_get(wants, "proof"));
	return 0;
}

/* Each is below the one before, so that there is an end. @next: out, 0 after the last */
static int next_serial_of(const json_t *answer, const struct keyd_identities *list, uint64_t *next,
			  struct cc_error *err)
{
	*next = 0;
	if (json_is_null(json_object_get(answer, "next")))
		return 0;
	if (cc_json_u64(answer, "answer of keyd", "next", false, next, err))
		return -1;
	if (*next && (*next != list->v[list->n - 1].id->serial ||
		      (list->n > 1 && *next >= list->v[list->n - 2].id->serial)))
		return cc_fail(err, CC_E_INVALID, "keyd's identities are not in their order");
	return 0;
}

int keyd_identities_get(const char *volume, bool all, struct keyd_identities *list,
			struct cc_error *err)
{
	uint64_t next = 0;

	do {
		cc_auto_json json_t *answer = NULL;
		char path[128];

		if (next)
			snprintf(path, sizeof(path), "/v1/identities/%.63s?after=%" PRIu64, volume,
				 next);
		else
			snprintf(path, sizeof(path), "/v1/identities/%.63s", volume);
		if (keyd_request("GET", path, NULL, &answer, err))
			/* the last one was revoked since it was announced */
			return next && err->code == CC_E_NOTFOUND ? 0 : -1;
		if ((next ? join_list(answer, list, err) : take_first(answer, list, err)) ||
		    next_serial_of(answer, list, &next, err))
			return -1;
	} while (all && next && list->n < KEYD_IDENTITIES_MAX);
	return 0;
}

const struct identity_envelope *keyd_identities_pick(const struct keyd_identities *list,
						     const struct cc_measurement *m,
						     const struct cc_policy *policy,
						     struct cc_nearest *near)
{
	cc_nearest_init(near);
	for (size_t i = 0; i < list->n; i++) {
		const struct cc_identity *id = list->v[i].id;
		struct cc_facts differ;
		struct cc_error why;

		if (cc_decide_all(id, m, policy, &differ, &why) == 0)
			return &list->v[i];
		cc_nearest_take(near, id->serial, &differ, &why);
	}
	return NULL;
}
