// SPDX-License-Identifier: Apache-2.0
/*
 * mount.c - a file system that is mounted in one container and nowhere else.
 */
#include "bind/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "host/cgroup.h"
#include "host/cgroup_tasks.h"
#include "host/open_in_root.h"
#include "volume/fs_care.h"
#include "host/mountinfo.h"
#include "plugin/placeholder.h"

#define FACT "mountPoint"

/* ---- inside the container's mount namespace ------------------------------------------------ */

struct inside {
	int pidfd;
	int table_fd; /* the namespace's mountinfo, opened on the host's procfs */
	int mnt_fd;
	int procs_fd; /* cgroup.procs of the group the child joins, or -1 */
	int under_fd; /* the placeholder that may be there already, or -1 */
	const char *root;
	const char *point;
	const struct mounts *mounts;
	bool lazy;
	dev_t dev;
	const char *fs;
	uint64_t sectors;
};

typedef int inside_fn(const struct inside *in, struct cc_error *err);

/* The child's whole life. It reports through @out and never returns. */
static _Noreturn void child_main(inside_fn *fn, const struct inside *in, int out)
{
	struct cc_error err = {0};
	int rc;

	/* what kills the worker must not leave a half-done child behind */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		rc = cc_fail_errno(&err, CC_E_INTERNAL, "prctl");
	else if (in->procs_fd >= 0 && write(in->procs_fd, "0", 1) != 1)
		rc = cc_fail_errno(&err, CC_E_INTERNAL, "the container's cgroup");
	else if (setns(in->pidfd, CLONE_NEWNS))
		rc = cc_fail_errno(&err, CC_E_INTERNAL, "the container's mount namespace");
	else
		rc = fn(in, &err);
	if (rc && write(out, &err, sizeof(err)) != sizeof(err))
		_exit(2);
	_exit(rc ? 1 : 0);
}

/* Runs @fn in a child in the namespace of in->pidfd and hands its result on. */
static int run_inside(inside_fn *fn, const struct inside *in, struct cc_error *err)
{
	cc_auto_close int r = -1, w = -1;
	int pipefd[2], status;
	struct cc_error said;
	ssize_t n;
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC))
		return cc_fail_errno(err, CC_E_INTERNAL, "pipe");
	r = pipefd[0];
	w = pipefd[1];
	pid = fork();
	if (pid < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "fork");
	if (pid == 0)
		child_main(fn, in, w);
	close(cc_steal_fd(&w));
	n = read(r, &said, sizeof(said)); /* at most PIPE_BUF: whole or not at all */
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return cc_fail_errno(err, CC_E_INTERNAL, "waitpid");
	if (n == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (n != sizeof(said))
		return cc_fail(err, CC_E_INTERNAL,
			       "the process that enters the container died (status %d)", status);
	*err = said;
	return -1;
}

static int open_dir(int dir, const char *name, bool *missing, struct cc_error *err)
{
	int fd = open_in_root(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
			      RESOLVE_NO_SYMLINKS);

	*missing = fd < 0 && errno == ENOENT;
	if (fd >= 0 || *missing)
		return fd;
	if (errno == ELOOP || errno == ENOTDIR)
		return cc_refuse(
			err, FACT,
			FACT ": \"%s\" in the container is a symbolic link or not a directory; the "
			     "image must have a plain directory there",
			name);
	return cc_fail_errno(err, CC_E_INTERNAL, "\"%s\" in the container", name);
}

static int enter_dir(int dir, const char *name, struct cc_error *err)
{
	bool missing;
	int fd = open_dir(dir, name, &missing, err);

	if (fd >= 0 || !missing)
		return fd;
	if (mkdirat(dir, name, 0755) && errno != EEXIST)
		return cc_fail_errno(err, errno == EROFS ? CC_E_USAGE : CC_E_INTERNAL,
				     "the container has no directory \"%s\" for the volume and it "
				     "cannot be made; add it to the image",
				     name);
	fd = open_dir(dir, name, &missing, err);
	return fd < 0 && missing ? cc_fail(err, CC_E_INTERNAL, "\"%s\" disappeared", name) : fd;
}

/* Opens @point below @root, one component after the other; missing ones are made. */
static int open_target(const char *root, const char *point, struct cc_error *err)
{
	cc_auto_close int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cc_auto_free char *path = strdup(point);
	char *name, *save;

	if (!path)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (dir < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s in the container's mount namespace",
				     root);
	for (name = strtok_r(path, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
		int next;

		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			return cc_refuse(err, FACT, FACT ": \"%s\" is not normalised", point);
		next = enter_dir(dir, name, err);
		if (next < 0)
			return -1;
		close(dir);
		dir = next;
	}
	return cc_steal_fd(&dir);
}

/* What is mounted at @st is the directory @fd, by its device and inode. */
static bool is_same_dir(const struct statx *st, int fd)
{
	struct statx other;

	return fd >= 0 &&
	       statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_INO, &other) == 0 &&
	       (st->stx_mask & other.stx_mask & STATX_INO) && st->stx_ino == other.stx_ino &&
	       st->stx_dev_major == other.stx_dev_major && st->stx_dev_minor == other.stx_dev_minor;
}

/*
 * Nothing but the volume's placeholder is mounted on @target yet, and what is mounted there will
 * not be seen elsewhere.
 */
static int check_target(int target, const struct inside *in, struct cc_error *err)
{
	const char *point = in->point;
	struct statx st;
	bool shared;

	if (statx(target, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_MNT_ID | STATX_INO, &st))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s in the container", point);
	if (!(st.stx_mask & STATX_MNT_ID) || !(st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
		return cc_fail(err, CC_E_INTERNAL,
			       "the kernel cannot tell mounts apart; Linux 5.8 or later is needed");
	if ((st.stx_attributes & STATX_ATTR_MOUNT_ROOT) && !is_same_dir(&st, in->under_fd))
		return cc_refuse(err, FACT,
				 FACT
				 ": something is mounted on %s in the container already; run it "
				 "without that mount",
				 point);
	if (mountinfo_shared(in->table_fd, st.stx_mnt_id, &shared, err))
		return -1;
	if (shared)
		return cc_refuse(err, FACT,
				 FACT
				 ": the mount that holds %s in the container is shared, the volume "
				 "would be seen outside; run it with private or slave propagation",
				 point);
	return 0;
}

static int attach_inside(const struct inside *in, struct cc_error *err)
{
	cc_auto_close int target = open_target(in->root, in->point, err);

	if (target < 0 || check_target(target, in, err))
		return -1;
	if (move_mount(in->mnt_fd, "", target, "",
		       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH))
		return cc_fail_errno(err, CC_E_INTERNAL, "mounting on %s in the container",
				     in->point);
	return 0;
}

int mount_attach(int fd, const struct measured *seen, const char *volume, const char *point,
		 struct cc_error *err)
{
	cc_auto_close int under = placeholder_open(volume);
	cc_auto_close int table = mountinfo_open(seen->proc.pid, err);
	const struct inside in = {
		.pidfd = seen->proc.pidfd,
		.table_fd = table,
		.mnt_fd = fd,
		.procs_fd = -1,
		.under_fd = under,
		.root = seen->root,
		.point = point,
	};

	return table < 0 || proc_check(&seen->proc, err) ? -1 : run_inside(attach_inside, &in, err);
}

/* The table of the namespace still has that mount. An error counts as true. */
static bool is_there(const struct inside *in, const struct mount_at *mount)
{
	mounts_auto struct mounts now = {0};
	struct cc_error err;

	if (mountinfo_mounts(in->table_fd, in->dev, &now, &err))
		return true;
	for (size_t i = 0; i < now.n; i++)
		if (now.v[i].id == mount->id)
			return true;
	return false;
}

/*
 * umount2() takes a path, and whoever may mount in the container may have put another mount there:
 * it is looked at right before. What the container puts there in between is lost to itself.
 */
static int detach(const struct inside *in, const struct mount_at *mount, struct cc_error *err)
{
	int flags = UMOUNT_NOFOLLOW | (in->lazy ? MNT_DETACH : 0);
	cc_auto_close int fd = open(mount->target, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct statx st = {0};

	if (fd < 0 || statx(fd, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &st) ||
	    st.stx_mnt_id != mount->id) {
		if (!is_there(in, mount)) /* the container unmounted it itself */
			return 0;
		return cc_fail(err, CC_E_BUSY,
			       "something else is mounted over %s in the container; unmount that, "
			       "or stop the container",
			       mount->target);
	}
	close(cc_steal_fd(&fd)); /* it would be a use of the mount */
	if (umount2(mount->target, flags) == 0 || errno == EINVAL || errno == ENOENT)
		return 0;
	if (errno == EBUSY)
		return cc_fail(err, CC_E_BUSY,
			       "the container uses %s; stop it, or what has files open there",
			       mount->target);
	return cc_fail_errno(err, CC_E_INTERNAL, "unmounting %s in the container", mount->target);
}

static int detach_inside(const struct inside *in, struct cc_error *err)
{
	for (size_t i = 0; i < in->mounts->n; i++)
		if (detach(in, &in->mounts->v[i], err))
			return -1;
	return 0;
}

/*
 * The child unmounts as one of the container's own processes: what the file system still has to
 * read for that passes the gate. In a group that is frozen it would never come back.
 */
static int join_cgroup(const struct proc_ref *proc, bool lazy, int *procs_fd, struct cc_error *err)
{
	char path[PROC_PATH_MAX];

	if (proc_cgroup(proc->pid, path, err))
		return -1;
	if (!cgroup_is_frozen(path)) {
		*procs_fd = cgroup_open_procs(path, err);
		return *procs_fd < 0 ? -1 : 0;
	}
	return lazy ? 0 : cc_fail(err, CC_E_BUSY, "the container is paused; unpause or stop it");
}

int mount_detach(const struct proc_ref *proc, dev_t dev, bool lazy, struct cc_error *err)
{
	cc_auto_close int table = mountinfo_open(proc->pid, err), procs = -1;
	mounts_auto struct mounts mounts = {0};
	struct inside in = {
		.pidfd = proc->pidfd,
		.table_fd = table,
		.under_fd = -1,
		.mounts = &mounts,
		.lazy = lazy,
		.dev = dev,
	};

	if (table < 0 || mountinfo_mounts(table, dev, &mounts, err))
		return -1;
	if (mounts.n && join_cgroup(proc, lazy, &procs, err))
		return -1;
	in.procs_fd = procs;
	if (proc_check(proc, err))
		return -1;
	return mounts.n ? run_inside(detach_inside, &in, err) : 0;
}

/*
 * Through a copy of the mount that is this process's alone and writable, whatever the container has
 * (-v NAME:PATH:ro). The container may have put something else in the way: what is grown is the
 * device that is meant.
 */
static int grow_inside(const struct inside *in, struct cc_error *err)
{
	const char *target = in->mounts->v[0].target;
	cc_auto_close int dir = open_tree(
		AT_FDCWD, target, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
	struct mount_attr writable = {.attr_clr = MOUNT_ATTR_RDONLY};
	struct stat st;

	if (dir < 0 || fstat(dir, &st))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s in the container", target);
	if (st.st_dev != in->dev)
		return cc_fail(err, CC_E_BUSY, "%s in the container is not the volume", target);
	if (mount_setattr(dir, "", AT_EMPTY_PATH, &writable, sizeof(writable)))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s in the container", target);
	return fs_grow(in->fs, NULL, dir, in->sectors, err);
}

int mount_grow(const struct proc_ref *proc, dev_t dev, const char *fs, uint64_t sectors,
	       struct cc_error *err)
{
	cc_auto_close int table = mountinfo_open(proc->pid, err), procs = -1;
	mounts_auto struct mounts mounts = {0};
	struct inside in = {
		.pidfd = proc->pidfd,
		.under_fd = -1,
		.mounts = &mounts,
		.dev = dev,
		.fs = fs,
		.sectors = sectors,
	};

	if (table < 0 || mountinfo_mounts(table, dev, &mounts, err))
		return -1;
	if (mounts.n == 0)
		return cc_fail(err, CC_E_NOTFOUND, "the container has unmounted the volume");
	if (join_cgroup(proc, false, &procs, err))
		return -1;
	in.procs_fd = procs;
	return proc_check(proc, err) ? -1 : run_inside(grow_inside, &in, err);
}
