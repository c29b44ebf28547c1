/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mapping.h - device-mapper mappings of the container-crypt target, by libdevmapper, and the way of
 * a volume key into the kernel keyring and from there into the target.
 *
 * A mapping is named CC_DM_PREFIX<name>, where name is that of a binding (binding.h): VOLUME or
 * VOLUME@CONTAINER. Its dm uuid is CC_DM_UUID_PREFIX<volume uuid>, with what follows the '@' behind
 * a dash. It is created locked and with the udev flags that keep probers away
 * (DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG, DM_UDEV_DISABLE_DISK_RULES_FLAG,
 * DM_UDEV_DISABLE_OTHER_RULES_FLAG). Works with and without udevd.
 */
#ifndef CC_MAPPING_H
#define CC_MAPPING_H

#include <stdbool.h>
#include <sys/types.h>
#include "secret.h"
#include "strv.h"
#include "volume.h"

/* @left_ms: until the kernel wipes the key; -1 without a lease, and while locked */
struct mapping_status {
	bool exists;
	bool locked;
	int64_t left_ms;
	uint64_t sectors; /* of the target */
	int open_count;
	dev_t dev;
	char uuid[129];
	char info[512]; /* status line of the target */
};

/**
 * mapping_create - creates the mapping, locked. While it is, I/O waits as v->terms say.
 * @device: the LUN. It is opened O_EXCL by device-mapper: CC_E_BUSY if in use.
 * @node: out, "/dev/mapper/…", caller's buffer
 * A mapping of this name that exists already is CC_E_BUSY.
 */
int mapping_create(const char *name, const struct cc_volume *v, const char *device, bool read_only,
		   char node[static 128], struct cc_error *err);

/**
 * mapping_unlock - key into the caller's thread keyring as a logon key, `unlock` message, key
 * unlinked and invalidated again whatever happens.
 * @end_ms: time of lease_clock_ms() when the kernel is to wipe it, 0 for never. CC_E_UNREACHABLE
 * when that has passed.
 */
int mapping_unlock(const char *name, const struct cc_volume *v, const struct cc_secret *key,
		   uint64_t end_ms, struct cc_error *err);

/*
 * The lease ends at @end_ms instead. CC_E_NOTFOUND when the kernel has locked the mapping already.
 */
int mapping_renew(const char *name, uint64_t end_ms, struct cc_error *err);

/**
 * mapping_fail_io - I/O no longer waits for a key: what waits fails, and so does what comes.
 * For a mapping that will not get a key again. Success when there is none.
 */
int mapping_fail_io(const char *name, struct cc_error *err);

/* Makes the mapping @sectors long; key, lease and gate stay as they are. */
int mapping_grow(const char *name, uint64_t sectors, struct cc_error *err);

int mapping_lock(const char *name, struct cc_error *err);

/**
 * mapping_guard - from now on only tasks of our own control group open it (gates.h). To be called
 * before there is a key.
 *
 * CC_E_BUSY when somebody has it open already, and does not let go of it.
 */
int mapping_guard(const char *name, struct cc_error *err);

/* Only tasks of the cgroup with this v2 id, or below it, may read from now on; 0: everybody. */
int mapping_gate(const char *name, uint64_t cgroup_id, struct cc_error *err);
int mapping_status(const char *name, struct mapping_status *st, struct cc_error *err);

/**
 * mapping_remove - locks and removes; what still waits for a key fails. Waits up to @timeout_ms for
 * openers to go (a mount namespace that dies lags); then a deferred remove is left and CC_E_BUSY
 * returned. Success when there is none.
 */
int mapping_remove(const char *name, unsigned int timeout_ms, struct cc_error *err);

/* Names of the mappings with our uuid prefix. */
int mapping_list(struct cc_strv *names, struct cc_error *err);

#endif
