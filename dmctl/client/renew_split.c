// SPDX-License-Identifier: Apache-2.0
/*
 * renew_split.c - the leases of a host in as few requests as hold them.
 */
#include "client/renew_split.h"

#include <string.h>

#define FRAME 1024 /* bytes of a compact JWS around its payload, and of the claims but renewals */
#define EACH 160   /* bytes of a renewal around its measurement or refusal */

/* Bytes of claims that fit; base64 makes four of three. */
#define ROOM (((size_t)CC_EVIDENCE_MAX - FRAME) / 4 * 3)

/**
 * struct split - one walk through the leases.
 * @failures: requests that keyd failed inside of
 */
struct split {
	const struct renew_ask *ask;
	json_t *renewals;
	unsigned int failures;
};

/* 0: it cannot be written. */
static size_t bytes_of(const struct cc_renewal *r)
{
	cc_auto_json json_t *m = NULL;

	if (r->refusal)
		return EACH + 2 * sizeof(*r->refusal);
	m = cc_measurement_to_json(r->measurement);
	return m ? EACH + json_dumpb(m, NULL, 0, JSON_COMPACT) : 0;
}

/* It is no lease's fault, and the next request would end the same. */
static bool concerns_all(const struct cc_error *err)
{
	switch (err->code) {
	case CC_E_UNREACHABLE:
	case CC_E_BUSY:
	case CC_E_NOMEM:
	case CC_E_PERM:
	case CC_E_REFUSED: /* the agent's evidence; leases are refused one by one */
		return true;
	default:
		return false;
	}
}

static int fail_one(struct split *s, const struct cc_renewal *r, const struct cc_error *why,
		    struct cc_error *err)
{
	json_t *one = cc_error_to_json(why);

	if (!one || json_object_set_new(one, "lease", json_string(r->lease)) ||
	    json_object_set_new(one, "renewed", json_false()) ||
	    json_array_append(s->renewals, one)) {
		json_decref(one);
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	json_decref(one);
	return 0;
}

/* NOLINTNEXTLINE(misc-no-recursion): halves at most CC_RENEWALS_MAX */
static int ask_group(struct split *s, const struct cc_renewal *r, size_t n, struct cc_error *err)
{
	size_t half = n / 2;
	struct cc_error why;

	if (s->ask->once(s->ask->arg, r, n, s->renewals, err) == 0)
		return 0;
	if (concerns_all(err) || (err->code == CC_E_INTERNAL && ++s->failures > RENEW_FAILURES_MAX))
		return -1;
	if (n == 1) {
		why = *err;
		return fail_one(s, r, &why, err);
	}
	return ask_group(s, r, half, err) || ask_group(s, r + half, n - half, err) ? -1 : 0;
}

static int leave_out(struct split *s, const struct cc_renewal *r, size_t bytes,
		     struct cc_error *err)
{
	struct cc_error why;

	if (bytes)
		cc_fail(&why, CC_E_INVALID,
			"evidence: its measurement has %zu bytes, %zu fit; the container's "
			"arguments, variables, groups or mounts are too long",
			bytes, ROOM);
	else
		cc_fail(&why, CC_E_INVALID, "evidence: its measurement cannot be written as JSON");
	return fail_one(s, r, &why, err);
}

int renew_split(const struct cc_renewal *r, size_t n, const struct renew_ask *ask, json_t *renewals,
		struct cc_error *err)
{
	struct split s = {.ask = ask, .renewals = renewals};
	size_t first = 0, bytes = 0;

	for (size_t i = 0; i < n; i++) {
		size_t own = bytes_of(&r[i]);
		bool fits = own && own <= ROOM;

		if (first < i && (!fits || bytes + own > ROOM || i - first == CC_RENEWALS_MAX)) {
			if (ask_group(&s, r + first, i - first, err))
				return -1;
			first = i;
			bytes = 0;
		}
		bytes += own;
		if (fits)
			continue;
		if (leave_out(&s, &r[i], own, err))
			return -1;
		first = i + 1;
		bytes = 0;
	}
	return first < n ? ask_group(&s, r + first, n - first, err) : 0;
}
