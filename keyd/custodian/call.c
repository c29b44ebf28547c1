// SPDX-License-Identifier: Apache-2.0
#include "custodian/call.h"

#include <stdarg.h>
#include <string.h>

int call_answer(json_t *obj, struct cc_error *err, const char *fmt, ...)
{
	cc_auto_json json_t *members = NULL;
	va_list ap;

	va_start(ap, fmt);
	members = json_vpack_ex(NULL, 0, fmt, ap);
	va_end(ap);
	if (!members || json_object_update(obj, members))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return 0;
}

void note_set(char *field, size_t size, const char *text)
{
	/* A text that does not fit is cut. */
	snprintf(field, size, "%.*s", (int)size - 1, text);
	cc_text_clean(field);
}

int note_write(struct custodian *c, const struct note *note, const char *outcome, const char *fact,
	       struct cc_error *err)
{
	const struct cc_audit_row row = {
		.event = note->event,
		.outcome = outcome,
		.agent = note->agent,
		.volume = note->volume,
		.container = note->container,
		.fact = fact,
		.detail = note->detail,
	};
	int64_t now;

	return custodian_now(c, &now, err) || store_audit_add(c->store, &row, now, err) ? -1 : 0;
}
