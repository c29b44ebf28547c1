/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kek.h - the key-encryption key and what it does: volume keys are stored only wrapped under it.
 *
 * Wrapping is AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce; a wrapped key is
 * nonce (12 bytes) || ciphertext || tag (16). The additional data names what the key is for,
 * so that a wrapped key cannot be moved to another volume: each of volume UUID, generation (8
 * bytes, big-endian), KEK id, cipher, key size in bytes (4 bytes, big-endian) and the volume's
 * name, preceded by its own length in 4 bytes, big-endian. The name is what identities speak of:
 * without it (format 1, written by the first keyd) whoever can write to the database could swap the
 * names of two volumes. Since format 3 a byte follows that says whether the volume is in use (1)
 * or being created (0): an agent gets the key of one that is being created without an identity.
 * One KEK must not wrap more than 2^32 keys (random nonces).
 */
#ifndef KEYD_KEK_H
#define KEYD_KEK_H

#include <stdbool.h>
#include <stdint.h>

#include "secret.h"

#define KEK_LEN 32
#define KEK_ID_LEN 33 /* 32 hex digits and NUL */
#define KEK_OVERHEAD (12 + 16)
#define KEK_WRAPPED_MAX (CC_VOLUME_KEY_MAX + KEK_OVERHEAD)

/**
 * struct kek - a key-encryption key.
 * @id: first 16 bytes of SHA-256("container-crypt kek id" || key), hex; not secret
 */
struct kek {
	struct cc_secret key;
	char id[KEK_ID_LEN];
};

enum kek_format { KEK_FORMAT_1 = 1, KEK_FORMAT_2 = 2, KEK_FORMAT = 3 };

/* @KEK_ANY: not bound to it, KEK_FORMAT_2 */
enum kek_state { KEK_ANY, KEK_CREATING, KEK_READY };

/* What a volume key is bound to. Strings are borrowed; @name NULL is KEK_FORMAT_1. */
struct kek_use {
	const char *name;
	const char *uuid;
	uint64_t generation;
	const char *cipher;
	uint32_t key_bytes;
	enum kek_state state;
};

/**
 * kek_create - makes a KEK file of KEK_LEN random bytes, mode 0600, synced, with its directory.
 * Never overwrites: *@made says whether there was none.
 */
int kek_create(const char *path, bool *made, struct cc_error *err);

/**
 * kek_load - reads the KEK from the systemd credential "kek" if there is one
 * ($CREDENTIALS_DIRECTORY/kek), else from @path. The file must be a regular file of root, mode 0600
 * or 0400, of exactly KEK_LEN bytes. Clear with kek_clear().
 */
int kek_load(const char *path, struct kek *kek, struct cc_error *err);
/* True if $CREDENTIALS_DIRECTORY/kek exists. */
bool kek_is_credential(void);
/* The KEK from bytes in a secret, which is taken over. */
int kek_from_secret(struct cc_secret *key, struct kek *kek, struct cc_error *err);
void kek_clear(struct kek *kek);
#define kek_auto cc_cleanup(kek_clear)

/**
 * kek_derive - another key out of the KEK: HKDF-SHA256 (RFC 5869), one for each purpose.
 * @salt: secret, or NULL for none
 * @info: names the purpose
 * @key: out, KEK_LEN bytes
 */
int kek_derive(const struct kek *kek, const struct cc_secret *salt, const char *info,
	       struct cc_secret *key, struct cc_error *err);

/* @out: wrapped key; *@len its length. */
int kek_wrap(const struct kek *kek, const struct kek_use *use, const struct cc_secret *key,
	     unsigned char out[static KEK_WRAPPED_MAX], size_t *len, struct cc_error *err);

/**
 * kek_unwrap - the way back. CC_E_INTERNAL with fact "wrapped-key" when the row was changed or
 * belongs to another volume, name, generation, cipher, state or KEK.
 */
int kek_unwrap(const struct kek *kek, const struct kek_use *use, const unsigned char *wrapped,
	       size_t len, struct cc_secret *key, struct cc_error *err);

#endif
