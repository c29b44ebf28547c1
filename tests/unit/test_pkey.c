// SPDX-License-Identifier: Apache-2.0
/* Keys as files: which are taken, and which are not. */
#include "signing_keys.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <openssl/pem.h>

#include "pkey.h"

static char *public_pem(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *pem;
	long n;

	assert_int_equal(PEM_write_bio_PUBKEY(bio, key), 1);
	n = BIO_get_mem_data(bio, &data);
	pem = strndup(data, (size_t)n);
	BIO_free(bio);
	return pem;
}

static void expect_no_pubkey(const char *pem)
{
	struct cc_error err = {0};

	assert_null(cc_pubkey_parse(pem, strlen(pem), &err));
	assert_int_equal(err.code, CC_E_INVALID);
}

static void only_p256_and_ed25519_public_keys_are_taken(void **state)
{
	static const char *const refused[] = {"P-384", "P-521", "secp256k1",
					      "RSA",   "ED448", "X25519"};
	EVP_PKEY *good[] = {p256, ed25519};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		cc_auto_free char *pem = public_pem(good[i]);
		struct cc_error err = {0};
		cc_auto_pkey EVP_PKEY *key = cc_pubkey_parse(pem, strlen(pem), &err);

		assert_non_null(key);
		assert_int_equal(EVP_PKEY_eq(key, good[i]), 1);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		bool ec = refused[i][0] == 'P' || refused[i][0] == 's';
		cc_auto_pkey EVP_PKEY *key = ec ? EVP_EC_gen(refused[i])
					     : !strcmp(refused[i], "RSA")
						     ? EVP_RSA_gen(1024)
						     : EVP_PKEY_Q_keygen(NULL, NULL, refused[i]);
		cc_auto_free char *pem = public_pem(key);

		expect_no_pubkey(pem);
	}
}

static void a_key_that_spells_out_its_curve_is_refused(void **state)
{
	cc_auto_pkey EVP_PKEY *key = EVP_EC_gen("P-256");
	cc_auto_free char *pem = NULL;

	(void)state;
	assert_int_equal(EVP_PKEY_set_utf8_string_param(key, "encoding", "explicit"), 1);
	pem = public_pem(key);
	assert_true(strlen(pem) > 300);
	expect_no_pubkey(pem);
}

static void what_is_not_one_public_key_is_refused(void **state)
{
	cc_auto_free char *pem = public_pem(p256), *two = NULL, *cut = strdup(pem);

	(void)state;
	assert_true(asprintf(&two, "%s%s", pem, pem) > 0);
	expect_no_pubkey(two);
	cut[strlen(cut) / 2] = '\0';
	expect_no_pubkey(cut);
	expect_no_pubkey("");
	expect_no_pubkey("-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n");
	expect_no_pubkey("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
}

/* Writes a private key file with @mode; encrypted if @pass. */
static void write_key(char *path, EVP_PKEY *key, const char *pass, mode_t mode)
{
	int fd = mkstemp(path);
	FILE *f = fdopen(fd, "w");

	assert_non_null(f);
	assert_int_equal(PEM_write_PKCS8PrivateKey(f, key, pass ? EVP_aes_256_cbc() : NULL, pass,
						   pass ? (int)strlen(pass) : 0, NULL, NULL),
			 1);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static void private_keys_are_read(void **state)
{
	EVP_PKEY *keys[] = {p256, ed25519};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		char path[] = "/tmp/cc-test-XXXXXX";
		const char *pass = i >= 2 ? "correct horse" : NULL;
		cc_auto_pkey EVP_PKEY *key = NULL;
		struct cc_error err = {0};

		write_key(path, keys[i % 2], pass, 0600);
		key = cc_privkey_read(path, pass, &err);
		assert_non_null(key);
		assert_int_equal(EVP_PKEY_eq(key, keys[i % 2]), 1);
		unlink(path);
	}
}

static void an_encrypted_key_needs_its_passphrase(void **state)
{
	char path[] = "/tmp/cc-test-XXXXXX";
	struct cc_error err = {0};

	(void)state;
	write_key(path, p256, "correct horse", 0600);
	assert_null(cc_privkey_read(path, NULL, &err));
	expect_error(&err, CC_E_INVALID, "", "without a passphrase");
	assert_null(cc_privkey_read(path, "battery staple", &err));
	expect_error(&err, CC_E_INVALID, "", "passphrase is wrong");
	assert_null(strstr(err.text, "battery"));
	unlink(path);
}

static void a_key_that_others_may_read_is_refused(void **state)
{
	static const mode_t modes[] = {0640, 0604, 0660, 0620, 0601};

	(void)state;
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		char path[] = "/tmp/cc-test-XXXXXX";
		struct cc_error err = {0};

		write_key(path, p256, NULL, modes[i]);
		assert_null(cc_privkey_read(path, NULL, &err));
		expect_error(&err, CC_E_PERM, "", "chmod 600");
		unlink(path);
	}
}

static void what_is_no_private_key_file_is_refused(void **state)
{
	char path[] = "/tmp/cc-test-XXXXXX", big[CC_PRIVKEY_MAX];
	int fd = mkstemp(path);
	struct cc_error err = {0};

	(void)state;
	assert_null(cc_privkey_read("/nonexistent/key", NULL, &err));
	expect_error(&err, CC_E_NOTFOUND, "", "/nonexistent/key");
	assert_null(cc_privkey_read("/dev/null", NULL, &err));
	expect_error(&err, CC_E_INVALID, "", "not a regular file");
	assert_null(cc_privkey_read(path, NULL, &err));
	expect_error(&err, CC_E_INVALID, "", "not a PEM private key");
	dprintf(fd, "-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n");
	assert_null(cc_privkey_read(path, "x", &err));
	expect_error(&err, CC_E_INVALID, "", "cosign attest");
	memset(big, 'x', sizeof(big));
	assert_int_equal(write(fd, big, sizeof(big)), (ssize_t)sizeof(big));
	assert_null(cc_privkey_read(path, NULL, &err));
	expect_error(&err, CC_E_INVALID, "", "too long");
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_p256_and_ed25519_public_keys_are_taken),
		cmocka_unit_test(a_key_that_spells_out_its_curve_is_refused),
		cmocka_unit_test(what_is_not_one_public_key_is_refused),
		cmocka_unit_test(private_keys_are_read),
		cmocka_unit_test(an_encrypted_key_needs_its_passphrase),
		cmocka_unit_test(a_key_that_others_may_read_is_refused),
		cmocka_unit_test(what_is_no_private_key_file_is_refused),
	};

	return cmocka_run_group_tests(tests, make_keys, free_keys);
}
