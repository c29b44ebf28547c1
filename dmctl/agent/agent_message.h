/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_message.h - requests on the agent's socket (docs/api.md, "The agent's socket"), and those
 * the agent makes itself.
 */
#ifndef CC_AGENT_MESSAGE_H
#define CC_AGENT_MESSAGE_H

#include "bind/binding.h"
#include "container/oci.h"
#include "host/seccomp_read.h"
#include "host/seen_end.h"

#define AGENT_MESSAGE_MAX (64 * 1024) /* bytes of a request or answer */

/**
 * enum agent_op - what is asked.
 * @AGENT_EVENTS: what happens to the host's bindings, as it happens
 * @AGENT_RECOVER: internal: after a start, raise the gate again, remove what has no record
 * @AGENT_REAP: internal: undo a binding unless its container lives and is bound
 * @AGENT_ENDED: internal: a bound container's end was seen: remember what it left
 * @AGENT_UNDO: internal: nobody was told that it is bound: undo it
 * @AGENT_RENEW: internal: renew the leases of all bound containers
 * @AGENT_FLUSH: internal: a binding's lease is about to end: write what its frozen container wrote
 * @AGENT_REVOKE: internal: a binding's lease was refused for good
 * @AGENT_LOOK: internal: a binding's container has executed its program: measure and renew it
 */
enum agent_op {
	AGENT_HOOK,
	AGENT_BIND,
	AGENT_UNBIND,
	AGENT_LIST,
	AGENT_MEASURE,
	AGENT_REFRESH,
	AGENT_PLUGIN,
	AGENT_GROW,
	AGENT_REQUIRE,
	AGENT_EVENTS,
	AGENT_RECOVER,
	AGENT_REAP,
	AGENT_ENDED,
	AGENT_UNDO,
	AGENT_RENEW,
	AGENT_FLUSH,
	AGENT_REVOKE,
	AGENT_LOOK,
};

#define AGENT_OPS (AGENT_LOOK + 1)

/**
 * struct agent_message - one request.
 * @volume: "" where the operation has none
 * @binding: of an internal operation, the name of the binding; else as @volume
 * @after: of AGENT_LIST, the last binding's name of the page before; "" for the first
 * @device, @engine: NULL when not given
 * @path, @body: of AGENT_PLUGIN, the HTTP request an engine sent
 * @force: of AGENT_UNBIND: also when the container uses it
 * @since, @follow: of AGENT_EVENTS, as events_follow()'s
 * @rootfs: of AGENT_MEASURE: with the digest of the root file system
 * @state: of AGENT_HOOK and AGENT_REQUIRE; empty for a container that is no engine's
 * @ended: of AGENT_ENDED, when the container's end was seen
 * @filter: of AGENT_LOOK, of the program while it stands
 * @text: the request as it came, for the worker that does it
 */
struct agent_message {
	enum agent_op op;
	char volume[64];
	char binding[BINDING_NAME_LEN];
	char after[BINDING_NAME_LEN];
	char *device, *container, *engine;
	char *path, *body;
	bool dry_run;
	bool force;
	bool rootfs;
	int64_t since;
	bool follow;
	struct oci_state state;
	struct seen_end ended;
	struct seccomp_seen filter;
	char *text;
};

void agent_message_clear(struct agent_message *m);
#define agent_auto_message cc_cleanup(agent_message_clear)

/**
 * agent_message_parse - parses one request.
 * @internal: the agent's own operations are allowed, too
 * Return: 0; -1 with CC_E_INVALID.
 */
int agent_message_parse(const char *buf, size_t len, bool internal, struct agent_message *m,
			struct cc_error *err);

/*
 * Makes an internal request without other members. @binding, a name, may be NULL; @m: zeroed.
 * 0 or CC_E_NOMEM.
 */
int agent_message_internal(enum agent_op op, const char *binding, struct agent_message *m,
			   struct cc_error *err);

/* The same for AGENT_ENDED. */
int agent_message_ended(const char *binding, const struct seen_end *at, struct agent_message *m,
			struct cc_error *err);

/* The same for AGENT_LOOK. @filter: may be one that was not read. */
int agent_message_look(const char *binding, const struct seccomp_seen *filter,
		       struct agent_message *m, struct cc_error *err);

const char *agent_op_name(enum agent_op op);

#endif
