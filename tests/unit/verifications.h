/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verifications.h - verifications of signatures are counted, and fail, where libcrypto does them.
 * For one file of a test program.
 */
#ifndef TEST_VERIFICATIONS_H
#define TEST_VERIFICATIONS_H

#include <dlfcn.h>
#include <openssl/err.h>
#include <openssl/evp.h>

static size_t verifications;
static bool memory_is_short; /* for a verification */

static int count_verification(void)
{
	verifications++;
	if (!memory_is_short)
		return 0;
	ERR_raise(ERR_LIB_EC, ERR_R_MALLOC_FAILURE);
	return -1;
}

/* These take the place of OpenSSL's own, which they call. */
int EVP_DigestVerify(EVP_MD_CTX *ctx, const unsigned char *sig, size_t sig_len,
		     const unsigned char *data, size_t len)
{
	static __typeof__(EVP_DigestVerify) *own;

	if (!own)
		own = (__typeof__(own))dlsym(RTLD_NEXT, "EVP_DigestVerify");
	return count_verification() ?: own(ctx, sig, sig_len, data, len);
}

int EVP_PKEY_verify(EVP_PKEY_CTX *ctx, const unsigned char *sig, size_t sig_len,
		    const unsigned char *data, size_t len)
{
	static __typeof__(EVP_PKEY_verify) *own;

	if (!own)
		own = (__typeof__(own))dlsym(RTLD_NEXT, "EVP_PKEY_verify");
	return count_verification() ?: own(ctx, sig, sig_len, data, len);
}

#endif
