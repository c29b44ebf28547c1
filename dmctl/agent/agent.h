/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent.h - the host agent: one process that listens, queues and watches, and one short-lived
 * worker process for each request, so that keys live only there and nothing that blocks stops the
 * loop. Each file has a header that is its contract and includes only those above it here:
 *
 *	agent_message   requests, as bytes and as what they mean
 *	job_kind        how each operation is queued and run
 *	queue           the order of the requests: one at a time for a volume, several volumes at
 *	once
 *	worker_spawn    starts a worker for a job; agent_worker is the worker's own side
 *	sweep           when the engines are asked which containers are gone
 *	orphan          a bind that nobody was told of
 *	agent_list      what is bound
 *	agent_events    what happens to them, told to whoever follows it
 *	peer_check      who may ask
 *	agent_peer      the agent's socket; plugin_http: that of the volume plugin
 *	agent_lease     leases of bound containers: renews them, freezes a container before its ends
 *	agent_watch     bound containers: notices their end
 *	adopt           what a former agent left
 *	agent_keyd      hears from keyd that something changed
 *	agent           start, stop, the loop that has all of these
 *
 * The agent holds no state that is not in the bindings' files and the kernel: killed at any
 * moment, it finds everything again at its next start. Containers go on while it is down, until
 * their leases end.
 */
#ifndef CC_AGENT_H
#define CC_AGENT_H

#include "error.h"

/**
 * struct agent_paths - where everything is. All borrowed.
 * @socket: the agent's own
 * @keyd: keyd's
 * @cdi_dir: where CDI specs are written
 * @plugin_dir: where engines look for volume plugins
 * @without_gate: lines of the gate that this host goes without, as given; NULL: none
 */
struct agent_paths {
	const char *socket, *keyd, *cdi_dir, *plugin_dir, *without_gate;
};

/**
 * agent_run - the agent's whole life, in a process of its own that root runs: until SIGTERM or
 * SIGINT, and its last worker has ended.
 * Return: 0; -1 with CC_E_PERM, CC_E_BUSY when another one runs on this host, or what kept it from
 * going on.
 */
int agent_run(const struct agent_paths *paths, struct cc_error *err);

#endif
