// SPDX-License-Identifier: Apache-2.0
/*
 * finding.c - what a check of `dmctl doctor` found.
 */
#include "host/finding.h"

#include <stdarg.h>
#include <stdio.h>

static void fill(struct finding *f, enum finding_state state, const char *advice, const char *fmt,
		 va_list ap)
{
	f->state = state;
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	snprintf(f->advice, sizeof(f->advice), "%s", advice);
	cc_text_clean(f->text);
}

void finding_ok(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(f, FINDING_OK, "", fmt, ap);
	va_end(ap);
}

void finding_none(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(f, FINDING_NONE, "", fmt, ap);
	va_end(ap);
}

void finding_warn(struct finding *f, const char *advice, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(f, FINDING_WARN, advice, fmt, ap);
	va_end(ap);
}

void finding_fail(struct finding *f, enum cc_code code, const char *advice, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(f, FINDING_FAIL, advice, fmt, ap);
	va_end(ap);
	f->code = code;
}
