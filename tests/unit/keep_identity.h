/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keep_identity.h - leaves the identities of the unit tests for tests/schemas, which holds the
 * schema in packaging/ against them: in the directory CC_KEEP_IDENTITIES, if that is set.
 */
#ifndef CC_KEEP_IDENTITY_H
#define CC_KEEP_IDENTITY_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "json.h"

/* @predicate: of an identity that was taken; the same one is kept once. */
static inline void keep_identity(const json_t *predicate)
{
	const char *dir = getenv("CC_KEEP_IDENTITIES");
	cc_auto_json json_t *doc = NULL;
	cc_auto_free char *text = NULL;
	uint64_t sum = UINT64_C(14695981039346656037); /* FNV-1a */
	char path[256];

	if (!dir)
		return;
	doc = json_pack("{s:O}", "predicate", predicate);
	text = json_dumps(doc, JSON_SORT_KEYS);
	for (const char *c = text; c && *c; c++)
		sum = (sum ^ (unsigned char)*c) * UINT64_C(1099511628211);
	snprintf(path, sizeof(path), "%s/%016" PRIx64 ".json", dir, sum);
	if (!doc || json_dump_file(doc, path, 0))
		abort();
}

#endif
