// SPDX-License-Identifier: Apache-2.0
#include "fetched.h"

const EVP_MD *cc_md_sha256(void)
{
	static EVP_MD *kept;

	if (!kept)
		kept = EVP_MD_fetch(NULL, "SHA256", NULL);
	return kept;
}

const EVP_CIPHER *cc_aes_256_gcm(void)
{
	static EVP_CIPHER *kept;

	if (!kept)
		kept = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	return kept;
}

EVP_KDF *cc_sskdf(void)
{
	static EVP_KDF *kept;

	if (!kept)
		kept = EVP_KDF_fetch(NULL, "SSKDF", NULL);
	return kept;
}
