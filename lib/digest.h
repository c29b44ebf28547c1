/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest.h - SHA-256 digests as text: "sha256:" and 64 lower-case hex digits.
 */
#ifndef CC_DIGEST_H
#define CC_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <openssl/evp.h>

#include "cleanup.h"
#include "fetched.h"

#define CC_DIGEST_LEN 72 /* the text and its NUL */

bool cc_is_digest(const char *s);

/* The 32 bytes of the hash of @len bytes. */
void cc_sha256(const void *buf, size_t len, unsigned char hash[static 32]);
/* The text of the 32 bytes of a hash. */
void cc_sha256_text(const unsigned char hash[static 32], char out[static CC_DIGEST_LEN]);
/* The digest of @len bytes. */
void cc_sha256_digest(const void *buf, size_t len, char out[static CC_DIGEST_LEN]);

static inline void cc_md_ctx_free(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}
#define cc_auto_md cc_cleanup(cc_md_ctx_free)

#endif
