// SPDX-License-Identifier: Apache-2.0
/*
 * lease_lost.c - the end of a lease.
 */
#include "bind/lease_lost.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

#include "host/cgroup_tasks.h"
#include "host/open_in_root.h"
#include "bind/freezer.h"
#include "log.h"
#include "volume/mapping.h"
#include "bind/unbind.h"
#include "container/measure.h"

#define KILL_MS 10000u

/* The volume's root directory, through the container's root; nothing in there leads elsewhere. */
static int open_mount(const struct binding *b)
{
	cc_auto_close int root = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/root", b->pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? -1
			: open_in_root(root, b->mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC,
				       RESOLVE_NO_SYMLINKS);
}

static int flush(const struct binding *b, struct cc_error *err)
{
	cc_auto_close int fd = open_mount(b);
	struct mapping_status st;
	struct stat sb;

	if (mapping_status(b->name, &st, err))
		return -1;
	if (!st.exists || st.locked || b->read_only)
		return 0;
	if (fd < 0 || fstat(fd, &sb))
		return cc_fail_errno(err, CC_E_DEVICE, "volume %s cannot be flushed", b->volume);
	/*
	 * while the runtime creates the container nothing in it writes, and its root is not there
	 * yet
	 */
	if (!binding_alive(b) || sb.st_dev != st.dev)
		return cc_fail(err, CC_E_DEVICE, "volume %s is not on %s, and cannot be flushed",
			       b->volume, b->mount_point);
	return syncfs(fd)
		       ? cc_fail_errno(err, CC_E_DEVICE, "volume %s cannot be flushed", b->volume)
		       : 0;
}

int lease_lost_flush(const char *name, struct cc_error *err)
{
	binding_auto struct binding b = {0};
	char path[PROC_PATH_MAX];
	size_t len = 0;

	if (binding_load(name, &b, err))
		return err->code == CC_E_NOTFOUND ? 0 : -1;
	if (b.state != BINDING_BOUND || !binding_alive(&b))
		return 0;
	if (freezer_is_ours(name) && freezer_group((pid_t)b.pid, path, &len, err) == 0 &&
	    !cgroup_wait(path, len, "frozen 1", FREEZER_MS))
		cc_log(LOG_WARNING, "volume %s: its container does not stop", name);
	return flush(&b, err);
}

static int kill_container(const struct binding *b, struct cc_error *err)
{
	char path[PROC_PATH_MAX];
	struct cc_error ignored;
	struct seen_end at;
	size_t len = 0;

	if (!binding_alive(b))
		return 0;
	if (freezer_group((pid_t)b->pid, path, &len, err) || cgroup_kill(path, len, err))
		return binding_alive(b) ? -1 : 0;
	if (!cgroup_wait(path, len, "populated 0", KILL_MS))
		return cc_fail(err, CC_E_BUSY, "volume %s: its container does not die", b->volume);
	at = seen_end_now();
	/* before the binding goes, by which others would know whose end it was */
	if (measure_ended(b->engine, b->container, (pid_t)b->pid, b->start_time, &at, &ignored))
		cc_log(LOG_WARNING, "volume %s: %s", b->volume, ignored.text);
	return 0;
}

/* Its memory and files stay as they are, for whoever wants to look; nothing of it runs. */
static int freeze_container(struct binding *b, struct cc_error *err)
{
	struct cc_error ignored;

	if (freezer_keep(b->name, (pid_t)b->pid, err))
		return -1;
	if (flush(b, &ignored))
		cc_log(LOG_WARNING, "%s", ignored.text);
	if (mapping_lock(b->name, err) || mapping_fail_io(b->name, err) ||
	    unbind_return_lease(b->lease, err))
		return -1;
	b->state = BINDING_REVOKED;
	return binding_save(b, err);
}

int lease_lost_revoke(const char *name, struct cc_error *err)
{
	binding_auto struct binding b = {0};
	struct mapping_status st;

	if (binding_load(name, &b, err))
		return err->code == CC_E_NOTFOUND ? 0 : -1;
	if (b.state == BINDING_REVOKED)
		return 0;
	if (b.state == BINDING_BOUND && b.terms.on_revoke == CC_REVOKE_FREEZE && binding_alive(&b))
		return freeze_container(&b, err);
	/* who dies unmounts what it was the last to use, and there will be no key to wait for */
	if (mapping_status(name, &st, err) ||
	    (st.exists && st.locked && mapping_fail_io(name, err)) || kill_container(&b, err))
		return -1;
	return unbind_release(&b, err);
}
