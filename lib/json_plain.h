/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_plain.h - a reader of the JSON (RFC 8259) that agents and signers write, at a fraction of
 * what jansson's takes for each byte. It knows no more than that: whatever is beyond it, or wrong,
 * is left to jansson (cc_json_parse()), which alone says what is wrong.
 */
#ifndef CC_JSON_PLAIN_H
#define CC_JSON_PLAIN_H

#include <stddef.h>
#include <jansson.h>

#define CC_JSON_PLAIN_DEPTH 32

/**
 * cc_json_plain - reads @len bytes: an object or an array, in printable ASCII without \u, its
 * integers of 18 digits at most and no other numbers, no name twice, CC_JSON_PLAIN_DEPTH deep.
 * Return: new reference, what json_loadb() with JSON_REJECT_DUPLICATES makes of it; NULL for any
 * other document, be it JSON or not, and without memory.
 */
json_t *cc_json_plain(const char *buf, size_t len);

#endif
