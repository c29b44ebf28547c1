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

/**
 * enum job_lane - whose places a job takes. What hangs in one lane leaves the others theirs: starts
 * that wait for a device keep no lease from being renewed, and no key from being taken away.
 * @JOB_LANE_ASKED: what others ask for
 * @JOB_LANE_RENEW: the leases of all
 * @JOB_LANE_LOOK: programs that wait to begin
 * @JOB_LANE_ENDED: what a container that has ended left, before others change it
 * @JOB_LANE_UNDO: what has ended or half begun
 * @JOB_LANE_REVOKE: what was taken away
 * @JOB_LANE_FLUSH: what is about to lapse
 */
enum job_lane {
	JOB_LANE_ASKED,
	JOB_LANE_RENEW,
	JOB_LANE_LOOK,
	JOB_LANE_ENDED,
	JOB_LANE_UNDO,
	JOB_LANE_REVOKE,
	JOB_LANE_FLUSH,
	JOB_LANES,
};

/* Jobs of a lane that are done at one time. */
unsigned int job_lane_places(enum job_lane lane);

/* enum job_said - what is logged of a job's end. */
enum job_said { JOB_SAID, JOB_FAILURE_SAID, JOB_NOT_SAID };

/**
 * struct job_kind - how jobs of an operation are done.
 * @lane: in whose places
 * @seconds: after which its worker is killed; 0: never
 * @changes: the volume's bindings may be others when it has ended, unless it is a dry run
 * @binds: of those: the volume is bound when it has succeeded
 */
struct job_kind {
	enum job_key key;
	enum job_rank rank;
	enum job_lane lane;
	enum job_said said;
	unsigned int seconds;
	bool changes, binds;
};

/* Never NULL. */
const struct job_kind *job_kind(enum agent_op op);

#endif
