/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_file.h - files with the public keys that keyd is to trust.
 */
#ifndef CC_KEY_FILE_H
#define CC_KEY_FILE_H

#include "json.h"

/* A signer's: the PEM text, checked here, where the error can name the file. Malloced or NULL. */
char *key_file_pem(const char *path, struct cc_error *err);

/* An agent's: of the JWK in the file the public part. New reference or NULL. */
json_t *key_file_jwk(const char *path, struct cc_error *err);

/*
 * One to encrypt to: P-256, public, and not for signatures only (RFC 7517 section 4.2); members
 * that keyd has no use for are left out. A private one is refused, it does not belong on this host.
 * New reference or NULL.
 */
json_t *key_file_recipient(const char *path, struct cc_error *err);

#endif
