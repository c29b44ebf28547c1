// SPDX-License-Identifier: Apache-2.0
/*
 * oci_mounts.c - config.json's mounts: which are the engine's own, which somebody asked for.
 */
#include <stdio.h>
#include <string.h>

#include "container/oci.h"
#include "identity.h"
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

/* @source below one of the container's own directories: the rest of its path, or NULL. */
static const char *own_file(const char *source, const struct cc_strv *own_dirs)
{
	size_t i, len;

	for (i = 0; i < own_dirs->n; i++) {
		len = strlen(own_dirs->v[i]);
		if (strncmp(source, own_dirs->v[i], len) == 0 && source[len] == '/')
			return source + len + 1;
	}
	return NULL;
}

static bool is_engine_file(const struct cc_mount *mnt, const struct oci_context *ctx)
{
	const char *file = own_file(mnt->source, ctx->own_dirs);
	const struct engine_file *f;

	for (f = ctx->engine->files; file && f && f->destination; f++)
		if (strcmp(mnt->destination, f->destination) == 0 && strcmp(file, f->file) == 0)
			return true;
	return false;
}

/* Bytes of @dir without its last @above components. */
static size_t above(const char *dir, unsigned int above)
{
	size_t len = strlen(dir);

	for (; above; above--)
		for (bool slash = false; len && !slash; slash = dir[len] == '/')
			len--;
	return len;
}

/* DIR/NAME/_data, where the engine has chosen the name, as it does for a VOLUME of an image. */
static bool is_anonymous_volume(const char *source, const struct oci_context *ctx)
{
	const char *own = ctx->own_dirs->n ? ctx->own_dirs->v[0] : "", *rest;
	size_t len = above(own, ctx->engine->volumes.above), n;

	if (!ctx->engine->volumes.dir || strncmp(source, own, len) != 0 || source[len] != '/')
		return false;
	rest = source + len + 1;
	n = strlen(ctx->engine->volumes.dir);
	if (strncmp(rest, ctx->engine->volumes.dir, n) != 0 || rest[n] != '/')
		return false;
	rest += n + 1;
	n = strspn(rest, "0123456789abcdef");
	return n == CONTAINER_ID_LEN && strcmp(rest + n, "/_data") == 0;
}

/* A source that has another path in each container is named by what it is. */
static int name_source(struct cc_mount *mnt, const struct oci_context *ctx, struct cc_error *err)
{
	const char *file =
		cc_path_is_normal(mnt->source) ? own_file(mnt->source, ctx->own_dirs) : NULL;
	char *name = NULL;

	if (is_anonymous_volume(mnt->source, ctx))
		name = strdup(CC_SOURCE_VOLUME);
	else if (file && asprintf(&name, CC_SOURCE_OWN "%s", file) < 0)
		name = NULL;
	else if (!file)
		return 0;
	if (!name)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	free(mnt->source);
	mnt->source = name;
	return 0;
}

void oci_path_clean(char *path)
{
	char *out = path;

	for (const char *s = path; *s;) {
		size_t slashes = strspn(s, "/"), n;

		s += slashes;
		n = strcspn(s, "/");
		if (n == 0 || (n == 1 && s[0] == '.' && slashes)) {
			s += n;
			continue;
		}
		if (slashes)
			*out++ = '/';
		memmove(out, s, n);
		out += n;
		s += n;
	}
	if (out == path && path[0] == '/')
		out++;
	*out = '\0';
}

/* runc and crun let the last of a pair win: the others are as if they had not been there. */
static void drop_overridden(struct cc_strv *options)
{
	static const char *const pairs[][2] = {
		{"ro", "rw"}, {"nosuid", "suid"}, {"nodev", "dev"}, {"noexec", "exec"}};
	size_t kept = 0;

	for (size_t i = 0; i < options->n; i++) {
		bool overridden = false;

		for (size_t k = i + 1; k < options->n && !overridden; k++)
			for (size_t p = 0; p < COUNT(pairs) && !overridden; p++)
				for (size_t side = 0; side < 2; side++)
					overridden |= !strcmp(options->v[i], pairs[p][side]) &&
						      !strcmp(options->v[k], pairs[p][1 - side]);
		if (overridden)
			free(options->v[i]);
		else
			options->v[kept++] = options->v[i];
	}
	options->n = kept;
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
	oci_path_clean(mnt->destination);
	drop_overridden(&mnt->options);
	if (strncmp(mnt->source, CC_SOURCE_ENGINE, strlen(CC_SOURCE_ENGINE)) == 0)
		return cc_fail(err, CC_E_INVALID,
			       WHAT ": \"%s\" is not a source that an engine writes", mnt->source);
	mnt->engine = is_bind(mnt) ? is_engine_file(mnt, ctx)
				   : is_kernel_mount(mnt) || is_scratch(mnt, ctx, readonly);
	return is_bind(mnt) && !mnt->engine ? name_source(mnt, ctx, err) : 0;
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
