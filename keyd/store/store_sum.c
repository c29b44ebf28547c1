// SPDX-License-Identifier: Apache-2.0
/*
 * The sum over all rows that is in the head of the audit log, and how it is hidden there.
 *
 * MSet-Add-Hash (Clarke, Devadas, van Dijk, Gassend, Suh: Incremental Multiset Hash
 * Functions and Their Application to Memory Integrity Checking, 2003). Of each row HMAC("row tag",
 * the first 8 bytes of its MAC), added modulo 2^256; hidden in the database by HMAC("sum mask",
 * random nonce, version), as whoever saw two sums would have the number of the row between them.
 */
#include <endian.h>
#include <string.h>
#include <openssl/rand.h>

#include "store/store_sql.h"

/* Big-endian. */
void sql_sum_add(unsigned char sum[static 32], const unsigned char term[static 32], bool less)
{
	int carry = 0;

	for (int i = 31; i >= 0; i--) {
		carry += less ? sum[i] - term[i] : sum[i] + term[i];
		sum[i] = (unsigned char)(carry & 0xff);
		carry = carry < 0 ? -1 : carry >> 8;
	}
}

int sql_sum_row(struct store *st, struct tally *t, enum sealed_table table, const struct row *row,
		bool less, struct cc_error *err)
{
	unsigned char term[STORE_MAC_LEN];

	if (sql_mac_of(st, term, err, "row tag", "u", row->tag))
		return -1;
	sql_sum_add(t->sum, term, less);
	t->n[table] += less ? -UINT64_C(1) : 1;
	return 0;
}

static int mask(struct store *st, const struct sums *s, unsigned char sum[static 32],
		struct cc_error *err)
{
	unsigned char m[STORE_MAC_LEN];

	if (sql_mac_of(st, m, err, "sum mask", "bu", (const void *)s->nonce, sizeof(s->nonce),
		       s->ver))
		return -1;
	for (size_t i = 0; i < sizeof(m); i++)
		sum[i] ^= m[i];
	return 0;
}

int sql_sums_read(struct store *st, const struct sums *s, struct tally *t, struct cc_error *err)
{
	uint64_t be;

	t->ver = s->ver;
	for (size_t i = 0; i < SEALED_AUDIT; i++) {
		memcpy(&be, s->counts + i * sizeof(be), sizeof(be));
		t->n[i] = be64toh(be);
	}
	memcpy(t->sum, s->sum, sizeof(t->sum));
	return mask(st, s, t->sum, err);
}

int sql_sums_write(struct store *st, struct sums *s, struct cc_error *err)
{
	uint64_t be;

	s->ver = st->tally.ver;
	for (size_t i = 0; i < SEALED_AUDIT; i++) {
		be = htobe64(st->tally.n[i]);
		memcpy(s->counts + i * sizeof(be), &be, sizeof(be));
	}
	memcpy(s->sum, st->tally.sum, sizeof(s->sum));
	if (RAND_bytes(s->nonce, sizeof(s->nonce)) != 1)
		return cc_fail(err, CC_E_INTERNAL, "no random numbers");
	return mask(st, s, s->sum, err);
}
