// SPDX-License-Identifier: Apache-2.0
#include "client/identity_diff.h"

#include <string.h>

/**
 * struct diff_member - a member of the predicate.
 * @in: the object it is in, NULL for the predicate itself
 * @is_set: a list of which the order means nothing
 */
struct diff_member {
	const char *fact, *in, *name;
	bool is_set;
};

static const struct diff_member members[] = {
	{"volume", NULL, "volume", false},
	{"mountPoint", NULL, "mountPoint", false},
	{"readOnly", NULL, "readOnly", false},
	{"validity", NULL, "notBefore", false},
	{"validity", NULL, "notAfter", false},
	{"serial", NULL, "serial", false},
	{"serial", NULL, "floor", false},
	{"image", "image", "configDigest", false},
	{"image", "image", "signedBy", true},
	{"image", "image", "repository", false},
	{"image", "image", "floor", false},
	{"image", "image", "builtBy", false},
	{"args", "process", "args", false},
	{"cwd", "process", "cwd", false},
	{"user", "process", "user", false},
	{"env", "process", "env", true},
	{"capabilities", "process", "capabilities", true},
	{"noNewPrivileges", "process", "noNewPrivileges", false},
	{"readonlyRootfs", NULL, "readonlyRootfs", false},
	{"seccomp", NULL, "seccomp", false},
	{"apparmor", NULL, "apparmor", false},
	{"privileged", NULL, "privileged", false},
	{"devices", NULL, "devices", true},
	{"mounts", NULL, "mounts", true},
	{"namespaces", NULL, "sharedNamespaces", true},
	{"hooks", NULL, "hooks", true},
	{"settings", NULL, "settings", true},
	{"demands", NULL, "demands", true},
	{"rootfs", "image", "rootfsDigest", false},
	{"rootfs", NULL, "upper", false},
};

/**
 * struct diffing - the list while it is made.
 * @failed: out of memory
 */
struct diffing {
	json_t *list;
	bool failed;
};

__attribute__((format(printf, 3, 4))) static void
add(struct diffing *d, const struct diff_member *m, const char *fmt, ...)
{
	struct cc_error line; /* its text is cleaned and cut as those of refusals are */
	char text[CC_TEXT_MAX + 1], member[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	cc_refuse(&line, m->fact, "%s: %s", m->fact, text);
	snprintf(member, sizeof(member), "%s%s%s", m->in ? m->in : "", m->in ? "." : "", m->name);
	if (json_array_append_new(d->list, json_pack("{s:s, s:s, s:s}", "fact", m->fact, "member",
						     member, "text", line.text)))
		d->failed = true;
}

static json_t *value_in(const json_t *predicate, const struct diff_member *m)
{
	return json_object_get(m->in ? json_object_get(predicate, m->in) : predicate, m->name);
}

/* Malloced; of a rule about a variable its name. */
static char *shown(const json_t *value, const struct diff_member *m)
{
	const char *name = json_string_value(json_object_get(value, "name"));
	char *text = NULL;

	if (!value)
		return strdup("absent");
	if (strcmp(m->name, "env") != 0 || !name)
		return json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	if (asprintf(&text, "a rule for \"%s\"%s", name,
		     json_object_get(value, "value") ? " with a value" : "") < 0)
		return NULL;
	return text;
}

static bool has(const json_t *list, const json_t *item)
{
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
		if (json_equal(one, item))
			return true;
	return false;
}

/* What only one of them has. */
static void add_only(struct diffing *d, const struct diff_member *m, const json_t *list,
		     const json_t *other, const char *whose)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item) {
		cc_auto_free char *text = has(other, item) ? NULL : shown(item, m);

		if (text)
			add(d, m, "only %s has %s", whose, text);
	}
}

/* An absent ceiling of capabilities is the engines' default set, not none. */
static bool is_comparable(const struct diff_member *m, const json_t *a, const json_t *b)
{
	return m->is_set && ((a && b) || strcmp(m->name, "capabilities") != 0);
}

static void compare(struct diffing *d, const struct diff_member *m, const json_t *a,
		    const json_t *b)
{
	cc_auto_free char *left = NULL, *right = NULL;

	if (is_comparable(m, a, b)) {
		add_only(d, m, a, b, "A");
		add_only(d, m, b, a, "B");
		return;
	}
	if (a == b || (a && b && json_equal(a, b)))
		return;
	left = shown(a, m);
	right = shown(b, m);
	if (!left || !right)
		d->failed = true;
	else
		add(d, m, "A has %.300s, B has %.300s", left, right);
}

json_t *identity_diff(const json_t *a, const json_t *b, struct cc_error *err)
{
	struct diffing d = {.list = json_array()};

	for (size_t i = 0; d.list && i < sizeof(members) / sizeof(members[0]); i++)
		compare(&d, &members[i], value_in(a, &members[i]), value_in(b, &members[i]));
	if (d.list && !d.failed)
		return d.list;
	json_decref(d.list);
	cc_fail(err, CC_E_NOMEM, "out of memory");
	return NULL;
}
