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

int call_differ(struct call *call, const struct cc_facts *all, struct cc_error *err)
{
	if (all->found == 0)
		return -1;
	call->differ = json_object();
	return call->differ ? cc_facts_to_json(all, call->differ, err) ?: -1
			    : cc_fail(err, CC_E_NOMEM, "out of memory");
}

size_t call_others(const struct call *call)
{
	json_int_t n = json_integer_value(json_object_get(call->differ, "factCount"));

	return n > 1 ? (size_t)n - 1 : 0;
}

int call_count(struct call_counts *n, const char *fact, const struct cc_error *why,
	       struct cc_error *err)
{
	if (!fact && !custodian_is_refusal(why)) {
		n->errors++;
		return 0;
	}
	if (!n->facts)
		n->facts = json_array();
	return json_array_append_new(n->facts,
				     json_string_nocheck(fact ? fact : custodian_fact(why)))
		       ? cc_fail(err, CC_E_NOMEM, "out of memory")
		       : 0;
}

void call_counts_add(struct custodian *c, const struct call_counts *n)
{
	const json_t *fact;
	size_t i;

	json_array_foreach(n->facts, i, fact)
		custodian_count_fact(c, json_string_value(fact));
	c->counters.renewals += n->renewals;
	c->counters.errors += n->errors;
	c->refusals.unrecorded += n->unrecorded;
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
