/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page.h - lists are answered in pages: a long one would keep everybody else waiting.
 *
 * A request with the query `after` gets up to PAGE_ROWS rows above that, and in "next" what to ask
 * for next, null at the end. One without it is from somebody who knows no pages: he gets all, or is
 * refused when there are more than PAGE_WHOLE.
 */
#ifndef KEYD_PAGE_H
#define KEYD_PAGE_H

#include "custodian/call.h"

#define PAGE_ROWS 100
#define PAGE_WHOLE 1000
#define PAGE_STOP 1 /* to the store: the page is full */

/**
 * struct page - one being filled.
 * @name: of the list in the answer
 * @last: where the last row is, as @after has it
 * @more: there is a row beyond the page
 */
struct page {
	const char *name;
	json_t *list;
	size_t max;
	char last[OP_AFTER_LEN];
	bool more;
};

/* @name: in the answer; static */
int page_start(struct page *p, struct call *call, const char *name, struct cc_error *err);

/* Whether the row at hand is beyond the page, which is noted. */
bool page_full(struct page *p);

/* @obj is taken over, NULL is CC_E_NOMEM; @where: of the row, as @after has it */
int page_add(struct page *p, json_t *obj, const char *where, struct cc_error *err);

int page_end(const struct page *p, struct call *call, struct cc_error *err);

#endif
