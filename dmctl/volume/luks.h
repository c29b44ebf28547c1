/* SPDX-License-Identifier: Apache-2.0 */
/*
 * luks.h - the LUKS2 header of a LUN, by libcryptsetup (docs/architecture.md, "On the LUN"): no
 * keyslots, no label, subsystem "container-crypt", JSON token "container-crypt", data at
 * 32 MiB.
 */
#ifndef CC_LUKS_H
#define CC_LUKS_H

#include "secret.h"
#include "volume.h"

/* Writes the header. The caller has probed the device and holds keyd's record. */
int luks_format(const char *device, const struct cc_volume *v, const struct cc_secret *key,
		struct cc_error *err);

/* Removes what luks_format() wrote (undo, volume rm --wipe-header). */
int luks_wipe(const char *device, struct cc_error *err);

/**
 * luks_check - the header on @device is the copy of @v: UUID, cipher, sector size, offset, token;
 * but not the name, which may be that of before a rename.
 * CC_E_DEVICE with the field that differs ("this LUN carries volume other, not pgdata").
 */
int luks_check(const char *device, const struct cc_volume *v, struct cc_error *err);

/**
 * luks_set_name - writes the name of @v into the header on @device, which must be of its UUID. It
 * is for whoever finds the LUN: whoever reads it believes keyd, by the UUID.
 */
int luks_set_name(const char *device, const struct cc_volume *v, struct cc_error *err);

/* The key is the one of the header's digest; CC_E_INVALID fact "key-digest" if not. */
int luks_verify_key(const char *device, const struct cc_secret *key, struct cc_error *err);

/* Copies the header of @device into the new file @path, mode 0400. No key is in it. */
int luks_backup(const char *device, const char *path, struct cc_error *err);

/**
 * luks_hold - a copy in memory of the header in the file @path, which nobody changes any more: what
 * is checked is what is written.
 * Return: a descriptor of it, for luks_fd_path(); -1 with CC_E_DEVICE, CC_E_INVALID, CC_E_INTERNAL.
 */
int luks_hold(const char *path, struct cc_error *err);

/* The name by which a file or device that is open is opened again, whatever its path leads to. */
void luks_fd_path(int fd, char out[static 32]);

/* Writes the header in the file @path to @device. The caller has checked both. */
int luks_restore(const char *device, const char *path, struct cc_error *err);

/* UUID of the container-crypt volume whose header is on @device; CC_E_DEVICE if there is none. */
int luks_read_uuid(const char *device, char uuid[static 37], struct cc_error *err);

/*
 * What is on @device says that it is the LUKS2 header of volume @uuid, be it whole or the half that
 * a killed luks_format() left. Good to undo by, not to trust.
 */
bool luks_claims(const char *device, const char *uuid);

/* Finds the block device that carries volume @uuid (libblkid, LUKS2 UUID); prefers a
 * /dev/disk/by-id name. @path: out, malloced. CC_E_NOTFOUND, or CC_E_DEVICE if two carry it.
 */
int luks_find(const char *uuid, char **path, struct cc_error *err);

#endif
