// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bios that find the mapping locked. With on_lock:error they fail; with on_lock:queue they wait,
 * each for a limited time from its first wait on, so that a sync of the whole host ends.
 */
#include "container-crypt.h"

static void ccrypt_park_work(struct work_struct *work)
{
	struct ccrypt_state *state = container_of(to_delayed_work(work), struct ccrypt_state,
						  park_work);
	const unsigned long now = jiffies;
	struct ccrypt_io *io, *next;
	LIST_HEAD(expired);

	spin_lock_irq(&state->lock);
	state->park_due = now + MAX_JIFFY_OFFSET;
	list_for_each_entry_safe(io, next, &state->parked, parked) {
		if (time_after_eq(now, io->deadline))
			list_move_tail(&io->parked, &expired);
		else if (time_before(io->deadline, state->park_due))
			state->park_due = io->deadline;
	}
	if (!list_empty(&state->parked))
		ccrypt_queue_state_work(&state->park_work, state->park_due - now);
	spin_unlock_irq(&state->lock);

	list_for_each_entry_safe(io, next, &expired, parked)
		ccrypt_io_end(io, BLK_STS_IOERR);
}

void ccrypt_park_init(struct ccrypt_state *state)
{
	INIT_LIST_HEAD(&state->parked);
	INIT_DELAYED_WORK(&state->park_work, ccrypt_park_work);
}

void ccrypt_park_exit(struct ccrypt_state *state)
{
	WARN_ON_ONCE(!list_empty(&state->parked));
	cancel_delayed_work_sync(&state->park_work);
}

/* Caller holds state->lock; the time limit of @io has not passed at @now. */
static void ccrypt_park(struct ccrypt_state *state, struct ccrypt_io *io, unsigned long now)
{
	const bool first = list_empty(&state->parked);

	list_add_tail(&io->parked, &state->parked);
	/* The table may have been replaced by one with a shorter limit. */
	if (first || time_before(io->deadline, state->park_due)) {
		state->park_due = io->deadline;
		ccrypt_queue_state_work(&state->park_work, io->deadline - now);
	}
}

/**
 * ccrypt_park_or_fail() - what the table says about bios that find no key
 * @io: a bio whose data has not been touched; ends here, now or later, or is started again
 *
 * Context: any.
 */
void ccrypt_park_or_fail(struct ccrypt_io *io)
{
	struct ccrypt_target *cc = io->cc;
	struct ccrypt_state *state = cc->state;
	blk_status_t status = BLK_STS_IOERR;
	unsigned long now, flags;
	bool active = false;

	if (!cc->queue_ms)
		goto end;
	if ((io->bio->bi_opf & REQ_NOWAIT) && !io->fetched) {
		status = BLK_STS_AGAIN;
		goto end;
	}

	spin_lock_irqsave(&state->lock, flags);
	if (ccrypt_is_active(state)) {
		active = true;
		goto unlock;
	}
	/* The suspend waits for us, and takes the bio back. */
	if (dm_noflush_suspending(cc->ti)) {
		status = BLK_STS_DM_REQUEUE;
		goto unlock;
	}
	now = jiffies;
	if (!io->deadline)
		io->deadline = (now + msecs_to_jiffies(cc->queue_ms)) ?: 1;
	if (time_after_eq(now, io->deadline))
		goto unlock;
	ccrypt_park(state, io, now);
	spin_unlock_irqrestore(&state->lock, flags);
	return;

unlock:
	spin_unlock_irqrestore(&state->lock, flags);
	if (active) {
		ccrypt_io_restart(io);
		return;
	}
end:
	ccrypt_io_end(io, status);
}

/**
 * ccrypt_unpark() - start parked bios again
 * @parked: list of them, taken off the state
 *
 * Context: any.
 */
void ccrypt_unpark(struct list_head *parked)
{
	struct ccrypt_io *io, *next;

	list_for_each_entry_safe(io, next, parked, parked)
		ccrypt_io_restart(io);
}

/**
 * ccrypt_park_requeue() - give parked bios back to dm core, which keeps them until it resumes
 * @state: of a table whose device is being suspended without a flush
 */
void ccrypt_park_requeue(struct ccrypt_state *state)
{
	struct ccrypt_io *io, *next;
	LIST_HEAD(parked);

	spin_lock_irq(&state->lock);
	list_splice_init(&state->parked, &parked);
	spin_unlock_irq(&state->lock);

	list_for_each_entry_safe(io, next, &parked, parked)
		ccrypt_io_end(io, BLK_STS_DM_REQUEUE);
}
