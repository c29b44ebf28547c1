// SPDX-License-Identifier: Apache-2.0
#include "facts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "json.h"

void cc_facts_init(struct cc_facts *f, size_t max)
{
	f->max = max;
	f->n = f->found = f->bytes = 0;
	f->failure.code = CC_OK;
}

static int add(struct cc_facts *f, const char *fact, const char *text)
{
	size_t len = strlen(text);

	/* once one was left out, all that follow are: what is kept is the beginning */
	if (f->found++ != f->n || f->n == f->max || f->bytes + len > CC_FACTS_BYTES)
		return f->max == 1 ? -1 : 0;
	cc_refuse(&f->v[f->n], fact, "%s", text);
	f->n++;
	f->bytes += len;
	return f->max == 1 ? -1 : 0;
}

int cc_facts_add(struct cc_facts *f, const char *fact, const char *fmt, ...)
{
	char text[CC_TEXT_MAX + 1]; /* cc_refuse() says where one was cut */
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return add(f, fact, text);
}

int cc_facts_add_error(struct cc_facts *f, const struct cc_error *e)
{
	if (e->code == CC_E_REFUSED)
		return add(f, e->fact, e->text);
	f->failure = *e;
	return -1;
}

int cc_facts_first(const struct cc_facts *f, struct cc_error *err)
{
	if (f->failure.code == CC_OK && f->found == 0)
		return 0;
	*err = f->failure.code ? f->failure : f->v[0];
	return -1;
}

int cc_facts_to_json(const struct cc_facts *f, json_t *obj, struct cc_error *err)
{
	cc_auto_json json_t *list = json_array();

	for (size_t i = 0; list && i < f->n; i++)
		if (json_array_append_new(list, json_pack("{s:s, s:s}", "fact", f->v[i].fact,
							  "text", f->v[i].text)))
			return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (!list || json_object_set(obj, "facts", list) ||
	    json_object_set_new(obj, "factCount", json_integer((json_int_t)f->found)))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return 0;
}

/* Outside bytes: what is not what it should be is left out. */
static void read_facts(struct cc_facts *f, const json_t *from)
{
	const json_t *one;
	size_t i;

	cc_facts_init(f, CC_FACTS_MAX);
	json_array_foreach(json_object_get(from, "facts"), i, one) {
		const char *fact = json_string_value(json_object_get(one, "fact"));
		const char *text = json_string_value(json_object_get(one, "text"));

		if (fact && text && f->n < CC_FACTS_MAX && f->found < CC_FACTS_COUNT_MAX)
			cc_facts_add(f, fact, "%s", text);
	}
}

int cc_facts_take(json_t *to, const json_t *from, struct cc_error *err)
{
	json_int_t said = json_integer_value(json_object_get(from, "factCount"));
	struct cc_facts f;

	read_facts(&f, from);
	if (f.n == 0)
		return 0;
	if (said > (json_int_t)f.n && said <= CC_FACTS_COUNT_MAX)
		f.found = (size_t)said;
	return cc_facts_to_json(&f, to, err);
}
