// SPDX-License-Identifier: Apache-2.0
/*
 * luks_find.c - which block device carries a volume: asks the devices themselves, because a
 * /dev/disk/by-uuid link shows only one of two devices that claim the same UUID.
 */
#include "volume/luks.h"

#include <blkid/blkid.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "paths.h"
#include "volume/probe.h"
#include "strv.h"

#define SYS_BLOCK "/sys/class/block"

static void free_probe_ptr(blkid_probe *pr)
{
	blkid_free_probe(*pr);
}

/* First line of a sysfs file of device @name, "" if there is none. */
static void sys_read(const char *name, const char *file, char *out, size_t size)
{
	cc_auto_fclose FILE *f = NULL;
	char path[512];

	out[0] = '\0';
	snprintf(path, sizeof(path), SYS_BLOCK "/%s/%s", name, file);
	f = fopen(path, "re");
	if (!f || !fgets(out, (int)size, f))
		out[0] = '\0';
	out[strcspn(out, "\n")] = '\0';
}

/* Not our own mappings: they carry no header, and a locked one fails or parks reads. */
static bool worth_asking(const char *name)
{
	char text[160];

	sys_read(name, "size", text, sizeof(text));
	if (strtoull(text, NULL, 10) <= CC_VOLUME_HEADER_SECTORS)
		return false;
	sys_read(name, "dm/uuid", text, sizeof(text));
	return strncmp(text, CC_DM_UUID_PREFIX, strlen(CC_DM_UUID_PREFIX)) != 0;
}

bool luks_claims(const char *device, const char *uuid)
{
	char *names[] = {"crypto_LUKS", NULL};
	cc_cleanup(free_probe_ptr) blkid_probe pr = NULL;
	cc_auto_close int fd = open(device, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *value = NULL;

	if (fd < 0)
		return false;
	pr = blkid_new_probe();
	if (!pr || blkid_probe_set_device(pr, fd, 0, 0))
		return false;
	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_UUID | BLKID_SUBLKS_TYPE);
	blkid_probe_filter_superblocks_type(pr, BLKID_FLTR_ONLYIN, names);
	if (blkid_do_probe(pr) || blkid_probe_lookup_value(pr, "UUID", &value, NULL))
		return false;
	return strcmp(value, uuid) == 0;
}

/* Device node of sysfs name @name, where a slash is written '!'. */
static void node_of(const char *name, char out[static 300])
{
	snprintf(out, 300, "/dev/%s", name);
	for (char *p = out; *p; p++)
		if (*p == '!')
			*p = '/';
}

/* @lower is a part of @upper, as a path is of a multipath device. */
static bool is_slave_of(const char *lower, const char *upper)
{
	char path[640];

	snprintf(path, sizeof(path), SYS_BLOCK "/%s/slaves/%s", upper, lower);
	return access(path, F_OK) == 0;
}

/* Drops the devices that lie below another one. @top: out, the first two of the rest. */
static size_t top_devices(const struct cc_strv *found, const char *top[static 2])
{
	size_t n = 0;

	for (size_t i = 0; i < found->n; i++) {
		bool below = false;

		for (size_t j = 0; j < found->n && !below; j++)
			below = is_slave_of(found->v[i], found->v[j]);
		if (!below && n < 2)
			top[n] = found->v[i];
		n += !below;
	}
	return n;
}

static int ask_all(const char *uuid, struct cc_strv *found, struct cc_error *err)
{
	cc_auto_closedir DIR *dir = opendir(SYS_BLOCK);
	const struct dirent *e;
	char path[300];

	if (!dir)
		return cc_fail_errno(err, CC_E_INTERNAL, SYS_BLOCK);
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.' || !worth_asking(e->d_name))
			continue;
		node_of(e->d_name, path);
		if (luks_claims(path, uuid) && cc_strv_push(found, e->d_name, err))
			return -1;
	}
	return 0;
}

/* The name of sysfs device @name that is the same on the next boot, if it has one; malloced. */
static char *stable_name(const char *name, struct cc_error *err)
{
	char node[300];

	node_of(name, node);
	return probe_stable_name(node, err);
}

static int two_carry(const char *uuid, size_t n, const char *const top[static 2],
		     struct cc_error *err)
{
	cc_auto_free char *a = stable_name(top[0], err);
	cc_auto_free char *b = a ? stable_name(top[1], err) : NULL;

	if (!b)
		return -1;
	return cc_fail(err, CC_E_DEVICE,
		       "%zu block devices carry volume %s (%s, %s and %s, %s); start multipathd if "
		       "they are paths to one LUN, else remove the copy or name the right one",
		       n, uuid, top[0], a, top[1], b);
}

int luks_find(const char *uuid, char **path, struct cc_error *err)
{
	cc_cleanup(cc_strv_clear) struct cc_strv found = {0};
	const char *top[2] = {NULL, NULL};
	size_t n;

	if (ask_all(uuid, &found, err))
		return -1;
	n = top_devices(&found, top);
	if (!top[0])
		return cc_fail(err, CC_E_NOTFOUND,
			       "no block device of this host carries volume %s; is the LUN mapped "
			       "to this host?",
			       uuid);
	if (top[1])
		return two_carry(uuid, n, top, err);
	*path = stable_name(top[0], err);
	return *path ? 0 : -1;
}
