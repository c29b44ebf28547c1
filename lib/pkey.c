// SPDX-License-Identifier: Apache-2.0
#include "pkey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "cleanup.h"

static void bio_free(BIO **b)
{
	BIO_free(*b);
}
#define auto_bio __attribute__((cleanup(bio_free)))

/*
 * The two kinds of key there are here. Curve parameters spelt out in the key are refused by name.
 */
static int check_kind(EVP_PKEY *key, const char *what, struct cc_error *err)
{
	char group[32] = "";
	int explicit_params = 0;

	if (EVP_PKEY_is_a(key, "ED25519"))
		return 0;
	if (EVP_PKEY_is_a(key, "EC") &&
	    EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1 &&
	    !strcmp(group, "prime256v1")) {
		EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
				       &explicit_params);
		if (!explicit_params)
			return 0;
	}
	return cc_fail(err, CC_E_INVALID,
		       "%s: neither ECDSA P-256 nor Ed25519 (make one with `cosign "
		       "generate-key-pair` or `openssl genpkey -algorithm ED25519`)",
		       what);
}

/* A file of several keys would be taken for its first one. */
static bool has_one_block(const char *pem)
{
	static const char begin[] = "-----BEGIN ";
	const char *first = strstr(pem, begin);

	return first && !strstr(first + 1, begin);
}

EVP_PKEY *cc_pubkey_parse(const char *pem, size_t len, struct cc_error *err)
{
	auto_bio BIO *bio = NULL;
	cc_auto_free char *text = NULL;
	cc_auto_pkey EVP_PKEY *key = NULL;

	if (len > CC_PRIVKEY_MAX) {
		cc_fail(err, CC_E_INVALID, "public key: longer than %d bytes", CC_PRIVKEY_MAX);
		return NULL;
	}
	text = strndup(pem, len);
	bio = text ? BIO_new_mem_buf(text, (int)strlen(text)) : NULL;
	if (!bio) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	if (has_one_block(text))
		key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	if (!key) {
		cc_fail(err, CC_E_INVALID,
			"public key: not one PEM block \"PUBLIC KEY\" (what `cosign "
			"generate-key-pair` writes to cosign.pub)");
		return NULL;
	}
	return check_kind(key, "public key", err) ? NULL : cc_steal(key);
}

static void cleanse_file(char **buf)
{
	if (*buf)
		OPENSSL_clear_free(*buf, CC_PRIVKEY_MAX + 1);
}

static int give_passphrase(char *buf, int size, int writing, void *arg)
{
	const char *pass = arg;
	int n = pass ? snprintf(buf, (size_t)size, "%s", pass) : -1;

	(void)writing;
	/* -1 where there is none: OpenSSL would ask on the terminal by default. */
	return n < size ? n : -1;
}

static EVP_PKEY *parse_private(const char *path, char *pem, size_t len, const char *pass,
			       struct cc_error *err)
{
	auto_bio BIO *bio = BIO_new_mem_buf(pem, (int)len);
	cc_auto_pkey EVP_PKEY *key = NULL;

	if (!bio) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	if (strstr(pem, "SIGSTORE PRIVATE KEY") || strstr(pem, "COSIGN PRIVATE KEY")) {
		cc_fail(err, CC_E_INVALID,
			"%s is in cosign's own encrypted format: sign with `cosign attest --key`",
			path);
		return NULL;
	}
	key = PEM_read_bio_PrivateKey(bio, NULL, give_passphrase, (void *)(uintptr_t)pass);
	if (!key) {
		cc_fail(err, CC_E_INVALID, "%s: not a PEM private key%s", path,
			!strstr(pem, "ENCRYPTED") ? ""
			: pass			  ? ", or the passphrase is wrong"
						  : " that can be read without a passphrase");
		return NULL;
	}
	return check_kind(key, path, err) ? NULL : cc_steal(key);
}

EVP_PKEY *cc_privkey_read(const char *path, const char *pass, struct cc_error *err)
{
	cc_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	cc_cleanup(cleanse_file) char *pem = NULL;
	struct stat st;
	ssize_t n = 0;
	size_t len = 0;

	if (fd < 0 || fstat(fd, &st)) {
		cc_fail_errno(err, errno == ENOENT ? CC_E_NOTFOUND : CC_E_INTERNAL,
			      "cannot open %s", path);
		return NULL;
	}
	if (!S_ISREG(st.st_mode)) {
		cc_fail(err, CC_E_INVALID, "%s is not a regular file", path);
		return NULL;
	}
	if (st.st_mode & (S_IRWXG | S_IRWXO)) {
		cc_fail(err, CC_E_PERM, "%s can be read by others: chmod 600 it first", path);
		return NULL;
	}
	pem = OPENSSL_zalloc(CC_PRIVKEY_MAX + 1);
	if (!pem) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	while (len < CC_PRIVKEY_MAX && (n = read(fd, pem + len, CC_PRIVKEY_MAX - len)) > 0)
		len += (size_t)n;
	if (n < 0) {
		cc_fail_errno(err, CC_E_INTERNAL, "cannot read %s", path);
		return NULL;
	}
	if (len == CC_PRIVKEY_MAX) {
		cc_fail(err, CC_E_INVALID, "%s is too long for a private key", path);
		return NULL;
	}
	return parse_private(path, pem, len, pass, err);
}

/* A point may be written compressed or not: two encodings of one key would be two keys. */
static int use_one_encoding(EVP_PKEY *key)
{
	return !EVP_PKEY_is_a(key, "EC") ||
	       EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
					      "uncompressed") == 1;
}

int cc_pubkey_id(EVP_PKEY *key, char out[static 72], struct cc_error *err)
{
	unsigned char *der = NULL;
	int n = use_one_encoding(key) ? i2d_PUBKEY(key, &der) : 0;

	if (n <= 0)
		return cc_fail(err, CC_E_INTERNAL, "cannot encode a public key");
	cc_sha256_digest(der, (size_t)n, out);
	OPENSSL_free(der);
	return 0;
}
