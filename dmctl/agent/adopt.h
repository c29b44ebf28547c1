/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adopt.h - what a former agent left on the host, or was killed at.
 */
#ifndef CC_ADOPT_H
#define CC_ADOPT_H

#include "agent/queue.h"

struct leases;
struct watches;

/**
 * adopt_all - at the start, before anything is done: all that live are watched and their leases
 * renewed at once, in one round; then the gate is raised, which is what listening waits for. The
 * dead wait for the loop, and are undone as there is room, by and by: however many they are, they
 * keep neither leases nor new containers waiting.
 * @recovered, @arg: the gate was raised, or cannot be
 */
void adopt_all(struct watches *watches, struct leases *leases, struct queue *queue,
	       job_done_fn *recovered, void *arg);

#endif
