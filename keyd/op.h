/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op.h - the operations of keyd's API, a row each: the one list of what can be asked. The front
 * finds an operation by method and path, the custodian runs its handler and writes its audit row,
 * for those who may ask for it, and messages between them name it. What it takes and answers is in
 * docs/api.md.
 */
#ifndef KEYD_OP_H
#define KEYD_OP_H

#include <stdbool.h>

/**
 * enum op_flag - what there is to know of an operation beyond its row's words.
 * @OPF_AUDITED: it changes something: a transaction, with its row in the audit log
 * @OPF_ATTESTED: evidence in its body says who asks; for others the audit row names the process
 * @OPF_ERASES: what it deletes must be gone from the disk when it is answered
 * @OPF_WAKES: it may take a lease away from who holds it or change what it is lent on, or a volume
 * comes or goes: whoever waits for a change (CHANGES) is answered
 * @OPF_EXPELS: an enrolment may have ended: its connections over TLS are closed
 * @OPF_AFTER_SEQ: takes the query "?after=" with a number, of a row or of an identity
 * @OPF_AFTER_NAME: the same with a name, or with nothing for the first page
 * @OPF_AFTER_LEASE: the same with "VOLUME:FENCE", or "VOLUME:SERIAL" of an identity
 */
enum op_flag {
	OPF_AUDITED = 1,
	OPF_ATTESTED = 2,
	OPF_ERASES = 4,
	OPF_WAKES = 8,
	OPF_AFTER_SEQ = 16,
	OPF_AFTER_NAME = 32,
	OPF_AFTER_LEASE = 64,
	OPF_EXPELS = 128,
};

/**
 * enum plane_bit - who may ask: one bit of the mask of an operation.
 * @PLANE_ADMIN: administrators
 * @PLANE_AGENTS: agents of hosts; it has no operation that changes who or what is trusted
 * @PLANE_NET: agents of hosts over TLS, by certificates: the same, and a new certificate
 * @PLANE_ENROL: somebody over TLS without a certificate, who may have a token to get one
 *
 * Each plane has a socket, a front and a link of its own (plane.h), the last two have them
 * together. The custodian knows the plane of a request by the descriptor that it came by, and these
 * two from each other by the certificate.
 */
enum plane_bit {
	PLANE_ADMIN = 1,
	PLANE_AGENTS = 2,
	PLANE_NET = 4,
	PLANE_ENROL = 8,
};
#define PLANES (PLANE_ADMIN | PLANE_AGENTS | PLANE_NET)

/*
 * ROW(name, handler, planes, method, path, event, flags): OP_name is its number, op_handler() the
 * custodian's function, @planes a mask of enum plane_bit, @path has at most one segment NAME or
 * UUID, the argument; @event is its name in the audit log. A POST has a JSON object as body, the
 * others have none.
 */
#define OPERATIONS_OF_CUSTODIAN(ROW)                                                               \
	ROW(HEALTHZ, healthz, PLANES, "GET", "/healthz", "healthz", 0)                             \
	ROW(METRICS, metrics, PLANE_ADMIN, "GET", "/metrics", "metrics", 0)                        \
	ROW(CHALLENGE, challenge, PLANES, "POST", "/v1/challenge", "challenge", 0)                 \
	ROW(RELEASE, release, PLANES, "POST", "/v1/release", "release",                            \
	    OPF_AUDITED | OPF_ATTESTED)                                                            \
	ROW(LEASE_LIST, lease_list, PLANES, "GET", "/v1/leases", "lease.list", OPF_AFTER_LEASE)    \
	ROW(LEASE_RETURN, lease_return, PLANES, "POST", "/v1/leases/UUID/return", "lease.return",  \
	    OPF_AUDITED | OPF_ATTESTED)                                                            \
	ROW(LEASE_REVOKE, lease_revoke, PLANE_ADMIN, "DELETE", "/v1/leases/UUID", "lease.revoke",  \
	    OPF_AUDITED | OPF_WAKES)                                                               \
	ROW(VOLUME_CREATE, volume_create, PLANE_ADMIN, "POST", "/v1/volumes", "volume.create",     \
	    OPF_AUDITED)                                                                           \
	ROW(VOLUME_LIST, volume_list, PLANES, "GET", "/v1/volumes", "volume.list", OPF_AFTER_NAME) \
	ROW(VOLUME_GET, volume_get, PLANES, "GET", "/v1/volumes/NAME", "volume.get", 0)            \
	ROW(VOLUME_READY, volume_ready, PLANE_ADMIN, "POST", "/v1/volumes/NAME/ready",             \
	    "volume.ready", OPF_AUDITED | OPF_WAKES)                                               \
	ROW(VOLUME_GROW, volume_grow, PLANE_ADMIN, "POST", "/v1/volumes/NAME/grow", "volume.grow", \
	    OPF_AUDITED)                                                                           \
	ROW(VOLUME_DELETE, volume_delete, PLANE_ADMIN, "DELETE", "/v1/volumes/NAME",               \
	    "volume.delete", OPF_AUDITED | OPF_ERASES | OPF_WAKES)                                 \
	ROW(SIGNER_ADD, signer_add, PLANE_ADMIN, "POST", "/v1/signers", "signer.add", OPF_AUDITED) \
	ROW(SIGNER_LIST, signer_list, PLANE_ADMIN, "GET", "/v1/signers", "signer.list",            \
	    OPF_AFTER_NAME)                                                                        \
	ROW(SIGNER_DELETE, signer_delete, PLANE_ADMIN, "DELETE", "/v1/signers/NAME",               \
	    "signer.delete", OPF_AUDITED | OPF_WAKES)                                              \
	ROW(IDENTITY_ADD, identity_add, PLANE_ADMIN, "POST", "/v1/identities", "identity.add",     \
	    OPF_AUDITED | OPF_WAKES)                                                               \
	ROW(IDENTITY_GET, identity_get, PLANES, "GET", "/v1/identities/NAME", "identity.get",      \
	    OPF_AFTER_SEQ)                                                                         \
	ROW(IDENTITY_REVOKE, identity_revoke, PLANE_ADMIN, "DELETE", "/v1/identities/NAME",        \
	    "identity.revoke", OPF_AUDITED | OPF_WAKES)                                            \
	ROW(AGENT_ADD, agent_add, PLANE_ADMIN, "POST", "/v1/agents", "agent.add", OPF_AUDITED)     \
	ROW(AGENT_LIST, agent_list, PLANE_ADMIN, "GET", "/v1/agents", "agent.list",                \
	    OPF_AFTER_NAME)                                                                        \
	ROW(AGENT_DELETE, agent_delete, PLANE_ADMIN, "DELETE", "/v1/agents/NAME", "agent.delete",  \
	    OPF_AUDITED | OPF_WAKES | OPF_EXPELS)                                                  \
	ROW(AUDIT_LIST, audit_list, PLANE_ADMIN, "GET", "/v1/audit", "audit.list", OPF_AFTER_SEQ)  \
	ROW(RENEW, renew, PLANES, "POST", "/v1/renew", "renew", OPF_AUDITED | OPF_ATTESTED)        \
	ROW(VOLUME_SET, volume_set, PLANE_ADMIN, "POST", "/v1/volumes/NAME/set", "volume.set",     \
	    OPF_AUDITED | OPF_WAKES)                                                               \
	ROW(AGENT_SET, agent_set, PLANE_ADMIN, "POST", "/v1/agents/NAME/set", "agent.set",         \
	    OPF_AUDITED | OPF_WAKES)                                                               \
	ROW(SIGNER_SET, signer_set, PLANE_ADMIN, "POST", "/v1/signers/NAME/set", "signer.set",     \
	    OPF_AUDITED | OPF_WAKES)                                                               \
	ROW(VOLUME_MAINTAIN, volume_maintain, PLANE_ADMIN, "POST", "/v1/volumes/NAME/maintain",    \
	    "volume.maintain", OPF_AUDITED | OPF_ATTESTED)                                         \
	ROW(IDENTITY_LIST, identity_list, PLANE_ADMIN, "GET", "/v1/identities", "identity.list",   \
	    OPF_AFTER_LEASE)                                                                       \
	ROW(IDENTITY_DRAIN, identity_drain, PLANE_ADMIN, "POST", "/v1/identities/NAME/drain",      \
	    "identity.drain", OPF_AUDITED | OPF_WAKES)                                             \
	ROW(IDENTITY_REVOKE_ONE, identity_revoke_one, PLANE_ADMIN, "POST",                         \
	    "/v1/identities/NAME/revoke", "identity.revoke", OPF_AUDITED | OPF_WAKES)              \
	ROW(VOLUME_RENAME, volume_rename, PLANE_ADMIN, "POST", "/v1/volumes/NAME/rename",          \
	    "volume.rename", OPF_AUDITED | OPF_WAKES)                                              \
	ROW(VOLUME_EXPORT, volume_export, PLANE_ADMIN, "POST", "/v1/volumes/NAME/export",          \
	    "volume.export", OPF_AUDITED)                                                          \
	ROW(AGENT_CERTIFICATE, agent_certificate, PLANE_ADMIN | PLANE_NET, "POST",                 \
	    "/v1/agents/NAME/certificate", "agent.certificate", OPF_AUDITED)                       \
	ROW(AGENT_INVITE, agent_invite, PLANE_ADMIN, "POST", "/v1/agents/NAME/invite",             \
	    "agent.invite", OPF_AUDITED)                                                           \
	ROW(ENROL, enrol, PLANE_ENROL, "POST", "/v1/enrol", "enrol", OPF_AUDITED | OPF_ATTESTED)

/* Those that the front answers by itself. */
#define OPERATIONS_OF_FRONT(ROW) ROW(CHANGES, changes, PLANES, "GET", "/v1/changes", "changes", 0)

#define OPERATIONS(ROW) OPERATIONS_OF_CUSTODIAN(ROW) OPERATIONS_OF_FRONT(ROW)

#define OP_NUMBER(name, ...) OP_##name,
/* OP_NONE is none, OP_END one after the last. */
enum op { OP_NONE, OPERATIONS(OP_NUMBER) OP_END };
#undef OP_NUMBER

#define OP_ARG_LEN 64	/* a name or UUID from the path, and its NUL */
#define OP_AFTER_LEN 88 /* value of the query `after`, and its NUL */

/**
 * struct operation - a row; the handlers are known in custodian/ only.
 * @planes: of enum plane_bit
 * @flags: of enum op_flag
 */
struct operation {
	unsigned int planes;
	const char *method;
	const char *path;
	const char *event;
	unsigned int flags;
};

/* By enum op; that of OP_NONE is zeroed. */
extern const struct operation operations[OP_END];

/* It takes a JSON object. */
bool op_has_body(const struct operation *op);

/* @arg is what the path of @op has: a name, a UUID, or "" for nothing. */
bool op_arg_fits(const struct operation *op, const char *arg);

/* @after is what the query of @op has as its value. */
bool op_after_fits(const struct operation *op, const char *after);

#endif
