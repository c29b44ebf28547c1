// SPDX-License-Identifier: Apache-2.0
#include "state/yaml.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#define DIGITS "0123456789"

/*
 * @anchors: what has a name, by it; NULL: nothing may have one
 * @nodes: values so far, those behind an alias counted each time
 */
struct reader {
	yaml_parser_t parser;
	const char *what;
	json_t *anchors;
	size_t nodes;
	struct cc_error *err;
};

/* NULL, for whoever returns a value. */
__attribute__((format(printf, 3, 4))) static json_t *
fail_at(struct reader *r, const yaml_mark_t *mark, const char *fmt, ...)
{
	char text[CC_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cc_fail(r->err, CC_E_INVALID, "%s:%zu:%zu: %s", r->what, mark->line + 1, mark->column + 1,
		text);
	return NULL;
}

static json_t *no_memory(struct reader *r)
{
	cc_fail(r->err, CC_E_NOMEM, "out of memory");
	return NULL;
}

/* To be deleted also after a failure. */
static int next_event(struct reader *r, yaml_event_t *ev)
{
	if (yaml_parser_parse(&r->parser, ev))
		return 0;
	memset(ev, 0, sizeof(*ev));
	if (r->parser.error == YAML_MEMORY_ERROR)
		no_memory(r);
	else
		fail_at(r, &r->parser.problem_mark, "%s%s%s",
			r->parser.problem ? r->parser.problem : "not YAML",
			r->parser.context ? " " : "", r->parser.context ? r->parser.context : "");
	return -1;
}

/* ---- scalars ------------------------------------------------------------------------------- */

static bool is_one_of(const char *const *words, const char *s)
{
	for (; *words; words++)
		if (!strcmp(*words, s))
			return true;
	return false;
}

static const char *after_sign(const char *s)
{
	return s + (*s == '-' || *s == '+');
}

static bool is_integer(const char *s)
{
	size_t n = strspn(after_sign(s), DIGITS);

	return n > 0 && after_sign(s)[n] == '\0';
}

/* What 1.1 takes for a boolean, and 1.2 for a text. */
static bool is_ambiguous_word(const char *s)
{
	static const char *const words[] = {"yes", "no", "on", "off", "y", "n", NULL};

	for (size_t i = 0; words[i]; i++)
		if (!strcasecmp(words[i], s))
			return true;
	return false;
}

/* 1:30, a number to the base of 60 by 1.1, and a text by 1.2 and by what reads YAML today. */
static bool is_sexagesimal(const char *s)
{
	const char *number = after_sign(s);

	return number[0] && strchr(DIGITS, number[0]) && strchr(number, ':') &&
	       strspn(number, DIGITS "_:") == strlen(number);
}

/* What 1.1 takes for a number, and 1.2 for a text or another number. */
static bool is_ambiguous_number(const char *s)
{
	const char *number = after_sign(s);

	if (!number[0] || !strchr(DIGITS, number[0]) || strchr(number, ':'))
		return false;
	if (number[0] == '0' && number[1] && strspn(number, DIGITS) == strlen(number))
		return true;
	if (number[0] == '0' && number[1] && strchr("xob", number[1]))
		return true;
	return strchr(number, '_') && strspn(number, DIGITS "_") == strlen(number);
}

static bool is_date(const char *s)
{
	return strspn(s, DIGITS) == 4 && s[4] == '-' && s[5] && strchr(DIGITS, s[5]);
}

/* As in YAML 1.2's core schema: 1.5, -2e9, .5 */
static bool is_real(const char *s)
{
	const char *p = after_sign(s);
	size_t whole = strspn(p, DIGITS), part = 0;

	p += whole;
	if (*p == '.') {
		part = strspn(++p, DIGITS);
		p += part;
	}
	if (whole + part == 0)
		return false;
	if (*p == 'e' || *p == 'E') {
		size_t n = strspn(after_sign(p + 1), DIGITS);

		p = after_sign(p + 1) + n;
		if (n == 0)
			return false;
	}
	return *p == '\0';
}

static json_t *integer(struct reader *r, const yaml_event_t *ev, const char *s)
{
	json_int_t value;

	errno = 0;
	value = strtoll(s, NULL, 10);
	return errno ? fail_at(r, &ev->start_mark, "%.40s is too large a number", s)
		     : json_integer(value);
}

static json_t *text_value(struct reader *r, const char *s)
{
	json_t *value = json_string(s);

	return value ? value : no_memory(r); /* libyaml has seen to it that it is UTF-8 */
}

/* Without quotes. */
static json_t *plain(struct reader *r, const yaml_event_t *ev, const char *s)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL", NULL};
	static const char *const yes[] = {"true", "True", "TRUE", NULL};
	static const char *const no[] = {"false", "False", "FALSE", NULL};
	json_t *value;

	if (r->anchors && (is_ambiguous_number(s) || is_date(s)))
		return json_real(0);
	if (!r->anchors && (is_ambiguous_word(s) || is_ambiguous_number(s) || is_sexagesimal(s)))
		return fail_at(r, &ev->start_mark,
			       "\"%.40s\" is not the same in each version of YAML: put a text in "
			       "quotes, write true or false, a number in decimal digits",
			       s);
	if (is_one_of(nulls, s))
		return json_null();
	if (is_one_of(yes, s))
		return json_true();
	if (is_one_of(no, s))
		return json_false();
	if (is_integer(s))
		return integer(r, ev, s);
	if (!is_real(s))
		return text_value(r, s);
	value = json_real(strtod(s, NULL));
	return value ? value : fail_at(r, &ev->start_mark, "%.40s is too large a number", s);
}

/* The text of one, borrowed; NULL when it is none. */
static const char *scalar_text(struct reader *r, const yaml_event_t *ev)
{
	const char *s = (const char *)ev->data.scalar.value;

	if (strlen(s) == ev->data.scalar.length)
		return s;
	fail_at(r, &ev->start_mark, "a NUL character in a text");
	return NULL;
}

static json_t *scalar(struct reader *r, const yaml_event_t *ev)
{
	const char *s = scalar_text(r, ev);

	if (!s)
		return NULL;
	return ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? plain(r, ev, s)
								: text_value(r, s);
}

/* ---- collections --------------------------------------------------------------------------- */

static json_t *node(struct reader *r, const yaml_event_t *ev, unsigned int depth);

static json_t *sequence(struct reader *r, unsigned int depth)
{
	cc_auto_json json_t *list = json_array();

	while (list) {
		cc_cleanup(yaml_event_delete) yaml_event_t ev = {0};
		json_t *value;

		if (next_event(r, &ev))
			return NULL;
		if (ev.type == YAML_SEQUENCE_END_EVENT)
			return cc_steal(list);
		value = node(r, &ev, depth);
		if (!value)
			return NULL;
		if (json_array_append_new(list, value))
			break;
	}
	return no_memory(r);
}

/* The text of a key that @obj does not have, borrowed; NULL when it is not one. */
static const char *yaml_key_of(struct reader *r, const yaml_event_t *ev, const json_t *obj)
{
	const char *key;

	if (ev->type != YAML_SCALAR_EVENT || ev->data.scalar.anchor || ev->data.scalar.tag) {
		fail_at(r, &ev->start_mark, "a key must be a text, without anchor or tag");
		return NULL;
	}
	key = scalar_text(r, ev);
	if (!key)
		return NULL;
	if (!r->anchors && !strcmp(key, "<<"))
		fail_at(r, &ev->start_mark, "merge keys are not allowed");
	else if (json_object_get(obj, key))
		fail_at(r, &ev->start_mark, "\"%.80s\" is there twice", key);
	else
		return key;
	return NULL;
}

/* What @obj does not say itself. */
static int merge_one(struct reader *r, const yaml_event_t *ev, json_t *obj, json_t *more)
{
	if (json_is_object(more))
		return json_object_update_missing(obj, more) ? (no_memory(r), -1) : 0;
	fail_at(r, &ev->start_mark, "a merge key takes a mapping, or a list of them");
	return -1;
}

/* Puts what stands behind "<<" into @obj; of a list what is said first counts. @ev: the end */
static int merge(struct reader *r, const yaml_event_t *ev, json_t *obj)
{
	cc_auto_json json_t *more = json_incref(json_object_get(obj, "<<"));
	json_t *one;
	size_t i;

	if (!r->anchors || !more)
		return 0;
	json_object_del(obj, "<<");
	if (!json_is_array(more))
		return merge_one(r, ev, obj, more);
	json_array_foreach(more, i, one)
		if (merge_one(r, ev, obj, one))
			return -1;
	return 0;
}

static json_t *mapping(struct reader *r, unsigned int depth)
{
	cc_auto_json json_t *obj = json_object();

	while (obj) {
		cc_cleanup(yaml_event_delete) yaml_event_t name = {0};
		cc_cleanup(yaml_event_delete) yaml_event_t ev = {0};
		const char *key;
		json_t *value;

		if (next_event(r, &name))
			return NULL;
		if (name.type == YAML_MAPPING_END_EVENT)
			return merge(r, &name, obj) ? NULL : cc_steal(obj);
		key = yaml_key_of(r, &name, obj);
		if (!key || next_event(r, &ev))
			return NULL;
		value = node(r, &ev, depth);
		if (!value)
			return NULL;
		if (json_object_set_new(obj, key, value))
			break;
	}
	return no_memory(r);
}

/* The name that @ev gives to a value; @tag: out, its tag, or NULL. */
static const char *anchor_of(const yaml_event_t *ev, const char **tag)
{
	const yaml_char_t *anchor = NULL, *named = NULL;

	if (ev->type == YAML_SCALAR_EVENT) {
		anchor = ev->data.scalar.anchor;
		named = ev->data.scalar.tag;
	} else if (ev->type == YAML_SEQUENCE_START_EVENT) {
		anchor = ev->data.sequence_start.anchor;
		named = ev->data.sequence_start.tag;
	} else if (ev->type == YAML_MAPPING_START_EVENT) {
		anchor = ev->data.mapping_start.anchor;
		named = ev->data.mapping_start.tag;
	}
	*tag = (const char *)named;
	return (const char *)anchor;
}

/* How many values there are in @value, and how deep it is. */
static size_t extent(const json_t *value, unsigned int *depth)
{
	unsigned int deepest = 0, below;
	size_t n = 1, i;
	const char *key;
	json_t *one;

	json_object_foreach((json_t *)(uintptr_t)value, key, one) {
		n += extent(one, &below);
		deepest = below > deepest ? below : deepest;
	}
	json_array_foreach(value, i, one) {
		n += extent(one, &below);
		deepest = below > deepest ? below : deepest;
	}
	*depth = deepest + (json_is_object(value) || json_is_array(value));
	return n;
}

static json_t *too_many(struct reader *r, const yaml_event_t *ev)
{
	return fail_at(r, &ev->start_mark, "more than %d values", YAML_NODES_MAX);
}

static json_t *too_deep(struct reader *r, const yaml_event_t *ev)
{
	return fail_at(r, &ev->start_mark, "more than %d levels", YAML_DEPTH_MAX);
}

/* The value that has this name, shared: what is counted is what whoever walks through it sees. */
static json_t *alias(struct reader *r, const yaml_event_t *ev, unsigned int depth)
{
	const char *name = (const char *)ev->data.alias.anchor;
	json_t *value = json_object_get(r->anchors, name);
	unsigned int more;

	if (!value)
		return fail_at(r, &ev->start_mark, "nothing before has the anchor \"%.80s\"", name);
	r->nodes += extent(value, &more);
	if (r->nodes > YAML_NODES_MAX)
		return too_many(r, ev);
	return depth + more > YAML_DEPTH_MAX ? too_deep(r, ev) : json_incref(value);
}

/* The value that @ev begins, whatever its name. */
static json_t *bare(struct reader *r, const yaml_event_t *ev, unsigned int depth)
{
	if (++r->nodes > YAML_NODES_MAX)
		return too_many(r, ev);
	if (ev->type == YAML_SCALAR_EVENT)
		return scalar(r, ev);
	if (depth == YAML_DEPTH_MAX)
		return too_deep(r, ev);
	return ev->type == YAML_SEQUENCE_START_EVENT ? sequence(r, depth + 1)
						     : mapping(r, depth + 1);
}

/* The value that @ev begins; what it consists of is read. */
static json_t *node(struct reader *r, const yaml_event_t *ev, unsigned int depth)
{
	const char *tag, *anchor = anchor_of(ev, &tag);
	cc_auto_json json_t *value = NULL;

	if (tag || (!r->anchors && (anchor || ev->type == YAML_ALIAS_EVENT)))
		return fail_at(r, &ev->start_mark, "%s not allowed",
			       r->anchors ? "tags are" : "anchors, aliases and tags are");
	if (ev->type == YAML_ALIAS_EVENT)
		return alias(r, ev, depth);
	value = bare(r, ev, depth);
	if (value && anchor && json_object_set(r->anchors, anchor, value))
		return no_memory(r);
	return cc_steal(value);
}

/* ---- the document -------------------------------------------------------------------------- */

/* Reads the next event, which has to be a @type. */
static int expect(struct reader *r, yaml_event_type_t type, const char *otherwise)
{
	cc_cleanup(yaml_event_delete) yaml_event_t ev = {0};

	if (next_event(r, &ev))
		return -1;
	if (ev.type == type)
		return 0;
	fail_at(r, &ev.start_mark, "%s", otherwise);
	return -1;
}

static json_t *document(struct reader *r)
{
	cc_cleanup(yaml_event_delete) yaml_event_t ev = {0};
	cc_auto_json json_t *value = NULL;

	if (expect(r, YAML_STREAM_START_EVENT, "not YAML") ||
	    expect(r, YAML_DOCUMENT_START_EVENT, "there is no document") || next_event(r, &ev))
		return NULL;
	value = node(r, &ev, 0);
	if (!value || expect(r, YAML_DOCUMENT_END_EVENT, "more than one value") ||
	    expect(r, YAML_STREAM_END_EVENT, "more than one document"))
		return NULL;
	return cc_steal(value);
}

static json_t *read_text(struct reader *r, const char *text, size_t len)
{
	json_t *value;

	if (len > YAML_MAX) {
		cc_fail(r->err, CC_E_INVALID, "%s: longer than %zu bytes", r->what, YAML_MAX);
		return NULL;
	}
	if (!yaml_parser_initialize(&r->parser))
		return no_memory(r);
	yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)text, len);
	value = document(r);
	yaml_parser_delete(&r->parser);
	return value;
}

json_t *yaml_parse(const char *text, size_t len, const char *what, struct cc_error *err)
{
	struct reader r = {.what = what, .err = err};

	return read_text(&r, text, len);
}

json_t *yaml_parse_linked(const char *text, size_t len, const char *what, struct cc_error *err)
{
	cc_auto_json json_t *anchors = json_object();
	struct reader r = {.what = what, .err = err, .anchors = anchors};

	return anchors ? read_text(&r, text, len) : no_memory(&r);
}
