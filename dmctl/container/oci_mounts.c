// SPDX-License-Identifier: Apache-2.0
/*
 * oci_mounts.c - config.json's mounts: which are the engine's own, which somebody asked for.
 */
#include <stdio.h>
#include <string.h>

#include "container/oci.h"
#include "strv.h"

#define WHAT "config.json mounts"

/*
 * Kernel file systems at their usual places, as engines always add them. Who may write to sysfs
 * rules the host.
 */
static const struct {
	const char *destination, *type;
	bool read_only;
} kernel_mounts[] = {
	{"/proc", "proc", false},	    {"/dev", "tmpfs", false},
	{"/dev/pts", "devpts", false},	    {"/dev/shm", "tmpfs", false},
	{"/dev/mqueue", "mqueue", false},   {"/sys", "sysfs", true},
	{"/sys/fs/cgroup", "cgroup", true}, {"/sys/fs/cgroup", "cgroup2", true},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool is_bind(const struct cc_mount *mnt)
{
	return strcmp(mnt->type, "bind") == 0 || cc_strv_has(&mnt->options, "bind") ||
	       cc_strv_has(&mnt->options, "rbind");
}

static bool is_read_only(const struct cc_mount *mnt)
{
	return cc_strv_has(&mnt->options, "ro") && !cc_strv_has(&mnt->options, "rw") &&
	       !cc_strv_has(&mnt->options, "rrw");
}

static bool is_kernel_mount(const struct cc_mount *mnt)
{
	size_t i;

	for (i = 0; i < COUNT(kernel_mounts); i++)
		if (strcmp(mnt->destination, kernel_mounts[i].destination) == 0 &&
		    strcmp(mnt->type, kernel_mounts[i].type) == 0)
			return !kernel_mounts[i].read_only || is_read_only(mnt);
	return false;
}

/* What the engine puts over a read-only root unless told not to: empty, filled from the image. */
static bool is_scratch(const struct cc_mount *mnt, const struct oci_context *ctx, bool readonly)
{
	const char *const *at = ctx->engine->scratch;

	if (!readonly || strcmp(mnt->type, "tmpfs") != 0)
		return false;
	for (; at && *at; at++)
		if (strcmp(mnt->destination, *at) == 0)
			return true;
	return false;
}

/* @source is @file in one of the container's own directories. */
static bool is_own(const char *source, const char *file, const struct cc_strv *own_dirs)
{
	size_t i, len;

	for (i = 0; i < own_dirs->n; i++) {
		len = strlen(own_dirs->v[i]);
		if (strncmp(source, own_dirs->v[i], len) == 0 && source[len] == '/' &&
		    strcmp(source + len + 1, file) == 0)
			return true;
	}
	return false;
}

static bool is_engine_file(const struct cc_mount *mnt, const struct oci_context *ctx)
{
	const struct engine_file *f;

	for (f = ctx->engine->files; f && f->destination; f++)
		if (strcmp(mnt->destination, f->destination) == 0 &&
		    is_own(mnt->source, f->file, ctx->own_dirs))
			return true;
	return false;
}

static int parse_mount(const json_t *obj, const struct oci_context *ctx, bool readonly,
		       struct cc_mount *mnt, struct cc_error *err)
{
	if (!json_is_object(obj))
		return cc_fail(err, CC_E_INVALID, WHAT " must hold objects only");
	if (cc_json_str(obj, WHAT, "destination", true, &mnt->destination, err) ||
	    cc_json_str(obj, WHAT, "type", false, &mnt->type, err) ||
	    cc_json_str(obj, WHAT, "source", false, &mnt->source, err) ||
	    cc_json_strv(obj, WHAT, "options", false, &mnt->options, err))
		return -1;
	if (!mnt->type)
		mnt->type = strdup("bind"); /* the runtimes' reading of a mount without type */
	if (!mnt->source)
		mnt->source = strdup("");
	if (!mnt->type || !mnt->source)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	mnt->engine = is_bind(mnt) ? is_engine_file(mnt, ctx)
				   : is_kernel_mount(mnt) || is_scratch(mnt, ctx, readonly);
	return 0;
}

int oci_mounts_parse(const json_t *mounts, const struct oci_context *ctx, struct cc_measurement *m,
		     struct cc_error *err)
{
	json_t *obj;
	size_t i;

	if (json_array_size(mounts) == 0)
		return 0;
	m->mounts = calloc(json_array_size(mounts), sizeof(*m->mounts));
	if (!m->mounts)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	m->n_mounts = json_array_size(mounts); /* all zero: fit to be freed whatever happens */
	json_array_foreach(mounts, i, obj)
		if (parse_mount(obj, ctx, m->readonly_rootfs, &m->mounts[i], err))
			return -1;
	return 0;
}
