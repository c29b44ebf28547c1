// SPDX-License-Identifier: Apache-2.0
/*
 * mountinfo.c - questions to mount tables, by libmount.
 */
#include "host/mountinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <libmount.h>
#include <string.h>
#include <sys/mount.h>

static void table_unref_ptr(struct libmnt_table **t)
{
	mnt_unref_table(*t);
}

static void iter_free_ptr(struct libmnt_iter **i)
{
	mnt_free_iter(*i);
}

#define auto_table cc_cleanup(table_unref_ptr)
#define auto_iter cc_cleanup(iter_free_ptr)

int mountinfo_open(pid_t pid, struct cc_error *err)
{
	char path[64] = "/proc/self/mountinfo";
	int fd;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? fd : cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
}

/* A line libmount cannot read is an error, not a mount less. */
static int refuse_line(struct libmnt_table *tb, const char *file, int line)
{
	(void)tb;
	(void)file;
	(void)line;
	return -EINVAL;
}

static struct libmnt_table *read_table(int fd, struct cc_error *err)
{
	auto_table struct libmnt_table *tb = mnt_new_table();
	cc_auto_fclose FILE *f = NULL;
	int copy;

	if (!tb || mnt_table_set_parser_errcb(tb, refuse_line)) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	f = copy < 0 ? NULL : fdopen(copy, "r");
	if (!f) {
		cc_fail_errno(err, CC_E_INTERNAL, "mount table");
		if (copy >= 0)
			close(copy);
		return NULL;
	}
	if (fseek(f, 0, SEEK_SET) || mnt_table_parse_stream(tb, f, "mountinfo")) {
		cc_fail(err, CC_E_INTERNAL, "the mount table cannot be read");
		return NULL;
	}
	return cc_steal(tb);
}

/* A copy of option @name of the file system, or NULL. */
static int option(struct libmnt_fs *fs, const char *name, char **out, struct cc_error *err)
{
	const char *options = mnt_fs_get_fs_options(fs);
	char *value = NULL;
	size_t len = 0;

	if (!options || mnt_optstr_get_option(options, name, &value, &len) != 0 || !value)
		return 0;
	*out = strndup(value, len);
	return *out ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

/*
 * All values of the options that add a layer each, ":" between; *out stays NULL without any. Linux
 * 6.8 shows the layers so when they were given one by one.
 */
static int layers(struct libmnt_fs *fs, char **out, struct cc_error *err)
{
	char *options = (char *)(uintptr_t)mnt_fs_get_fs_options(fs), *name, *value, *more;
	size_t name_len, value_len;

	while (options &&
	       mnt_optstr_next_option(&options, &name, &name_len, &value, &value_len) == 0) {
		if (!value || (strncmp(name, "lowerdir+=", name_len + 1) != 0 &&
			       strncmp(name, "datadir+=", name_len + 1) != 0))
			continue;
		if (asprintf(&more, "%s%s%.*s", *out ? *out : "", *out ? ":" : "", (int)value_len,
			     value) < 0)
			return cc_fail(err, CC_E_NOMEM, "out of memory");
		free(*out);
		*out = more;
	}
	return 0;
}

int mountinfo_overlay(int fd, const char *target, char **upper, char **lower, bool *found,
		      struct cc_error *err)
{
	auto_table struct libmnt_table *tb = read_table(fd, err);
	struct libmnt_fs *fs;

	*found = false;
	if (!tb)
		return -1;
	/* backwards: the mount on top of others at that place */
	fs = mnt_table_find_target(tb, target, MNT_ITER_BACKWARD);
	if (!fs || !mnt_fs_get_fstype(fs) || strcmp(mnt_fs_get_fstype(fs), "overlay") != 0)
		return 0;
	*found = true;
	return option(fs, "upperdir", upper, err) || option(fs, "lowerdir", lower, err) ||
			       (!*lower && layers(fs, lower, err))
		       ? -1
		       : 0;
}

int mountinfo_shared(int fd, uint64_t mnt_id, bool *shared, struct cc_error *err)
{
	auto_iter struct libmnt_iter *it = mnt_new_iter(MNT_ITER_FORWARD);
	auto_table struct libmnt_table *tb = read_table(fd, err);
	struct libmnt_fs *fs = NULL;
	unsigned long flags = 0;

	if (!tb)
		return -1;
	if (!it)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	while (mnt_table_next_fs(tb, it, &fs) == 0) {
		if (mnt_fs_get_id(fs) < 0 || (uint64_t)mnt_fs_get_id(fs) != mnt_id)
			continue;
		if (mnt_fs_get_propagation(fs, &flags))
			return cc_fail(err, CC_E_INTERNAL, "the mount's propagation is not known");
		*shared = flags & MS_SHARED;
		return 0;
	}
	return cc_fail(err, CC_E_NOTFOUND, "mount %llu is not in the container's mount table",
		       (unsigned long long)mnt_id);
}

void mounts_clear(struct mounts *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->v[i].target);
	free(m->v);
	*m = (struct mounts){0};
}

static int push(struct mounts *m, struct libmnt_fs *fs, struct cc_error *err)
{
	struct mount_at *v = reallocarray(m->v, m->n + 1, sizeof(*v));

	if (v)
		m->v = v;
	if (!v || mnt_fs_get_id(fs) < 0 || !mnt_fs_get_target(fs))
		return cc_fail(err, CC_E_INTERNAL, "the mount table cannot be read");
	v[m->n].id = (uint64_t)mnt_fs_get_id(fs);
	v[m->n].target = strdup(mnt_fs_get_target(fs));
	return v[m->n].target ? (m->n++, 0) : cc_fail(err, CC_E_NOMEM, "out of memory");
}

int mountinfo_mounts(int fd, dev_t dev, struct mounts *m, struct cc_error *err)
{
	auto_iter struct libmnt_iter *it = mnt_new_iter(MNT_ITER_BACKWARD);
	auto_table struct libmnt_table *tb = read_table(fd, err);
	struct libmnt_fs *fs = NULL;

	if (!tb)
		return -1;
	if (!it)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	while (mnt_table_next_fs(tb, it, &fs) == 0)
		if (mnt_fs_get_devno(fs) == dev && push(m, fs, err))
			return -1;
	return 0;
}
