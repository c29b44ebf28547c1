// SPDX-License-Identifier: Apache-2.0
/*
 * adopt.c - what a former agent left.
 */
#include "agent/adopt.h"

#include "agent/agent_lease.h"
#include "agent/agent_watch.h"

void adopt_all(struct watches *watches, struct leases *leases, struct queue *queue,
	       job_done_fn *recovered, void *arg)
{
	watches_settle(watches, NULL, true);
	leases_renew_now(leases);
	queue_submit_own(queue, AGENT_RECOVER, NULL, recovered, arg);
}
