/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call.h - one request inside the custodian, and the handlers of the operations.
 */
#ifndef KEYD_CALL_H
#define KEYD_CALL_H

#include <stdbool.h>

#include "custodian/custodian.h"
#include "name.h"

/**
 * struct note - what the audit row of a call will say. A handler fills in what it learns, so that a
 * refusal half way names what was known by then. @detail is for a human.
 * @nothing: nothing was changed, so there is no row
 */
struct note {
	bool nothing;
	const char *event;
	char agent[CC_NAME_LEN];
	char volume[CC_NAME_LEN];
	char container[STORE_CONTAINER_LEN];
	char detail[CC_TEXT_MAX];
};

/**
 * struct call - a request being handled.
 * @in: its body, an object; NULL for operations without one
 * @out: the answer, a new object the handler fills; @text instead of it for metrics (malloced)
 */
struct call {
	const struct request *rq;
	json_t *in;
	json_t *out;
	char *text;
	struct note note;
};

/* Return: 0 with the answer in @call, or -1; then the transaction, if any, is rolled back. */
typedef int handler_fn(struct custodian *c, struct call *call, struct cc_error *err);

handler_fn op_healthz, op_metrics;
handler_fn op_challenge, op_release, op_renew;
handler_fn op_lease_list, op_lease_return, op_lease_revoke;
handler_fn op_volume_create, op_volume_list, op_volume_get, op_volume_ready, op_volume_delete;
handler_fn op_volume_set, op_volume_grow;
handler_fn op_signer_add, op_signer_list, op_signer_delete;
handler_fn op_identity_add, op_identity_get, op_identity_revoke;
handler_fn op_agent_add, op_agent_list, op_agent_delete;
handler_fn op_audit_list;

/* Adds the members json_pack() makes of @fmt to @obj; CC_E_NOMEM. */
int call_answer(json_t *obj, struct cc_error *err, const char *fmt, ...);

/* A text for a fixed field of the note; cut, cleaned of control characters. */
void note_set(char *field, size_t size, const char *text);
#define NOTE(field, text) note_set((field), sizeof(field), (text))

/* Writes the audit row of @note with @outcome and @fact. */
int note_write(struct custodian *c, const struct note *note, const char *outcome, const char *fact,
	       struct cc_error *err);

#endif
