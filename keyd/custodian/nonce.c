// SPDX-License-Identifier: Apache-2.0
#include "custodian/nonce.h"

#include <string.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

/* Issued in order of time, so those that are over are in front. */
static void expire(struct nonce_table *t, int64_t now_ms)
{
	size_t over = 0;

	while (over < t->n && t->out[over].end_ms <= now_ms)
		over++;
	t->n -= over;
	memmove(t->out, t->out + over, t->n * sizeof(t->out[0]));
}

int nonce_issue(struct nonce_table *t, int64_t now_ms, unsigned char nonce[static CC_NONCE_LEN],
		struct cc_error *err)
{
	expire(t, now_ms);
	if (t->n == NONCE_MAX) {
		cc_fail(err, CC_E_BUSY, "%d challenges are unanswered: try again in %d s",
			NONCE_MAX, NONCE_LIFE_MS / 1000);
		return cc_set_fact(err, "nonces");
	}
	if (RAND_bytes(nonce, CC_NONCE_LEN) != 1)
		return cc_fail(err, CC_E_INTERNAL, "no random numbers");
	memcpy(t->out[t->n].value, nonce, CC_NONCE_LEN);
	t->out[t->n].end_ms = now_ms + NONCE_LIFE_MS;
	t->n++;
	return 0;
}

int nonce_consume(struct nonce_table *t, int64_t now_ms,
		  const unsigned char nonce[static CC_NONCE_LEN], struct cc_error *err)
{
	expire(t, now_ms);
	for (size_t i = 0; i < t->n; i++) {
		if (CRYPTO_memcmp(t->out[i].value, nonce, CC_NONCE_LEN) != 0)
			continue;
		t->n--;
		memmove(t->out + i, t->out + i + 1, (t->n - i) * sizeof(t->out[0]));
		return 0;
	}
	return cc_refuse(
		err, "nonce",
		"nonce is unknown, was used before or is older than %d s: ask for a new challenge",
		NONCE_LIFE_MS / 1000);
}
