/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signing_keys.h - keys of the kinds that sign identities.
 */
#ifndef TEST_SIGNING_KEYS_H
#define TEST_SIGNING_KEYS_H

#include "lib_test.h"

#include <openssl/ec.h>
#include <openssl/evp.h>

static EVP_PKEY *p256, *other_p256, *ed25519;

static inline int make_keys(void **state)
{
	(void)state;
	p256 = EVP_EC_gen("P-256");
	other_p256 = EVP_EC_gen("P-256");
	ed25519 = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	return p256 && other_p256 && ed25519 ? 0 : -1;
}

static inline int free_keys(void **state)
{
	(void)state;
	EVP_PKEY_free(p256);
	EVP_PKEY_free(other_p256);
	EVP_PKEY_free(ed25519);
	return 0;
}

#endif
