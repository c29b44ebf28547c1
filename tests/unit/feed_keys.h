/* SPDX-License-Identifier: Apache-2.0 */
/*
 * feed_keys.h - keys of two signers whom a feed names, and of one whom it does not.
 */
#ifndef CC_FEED_KEYS_H
#define CC_FEED_KEYS_H

#include "feed_test.h"

#include "feed.h"

static EVP_PKEY *release, *backup, *stranger;

static inline int make_keys(void **state)
{
	(void)state;
	release = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	backup = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	stranger = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	return !release || !backup || !stranger;
}

static inline int free_keys(void **state)
{
	(void)state;
	EVP_PKEY_free(release);
	EVP_PKEY_free(backup);
	EVP_PKEY_free(stranger);
	return 0;
}

static inline void free_feed(struct cc_feed **feed)
{
	cc_feed_free(*feed);
}
#define auto_feed cc_cleanup(free_feed) struct cc_feed

#endif
