// SPDX-License-Identifier: Apache-2.0
/*
 * rootfs.c - a container's root file system.
 *
 * At a container's first start its upper layer may hold only what the engine itself makes: empty
 * directories and empty files for things to be mounted on. All else was put there by somebody
 * after the container was created (docker cp), or hides a part of the image (a whiteout), or
 * changes it (chmod).
 */
#include "container/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <syslog.h>

#include "container/rootfs_accounts.h"
#include "file.h"
#include "log.h"
#include "strv.h"

#define XATTR "trusted.overlay."

/* Empty file that runtimes leave although nothing is mounted on it. */
#define CONSOLE "/dev/console"

static bool is_stub(const char *path, const struct engine *engine, const struct cc_measurement *m)
{
	const char *const *stub;
	size_t i;

	if (strcmp(path, CONSOLE) == 0)
		return true;
	for (stub = engine->stubs; stub && *stub; stub++)
		if (strcmp(path, *stub) == 0)
			return true;
	for (i = 0; i < m->n_mounts; i++)
		if (strcmp(path, m->mounts[i].destination) == 0)
			return true;
	return false;
}

static bool has_xattr(const char *path, const char *name)
{
	return lgetxattr(path, name, NULL, 0) >= 0;
}

/* Redirects and metadata-only copies take their content from elsewhere than their path says. */
static bool is_redirected(const char *path)
{
	return has_xattr(path, XATTR "redirect") || has_xattr(path, XATTR "metacopy");
}

/* Permissions, owner, attributes of a directory are those of @other. */
static bool is_like(const FTSENT *e, int other, bool owners)
{
	cc_auto_close int fd =
		open(e->fts_accpath, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	char ours[72], theirs[72];
	struct cc_error err;
	struct stat st;

	if (fd < 0 || fstat(other, &st) || st.st_mode != e->fts_statp->st_mode)
		return false;
	if (owners && (st.st_uid != e->fts_statp->st_uid || st.st_gid != e->fts_statp->st_gid))
		return false;
	return tree_attributes(fd, ours, &err) == 0 && tree_attributes(other, theirs, &err) == 0 &&
	       strcmp(ours, theirs) == 0;
}

static bool is_opaque(const char *path)
{
	char value[2];

	return lgetxattr(path, XATTR "opaque", value, sizeof(value)) > 0 && value[0] == 'y';
}

/**
 * struct rules - what is expected of a layer.
 * @engine: whose files may be in it
 * @owners: directories are compared by owner and group, too
 * @root: the root directory, too
 * @blind: the layers below cannot be looked at, so that nothing may be hidden of them
 */
struct rules {
	const struct engine *engine;
	bool owners, root, blind;
};

/*
 * A directory is new, or one of the image's that the engine made something in: then it hides
 * nothing the image has there and is what it was. Overlayfs also marks every new one as opaque.
 */
static bool dir_fits(const FTSENT *e, const char *rel, const struct layers *lower,
		     const struct rules *rules)
{
	cc_auto_close int dir = -1;

	if (is_redirected(e->fts_accpath))
		return false;
	if (e->fts_level == 0 && !rules->root)
		return true;
	if (rules->blind)
		return !is_opaque(e->fts_accpath);
	if (!layers_show(lower, 0, rel, &dir))
		return true;
	return dir >= 0 && (e->fts_level == 0 || !is_opaque(e->fts_accpath)) &&
	       is_like(e, dir, rules->owners);
}

/* The one link the engines make. */
static bool is_mtab(const char *path, const char *rel)
{
	char target[32];
	ssize_t n;

	if (strcmp(rel, "/etc/mtab") != 0)
		return false;
	n = readlink(path, target, sizeof(target));
	return n == (ssize_t)strlen("/proc/mounts") &&
	       memcmp(target, "/proc/mounts", (size_t)n) == 0;
}

static bool fits(const FTSENT *e, const char *rel, const struct layers *lower,
		 const struct rules *rules, const struct cc_measurement *m)
{
	switch (e->fts_info) {
	case FTS_D:
		return dir_fits(e, rel, lower, rules);
	case FTS_F:
		if (is_redirected(e->fts_accpath))
			return false;
		return (e->fts_statp->st_size == 0 && is_stub(rel, rules->engine, m)) ||
		       (rules->engine->adds_accounts &&
			accounts_fit(e->fts_accpath, rel, lower, m));
	case FTS_SL:
	case FTS_SLNONE:
		return is_mtab(e->fts_accpath, rel);
	default: /* whiteouts and other special files */
		return false;
	}
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

static void fts_close_ptr(FTS **f)
{
	if (*f)
		fts_close(*f);
}

/* *dirty: the first path that should not be there, malloced, NULL when there is none. */
static int walk(const char *upper, const struct layers *lower, const struct rules *rules,
		const struct cc_measurement *m, char **dirty, struct cc_error *err)
{
	char *const paths[] = {(char *)upper, NULL};
	cc_cleanup(fts_close_ptr) FTS *fts =
		fts_open(paths, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, by_name);
	const char *rel;
	FTSENT *e;

	if (!fts)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", upper);
	while ((errno = 0, e = fts_read(fts))) {
		if (e->fts_info == FTS_DP)
			continue;
		if (e->fts_info == FTS_DNR || e->fts_info == FTS_ERR || e->fts_info == FTS_NS) {
			errno = e->fts_errno;
			return cc_fail_errno(err, CC_E_INTERNAL, "%s", e->fts_path);
		}
		rel = e->fts_path + strlen(upper);
		if (fits(e, rel, lower, rules, m))
			continue;
		*dirty = strdup(*rel ? rel : "/");
		return *dirty ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	return errno ? cc_fail_errno(err, CC_E_INTERNAL, "%s", upper) : 0;
}

/*
 * Layers that were mounted with other ids are not where the mount table says any more, there are
 * empty directories: the drivers keep their list beside the upper layer. -1: they cannot be had.
 */
static int open_stored(const char *upper, struct layers *lower)
{
	cc_cleanup(cc_strv_clear) struct cc_strv dirs = {0};
	cc_auto_free char *path = NULL, *base = NULL, *list = NULL;
	const char *own = strrchr(upper, '/'), *all;
	struct cc_error err;
	size_t len;

	all = own ? memrchr(upper, '/', (size_t)(own - upper)) : NULL;
	if (!all || asprintf(&path, "%.*s/lower", (int)(own - upper), upper) < 0) {
		path = NULL;
		return -1;
	}
	base = strndup(upper, (size_t)(all - upper));
	if (!base || cc_read_file(path, &list, &len, &err))
		return -1;
	list[strcspn(list, "\n")] = '\0';
	if (overlay_split(list, base, &dirs, &err) || !dirs.n || layers_open(&dirs, lower, &err)) {
		layers_close(lower);
		return -1;
	}
	return 0;
}

int rootfs_walk(const struct overlay *o, bool user_ns, const struct engine *engine,
		struct cc_measurement *m, struct cc_error *err)
{
	struct rules rules = {.engine = engine, .owners = !user_ns, .root = true};
	layers_auto struct layers lower = {0};

	if (!user_ns && layers_open(&o->lower, &lower, err))
		return -1;
	rules.blind = user_ns && open_stored(o->upper, &lower);
	if (walk(o->upper, &lower, &rules, m, &m->upper_dirty, err))
		return -1;
	m->upper = m->upper_dirty ? CC_UPPER_DIRTY : CC_UPPER_CLEAN;
	return 0;
}

int rootfs_measure(const char *root, pid_t pid, bool user_ns, const struct engine *engine,
		   struct cc_measurement *m, char **upper, struct cc_error *err)
{
	overlay_auto struct overlay o = {0};

	if (overlay_of(root, pid, &o, err))
		return -1;
	m->upper = CC_UPPER_NONE;
	if (!o.upper)
		return 0;
	if (rootfs_walk(&o, user_ns, engine, m, err))
		return -1;
	*upper = cc_steal(o.upper);
	return 0;
}

/* ---- the image's layers -------------------------------------------------------------------- */

/* Of a snapshot of containerd's, ".../snapshots/12/fs": the length up to its number. 0: is none. */
static size_t snapshots_len(const char *layer)
{
	static const char dir[] = "/io.containerd.snapshotter.v1.overlayfs/snapshots/";
	const char *at = strstr(layer, dir), *number = at ? at + strlen(dir) : NULL;
	size_t digits = number ? strspn(number, "0123456789") : 0;

	return digits && strcmp(number + digits, "/fs") == 0 ? (size_t)(number - layer) : 0;
}

static bool are_snapshots(const char *upper, const char *lower)
{
	size_t len = snapshots_len(upper);

	return len && snapshots_len(lower) == len && strncmp(upper, lower, len) == 0;
}

/*
 * The layer that some engines put between the image's and the upper one. Its path, malloced, NULL
 * without one. Beside the upper layer's directory ID it is ID@suffix; the mount table has only a
 * link. Snapshots have numbers for names: there it is the topmost, which is never missing.
 */
static char *init_layer(const struct overlay *o, const char *suffix)
{
	cc_auto_free char *init = NULL;
	struct stat expected, st;
	const char *tail;

	if (!suffix || !o->upper || !o->lower.n)
		return NULL;
	if (are_snapshots(o->upper, o->lower.v[0]))
		return strdup(o->lower.v[0]);
	tail = strrchr(o->upper, '/');
	if (!tail ||
	    asprintf(&init, "%.*s%s%s", (int)(tail - o->upper), o->upper, suffix, tail) < 0) {
		init = NULL;
		return NULL;
	}
	return stat(init, &expected) == 0 && stat(o->lower.v[0], &st) == 0 &&
			       st.st_dev == expected.st_dev && st.st_ino == expected.st_ino
		       ? cc_steal(init)
		       : NULL;
}

int rootfs_image_layers(struct overlay *o, const struct engine *engine,
			const struct cc_measurement *m, struct cc_error *err)
{
	/* its root directory is like the upper layer's, not like the image's */
	const struct rules rules = {.engine = engine, .owners = true};
	layers_auto struct layers below = {0};
	cc_auto_free char *init = init_layer(o, engine->init_suffix), *dirty = NULL;
	struct cc_strv rest;

	if (!init)
		return 0;
	rest = (struct cc_strv){.n = o->lower.n - 1, .v = o->lower.v + 1};
	if (layers_open(&rest, &below, err) || walk(init, &below, &rules, m, &dirty, err))
		return -1;
	if (dirty) {
		cc_log(LOG_WARNING, "layer %s: %s is not %s's, it counts as the image's", init,
		       dirty, engine->name);
		return 0;
	}
	free(o->lower.v[0]);
	memmove(o->lower.v, o->lower.v + 1, --o->lower.n * sizeof(o->lower.v[0]));
	return 0;
}

int rootfs_digest(const char *root, pid_t pid, const struct engine *engine,
		  struct layer_cache *cache, struct cc_measurement *m, struct cc_error *err)
{
	overlay_auto struct overlay o = {0};
	struct layers_cost cost;
	char digest[72];

	if (overlay_of(root, pid, &o, err))
		return -1;
	if (!o.found || !o.lower.n)
		return cc_refuse(err, "rootfs",
				 "rootfs: the container's root file system is not an overlay, its "
				 "layers cannot be measured");
	if (rootfs_image_layers(&o, engine, m, err) ||
	    layers_digest(&o.lower, cache, digest, &cost, err))
		return -1;
	cc_log(LOG_INFO,
	       "container %.12s: %u layers, %u of them read before; %ju entries, %ju bytes read",
	       m->container_id, cost.layers, cost.cached, (uintmax_t)cost.entries,
	       (uintmax_t)cost.bytes);
	free(m->rootfs_digest);
	m->rootfs_digest = strdup(digest);
	return m->rootfs_digest ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}
