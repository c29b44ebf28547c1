// SPDX-License-Identifier: GPL-2.0-only
/*
 * Volume keys from the kernel keyring, found with the credentials of the process that sends the
 * message and named the way dm-crypt names them: <type>:<description>.
 */
#include <linux/key.h>
#include <keys/encrypted-type.h>
#include <keys/trusted-type.h>
#include <keys/user-type.h>

#include "container-crypt.h"

static int ccrypt_copy(u8 *key, unsigned int size, const void *payload, unsigned int payload_size)
{
	if (payload_size != size)
		return -EKEYREJECTED;
	memcpy(key, payload, size);
	return 0;
}

static int ccrypt_read_user(struct key *k, u8 *key, unsigned int size)
{
	const struct user_key_payload *payload = user_key_payload_locked(k);

	return payload ? ccrypt_copy(key, size, payload->data, payload->datalen) : -EKEYREVOKED;
}

static __maybe_unused int ccrypt_read_encrypted(struct key *k, u8 *key, unsigned int size)
{
	const struct encrypted_key_payload *payload = dereference_key_locked(k);

	return payload ? ccrypt_copy(key, size, payload->decrypted_data,
				     payload->decrypted_datalen) : -EKEYREVOKED;
}

static __maybe_unused int ccrypt_read_trusted(struct key *k, u8 *key, unsigned int size)
{
	const struct trusted_key_payload *payload = dereference_key_locked(k);

	return payload ? ccrypt_copy(key, size, payload->key, payload->key_len) : -EKEYREVOKED;
}

static const struct ccrypt_key_type {
	const char *name;
	struct key_type *type;
	int (*read)(struct key *k, u8 *key, unsigned int size);
} ccrypt_key_types[] = {
	{ CONTAINER_CRYPT_KEY_TYPE_LOGON, &key_type_logon, ccrypt_read_user },
#if IS_REACHABLE(CONFIG_ENCRYPTED_KEYS)
	{ CONTAINER_CRYPT_KEY_TYPE_ENCRYPTED, &key_type_encrypted, ccrypt_read_encrypted },
#endif
#if IS_REACHABLE(CONFIG_TRUSTED_KEYS)
	{ CONTAINER_CRYPT_KEY_TYPE_TRUSTED, &key_type_trusted, ccrypt_read_trusted },
#endif
};

/**
 * ccrypt_keyring_read() - copy the payload of a key of the calling process
 * @type_name: logon, encrypted or trusted
 * @description: of the key
 * @key: buffer of @size bytes; the caller wipes it, also after an error
 * @size: size that the key must have
 *
 * Context: process.
 * Return: 0; -EINVAL for a type this kernel does not know; -ENOKEY, -EKEYEXPIRED, -EKEYREVOKED,
 * -EACCES as request_key() finds the key; -EKEYREJECTED for a key of another size.
 */
int ccrypt_keyring_read(const char *type_name, const char *description, u8 *key,
			unsigned int size)
{
	const struct ccrypt_key_type *type = ccrypt_key_types;
	const struct ccrypt_key_type *end = type + ARRAY_SIZE(ccrypt_key_types);
	struct key *k;
	int r;

	while (type < end && strcmp(type->name, type_name))
		type++;
	if (type == end)
		return -EINVAL;

	/* No callout information: a missing key is an error, not a question to userspace. */
	k = request_key(type->type, description, NULL);
	if (IS_ERR(k))
		return PTR_ERR(k);

	down_read(&k->sem);
	r = key_validate(k) ?: type->read(k, key, size);
	up_read(&k->sem);
	key_put(k);
	return r;
}
