/* SPDX-License-Identifier: Apache-2.0 */
/* store_types.h - what a store is given when it is opened; with store.h. */
#ifndef KEYD_STORE_TYPES_H
#define KEYD_STORE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define STORE_MAC_LEN 32
#define STORE_MISFIT_LEN 400
#define STORE_FACT_ROW "row" /* of a row that was not written by keyd */

struct store;

/**
 * struct store_bad - a row that is not what keyd left there.
 * @what: names it to people: "agent host1"
 * @id: its primary key, as text
 * @ours: keyd has a row of this key: this is not it, or it is missing
 */
struct store_bad {
	const char *what, *id;
	bool ours;
};

/**
 * struct store_seal - what proves that keyd wrote a row.
 * @mac: a MAC over @len bytes
 * @bad: a row was read that has another one, or is missing
 * @watches: whether @good is to be called: a row of that name and key is right, or there is none
 * and should be none
 * @accept: looks at a database of before rows had MACs, brought up to date but not committed yet;
 * -1 keeps it as it was
 */
struct store_seal {
	int (*mac)(struct store_seal *seal, const void *p, size_t len,
		   unsigned char mac[static STORE_MAC_LEN], struct cc_error *err);
	void (*bad)(struct store_seal *seal, const struct store_bad *row);
	bool (*watches)(struct store_seal *seal);
	void (*good)(struct store_seal *seal, const char *what, const char *id);
	int (*accept)(struct store_seal *seal, struct store *st, struct cc_error *err);
};

/**
 * struct store_audit_head - where the log begins and ends.
 * @start_seq, @start_hash: the last row that was pruned; 0 and zeros
 * @seq, @hash: the last row; 0 and zeros
 * @ver: of all rows of the other tables: grows with every transaction that changes any
 */
struct store_audit_head {
	uint64_t start_seq, seq, ver;
	unsigned char start_hash[32], hash[32];
};

/**
 * enum store_mode - how to open it.
 * @STORE_LOOK: for the checks and the audit log only; a database of an older keyd stays as it is
 * @STORE_SERVE: brought up to date; one of before rows had MACs is refused: an old file put back is
 * no different from one that somebody made look old
 * @STORE_CREATE: as an administrator who says so: such a one is taken over as it is; one is made if
 * there is none; otherwise that is CC_E_NOTFOUND
 * @STORE_TAKE_OVER: the same, but there must be one
 */
enum store_mode { STORE_LOOK, STORE_SERVE, STORE_CREATE, STORE_TAKE_OVER };

#endif
