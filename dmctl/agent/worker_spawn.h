/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_spawn.h - the agent's side of a worker: one process for each job, which does it, answers
 * and ends (agent_worker.h).
 */
#ifndef CC_WORKER_SPAWN_H
#define CC_WORKER_SPAWN_H

#include <event2/event.h>

#include "error.h"

struct job;

/**
 * struct worker_options - what workers are started with. All borrowed.
 * @base: the loop that waits for their ends
 * @keyd, @socket, @cdi_dir: paths
 * @without_gate: as struct agent_paths
 * @lock: descriptor that they inherit
 */
struct worker_options {
	struct event_base *base;
	const char *keyd, *socket, *cdi_dir, *without_gate;
	int lock;
};

/**
 * worker_spawn - starts a worker for @j. The loop calls queue_ended() when it has ended, after
 * the time limit of the job's kind at the latest, and a little more when it cannot be killed.
 * Return: 0; -1 when none could be started.
 */
int worker_spawn(const struct worker_options *o, struct job *j, struct cc_error *err);

/*
 * Kills the worker of @j, a job of worker_spawn() that has not ended: what it did is undone by its
 * binding's file. queue_ended() is called later.
 */
void worker_kill(struct job *j);

#endif
