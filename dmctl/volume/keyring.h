/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyring.h - a volume key in the kernel keyring (keyrings(7)), for the moment in which the
 * dm target takes it over.
 */
#ifndef CC_KEYRING_H
#define CC_KEYRING_H

#include <keyutils.h>
#include "secret.h"

#define KEYRING_DESC_MAX 64 /* CC_KEY_PREFIX and a UUID */

/**
 * struct keyring_key - a logon key in this thread's keyring. A logon key is never readable by
 * userspace, and a thread keyring is neither inherited nor seen by any other process.
 * @id: serial, or -1
 * @desc: description to name it by
 */
struct keyring_key {
	key_serial_t id;
	char desc[KEYRING_DESC_MAX];
};

/* Puts @key in. Only this thread's system calls, the dm message among them, find it. */
int keyring_add(struct keyring_key *k, const char *uuid, const struct cc_secret *key,
		struct cc_error *err);

/* Invalidates and unlinks it: the kernel cleanses the payload. Idempotent, for cc_cleanup(). */
void keyring_drop(struct keyring_key *k);

#endif
