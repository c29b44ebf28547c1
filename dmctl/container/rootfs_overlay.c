// SPDX-License-Identifier: Apache-2.0
/*
 * rootfs_overlay.c - the directories a container's root file system is made of.
 */
#include "container/rootfs_overlay.h"

#include <stdio.h>
#include <string.h>

#include "host/mountinfo.h"
#include "strv.h"

void overlay_clear(struct overlay *o)
{
	free(o->upper);
	cc_strv_clear(&o->lower);
	*o = (struct overlay){0};
}

/* The directory two above one of a container's, where the driver keeps all layers. */
static char *layers_dir(const char *own)
{
	char *dir = strdup(own);
	int up;

	for (up = 0; dir && up < 2; up++) {
		char *slash = strrchr(dir, '/');

		if (slash)
			*slash = '\0';
	}
	return dir;
}

static char *absolute(const char *path, const char *base)
{
	char *full;

	if (path[0] == '/')
		return strdup(path);
	return asprintf(&full, "%s/%s", base, path) < 0 ? NULL : full;
}

int overlay_split(const char *list, const char *base, struct cc_strv *dirs, struct cc_error *err)
{
	cc_auto_free char *copy = strdup(list);
	char *dir, *save;

	if (!copy)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	for (dir = strtok_r(copy, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
		cc_auto_free char *full = absolute(dir, base);

		if (!full)
			return cc_fail(err, CC_E_NOMEM, "out of memory");
		if (cc_strv_push(dirs, full, err))
			return -1;
	}
	return 0;
}

/* Looks for the overlay in the mount table of @pid, 0: our own. */
static int overlay_find(pid_t pid, const char *root, char **upper, char **lower, bool *found,
			struct cc_error *err)
{
	cc_auto_close int table = mountinfo_open(pid, err);

	return table < 0 ? -1 : mountinfo_overlay(table, root, upper, lower, found, err);
}

int overlay_dirs(const char *root, const char *upper, const char *lower, struct overlay *o,
		 struct cc_error *err)
{
	cc_auto_free char *base = layers_dir(upper && upper[0] == '/' ? upper : root);

	o->upper = upper && base ? absolute(upper, base) : NULL;
	if (!base || (upper && !o->upper))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return lower ? overlay_split(lower, base, &o->lower, err) : 0;
}

int overlay_of(const char *root, pid_t pid, struct overlay *o, struct cc_error *err)
{
	cc_auto_free char *upper = NULL, *lower = NULL;

	if (overlay_find(0, root, &upper, &lower, &o->found, err) ||
	    (!o->found && overlay_find(pid, root, &upper, &lower, &o->found, err)))
		return -1;
	return overlay_dirs(root, upper, lower, o, err);
}
