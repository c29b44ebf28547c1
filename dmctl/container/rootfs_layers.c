// SPDX-License-Identifier: Apache-2.0
/*
 * rootfs_layers.c - the layers of an overlay: what they show together, and their digest.
 */
#include "container/rootfs_layers.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "digest.h"
#include "strv.h"

#define MAGIC "container-crypt rootfs v1"

int layers_open(const struct cc_strv *dirs, struct layers *l, struct cc_error *err)
{
	if (dirs->n > LAYERS_MAX)
		return cc_fail(err, CC_E_INVALID, "the root file system has more than %d layers",
			       LAYERS_MAX);
	for (; l->n < dirs->n; l->n++) {
		l->fds[l->n] = open(dirs->v[l->n], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (l->fds[l->n] < 0)
			return cc_fail_errno(err, CC_E_INTERNAL, "layer %s", dirs->v[l->n]);
	}
	return 0;
}

void layers_close(struct layers *l)
{
	while (l->n)
		close(l->fds[--l->n]);
}

/* ---- what is shown ------------------------------------------------------------------------- */

enum shown { SHOWN_NOTHING, SHOWN_HIDDEN, SHOWN };

static bool is_opaque(int dir)
{
	char value;

	return fgetxattr(dir, "trusted.overlay.opaque", &value, 1) == 1 && value == 'y';
}

/*
 * What one layer has at @path: SHOWN_HIDDEN when there is nothing, and nothing of the layers below
 * is seen. What cannot be looked at is there.
 */
static enum shown layer_has(int layer, const char *path, int *found)
{
	cc_auto_close int dir = openat(layer, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cc_auto_free char *copy = strdup(path);
	bool opaque = dir >= 0 && is_opaque(dir);
	char *name, *save;
	struct stat st;

	if (dir < 0 || !copy)
		return SHOWN;
	for (name = strtok_r(copy, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
		int next;

		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW))
			return opaque ? SHOWN_HIDDEN : SHOWN_NOTHING;
		if (S_ISCHR(st.st_mode) && st.st_rdev == 0)
			return SHOWN_HIDDEN;
		if (!S_ISDIR(st.st_mode))
			return *save ? SHOWN_HIDDEN : SHOWN;
		next = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return SHOWN;
		close(dir);
		dir = next;
		opaque = opaque || is_opaque(dir);
	}
	*found = cc_steal_fd(&dir);
	return SHOWN;
}

bool layers_show(const struct layers *l, size_t first, const char *path, int *dir)
{
	cc_auto_close int found = -1;

	if (dir)
		*dir = -1;
	for (size_t i = first; i < l->n; i++) {
		enum shown s = layer_has(l->fds[i], path, &found);

		if (s == SHOWN_NOTHING)
			continue;
		if (dir)
			*dir = cc_steal_fd(&found);
		return s == SHOWN;
	}
	return false;
}

int layers_dir_of(const struct layers *l, const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	cc_auto_free char *dir = strndup(path, (size_t)(name - path - 1));
	int found = -1;

	for (size_t i = 0; dir && i < l->n; i++) {
		cc_auto_close int at = -1;
		struct stat st;

		if (layer_has(l->fds[i], dir, &at) == SHOWN_HIDDEN)
			return -1;
		if (at >= 0 && fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
			if (S_ISREG(st.st_mode))
				found = cc_steal_fd(&at);
			return found;
		}
		/* an opaque directory without it */
		if (at >= 0 && layer_has(l->fds[i], path, &found) == SHOWN_HIDDEN)
			return -1;
	}
	return -1;
}

/* ---- digest -------------------------------------------------------------------------------- */

/* A NUL ends each text: no digest, mark or path has one in it. */
static void record_put(FILE *f, const char *s)
{
	fwrite(s, 1, strlen(s) + 1, f);
}

/* The layer's own digest, then the opaque directories that hide something, then an empty text. */
static void put_layer(FILE *f, const struct layers *l, size_t i, const struct tree *t)
{
	if (t->entries == 0 && t->opaque.n == 0)
		return;
	record_put(f, t->digest);
	for (size_t k = 0; k < t->opaque.n; k++) {
		if (!layers_show(l, i + 1, t->opaque.v[k], NULL))
			continue;
		record_put(f, "opaque");
		record_put(f, t->opaque.v[k]);
	}
	record_put(f, "");
}

static int put_all(FILE *f, const struct layers *l, const struct cc_strv *dirs,
		   struct layer_cache *cache, struct layers_cost *cost, struct cc_error *err)
{
	bool cached;

	record_put(f, MAGIC);
	for (size_t i = 0; i < l->n; i++) {
		tree_auto struct tree t = {0};

		if (rootfs_layer(cache, l->fds[i], dirs->v[i], &t, &cached, err))
			return -1;
		put_layer(f, l, i, &t);
		cost->layers++;
		cost->cached += cached;
		cost->entries += t.entries;
		cost->bytes += t.bytes;
	}
	return 0;
}

int layers_digest(const struct cc_strv *dirs, struct layer_cache *cache, char digest[static 72],
		  struct layers_cost *cost, struct cc_error *err)
{
	layers_auto struct layers l = {0};
	cc_auto_free char *text = NULL;
	size_t len = 0;
	FILE *f;
	int rc;

	*cost = (struct layers_cost){0};
	if (layers_open(dirs, &l, err))
		return -1;
	f = open_memstream(&text, &len);
	if (!f)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	rc = put_all(f, &l, dirs, cache, cost, err);
	if (fclose(f) && rc == 0)
		rc = cc_fail(err, CC_E_NOMEM, "out of memory");
	if (rc == 0)
		cc_sha256_digest(text, len, digest);
	return rc;
}
