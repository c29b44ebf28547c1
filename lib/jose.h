/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jose.h - what evidence and releases share: compact serialisation, base64url, headers that are
 * checked to be the one expected, member by member. libjose, which serves many algorithms and
 * believes headers, makes keys and signs; what comes from outside is verified, and keys are agreed
 * on, in p256.h.
 */
#ifndef CC_JOSE_H
#define CC_JOSE_H

#include <stddef.h>
#include <stdint.h>
#include <jose/cfg.h>
#include "json.h"

#define CC_JOSE_PARTS_MAX 5

/* One dot-separated part of a compact serialisation, borrowed. */
struct cc_jose_part {
	const char *s;
	size_t len;
};

/*
 * libjose reports to stderr unless told otherwise. Free with cc_auto_jose_cfg. NULL without memory.
 */
jose_cfg_t *cc_jose_cfg(void);
static inline void cc_jose_cfg_ptr(jose_cfg_t **cfg)
{
	if (*cfg)
		jose_cfg_decref(*cfg);
}
#define cc_auto_jose_cfg cc_cleanup(cc_jose_cfg_ptr)

/**
 * cc_jose_split - splits @text into exactly @n parts, each of base64url characters only (RFC 7515
 * section 2), the first one not empty.
 * @what: names the text in errors
 */
int cc_jose_split(const char *text, size_t len, size_t n, struct cc_jose_part *parts,
		  const char *what, struct cc_error *err);

/* Decodes a part into a NUL-terminated malloced buffer. */
int cc_jose_decode(const struct cc_jose_part *part, char **out, size_t *out_len, const char *what,
		   struct cc_error *err);

/* The protected header, with no members but those in the NULL-terminated @known. NULL on error. */
json_t *cc_jose_header(const struct cc_jose_part *part, const char *const *known, const char *what,
		       struct cc_error *err);

/* Demands that the string member @key of @header is @value. */
int cc_jose_demand(const json_t *header, const char *key, const char *value, const char *what,
		   struct cc_error *err);

/*
 * Decodes base64url without padding (RFC 7515 section 2) into at most @size bytes. Bits at the end
 * that belong to no byte must be 0: one value has one text. Return: the length, SIZE_MAX for what
 * does not fit or is something else.
 */
size_t cc_b64u_decode(const char *s, size_t len, unsigned char *out, size_t size);

/* The way back, @size with room for a NUL. Return: 0; -1 where that is too little. */
int cc_b64u_encode(const unsigned char *in, size_t len, char *out, size_t size);

/* base64url without padding of a 32-byte value: 43 characters. */
#define CC_B64U_32 43
int cc_b64u_decode32(const char *s, unsigned char out[static 32]);
int cc_b64u_encode32(const unsigned char in[static 32], char out[static CC_B64U_32 + 1]);

#endif
