/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handle.h - what the custodian does with a request. It gets whole ones from the front, believes
 * nothing in them, and answers one after the other.
 *
 * Every request that would change something is one transaction: what it does and its audit row
 * are committed and synced together before the answer leaves. If that fails nothing was
 * done and nothing leaves. A refused one leaves a row as well, if it is known who asked.
 */
#ifndef KEYD_HANDLE_H
#define KEYD_HANDLE_H

#include "custodian/custodian.h"
#include "message.h"

/* An answer: @text is malloced. */
struct answer {
	int http;
	enum text_type type;
	char *text;
	size_t len;
};

static inline void answer_clear(struct answer *a)
{
	free(a->text);
	*a = (struct answer){0};
}
#define answer_auto cc_cleanup(answer_clear)

/* Answers @rq; never fails, an error is an answer. */
void custodian_handle(struct custodian *c, const struct request *rq, struct answer *a);

#endif
