/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume_key.h - the wrapped key in a volume's row.
 */
#ifndef KEYD_VOLUME_KEY_H
#define KEYD_VOLUME_KEY_H

#include "custodian/kek.h"
#include "store/store.h"

/* A random key for @v as it is; written to its fields, not to the store. */
int volume_key_make(const struct kek *kek, struct store_volume *v, struct cc_error *err);

/* The key of @v as it is. One of an older format is none: upgrade_keys() has seen it. */
int volume_key_open(const struct kek *kek, const struct store_volume *v, struct cc_secret *key,
		    struct cc_error *err);

/* @v is in use from now on, or is being created, and its key is bound to that. */
int volume_key_bind(const struct kek *kek, struct store_volume *v, bool ready,
		    struct cc_error *err);

/* Wraps the key of @v, which is under @from, under @to. */
int volume_key_move(const struct kek *from, const struct kek *to, struct store_volume *v,
		    struct cc_error *err);

/* @v is called @name from now on, and its key is bound to that. */
int volume_key_rename(const struct kek *kek, struct store_volume *v,
		      const char name[static CC_NAME_LEN], struct cc_error *err);

/* Binds a key of an older format to all that it is bound to today. */
int volume_key_renew(const struct kek *kek, struct store_volume *v, struct cc_error *err);

/* The key of @v opens for a volume in some state, so KEK_FORMAT made it, whatever the row says. */
bool volume_key_is_new(const struct kek *kek, const struct store_volume *v);

#endif
