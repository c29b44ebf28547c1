/* SPDX-License-Identifier: Apache-2.0 */
/*
 * orphan.h - a bind that was done and nobody was told: whoever asked for it is gone, or its worker
 * was at its last words when it died. The container will not run, or its owner believes that it has
 * no volume.
 */
#ifndef CC_ORPHAN_H
#define CC_ORPHAN_H

#include <stdbool.h>

#include "error.h"

struct job;
struct job_end;

/* Before @j, any job, starts: what its volume is bound to already is no orphan. */
int orphan_prepare(struct job *j, struct cc_error *err);

/**
 * orphan_undo - after the end of @j, any job that changes its volume: has orphans undone, in the
 * job's queue, before anything that waits for the volume.
 * @told: whoever submitted it has got @end
 * Return: whether there are any.
 */
bool orphan_undo(const struct job *j, const struct job_end *end, bool told);

#endif
