/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op.h - the operations of keyd's API, as front and custodian name them to each other.
 */
#ifndef KEYD_OP_H
#define KEYD_OP_H

enum op {
	OP_HEALTHZ = 1,
	OP_METRICS,
	OP_CHALLENGE,
	OP_RELEASE,
	OP_LEASE_LIST,
	OP_LEASE_RETURN,
	OP_LEASE_REVOKE,
	OP_VOLUME_CREATE,
	OP_VOLUME_LIST,
	OP_VOLUME_GET,
	OP_VOLUME_READY,
	OP_VOLUME_GROW,
	OP_VOLUME_DELETE,
	OP_SIGNER_ADD,
	OP_SIGNER_LIST,
	OP_SIGNER_DELETE,
	OP_IDENTITY_ADD,
	OP_IDENTITY_GET,
	OP_IDENTITY_REVOKE,
	OP_AGENT_ADD,
	OP_AGENT_LIST,
	OP_AGENT_DELETE,
	OP_AUDIT_LIST,
	OP_RENEW,
	OP_VOLUME_SET,
	OP_CHANGES, /* the front answers it by itself */
	OP_END,	    /* one after the last */
};

#define OP_ARG_LEN 64 /* a name or UUID from the path, and its NUL */

#endif
