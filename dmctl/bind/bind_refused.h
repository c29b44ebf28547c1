/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind_refused.h - what is left of a bind that failed: lines in the log and a record for `dmctl
 * why` (bind/refusal.h), with what would let the container in.
 */
#ifndef CC_BIND_REFUSED_H
#define CC_BIND_REFUSED_H

#include "bind/binding.h"
#include "container/oci.h"
#include "measurement.h"

/**
 * bind_refused - logs and keeps it; what cannot be kept is logged, too.
 * @container: its id where it is known without @m; or NULL
 * @m: as measured; NULL when it failed before
 * @differ: what keyd said of all facts, cc_facts_to_json(); NULL for none
 */
void bind_refused(const char *volume, const char *container, const struct cc_measurement *m,
		  const json_t *differ, const struct cc_error *err);

/**
 * bind_refused_running - the same of a container that had the volume and is not let go on.
 * @m: as measured for the renewal; NULL where the agent itself refused it
 */
void bind_refused_running(const struct binding *b, const struct cc_measurement *m,
			  const struct cc_error *err);

/* The container has the volume now. */
void bind_accepted(const struct binding *b);

/* A container that was to have a volume and asked for none was refused. */
void bind_refused_required(const struct oci_state *state, const struct cc_error *err);

#endif
