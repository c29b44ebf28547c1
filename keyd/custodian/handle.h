/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handle.h - what the custodian does with a request. It gets whole ones from a front, believes
 * nothing in them, and answers one after the other, those whose plane may ask for the operation.
 *
 * What a request changes and its audit row are committed and synced together before the answer
 * leaves. If that fails nothing was done and nothing leaves. A refused one leaves a row as well, if
 * it is known who asked.
 *
 * Requests that wait at the same time share one transaction, so that they share its sync: each is a
 * part of it with its own audit row, undone by itself if it is refused, and all the answers leave
 * after the commit, and after the high-water mark has followed it.
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

#define GROUP_MAX 16 /* requests of one transaction */

struct group;

/* An empty one; NULL without memory. Between two groups there is no transaction. */
struct group *group_new(struct custodian *c, struct cc_error *err);
void group_free(struct group *g);
/* Forgets what has been answered. */
void group_clear(struct group *g);

/* Handles @rq, of which nothing is kept; true if another may be added before group_end(). */
bool group_add(struct group *g, const struct request *rq);
/*
 * Commits. Return: how many answers there are, in the order of the requests; they live until
 * group_clear() or the next group_add().
 */
size_t group_end(struct group *g);
const struct answer *group_answer(const struct group *g, size_t i);
/*
 * Whether one of those that were done has that flag: who waits for a change is told before
 * (OPF_WAKES), whose enrolment ended is shut out (OPF_EXPELS).
 */
bool group_did(const struct group *g, enum op_flag flag);

/* Answers @rq alone; never fails, an error is an answer. */
void custodian_handle(struct custodian *c, const struct request *rq, struct answer *a);

#endif
