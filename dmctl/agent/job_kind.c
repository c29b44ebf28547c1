// SPDX-License-Identifier: Apache-2.0
/*
 * job_kind.c - how the jobs of each operation are queued and run.
 */
#include "agent/job_kind.h"

#define SECONDS 150 /* keyd's and an engine's time limits, and the wait for a dying mount */

/* One after the other by, which waiting one first, lane, what is logged, limit, changes, binds. */
static const struct job_kind kinds[] = {
	[AGENT_HOOK] = {JOB_BY_VOLUME, JOB_USUAL, JOB_LANE_ASKED, JOB_SAID, SECONDS, true, true},
	[AGENT_BIND] = {JOB_BY_VOLUME, JOB_USUAL, JOB_LANE_ASKED, JOB_SAID, SECONDS, true, true},
	[AGENT_UNBIND] = {JOB_BY_VOLUME, JOB_USUAL, JOB_LANE_ASKED, JOB_SAID, SECONDS, true, false},
	/* the agent answers these itself */
	[AGENT_LIST] = {JOB_FREE, JOB_USUAL, JOB_LANE_ASKED, JOB_SAID, SECONDS, false, false},
	[AGENT_EVENTS] = {JOB_FREE, JOB_USUAL, JOB_LANE_ASKED, JOB_SAID, SECONDS, false, false},
	[AGENT_MEASURE] = {JOB_FREE, JOB_USUAL, JOB_LANE_ASKED, JOB_FAILURE_SAID, SECONDS, false,
			   false},
	[AGENT_REFRESH] = {JOB_BY_OP, JOB_USUAL, JOB_LANE_ASKED, JOB_SAID, SECONDS, false, false},
	[AGENT_PLUGIN] = {JOB_FREE, JOB_USUAL, JOB_LANE_ASKED, JOB_FAILURE_SAID, SECONDS, false,
			  false},
	[AGENT_GROW] = {JOB_BY_VOLUME, JOB_USUAL, JOB_LANE_ASKED, JOB_SAID, SECONDS, true, false},
	[AGENT_REQUIRE] = {JOB_FREE, JOB_USUAL, JOB_LANE_ASKED, JOB_FAILURE_SAID, SECONDS, false,
			   false},
	/* takes as long as there are bindings */
	[AGENT_RECOVER] = {JOB_BY_OP, JOB_USUAL, JOB_LANE_UNDO, JOB_SAID, 0, false, false},
	[AGENT_REAP] = {JOB_BY_VOLUME, JOB_USUAL, JOB_LANE_UNDO, JOB_SAID, SECONDS, true, false},
	[AGENT_ENDED] = {JOB_BY_VOLUME, JOB_FIRST, JOB_LANE_ENDED, JOB_FAILURE_SAID, SECONDS, false,
			 false},
	/* what it undoes is in the way of whatever waits for the volume */
	[AGENT_UNDO] = {JOB_BY_VOLUME, JOB_FIRST, JOB_LANE_UNDO, JOB_SAID, SECONDS, true, false},
	/* whoever asked for it says what came of it, not at every try */
	[AGENT_RENEW] = {JOB_BY_OP, JOB_USUAL, JOB_LANE_RENEW, JOB_NOT_SAID, SECONDS, false, false},
	/* beside the volume's other jobs: it may wait for the key that one of them brings */
	[AGENT_FLUSH] = {JOB_BY_BINDING, JOB_USUAL, JOB_LANE_FLUSH, JOB_FAILURE_SAID, SECONDS,
			 false, false},
	[AGENT_REVOKE] = {JOB_BY_VOLUME, JOB_USUAL, JOB_LANE_REVOKE, JOB_SAID, SECONDS, true,
			  false},
	/* a program waits for it to begin; the worker waits for the volume's lock itself */
	[AGENT_LOOK] = {JOB_BY_BINDING, JOB_FIRST, JOB_LANE_LOOK, JOB_NOT_SAID, SECONDS, false,
			false},
};

_Static_assert(sizeof(kinds) / sizeof(kinds[0]) == AGENT_OPS, "each operation has its row");

const struct job_kind *job_kind(enum agent_op op)
{
	return &kinds[op];
}

unsigned int job_lane_places(enum job_lane lane)
{
	static const unsigned int places[] = {
		[JOB_LANE_ASKED] = 8, [JOB_LANE_RENEW] = 1, [JOB_LANE_LOOK] = 4,
		[JOB_LANE_ENDED] = 4, [JOB_LANE_UNDO] = 4,  [JOB_LANE_REVOKE] = 4,
		[JOB_LANE_FLUSH] = 4,
	};

	_Static_assert(sizeof(places) / sizeof(places[0]) == JOB_LANES, "each lane has places");
	return places[lane];
}
