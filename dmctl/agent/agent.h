/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent.h - the host agent: one process that listens, queues and watches, and one short-lived
 * worker process for each request, so that keys live only there and nothing that blocks stops the
 * loop.
 *
 *	agent.c         start, stop, the loop
 *	agent_peer.c    connections: who may ask, one request each
 *	agent_job.c     the queue: one worker at a time for a volume, several volumes at once
 *	agent_watch.c   bound containers: notices their end
 *	agent_lease.c   their leases: renews them, freezes a container before its lease ends
 *	agent_keyd.c    hears from keyd that something changed
 *	agent_worker.c  the worker's side
 *
 * The agent holds no state that is not in the bindings' files and the kernel: killed at any
 * moment, it finds everything again at its next start. Containers go on while it is down, until
 * their leases end.
 */
#ifndef CC_AGENT_H
#define CC_AGENT_H

#include <event2/event.h>
#include <sys/queue.h>

#include "agent/agent_message.h"
#include "agent/failure_streak.h"

struct peer;
struct job;
struct watch;
struct plugin;
struct keyd_link;

TAILQ_HEAD(peer_list, peer);
TAILQ_HEAD(job_list, job);
TAILQ_HEAD(watch_list, watch);

/**
 * struct agent - the process.
 * @socket, @keyd, @cdi_dir: paths, borrowed
 * @lock: descriptor of the lock file; workers inherit it, so that the next agent does not start
 *        before the last worker of this one is gone
 * @without_gate: lines of the gate that this host goes without, as given; NULL: none
 * @plugin_dir: where engines look for volume plugins
 * @plugin: NULL when its socket could not be made
 * @renewals: whole rounds of renewals that fail
 * @stopping: no new requests; ends when the last worker has ended
 */
struct agent {
	const char *socket;
	const char *keyd;
	const char *cdi_dir;
	const char *plugin_dir;
	const char *without_gate;
	int lock;
	struct event_base *base;
	struct event *accept, *retry_refresh, *renew;
	struct plugin *plugin;
	unsigned int n_peers, n_workers;
	bool stopping;
	struct peer_list peers;
	struct job_list jobs;
	struct watch_list watches;
	struct keyd_link *link;
	struct failure_streak renewals;
};

/* ---- agent.c ------------------------------------------------------------------------------- */

/* A job without a peer has ended; @answer: NULL when it failed, @err says why then. */
void agent_internal_done(struct agent *a, enum agent_op op, const json_t *answer,
			 const struct cc_error *err);
/* Called when a worker has ended while the agent stops. */
void agent_check_stopped(struct agent *a);

/* ---- agent_peer.c -------------------------------------------------------------------------- */

/* Makes the socket and starts to listen. */
int agent_listen(struct agent *a, struct cc_error *err);
void agent_unlisten(struct agent *a);
/* Who connected to @fd may ask: root, a process of the host. */
int peer_check(int fd, struct cc_error *err);
/* Sends the last answer (borrowed) and hangs up. False when the peer does not take it any more. */
bool peer_answer(struct peer *p, const char *text);
void peer_fail(struct peer *p, const struct cc_error *err);

/* ---- agent_job.c --------------------------------------------------------------------------- */

/**
 * job_submit - queues a request and starts what can start.
 * @text: the request, malloced, taken over
 * @peer: gets the answer; NULL for the agent's own requests
 * Return: 0; -1 with CC_E_NOMEM or CC_E_BUSY (queue full), @text is freed then, too.
 */
int job_submit(struct agent *a, const struct agent_message *m, char *text, struct peer *peer,
	       struct cc_error *err);
/* The same for one of the agent's own requests; a failure is logged. */
void job_submit_internal(struct agent *a, enum agent_op op, const char *binding);
/* One has not begun yet, and will see all that there is now; one that is being done may not. */
bool job_waits(const struct agent *a, enum agent_op op);
/* The peer hung up: its job is dropped if it has not started, undone when it is done if it has. */
void job_forget_peer(struct agent *a, const struct peer *p);

/* ---- agent_watch.c ------------------------------------------------------------------------- */

/**
 * watch_settle - looks at the bindings of @volume, all for NULL: none: forgotten; bound and alive:
 * watched; else undone by a AGENT_REAP, again and again with growing pauses until that succeeds. No
 * job of the volume may be running.
 */
void watch_settle(struct agent *a, const char *volume);
void watch_clear(struct agent *a);

/* ---- agent_lease.c ------------------------------------------------------------------------- */

/* For the agent's life: the timer of renewals. 0 or CC_E_NOMEM. */
int lease_init(struct agent *a, struct cc_error *err);
void lease_end(struct agent *a);
/* Renews all leases as soon as that can be. */
void lease_renew_now(struct agent *a);
/*
 * An AGENT_RENEW has ended; @answer as renew_all() gives it, NULL when it failed, @err says why
 * then.
 */
void lease_renewed(struct agent *a, const json_t *answer, const struct cc_error *err);
/* Adds to a binding of the agent's `list` how its lease is: "leftMs" and "state". */
int lease_show(const char *name, json_t *binding);

/* ---- agent_keyd.c -------------------------------------------------------------------------- */

/* Keeps a connection to keyd for the rest of the agent's life. 0 or CC_E_NOMEM. */
int keyd_link_start(struct agent *a, struct cc_error *err);
void keyd_link_end(struct agent *a);

/* ---- agent_worker.c ------------------------------------------------------------------------ */

/**
 * agent_worker - a worker's whole life: takes one request from @fd, answers it, ends.
 * Return: exit status.
 */
int agent_worker(int fd, const char *cdi_dir);

#endif
