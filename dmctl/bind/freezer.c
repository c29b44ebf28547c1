// SPDX-License-Identifier: Apache-2.0
/*
 * freezer.c - containers that the agent stopped.
 */
#include "bind/freezer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/engine_group.h"
#include "engine/engines.h"
#include "host/cgroup.h"
#include "host/cgroup_tasks.h"
#include "json.h"
#include "file.h"
#include "paths.h"

static const char *const dirs[FREEZER_REASONS] = {
	[FREEZER_LAPSE] = CC_FROZEN_DIR,
	[FREEZER_LOOK] = CC_UNLOOKED_DIR,
};

static void freezer_path(const char *name, enum freezer_reason why, char out[static 128])
{
	snprintf(out, 128, "%s/%.79s", dirs[why], name);
}

int freezer_group(pid_t pid, char path[static PROC_PATH_MAX], size_t *len, struct cc_error *err)
{
	struct engine_group group;

	if (proc_cgroup(pid, path, err))
		return -1;
	if (engine_group_of(engines, path, &group))
		return cc_fail(err, CC_E_INTERNAL, "process %d is in no container's cgroup",
			       (int)pid);
	*len = group.len;
	return 0;
}

/* The group's switch, not what a group above it says. */
static bool is_paused(const char *path, size_t len)
{
	cc_auto_close int fd = cgroup_open(path, len, "cgroup.freeze", O_RDONLY);
	char c = '0';

	return fd >= 0 && read(fd, &c, 1) == 1 && c == '1';
}

bool freezer_has(const char *name, enum freezer_reason why)
{
	char file[128];

	freezer_path(name, why, file);
	return access(file, F_OK) == 0;
}

bool freezer_is_ours(const char *name)
{
	for (int why = 0; why < FREEZER_REASONS; why++)
		if (freezer_has(name, (enum freezer_reason)why))
			return true;
	return false;
}

bool freezer_holds(const char *name, pid_t pid, enum freezer_reason why)
{
	char path[PROC_PATH_MAX];
	struct cc_error ignored;
	size_t len = 0;

	return freezer_has(name, why) && freezer_group(pid, path, &len, &ignored) == 0 &&
	       is_paused(path, len);
}

static int mark(const char *name, enum freezer_reason why, const char *path, size_t len,
		struct cc_error *err)
{
	char file[128];

	freezer_path(name, why, file);
	if ((mkdir(CC_RUN_DIR, 0755) && errno != EEXIST) ||
	    (mkdir(dirs[why], 0700) && errno != EEXIST))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", dirs[why]);
	return cc_replace_file(file, path, len, 0600, err);
}

int freezer_freeze(const char *name, pid_t pid, enum freezer_reason why, bool *paused,
		   struct cc_error *err)
{
	char path[PROC_PATH_MAX];
	size_t len = 0;

	*paused = false;
	if (freezer_group(pid, path, &len, err))
		return -1;
	/* with a mark it was us, or an agent that died before it came to that */
	if (!freezer_is_ours(name)) {
		*paused = is_paused(path, len);
		if (*paused)
			return 0;
	}
	if (!freezer_has(name, why) && mark(name, why, path, len, err))
		return -1;
	return cgroup_freeze(path, len, true, err);
}

static int unmark(const char *name, enum freezer_reason why, struct cc_error *err)
{
	char file[128];

	freezer_path(name, why, file);
	if (unlink(file) && errno != ENOENT)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", file);
	return 0;
}

int freezer_keep(const char *name, pid_t pid, struct cc_error *err)
{
	char path[PROC_PATH_MAX];
	size_t len = 0;

	if (freezer_group(pid, path, &len, err) || cgroup_freeze(path, len, true, err) ||
	    unmark(name, FREEZER_LAPSE, err) || unmark(name, FREEZER_LOOK, err))
		return -1;
	return cgroup_wait(path, len, "frozen 1", FREEZER_MS)
		       ? 0
		       : cc_fail(err, CC_E_BUSY, "volume %s: its container does not stop", name);
}

static bool has_another(const char *name, enum freezer_reason why)
{
	return freezer_has(name, why == FREEZER_LAPSE ? FREEZER_LOOK : FREEZER_LAPSE);
}

int freezer_thaw(const char *name, enum freezer_reason why, struct cc_error *err)
{
	cc_auto_free char *path = NULL;
	char file[128];
	size_t len = 0;

	freezer_path(name, why, file);
	if (!freezer_has(name, why))
		return 0;
	if (has_another(name, why))
		return unmark(name, why, err);
	if (cc_read_file(file, &path, &len, err) ||
	    (cgroup_freeze(path, len, false, err) && err->code != CC_E_NOTFOUND))
		return -1;
	return unmark(name, why, err);
}

int freezer_thaw_all(const char *name, struct cc_error *err)
{
	return freezer_thaw(name, FREEZER_LAPSE, err) || freezer_thaw(name, FREEZER_LOOK, err) ? -1
											       : 0;
}
