/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_signers.h - the keys that may sign the images of a feed (lib/feed.h): of the signers that
 * it names, those that are enrolled now. A signer that was removed, or whose stored key is none, is
 * none; another one that took its name since is what the name says. Which volumes a signer is for
 * does not count here: that is of identities, and the identity names who signs its images.
 */
#ifndef KEYD_IMAGE_SIGNERS_H
#define KEYD_IMAGE_SIGNERS_H

#include "custodian/custodian.h"
#include "feed.h"

/* @keys: empty; to be cleared in any case. Return: 0, also when none is enrolled. */
int image_signers_of(struct custodian *c, const struct cc_feed *feed, struct cc_feed_keys *keys,
		     struct cc_error *err);
void image_signers_clear(struct cc_feed_keys *keys);

#endif
