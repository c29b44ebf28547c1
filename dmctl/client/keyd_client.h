/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyd_client.h - requests to keyd (docs/api.md), over its Unix socket or, on another machine, TLS.
 * Blocking; used by dmctl's verbs and by the agent's workers (one a process).
 */
#ifndef CC_KEYD_CLIENT_H
#define CC_KEYD_CLIENT_H

#include "json.h"
#include "secret.h"

/*
 * Sets the socket that is used, or the URL (keyd_tls.h); default CC_KEYD_SOCKET. @path borrowed for
 * ever.
 */
void keyd_client_set_socket(const char *path);

/*
 * From now on it is the host's agent that asks: on keyd's socket for agents, beside the one that is
 * set (agents_socket.h), where keyd has one; over TLS there is one for agents only. CC_E_USAGE when
 * its path is too long.
 */
int keyd_client_as_agent(struct cc_error *err);

/* The socket or URL that a request would use now; valid until the next change of it. */
const char *keyd_client_socket(void);

/* @s is a name as keyd takes it; @what says of what. CC_E_USAGE if not. */
int keyd_name(const char *s, const char *what, struct cc_error *err);

/**
 * keyd_request - one request, without evidence. An agent reads on keyd's socket for agents; what
 * changes something goes to the administrators' also from there: it is for root, who asked the
 * volume plugin.
 * @method: "GET", "POST", "DELETE"
 * @path: "/v1/volumes" …; path segments must already be valid, see keyd_name()
 * @body: borrowed, NULL for none
 * @answer: out, new reference; may be NULL
 *
 * Return: 0; -1 with keyd's own error object, or CC_E_UNREACHABLE and what to start.
 * Times out after 60 s; 5 s to connect.
 */
int keyd_request(const char *method, const char *path, const json_t *body, json_t **answer,
		 struct cc_error *err);

/**
 * keyd_list - a whole list, page by page.
 * @path: "/v1/volumes" …
 * @member: the list in the answer
 * @answer: out, new reference: an object with the list, and "badRows", "badRowsMore" as in docs/api.md where there
 *          are any; also of what a keyd answers that has no pages
 * @list: out, the list, borrowed from *@answer
 */
int keyd_list(const char *path, const char *member, json_t **answer, json_t **list,
	      struct cc_error *err);

/* The name that this host's agent signs as, from its key. */
int keyd_agent_name(const char *agent_key_path, char name[static 64], struct cc_error *err);

/**
 * keyd_release - challenge, evidence, release: the whole exchange of docs/api.md.
 * @op: "release" needs @m, "format" does not
 * @uuid: volume
 * @gate: the gate's lines that stand, as evidence has it; NULL for "format"
 * @key: out, the volume key
 * @answer: out, the release answer (lease, volume, mount, identity); of a refusal that names all
 *          facts these, as cc_facts_to_json() has them; else NULL
 * @asked_ms: out, lease_clock_ms() before the key was asked for, from which a lease is counted; may
 * be NULL
 *
 * The agent's key is read from @agent_key_path (CC_AGENT_KEY).
 */
struct cc_measurement;
struct cc_renewal;
int keyd_release(const char *op, const char *uuid, const struct cc_measurement *m, const char *gate,
		 const char *agent_key_path, struct cc_secret *key, json_t **answer,
		 uint64_t *asked_ms, struct cc_error *err);

/**
 * struct keyd_maintenance - a repair by hand. All borrowed.
 * @volume, @uuid: which
 * @id: UUID made up for this once
 * @command: what will be run, as cc_evidence_command_fits() has it
 * @gate: the gate's lines that stand
 */
struct keyd_maintenance {
	const char *volume, *uuid, *id, *command, *gate;
};

/**
 * keyd_maintain - the key of a volume for somebody who repairs it by hand, with a lease; over the
 * administrators' socket.
 * @key: out; NULL: it was had before, and its lease is to last longer
 * @answer: out, new reference; "lease" has "id" and "ms"
 * @asked_ms: out, lease_clock_ms() before it was asked
 * Return: 0; -1 with CC_E_BUSY fact "lease" while somebody has the volume, CC_E_REFUSED fact
 * "lease" when it may not go on, or what else keyd says.
 */
int keyd_maintain(const struct keyd_maintenance *m, const char *agent_key_path,
		  struct cc_secret *key, json_t **answer, uint64_t *asked_ms, struct cc_error *err);

/**
 * keyd_renew - challenge, evidence, renewal of @n leases: in one request, or in as few as hold
 * them (renew_split.h, also for what is returned).
 * @r: left_ms is of the moment @seen_ms, CLOCK_BOOTTIME; what has passed since is taken off
 * @renewals: an array, to which the answer's objects are appended, each with a member "askedMs" as
 * keyd_release() has it; borrowed
 */
int keyd_renew(const struct cc_renewal *r, size_t n, uint64_t seen_ms, const char *agent_key_path,
	       json_t *renewals, struct cc_error *err);

/**
 * keyd_lease_return - challenge, evidence, return of a lease whose key this host's kernel no longer
 * has. @agent_key_path as keyd_release() has it.
 * Return: 0, also if keyd no longer knows it; -1 with keyd's error. CC_E_REFUSED with fact "lease",
 * "agent" or "signature" is for good: it is not, or no longer, this agent's lease.
 */
int keyd_lease_return(const char *lease_id, const char *agent_key_path, struct cc_error *err);

#endif
