/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call.h - one request inside the custodian: what the handlers of the operations share.
 */
#ifndef KEYD_CALL_H
#define KEYD_CALL_H

#include <stdbool.h>

#include "custodian/custodian.h"
#include "facts.h"
#include "message.h"
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
 * struct call_counts - of a request that is several decisions: those that stand when it is done.
 * What is rolled back never was, and is not in the metrics.
 * @facts: of its refusals, an array of strings; NULL for none
 * @errors: what failed inside keyd, for one of them
 * @unrecorded: refusals without an audit row
 */
struct call_counts {
	uint64_t renewals, errors, unrecorded;
	json_t *facts;
};

/**
 * struct call - a request being handled.
 * @in: its body, an object; NULL for operations without one
 * @out: the answer, a new object the handler fills; @text instead of it for metrics (malloced)
 * @created: when what is erased was made, seconds since the epoch; of OPF_ERASES
 * @differ: what cc_facts_to_json() makes of a refusal with several facts; NULL for none
 * @counter: goes up by one when all of it is done; NULL for none
 * @counts: what else is counted then, struct call_counts
 * @verified: who asks is known: by evidence that is fresh, or by the socket. A refusal of anybody
 * else leaves no audit row, or any peer could fill the disk
 */
struct call {
	const struct request *rq;
	json_t *in;
	json_t *out;
	char *text;
	json_t *differ;
	int64_t created;
	uint64_t *counter;
	struct call_counts counts;
	bool verified;
	struct note note;
};

/* Return: 0 with the answer in @call, or -1; then the transaction, if any, is rolled back. */
typedef int handler_fn(struct custodian *c, struct call *call, struct cc_error *err);

#define ROW(name, handler, ...) handler_fn op_##handler;
OPERATIONS_OF_CUSTODIAN(ROW)
#undef ROW

/* Adds the members json_pack() makes of @fmt to @obj; CC_E_NOMEM. */
int call_answer(json_t *obj, struct cc_error *err, const char *fmt, ...);

/* The answer will name all that differs, if anything does. Return: -1, for whoever refuses. */
int call_differ(struct call *call, const struct cc_facts *all, struct cc_error *err);
/* How many differ beyond the one that the error is about. */
size_t call_others(const struct call *call);

/* A refusal, or what failed, of one decision of a call; CC_E_NOMEM. @fact: NULL: as @why says */
int call_count(struct call_counts *n, const char *fact, const struct cc_error *why,
	       struct cc_error *err);
/* The call is done, and will not be rolled back. */
void call_counts_add(struct custodian *c, const struct call_counts *n);

/* A text for a fixed field of the note; cut, cleaned of control characters. */
void note_set(char *field, size_t size, const char *text);
#define NOTE(field, text) note_set((field), sizeof(field), (text))

/* Writes the audit row of @note with @outcome and @fact. */
int note_write(struct custodian *c, const struct note *note, const char *outcome, const char *fact,
	       struct cc_error *err);

#endif
