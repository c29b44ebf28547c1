/* SPDX-License-Identifier: Apache-2.0 */
/*
 * renew_split.h - the leases of a host in as few requests as hold them, so that no lease depends on
 * another one: what is too long, or makes keyd fail, is found and left out, and the rest is asked
 * for.
 */
#ifndef CC_RENEW_SPLIT_H
#define CC_RENEW_SPLIT_H

#include "evidence.h"

/* Requests that keyd may fail inside of before it counts as keyd's trouble, not a lease's. */
#define RENEW_FAILURES_MAX 16

/**
 * struct renew_ask - how keyd is asked.
 * @once: for @n leases in one request; appends the answer's objects to @renewals
 */
struct renew_ask {
	int (*once)(void *arg, const struct cc_renewal *r, size_t n, json_t *renewals,
		    struct cc_error *err);
	void *arg;
};

/**
 * renew_split - asks for all of them.
 * @renewals: an array, to which the answers' objects are appended. One whose failure is its own has
 *            an object as keyd's, {"lease", "renewed": false, "error"}, with CC_E_INVALID, or what
 *            keyd answered for it alone.
 * Return: 0; -1 when no lease could be asked for: keyd does not answer, is busy or fails
 * whatever it is asked, or does not take this agent. What was answered before is in @renewals.
 */
int renew_split(const struct cc_renewal *r, size_t n, const struct renew_ask *ask, json_t *renewals,
		struct cc_error *err);

#endif
