/* SPDX-License-Identifier: Apache-2.0 */
/*
 * job_kind.h - how the jobs of each operation are queued and run: one table.
 */
#ifndef CC_JOB_KIND_H
#define CC_JOB_KIND_H

#include "agent/agent_message.h"

/**
 * enum job_key - what jobs are done one after the other by; those of different keys are done at
 * the same time.
 * @JOB_FREE: nothing, it is done beside all others
 * @JOB_BY_OP: the operation
 * @JOB_BY_VOLUME: the volume, whatever the operations
 * @JOB_BY_BINDING: the operation and the binding
 */
enum job_key { JOB_FREE, JOB_BY_OP, JOB_BY_VOLUME, JOB_BY_BINDING };

/**
 * enum job_rank - which of the jobs that wait is started first. Those of one rank are started in
 * the order they came in.
 */
enum job_rank { JOB_FIRST, JOB_USUAL, JOB_RANKS };

/* enum job_said - what is logged of a job's end. */
enum job_said { JOB_SAID, JOB_FAILURE_SAID, JOB_NOT_SAID };

/**
 * struct job_kind - how jobs of an operation are done.
 * @seconds: after which its worker is killed; 0: never
 * @changes: the volume's bindings may be others when it has ended, unless it is a dry run
 * @binds: of those: the volume is bound when it has succeeded
 */
struct job_kind {
	enum job_key key;
	enum job_rank rank;
	enum job_said said;
	unsigned int seconds;
	bool changes, binds;
};

/* Never NULL. */
const struct job_kind *job_kind(enum agent_op op);

#endif
