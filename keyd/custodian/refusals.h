/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refusals.h - which refused renewals have a row in the audit log. One request may name many
 * leases, and an agent may ask as often as it likes, for what is refused as well: whoever has the
 * key of one agent shall not fill the log with that.
 *
 * The first refusal of a lease for a fact has a row, and those like it until the lease is renewed
 * or over are counted. As an agent measures wrongly, reports and renews when it likes, there are
 * bounds beside that. Of a lease, while it is refused, REFUSALS_OF_LEASE have a row of what keyd
 * finds, and as many of what the agent reports itself, whether it is renewed in between or not.
 * What keyd finds beyond that, and leases that are not the agent's own, have one for a token: there
 * are REFUSALS_BURST of them, and one more each REFUSALS_REFILL_MS. All of it is by agent: what one
 * does costs no other one a row. How many had none is in the agent's next row, and in the metrics.
 *
 * In memory: after a restart there is a row once more. It follows the transaction of the rows.
 */
#ifndef KEYD_REFUSALS_H
#define KEYD_REFUSALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/rows.h"
#include "store/store.h"

#define REFUSALS_OF_LEASE 4
#define REFUSALS_BURST 8
#define REFUSALS_REFILL_MS 60000

/**
 * struct refusals - what is known of them.
 * @rows: by what was refused, and what an agent has left
 * @sweep_ms: when what is over is forgotten next
 * @unrecorded: how many had no row, by whoever asked, once that stands
 */
struct refusals {
	struct rows rows;
	int64_t sweep_ms;
	uint64_t unrecorded;
};

/**
 * struct refusal - one of them.
 * @enrolment: the agent's
 * @id: of the lease, as the agent says
 * @lease: as keyd has it, of that agent; NULL where it has none
 * @reported: by the agent itself
 */
struct refusal {
	const char *enrolment, *id, *fact;
	const struct store_lease *lease;
	bool reported;
};

/**
 * refusals_note - whether @r is to have a row; whoever asks counts it if not.
 * @now_ms: CLOCK_BOOTTIME
 * @held: out, with a row: how many of the agent had none since its last one
 * Without memory there is a row.
 */
bool refusals_note(struct refusals *rs, const struct refusal *r, int64_t now_ms, uint64_t *held);

/*
 * Whether the agent says of its lease @r->lease for the first time how it looked at the container,
 * which is @r->fact: for as long as it goes on saying so, and for the life of the lease. Without
 * memory it is the first time.
 */
bool refusals_look(struct refusals *rs, const struct refusal *r, int64_t now_ms);

/* How much of it may be taken back; takes back what came after it; and keeps all. */
size_t refusals_at(const struct refusals *rs);
void refusals_undo(struct refusals *rs, size_t at);
void refusals_keep(struct refusals *rs);

void refusals_clear(struct refusals *rs);

#endif
