// SPDX-License-Identifier: Apache-2.0
/*
 * rootfs.c - a container's root file system.
 *
 * At a container's first start its upper layer may hold only what the engine itself makes: empty
 * directories and empty files for things to be mounted on. All else was put there by somebody
 * after the container was created (docker cp), or hides a part of the image (a whiteout).
 */
#include "rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <libmount.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "mountinfo.h"

#define XATTR "trusted.overlay."

/* Empty files the engines leave although nothing is mounted on them. */
static const char *const stubs[] = {"/.dockerenv", "/run/.containerenv", "/dev/console"};

int rootfs_open(int root_fd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (unsigned int)flags,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	return (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
}

static bool is_stub(const char *path, const struct cc_measurement *m)
{
	size_t i;

	for (i = 0; i < sizeof(stubs) / sizeof(stubs[0]); i++)
		if (strcmp(path, stubs[i]) == 0)
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

/* Some lower layer has @path. */
static bool in_lower(const char *lower, const char *base, const char *path)
{
	cc_auto_free char *list = strdup(lower);
	char *dir, *save, full[8192];
	struct stat st;
	int n;

	if (!list)
		return true;
	for (dir = strtok_r(list, ":", &save); dir; dir = strtok_r(NULL, ":", &save)) {
		n = dir[0] == '/' ? snprintf(full, sizeof(full), "%s%s", dir, path)
				  : snprintf(full, sizeof(full), "%s/%s%s", base, dir, path);
		if (n >= (int)sizeof(full) || lstat(full, &st) == 0)
			return true;
	}
	return false;
}

/* An opaque directory hides what the image has there; overlayfs also marks every new one so. */
static bool hides_lower(const char *path, const char *rel, const char *lower, const char *base)
{
	char value[2];

	return lgetxattr(path, XATTR "opaque", value, sizeof(value)) > 0 && value[0] == 'y' &&
	       in_lower(lower, base, rel);
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

static bool fits(const FTSENT *e, const char *rel, const char *lower, const char *base,
		 const struct cc_measurement *m)
{
	switch (e->fts_info) {
	case FTS_D:
		return !is_redirected(e->fts_accpath) &&
		       (e->fts_level == 0 || !hides_lower(e->fts_accpath, rel, lower, base));
	case FTS_F:
		return e->fts_statp->st_size == 0 && is_stub(rel, m) &&
		       !is_redirected(e->fts_accpath);
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

int rootfs_walk(const char *upper, const char *lower, const char *base, struct cc_measurement *m,
		struct cc_error *err)
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
		if (fits(e, rel, lower, base, m))
			continue;
		m->upper = CC_UPPER_DIRTY;
		m->upper_dirty = strdup(rel);
		return m->upper_dirty ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	if (errno)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", upper);
	m->upper = CC_UPPER_CLEAN;
	return 0;
}

/* The directory two above the merged one, where the driver keeps all layers. */
static char *layers_dir(const char *root)
{
	char *dir = strdup(root);
	int up;

	for (up = 0; dir && up < 2; up++) {
		char *slash = strrchr(dir, '/');

		if (slash)
			*slash = '\0';
	}
	return dir;
}

/* Looks for the overlay in the mount table of @pid, 0: our own. */
static int find_overlay(pid_t pid, const char *root, char **upper, char **lower, bool *found,
			struct cc_error *err)
{
	cc_auto_close int table = mountinfo_open(pid, err);

	return table < 0 ? -1 : mountinfo_overlay(table, root, upper, lower, found, err);
}

int rootfs_measure(const char *root, pid_t pid, struct cc_measurement *m, struct cc_error *err)
{
	cc_auto_free char *upper = NULL, *lower = NULL, *full = NULL, *base = layers_dir(root);
	bool found = false;

	if (!base)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (find_overlay(0, root, &upper, &lower, &found, err) ||
	    (!found && find_overlay(pid, root, &upper, &lower, &found, err)))
		return -1;
	if (!found || !upper) {
		m->upper = CC_UPPER_NONE;
		return 0;
	}
	if (upper[0] == '/')
		return rootfs_walk(upper, lower ? lower : "", base, m, err);
	if (asprintf(&full, "%s/%s", base, upper) < 0) {
		full = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	return rootfs_walk(full, lower ? lower : "", base, m, err);
}
