// SPDX-License-Identifier: Apache-2.0
/*
 * keyring.c - a volume key in the kernel keyring, for a moment.
 */
#include "volume/keyring.h"

#include <errno.h>
#include <stdio.h>

#include "container-crypt/dm.h"
#include "paths.h"

int keyring_add(struct keyring_key *k, const char *uuid, const struct cc_secret *key,
		struct cc_error *err)
{
	snprintf(k->desc, sizeof(k->desc), CC_KEY_PREFIX "%s", uuid);
	k->id = add_key(CONTAINER_CRYPT_KEY_TYPE_LOGON, k->desc, key->p, key->len,
			KEY_SPEC_THREAD_KEYRING);
	if (k->id < 0) {
		k->id = -1;
		return cc_fail_errno(err, CC_E_INTERNAL,
				     "the kernel keyring does not take the volume key");
	}
	return 0;
}

void keyring_drop(struct keyring_key *k)
{
	if (k->id < 0)
		return;
	/* Invalidation needs possession, so it comes before the unlink. */
	keyctl_invalidate(k->id);
	keyctl_unlink(k->id, KEY_SPEC_THREAD_KEYRING);
	k->id = -1;
}
