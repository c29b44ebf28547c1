/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.h - may this block device become a volume? Looks, never writes.
 */
#ifndef CC_PROBE_H
#define CC_PROBE_H

#include "json.h"
#include "strv.h"

/**
 * struct probe - what was found out about a device.
 * @path: the name to use and to print: under /dev/disk/by-id where there is one, owned
 * @stable: @path is such a name, the same on the next boot
 * @fd: open for reading, with an exclusive flock(2) that keeps udev and a second
 *      `volume create` away until it is closed; -1 if not open
 * @sectors: size in 512-byte sectors
 * @logical_block: smallest addressable unit in bytes
 * @signatures: every signature blkid knows on it ("ext4", "gpt", "crypto_LUKS" …)
 */
struct probe {
	char *path;
	bool stable;
	int fd;
	uint64_t sectors;
	uint32_t logical_block;
	struct cc_strv signatures;
};

/**
 * probe_device - opens @device and reads the above.
 * Return: 0; -1 with CC_E_DEVICE when it is missing, not a block device or read-only, CC_E_BUSY
 * when it is mounted, held by another device or opened exclusively, CC_E_PERM.
 */
int probe_device(const char *device, struct probe *p, struct cc_error *err);

/* CC_E_DEVICE when a signature is there that @allowed does not name. */
int probe_refuse_signatures(const struct probe *p, const struct cc_strv *allowed,
			    struct cc_error *err);

/*
 * Wipes every signature found, also those at the end of the device (md, the backup GPT), and has
 * the kernel forget partitions.
 */
int probe_wipe_signatures(const struct probe *p, struct cc_error *err);

void probe_clear(struct probe *p);

/* The preferred /dev/disk/by-id name of @device, or a copy of @device; malloced. */
char *probe_stable_name(const char *device, struct cc_error *err);

#endif
