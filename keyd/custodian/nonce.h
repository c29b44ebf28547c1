/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nonce.h - the challenges that are out: 32 random bytes, used once, short-lived. They live in the
 * custodian's memory only; a restart makes all of them stale.
 */
#ifndef KEYD_NONCE_H
#define KEYD_NONCE_H

#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "evidence.h"

#define NONCE_MAX 1024
#define NONCE_LIFE_MS 30000

struct nonce_table {
	size_t n;
	struct {
		unsigned char value[CC_NONCE_LEN];
		int64_t end_ms;
	} out[NONCE_MAX];
};

/**
 * nonce_issue - a new nonce.
 * @now_ms: CLOCK_BOOTTIME
 * Return: 0; -1 with CC_E_BUSY fact "nonces" when NONCE_MAX are out.
 */
int nonce_issue(struct nonce_table *t, int64_t now_ms, unsigned char nonce[static CC_NONCE_LEN],
		struct cc_error *err);

/*
 * Takes @nonce out of the table, whatever follows. CC_E_REFUSED fact "nonce" if it is not in there.
 */
int nonce_consume(struct nonce_table *t, int64_t now_ms,
		  const unsigned char nonce[static CC_NONCE_LEN], struct cc_error *err);

#endif
