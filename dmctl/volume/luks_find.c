// SPDX-License-Identifier: Apache-2.0
/*
 * luks_find.c - which block device carries a volume: asks the devices themselves, because a
 * /dev/disk/by-uuid link shows only one of two devices that claim the same UUID.
 */
#include "volume/luks.h"

#include <blkid/blkid.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "paths.h"
#include "volume/lun_ask.h"
#include "volume/probe.h"
#include "strv.h"

#define LOCKS CC_RUN_DIR "/asked"
#define EACH_MS 5000u
#define BY_UUID "/dev/disk/by-uuid/"

static void free_probe_ptr(blkid_probe *pr)
{
	blkid_free_probe(*pr);
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

/* @lower is a part of @upper, as a path is of a multipath device. */
static bool is_slave_of(const char *lower, const char *upper)
{
	char path[640];

	snprintf(path, sizeof(path), LUN_SYS_BLOCK "/%s/slaves/%s", upper, lower);
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

/* The device that udev's link names, as sysfs does; "" when there is none. */
static void linked(const char *uuid, char name[static 300])
{
	cc_auto_free char *node = NULL;
	char path[128];

	name[0] = '\0';
	snprintf(path, sizeof(path), BY_UUID "%s", uuid);
	node = realpath(path, NULL);
	if (!node || strncmp(node, "/dev/", 5) != 0 || strlen(node) > 255)
		return;
	snprintf(name, 300, "%s", node + 5);
	for (char *p = name; *p; p++)
		if (*p == '/')
			*p = '!';
}

static int ask_all(const char *uuid, struct cc_strv *found, struct cc_strv *silent,
		   struct cc_error *err)
{
	static const struct lun_asker by = {
		.sys = LUN_SYS_BLOCK, .locks = LOCKS, .claims = luks_claims, .each_ms = EACH_MS};
	char first[300];

	linked(uuid, first);
	return lun_ask(&by, uuid, first[0] ? first : NULL, found, silent, err);
}

/* The name of sysfs device @name that is the same on the next boot, if it has one; malloced. */
static char *stable_name(const char *name, struct cc_error *err)
{
	char node[300];

	lun_node(name, node);
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

/* Those that were not asked, or do not answer: any of them may be the one. */
static int none_carries(const char *uuid, const struct cc_strv *silent, struct cc_error *err)
{
	char names[256] = "";
	size_t len = 0;

	for (size_t i = 0; i < silent->n && len < sizeof(names); i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i ? ", " : "",
					silent->v[i]);
	if (silent->n)
		return cc_fail(
			err, CC_E_NOTFOUND,
			"no block device of this host that answers carries volume %s; is the "
			"LUN mapped to this host, or is it one of these: %s?",
			uuid, names);
	return cc_fail(err, CC_E_NOTFOUND,
		       "no block device of this host carries volume %s; is the LUN mapped "
		       "to this host?",
		       uuid);
}

int luks_find(const char *uuid, char **path, struct cc_error *err)
{
	cc_cleanup(cc_strv_clear) struct cc_strv found = {0}, silent = {0};
	const char *top[2] = {NULL, NULL};
	size_t n;

	if (ask_all(uuid, &found, &silent, err))
		return -1;
	n = top_devices(&found, top);
	if (!top[0])
		return none_carries(uuid, &silent, err);
	if (top[1])
		return two_carry(uuid, n, top, err);
	*path = stable_name(top[0], err);
	return *path ? 0 : -1;
}
