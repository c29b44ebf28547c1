/* SPDX-License-Identifier: Apache-2.0 */
/*
 * finding.h - what a check of `dmctl doctor` found, and what to do about it.
 */
#ifndef CC_FINDING_H
#define CC_FINDING_H

#include "error.h"

enum finding_state {
	FINDING_OK,
	FINDING_WARN, /* works, but protects less, or something is not used */
	FINDING_FAIL, /* containers will not get their volumes */
	FINDING_NONE, /* does not apply here */
};

/**
 * struct finding - what a check found.
 * @code: of FINDING_FAIL, what dmctl exits with
 * @text: what is
 * @advice: what to do; "" when there is nothing to do
 */
struct finding {
	enum finding_state state;
	enum cc_code code;
	char text[512];
	char advice[512];
};

/* Fill @f. */
void finding_ok(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void finding_none(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void finding_warn(struct finding *f, const char *advice, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void finding_fail(struct finding *f, enum cc_code code, const char *advice, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
