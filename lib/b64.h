/* SPDX-License-Identifier: Apache-2.0 */
/*
 * b64.h - base64 of RFC 4648 section 4 (standard) or 5 (URL-safe), padded or not. No white
 * space, no mixing of the alphabets, nothing after the padding. Not for secrets: use libjose.
 */
#ifndef CC_B64_H
#define CC_B64_H

#include <stddef.h>
#include "error.h"

/**
 * cc_b64_decode - decodes @len characters into at most @max bytes.
 * @what: names the text in errors
 * @out: malloced, NUL terminated behind *out_len
 * Return: 0; -1 with CC_E_INVALID or CC_E_NOMEM.
 */
int cc_b64_decode(const char *in, size_t len, size_t max, const char *what, unsigned char **out,
		  size_t *out_len, struct cc_error *err);

/* Standard alphabet, padded; malloced, NULL without memory. */
char *cc_b64_encode(const void *in, size_t len);

#endif
