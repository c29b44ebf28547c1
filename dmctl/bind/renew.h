/* SPDX-License-Identifier: Apache-2.0 */
/*
 * renew.h - renews the leases of bound containers of this host.
 */
#ifndef CC_RENEW_H
#define CC_RENEW_H

#include "host/seccomp_read.h"
#include "json.h"

/**
 * renew - measures every bound container again (renew_measure.h), asks keyd for all of them in as
 * few requests as hold them, and prolongs the kernel's leases. One that stands before the first
 * instruction of its program because of our parent, the agent, is also measured by what it is about
 * to execute (measure_standing()). A mapping that the kernel has locked meanwhile gets the key
 * again, under the same lease.
 * @only: the name of a binding, to which this is done alone; NULL: all
 * @filter: of @only, as our parent has read it while its program stands; NULL without @only
 * @max: bytes that the answer may have
 * @answer: out, {"ok":true, "renewed":N, "failed":N, "failures":[{"binding","text"}],
 *          "refused":[{"binding","text"}]}; new reference. "failed" ones may succeed later,
 *          "refused" ones never: keyd said so, or they are not what they were said to be
 *          (measure_is_verdict()), which keyd is told. "failures" are those of the failed that
 *          fit into it; refused ones that do not count as failed, and are refused again the next
 *          time.
 * Return: 0 also when some failed; -1 when keyd could not be asked. Takes the volumes' locks
 * itself.
 */
int renew(const char *only, const struct seccomp_seen *filter, size_t max, json_t **answer,
	  struct cc_error *err);

#endif
