// SPDX-License-Identifier: Apache-2.0
/* A mount table, which a container fills as it likes; and the path of a cgroup. */
#include <string.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "dmctl/engine/engine_group.h"
#include "dmctl/engine/engines.h"
#include "dmctl/host/mountinfo.h"
#include "dmctl/container/rootfs_overlay.h"
#include "fuzz.h"
#include "strv.h"

static void split(const char *lower)
{
	struct cc_strv dirs = {0};
	struct cc_error err;

	REQUIRE(overlay_split(lower, "/base", &dirs, &err) == 0);
	for (size_t i = 0; i < dirs.n; i++)
		REQUIRE(dirs.v[i][0] == '/');
	cc_strv_clear(&dirs);
}

static void find_group(const uint8_t *data, size_t size)
{
	char *path = strndup((const char *)data, size);
	struct engine_group m;

	if (path && engine_group_of(engines, path, &m) == 0)
		REQUIRE(m.len <= strlen(path) && strlen(m.id) == CONTAINER_ID_LEN);
	free(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cc_auto_close int fd = memfd_create("mountinfo", MFD_CLOEXEC);
	char *upper = NULL, *lower = NULL;
	mounts_auto struct mounts mounts = {0};
	struct cc_error err = {0};
	bool yes;

	find_group(data, size);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		return 0;
	if (mountinfo_overlay(fd, "/m", &upper, &lower, &yes, &err) == 0)
		REQUIRE(yes || (!upper && !lower));
	if (lower)
		split(lower);
	mountinfo_shared(fd, 24, &yes, &err);
	mountinfo_mounts(fd, makedev(253, 0), &mounts, &err);
	free(upper);
	free(lower);
	return 0;
}
