/* SPDX-License-Identifier: Apache-2.0 */
/*
 * facts.h - what a decision found to differ: a bounded list in the order in which it was compared.
 * Nothing is allocated. As of an error's text: one line each, and never a secret.
 */
#ifndef CC_FACTS_H
#define CC_FACTS_H

#include "error.h"

#define CC_FACTS_MAX 32		/* kept; the others are counted */
#define CC_FACTS_BYTES 8192	/* of the texts of all, beyond which they are counted, too */
#define CC_FACTS_COUNT_MAX 9999 /* that an answer of somebody else may claim */

/**
 * struct cc_facts - what differs.
 * @max: how many are wanted; with 1 whoever compares stops at the first
 * @n: those in @v; @found: all that were found, kept or not
 * @bytes: of the texts in @v
 * @failure: why it could not be found out what differs, CC_OK: it could; then the rest says nothing
 */
struct cc_facts {
	size_t max;
	size_t n, found, bytes;
	struct cc_error failure;
	struct cc_error v[CC_FACTS_MAX];
};

/* Empties it. @max: 1 to CC_FACTS_MAX */
void cc_facts_init(struct cc_facts *f, size_t max);

/**
 * cc_facts_add - one more that differs, as cc_refuse().
 * Return: 0 to go on, -1 when no more is wanted.
 */
int cc_facts_add(struct cc_facts *f, const char *fact, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), cold));

/*
 * The same for a refusal that is there. Anything else is no fact but a failure, as no memory; -1.
 */
int cc_facts_add_error(struct cc_facts *f, const struct cc_error *e) __attribute__((cold));

/* 0 when there is none; else -1 with the failure, or the first, in @err. */
int cc_facts_first(const struct cc_facts *f, struct cc_error *err);

/**
 * cc_facts_to_json - adds "facts", [{fact, text}], and "factCount", all that were found, to @obj.
 * Return: 0 or CC_E_NOMEM.
 */
int cc_facts_to_json(const struct cc_facts *f, json_t *obj, struct cc_error *err);

/**
 * cc_facts_take - hands on what somebody else's error object says of facts: of the members of
 * cc_facts_to_json() in @from, what is well formed and within the bounds above is put into @to.
 * Return: 0, also when there is none; CC_E_NOMEM.
 */
int cc_facts_take(json_t *to, const json_t *from, struct cc_error *err);

#endif
