/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetched.h - algorithms of OpenSSL's providers, borrowed. They are looked up at the first use and
 * kept: what EVP_sha256() and its like name is looked up again wherever it is used, by lists that
 * are out of the caches after each wait for the disk.
 *
 * Context: one thread; NULL without memory, which OpenSSL refuses where it begins.
 */
#ifndef CC_FETCHED_H
#define CC_FETCHED_H

#include <openssl/evp.h>
#include <openssl/kdf.h>

const EVP_MD *cc_md_sha256(void);
const EVP_CIPHER *cc_aes_256_gcm(void);
/* The single-step KDF of NIST SP 800-56C; not constant as OpenSSL does not take it so. */
EVP_KDF *cc_sskdf(void);

#endif
