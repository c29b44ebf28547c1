// SPDX-License-Identifier: Apache-2.0
#include "custodian/kek.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include "fetched.h"
#include "file.h"
#include "hex.h"

#define NONCE_LEN 12
#define TAG_LEN 16
#define AAD_MAX 256

static const char id_label[] = "container-crypt kek id";

/* ---- the file ---- */

/*
 * The KEK appears under its name complete or not at all: a crash leaves at most a file without a
 * name.
 */
int kek_create(const char *path, bool *made, struct cc_error *err)
{
	cc_auto_secret struct cc_secret key = {0};
	cc_auto_free char *copy = strdup(path);
	cc_auto_close int fd = -1;
	char link[32];

	*made = false;
	if (!copy)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (!access(path, F_OK))
		return 0;
	if (errno != ENOENT)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	if (cc_secret_random(&key, KEK_LEN, err))
		return -1;
	fd = open(dirname(copy), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 || fchmod(fd, 0600) || cc_write_all(fd, key.p, key.len) || fsync(fd))
		return cc_fail_errno(err, CC_E_INTERNAL, "cannot write key-encryption key %s",
				     path);

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW)) {
		if (errno == EEXIST)
			return 0;
		return cc_fail_errno(err, CC_E_INTERNAL, "cannot create %s", path);
	}
	*made = true;
	if (cc_sync_dir_of(path))
		return cc_fail_errno(err, CC_E_INTERNAL, "cannot sync the directory of %s", path);
	return 0;
}

static int check_file(int fd, const char *path, struct cc_error *err)
{
	struct stat sb;
	mode_t mode;

	if (fstat(fd, &sb))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	mode = sb.st_mode & 07777;
	if (!S_ISREG(sb.st_mode))
		return cc_fail(err, CC_E_INVALID, "%s: not a regular file", path);
	if (sb.st_uid != 0 || (mode != 0600 && mode != 0400))
		return cc_fail(
			err, CC_E_PERM,
			"%s: owner %u, mode %04o; a key-encryption key must be root's with mode "
			"0600 or 0400",
			path, sb.st_uid, mode);
	if (sb.st_size != KEK_LEN)
		return cc_fail(err, CC_E_INVALID, "%s: %lld bytes; a key-encryption key has %d",
			       path, (long long)sb.st_size, KEK_LEN);
	return 0;
}

static int read_file(const char *path, struct cc_secret *key, struct cc_error *err)
{
	cc_auto_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return cc_fail(err, CC_E_NOTFOUND, "%s: no key-encryption key: run keyd init",
			       path);
	if (fd < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "key-encryption key %s", path);
	if (check_file(fd, path, err) || cc_secret_new(key, KEK_LEN, err))
		return -1;
	do {
		n = read(fd, key->p, KEK_LEN);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "key-encryption key %s", path);
	if (n != KEK_LEN)
		return cc_fail(err, CC_E_INVALID, "%s: short read", path);
	return 0;
}

/* "" when there is no such credential. */
static void credential_path(char buf[static PATH_MAX])
{
	const char *dir = getenv("CREDENTIALS_DIRECTORY");
	int n = dir ? snprintf(buf, PATH_MAX, "%s/kek", dir) : 0;

	if (n <= 0 || n >= PATH_MAX || access(buf, F_OK))
		buf[0] = '\0';
}

bool kek_is_credential(void)
{
	char path[PATH_MAX];

	credential_path(path);
	return path[0];
}

int kek_load(const char *path, struct kek *kek, struct cc_error *err)
{
	cc_auto_secret struct cc_secret key = {0};
	char credential[PATH_MAX];

	credential_path(credential);
	if (read_file(credential[0] ? credential : path, &key, err))
		return -1;
	return kek_from_secret(&key, kek, err);
}

int kek_from_secret(struct cc_secret *key, struct kek *kek, struct cc_error *err)
{
	cc_auto_secret struct cc_secret input = {0};
	unsigned char md[EVP_MAX_MD_SIZE];
	const size_t label = sizeof(id_label) - 1;

	if (key->len != KEK_LEN)
		return cc_fail(err, CC_E_INVALID, "a key-encryption key has %d bytes", KEK_LEN);
	if (cc_secret_new(&input, label + KEK_LEN, err))
		return -1;
	memcpy(input.p, id_label, label);
	memcpy(input.p + label, key->p, KEK_LEN);
	if (EVP_Digest(input.p, input.len, md, NULL, EVP_sha256(), NULL) != 1)
		return cc_fail(err, CC_E_INTERNAL, "SHA-256 failed");
	cc_hex_encode(md, (KEK_ID_LEN - 1) / 2, kek->id);
	kek->key = *key;
	*key = (struct cc_secret){0};
	return 0;
}

static void kdf_free(EVP_KDF **kdf)
{
	EVP_KDF_free(*kdf);
}

static void kdf_ctx_free(EVP_KDF_CTX **ctx)
{
	EVP_KDF_CTX_free(*ctx);
}

int kek_derive(const struct kek *kek, const struct cc_secret *salt, const char *info,
	       struct cc_secret *key, struct cc_error *err)
{
	cc_cleanup(kdf_free) EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	cc_cleanup(kdf_ctx_free) EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, kek->key.p, kek->key.len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (char *)info, strlen(info)),
		salt ? OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, salt->p, salt->len)
		     : OSSL_PARAM_construct_end(),
		OSSL_PARAM_construct_end(),
	};

	if (cc_secret_new(key, KEK_LEN, err))
		return -1;
	if (!ctx || EVP_KDF_derive(ctx, key->p, key->len, params) != 1)
		return cc_fail(err, CC_E_INTERNAL, "HKDF failed");
	return 0;
}

void kek_clear(struct kek *kek)
{
	cc_secret_clear(&kek->key);
}

/* ---- wrapping ---- */

static void aad_put(unsigned char *aad, size_t *at, const void *p, size_t len)
{
	uint32_t be = htobe32((uint32_t)len);

	memcpy(aad + *at, &be, sizeof(be));
	memcpy(aad + *at + sizeof(be), p, len);
	*at += sizeof(be) + len;
}

static int make_aad(const struct kek *kek, const struct kek_use *use,
		    unsigned char aad[static AAD_MAX], size_t *len, struct cc_error *err)
{
	uint64_t generation = htobe64(use->generation);
	uint32_t key_bytes = htobe32(use->key_bytes);
	size_t uuid = strlen(use->uuid), cipher = strlen(use->cipher), id = strlen(kek->id);
	size_t name = use->name ? strlen(use->name) : 0;
	unsigned char ready = use->state == KEK_READY;

	if (7 * sizeof(uint32_t) + uuid + cipher + id + name + sizeof(generation) +
		    sizeof(key_bytes) + sizeof(ready) >
	    AAD_MAX)
		return cc_fail(err, CC_E_INTERNAL,
			       "volume's description is too long to wrap a key");
	*len = 0;
	aad_put(aad, len, use->uuid, uuid);
	aad_put(aad, len, &generation, sizeof(generation));
	aad_put(aad, len, kek->id, id);
	aad_put(aad, len, use->cipher, cipher);
	aad_put(aad, len, &key_bytes, sizeof(key_bytes));
	if (use->name)
		aad_put(aad, len, use->name, name);
	if (use->state != KEK_ANY)
		aad_put(aad, len, &ready, sizeof(ready));
	return 0;
}

static void free_ctx(EVP_CIPHER_CTX **ctx)
{
	EVP_CIPHER_CTX_free(*ctx);
}
#define auto_ctx cc_cleanup(free_ctx)

/* A context with key, nonce and additional data set. */
static EVP_CIPHER_CTX *start(const struct kek *kek, const struct kek_use *use,
			     const unsigned char nonce[static NONCE_LEN], bool encrypt,
			     struct cc_error *err)
{
	auto_ctx EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	unsigned char aad[AAD_MAX];
	size_t len = 0;
	int n;

	if (make_aad(kek, use, aad, &len, err))
		return NULL;
	/* GCM's default nonce length is the 96 bits wanted. */
	if (!ctx ||
	    EVP_CipherInit_ex2(ctx, cc_aes_256_gcm(), kek->key.p, nonce, encrypt, NULL) != 1 ||
	    EVP_CipherUpdate(ctx, NULL, &n, aad, (int)len) != 1) {
		cc_fail(err, CC_E_INTERNAL, "AES-256-GCM cannot be set up");
		return NULL;
	}
	return cc_steal(ctx);
}

int kek_wrap(const struct kek *kek, const struct kek_use *use, const struct cc_secret *key,
	     unsigned char out[static KEK_WRAPPED_MAX], size_t *len, struct cc_error *err)
{
	auto_ctx EVP_CIPHER_CTX *ctx = NULL;
	unsigned char *body = out + NONCE_LEN;
	int n, rest;

	if (key->len == 0 || key->len > CC_VOLUME_KEY_MAX || key->len != use->key_bytes)
		return cc_fail(err, CC_E_INTERNAL, "volume key has %zu bytes, not %u", key->len,
			       use->key_bytes);
	if (RAND_bytes(out, NONCE_LEN) != 1)
		return cc_fail(err, CC_E_INTERNAL, "no random numbers");
	ctx = start(kek, use, out, true, err);
	if (!ctx)
		return -1;
	if (EVP_CipherUpdate(ctx, body, &n, key->p, (int)key->len) != 1 ||
	    EVP_CipherFinal_ex(ctx, body + n, &rest) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG_LEN, body + key->len) != 1)
		return cc_fail(err, CC_E_INTERNAL, "AES-256-GCM failed");
	*len = NONCE_LEN + key->len + TAG_LEN;
	return 0;
}

int kek_unwrap(const struct kek *kek, const struct kek_use *use, const unsigned char *wrapped,
	       size_t len, struct cc_secret *key, struct cc_error *err)
{
	cc_auto_secret struct cc_secret plain = {0};
	auto_ctx EVP_CIPHER_CTX *ctx = NULL;
	unsigned char tag[TAG_LEN];
	int n, rest;

	if (use->key_bytes == 0 || use->key_bytes > CC_VOLUME_KEY_MAX ||
	    len != use->key_bytes + KEK_OVERHEAD) {
		cc_fail(err, CC_E_INTERNAL,
			"wrapped volume key has a wrong length: restore a backup");
		return cc_set_fact(err, "wrapped-key");
	}
	if (cc_secret_new(&plain, use->key_bytes, err))
		return -1;
	ctx = start(kek, use, wrapped, false, err);
	if (!ctx)
		return -1;
	memcpy(tag, wrapped + len - TAG_LEN, TAG_LEN);
	if (EVP_CipherUpdate(ctx, plain.p, &n, wrapped + NONCE_LEN, (int)use->key_bytes) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG_LEN, tag) != 1 ||
	    EVP_CipherFinal_ex(ctx, plain.p + n, &rest) != 1) {
		cc_fail(err, CC_E_INTERNAL,
			"wrapped volume key was not made for this volume, generation, cipher, state and KEK: "
			"the database was changed, restore a backup");
		return cc_set_fact(err, "wrapped-key");
	}
	*key = plain;
	plain = (struct cc_secret){0};
	return 0;
}
