// SPDX-License-Identifier: Apache-2.0
#include "audit_chain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "digest.h"

/* Each field carries its length, so that no two rows have the same bytes. */
static int field_add(EVP_MD_CTX *ctx, const char *field)
{
	const char *s = field ? field : "";
	size_t n = strlen(s);
	const unsigned char len[4] = {(unsigned char)(n >> 24), (unsigned char)(n >> 16),
				      (unsigned char)(n >> 8), (unsigned char)n};

	if (n > UINT32_MAX)
		return 0;
	return EVP_DigestUpdate(ctx, len, sizeof(len)) == 1 && EVP_DigestUpdate(ctx, s, n) == 1;
}

int cc_audit_hash(const unsigned char prev[static 32], const struct cc_audit_row *row,
		  unsigned char hash[static 32], struct cc_error *err)
{
	cc_auto_md EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	char seq[24];

	snprintf(seq, sizeof(seq), "%" PRIu64, row->seq);
	if (!ctx || EVP_DigestInit_ex(ctx, cc_md_sha256(), NULL) != 1 ||
	    EVP_DigestUpdate(ctx, prev, 32) != 1 || !field_add(ctx, seq) ||
	    !field_add(ctx, row->time) || !field_add(ctx, row->event) ||
	    !field_add(ctx, row->outcome) || !field_add(ctx, row->agent) ||
	    !field_add(ctx, row->volume) || !field_add(ctx, row->container) ||
	    !field_add(ctx, row->fact) || !field_add(ctx, row->detail) ||
	    EVP_DigestFinal_ex(ctx, hash, NULL) != 1)
		return cc_fail(err, CC_E_INTERNAL, "cannot hash an audit row");
	return 0;
}
