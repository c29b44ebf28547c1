/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hex.h - bytes as lower-case hex digits.
 */
#ifndef CC_HEX_H
#define CC_HEX_H

#include <stddef.h>

#define CC_HEX_32 65 /* 32 bytes as hex digits, and a NUL */

/* @n bytes as 2 @n digits and a NUL, and back: -1 for anything but 2 @n of them. */
void cc_hex_encode(const unsigned char *bytes, size_t n, char *out);
int cc_hex_decode(const char *text, unsigned char *bytes, size_t n);

#endif
