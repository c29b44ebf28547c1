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

static size_t count(const struct nonce_table *t, uint64_t conn)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += t->out[i].conn == conn;
	return n;
}

static void take_out(struct nonce_table *t, size_t i)
{
	t->n--;
	memmove(t->out + i, t->out + i + 1, (t->n - i) * sizeof(t->out[0]));
}

/* The oldest of those whose connections have ended, until there are @max of them. */
static void drive_out(struct nonce_table *t, size_t max)
{
	size_t left = count(t, 0);

	for (size_t i = 0; i < t->n && left > max;) {
		if (t->out[i].conn != 0) {
			i++;
			continue;
		}
		take_out(t, i);
		left--;
	}
}

int nonce_issue(struct nonce_table *t, uint64_t conn, int64_t now_ms,
		unsigned char nonce[static CC_NONCE_LEN], struct cc_error *err)
{
	expire(t, now_ms);
	if (conn == 0 || t->n == NONCE_MAX)
		drive_out(t, NONCE_LEFT_MAX - 1);
	if (t->n == NONCE_MAX || (conn && count(t, conn) >= NONCE_PER_CONNECTION)) {
		cc_fail(err, CC_E_BUSY,
			"%d challenges of this connection are unanswered: answer one, or try again "
			"in %d s",
			NONCE_PER_CONNECTION, NONCE_LIFE_MS / 1000);
		return cc_set_fact(err, "nonces");
	}
	if (RAND_bytes(nonce, CC_NONCE_LEN) != 1)
		return cc_fail(err, CC_E_INTERNAL, "no random numbers");
	memcpy(t->out[t->n].value, nonce, CC_NONCE_LEN);
	t->out[t->n].end_ms = now_ms + NONCE_LIFE_MS;
	t->out[t->n].conn = conn;
	t->n++;
	return 0;
}

void nonce_leave(struct nonce_table *t, uint64_t conn)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->out[i].conn == conn)
			t->out[i].conn = 0;
	drive_out(t, NONCE_LEFT_MAX);
}

int nonce_consume(struct nonce_table *t, int64_t now_ms,
		  const unsigned char nonce[static CC_NONCE_LEN], struct cc_error *err)
{
	expire(t, now_ms);
	for (size_t i = 0; i < t->n; i++) {
		if (CRYPTO_memcmp(t->out[i].value, nonce, CC_NONCE_LEN) != 0)
			continue;
		take_out(t, i);
		return 0;
	}
	return cc_refuse(
		err, "nonce",
		"nonce is unknown, was used before or is older than %d s: ask for a new challenge",
		NONCE_LIFE_MS / 1000);
}
