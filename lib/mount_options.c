// SPDX-License-Identifier: Apache-2.0
/*
 * mount_options.c - how a volume is mounted, in the words of mount(8).
 */
#include "mount_options.h"

#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include "strv.h"

#define TAKING_AWAY (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW)
#define ALWAYS_SO "a volume is always mounted nosuid and nodev"

/* Of two names for the same the first is the one that is shown. */
static const struct {
	const char *name;
	unsigned int attrs, set;
} known[] = {
	{"ro", MOUNT_ATTR_RDONLY, MOUNT_ATTR_RDONLY},
	{"rw", MOUNT_ATTR_RDONLY, 0},
	{"noexec", MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOEXEC},
	{"exec", MOUNT_ATTR_NOEXEC, 0},
	{"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW},
	{"noatime", MOUNT_ATTR__ATIME, MOUNT_ATTR_NOATIME},
	{"relatime", MOUNT_ATTR__ATIME, MOUNT_ATTR_RELATIME},
	{"atime", MOUNT_ATTR__ATIME, MOUNT_ATTR_RELATIME},
	{"strictatime", MOUNT_ATTR__ATIME, MOUNT_ATTR_STRICTATIME},
	{"nodiratime", MOUNT_ATTR_NODIRATIME, MOUNT_ATTR_NODIRATIME},
	{"diratime", MOUNT_ATTR_NODIRATIME, 0},
	{"nosuid", 0, 0},
	{"nodev", 0, 0},
	{"defaults", 0, 0},
};

#define N_KNOWN (sizeof(known) / sizeof(known[0]))

static bool word_take(struct cc_mount_options *o, const char *name)
{
	for (size_t i = 0; i < N_KNOWN; i++) {
		if (strcmp(known[i].name, name) != 0)
			continue;
		o->named |= known[i].attrs;
		o->set = (o->set & ~known[i].attrs) | known[i].set;
		return true;
	}
	return false;
}

static bool is_widening(const char *name)
{
	return strcmp(name, "suid") == 0 || strcmp(name, "dev") == 0;
}

int cc_mount_options_parse(const char *text, struct cc_mount_options *o, struct cc_error *err)
{
	cc_auto_free char *list = strdup(text);
	char *rest = list, *name;

	if (!list)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	while (text[0] && (name = strsep(&rest, ","))) {
		if (is_widening(name))
			return cc_fail(err, CC_E_USAGE, "mount option \"%s\": " ALWAYS_SO, name);
		if (!word_take(o, name))
			return cc_fail(
				err, CC_E_USAGE,
				"there is no mount option \"%.60s\" for a volume: ro, noexec, "
				"nosymfollow, noatime, relatime, strictatime, nodiratime",
				name);
	}
	return 0;
}

int cc_mount_options_read(const json_t *obj, const char *what, struct cc_mount_options *o,
			  struct cc_error *err)
{
	struct cc_mount_options got = {0};
	cc_auto_free char *text = NULL;

	if (cc_json_str(obj, what, "mountOptions", false, &text, err))
		return -1;
	if (!text)
		return 0;
	if (cc_mount_options_parse(text, &got, err)) {
		if (err->code == CC_E_USAGE)
			err->code = CC_E_INVALID;
		return cc_prefix(err, "%s: mountOptions", what);
	}
	*o = got;
	return 0;
}

/* "ro" for "ro" and its recursive kind "rro", and so on. */
static const char *plain(const char *name)
{
	struct cc_mount_options ignored = {0};

	if (name[0] == 'r' && (word_take(&ignored, name + 1) || is_widening(name + 1)))
		return name + 1;
	return name;
}

int cc_mount_options_asked(const struct cc_strv *options, struct cc_mount_options *o,
			   struct cc_error *err)
{
	for (size_t i = 0; i < options->n; i++) {
		const char *name = plain(options->v[i]);

		if (is_widening(name))
			return cc_fail(err, CC_E_USAGE,
				       "option \"%s\" of its mount: " ALWAYS_SO
				       "; run the container without the option",
				       options->v[i]);
		if (strncmp(name, "idmap", 5) == 0 || strncmp(name, "ridmap", 6) == 0)
			return cc_fail(
				err, CC_E_USAGE,
				"option \"%.60s\" of its mount: a volume's ids are mapped to the "
				"container's user namespace and to no other; run the container "
				"without the option",
				options->v[i]);
		word_take(o, name);
	}
	return 0;
}

void cc_mount_options_add(struct cc_mount_options *o, const struct cc_mount_options *more)
{
	o->set = (o->set & (TAKING_AWAY | ~more->named)) | more->set;
	o->named |= more->named;
}

bool cc_mount_options_eq(const struct cc_mount_options *a, const struct cc_mount_options *b)
{
	return a->named == b->named && a->set == b->set;
}

void cc_mount_options_text(const struct cc_mount_options *o, char out[static CC_MOUNT_OPTIONS_TEXT])
{
	unsigned int left = o->named;
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < N_KNOWN; i++) {
		if (!known[i].attrs || (left & known[i].attrs) != known[i].attrs ||
		    (o->set & known[i].attrs) != known[i].set)
			continue;
		len += (size_t)snprintf(out + len, CC_MOUNT_OPTIONS_TEXT - len, "%s%s",
					len ? "," : "", known[i].name);
		left &= ~known[i].attrs;
	}
}
