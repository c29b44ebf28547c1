/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_rules.h - what a seccomp filter of config.json answers to a system call, as runtimes make
 * it with libseccomp (OCI runtime specification, linux.seccomp): rules that do what is done by
 * default are left out, one without conditions counts alone, and names that the libseccomp of the
 * runtime does not know are skipped.
 */
#ifndef CC_FILTER_RULES_H
#define CC_FILTER_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "json.h"

#define FILTER_CONDITIONS_MAX 256 /* of a rule */
#define FILTER_ANSWERS_MAX 16

/**
 * struct filter_condition - of an argument: @op as of SCMP_CMP_…, a 64-bit comparison with @value;
 * of a masked one @value is the mask, @two what is left.
 */
struct filter_condition {
	unsigned int index, op;
	uint64_t value, two;
};

/**
 * struct filter_rule - of linux.seccomp.syscalls.
 * @names: borrowed
 * @answer: SECCOMP_RET_… with its data
 * @again: two of its conditions are of the same argument: runtimes take each for a rule by itself,
 *         crun the first six only
 * @on: owned, its conditions
 */
struct filter_rule {
	const json_t *names;
	uint32_t answer;
	bool again;
	size_t n;
	struct filter_condition *on;
};

/**
 * struct filter_rules - of linux.seccomp. Zero it first, clear it after.
 * @otherwise: what is answered by default
 * @rule: owned, those that answer something else
 */
struct filter_rules {
	uint32_t otherwise;
	const json_t *arches;
	const json_t *all;
	size_t n;
	struct filter_rule *rule;
};

void filter_rules_clear(struct filter_rules *r);

/*
 * @filter: linux.seccomp, borrowed as long as @r. 0; -1 with CC_E_NOMEM, or CC_E_REFUSED, fact
 * "seccomp": it has what cannot be compared.
 */
int filter_rules_parse(const json_t *filter, struct filter_rules *r, struct cc_error *err);

/* Whether it can be read. As filter_rules_parse(). */
int filter_rules_check(const json_t *filter, struct cc_error *err);

/**
 * struct filter_answers - what may be answered, each once; those that do not fit are left out.
 */
struct filter_answers {
	size_t n;
	uint32_t answer[FILTER_ANSWERS_MAX];
};

bool filter_answers_has(const struct filter_answers *a, uint32_t answer);
void filter_answers_add(struct filter_answers *a, uint32_t answer);

/**
 * struct filter_call - a system call of an architecture.
 * @arch: SCMP_ARCH_…
 * @name: NULL: one that this libseccomp does not know
 * @last: the number is beyond those that the filter names; runc answers ENOSYS then
 */
struct filter_call {
	uint32_t arch, nr;
	const char *name;
	bool last;
};

/**
 * struct filter_call_rules - the rules that count for a call, collected once. Zero it first, clear
 * it after.
 * @plain: one has no conditions, and only such count
 * @rule: owned list of borrowed ones
 * @late: what runtimes and libraries of other versions answer
 */
struct filter_call_rules {
	uint32_t otherwise;
	bool plain;
	size_t n;
	const struct filter_rule **rule;
	struct filter_answers late;
};

void filter_call_rules_clear(struct filter_call_rules *c);

/* 0; -1 with CC_E_NOMEM. */
int filter_rules_collect(const struct filter_rules *r, const struct filter_call *call,
			 struct filter_call_rules *out, struct cc_error *err);

/* One of the rules has conditions, and none has not: arguments decide. */
bool filter_rules_ask(const struct filter_call_rules *c);

/*
 * What may be answered; @args: NULL: whatever they are. Where rules of one call differ for the same
 * arguments, each may count.
 */
void filter_rules_answers(const struct filter_call_rules *c, const uint64_t *args,
			  struct filter_answers *out);

#endif
