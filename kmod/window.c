// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where a rekey is, for bios: those behind the position use the new key and know of nothing else.
 * Those ahead of it are noted, so that the mover can wait until none is on its way to the window it
 * has locked; those for that window wait until it is done.
 *
 * The position is one word that is read without a lock. It moves on under the lock of the bucket of
 * the window that it passes, so who holds that lock and sees the window ahead may note its bio.
 *
 * Discards have no key. One that is on its way while its window is moved may be undone by that,
 * which a discard may be; so nobody waits for those, but none is begun in a locked window.
 */
#include "rekey.h"

static struct ccrypt_bucket *ccrypt_bucket(struct ccrypt_rekey *rk, unsigned long window)
{
	return &rk->buckets[window % CCRYPT_BUCKETS];
}

/**
 * ccrypt_window_init() - no window is locked, there is one key everywhere
 * @rk: the rekey of a mapping without bios
 */
void ccrypt_window_init(struct ccrypt_rekey *rk)
{
	unsigned int i;

	rk->word = CCRYPT_EVERYWHERE << 1;
	rk->end_window = CCRYPT_NO_WINDOW;
	rk->window = CCRYPT_NO_WINDOW;
	INIT_LIST_HEAD(&rk->parked);
	init_waitqueue_head(&rk->wait);
	for (i = 0; i < CCRYPT_BUCKETS; i++) {
		spin_lock_init(&rk->buckets[i].lock);
		INIT_LIST_HEAD(&rk->buckets[i].on_way);
	}
}

static unsigned long ccrypt_io_window(struct ccrypt_io *io, unsigned int last)
{
	return (io->sector - io->cc->iv_offset + last) >> CCRYPT_WINDOW_SHIFT;
}

/* Whether the position has passed the window; or the rekey is not of it. */
static bool ccrypt_window_is_behind(struct ccrypt_rekey *rk, unsigned long word,
				    unsigned long window)
{
	return window < word >> 1 || window >= READ_ONCE(rk->end_window);
}

/* A bio for the locked window. Caller holds the lock of its bucket, and gives it back. */
static void ccrypt_window_hold(struct ccrypt_rekey *rk, struct ccrypt_io *io,
			       struct ccrypt_bucket *bucket, unsigned long flags)
	__releases(&bucket->lock)
{
	const enum ccrypt_window_state window_state = rk->window_state;
	const bool nowait = (io->bio->bi_opf & REQ_NOWAIT) && !io->fetched;

	if (window_state == CCRYPT_WINDOW_LOCKED && !nowait)
		list_add_tail(&io->parked, &rk->parked);
	spin_unlock_irqrestore(&bucket->lock, flags);

	if (window_state == CCRYPT_WINDOW_LOST)
		ccrypt_park_or_fail(io);
	else if (window_state == CCRYPT_WINDOW_BROKEN)
		ccrypt_io_end(io, dm_noflush_suspending(io->cc->ti) ? BLK_STS_DM_REQUEUE :
								      BLK_STS_IOERR);
	else if (nowait)
		ccrypt_io_end(io, BLK_STS_AGAIN);
}

static bool ccrypt_window_enter_ahead(struct ccrypt_rekey *rk, struct ccrypt_io *io,
				      unsigned long window)
{
	struct ccrypt_bucket *bucket = ccrypt_bucket(rk, window);
	unsigned long flags, word;

	spin_lock_irqsave(&bucket->lock, flags);
	/* Again, for it may have moved on; what was written before it did is to be seen. */
	word = smp_load_acquire(&rk->word);
	if (rk->window == window) {
		ccrypt_window_hold(rk, io, bucket, flags);
		return false;
	}
	if (ccrypt_window_is_behind(rk, word, window)) {
		io->slot = word & 1;
	} else {
		io->slot = !(word & 1);
		io->window = window;
		io->tracked = true;
		list_add(&io->parked, &bucket->on_way);
	}
	spin_unlock_irqrestore(&bucket->lock, flags);
	return true;
}

static bool ccrypt_window_enter_discard(struct ccrypt_rekey *rk, struct ccrypt_io *io)
{
	const unsigned long first = ccrypt_io_window(io, 0);
	const unsigned long last = ccrypt_io_window(io, bio_sectors(io->bio) - 1);
	const unsigned long window = READ_ONCE(rk->window);
	struct ccrypt_bucket *bucket;
	unsigned long flags;

	if (window == CCRYPT_NO_WINDOW || window < first || window > last)
		return true;
	bucket = ccrypt_bucket(rk, window);
	spin_lock_irqsave(&bucket->lock, flags);
	if (rk->window == window) {
		ccrypt_window_hold(rk, io, bucket, flags);
		return false;
	}
	spin_unlock_irqrestore(&bucket->lock, flags);
	return true;
}

/**
 * ccrypt_window_enter() - before a bio gets its key
 * @io: a bio of a mapping with a rekey area, cut at the windows unless it is a discard
 *
 * Sets @io->slot, and @io->first_key_id: what the slot says is said of that key.
 *
 * Context: any.
 * Return: true when it may start, which ccrypt_window_leave() ends if @io->tracked is set. When
 * false it waits, and is started again, or has ended.
 */
bool ccrypt_window_enter(struct ccrypt_io *io)
{
	struct ccrypt_state *state = io->cc->state;
	struct ccrypt_rekey *rk = state->rekey;
	unsigned long word, window;

	/* First: the position may be of a later key, which is noticed, but not of one before. */
	io->first_key_id = smp_load_acquire(&state->key_id);
	if (unlikely(bio_op(io->bio) == REQ_OP_DISCARD))
		return ccrypt_window_enter_discard(rk, io);

	/* Who sees the position sees what was written before it moved there. */
	word = smp_load_acquire(&rk->word);
	window = ccrypt_io_window(io, 0);
	if (likely(ccrypt_window_is_behind(rk, word, window))) {
		io->slot = word & 1;
		return true;
	}
	return ccrypt_window_enter_ahead(rk, io, window);
}

/**
 * ccrypt_window_left() - how far a read or write is from the end of its window
 * @cc: a target with a rekey area
 * @bio: the bio, as dm core handed it in
 *
 * Context: any.
 * Return: bytes.
 */
unsigned int ccrypt_window_left(struct ccrypt_target *cc, struct bio *bio)
{
	const sector_t sector = dm_target_offset(cc->ti, bio->bi_iter.bi_sector);

	return to_bytes(CCRYPT_WINDOW_SECTORS - (sector & (CCRYPT_WINDOW_SECTORS - 1)));
}

/**
 * ccrypt_window_leave() - a bio is no longer on its way
 * @io: with @io->tracked set
 *
 * Context: any.
 */
void ccrypt_window_leave(struct ccrypt_io *io)
{
	struct ccrypt_rekey *rk = io->cc->state->rekey;
	struct ccrypt_bucket *bucket = ccrypt_bucket(rk, io->window);
	unsigned long flags;

	spin_lock_irqsave(&bucket->lock, flags);
	list_del(&io->parked);
	io->tracked = false;
	/* Under the lock, so that what is woken cannot be gone. */
	if (unlikely(READ_ONCE(rk->window) == io->window))
		wake_up(&rk->wait);
	spin_unlock_irqrestore(&bucket->lock, flags);
}

/**
 * ccrypt_window_lock() - bios that come for a window wait
 * @rk: the rekey
 * @window: the one at the position
 *
 * Context: the mover, or who has stopped it.
 */
void ccrypt_window_lock(struct ccrypt_rekey *rk, unsigned long window)
{
	struct ccrypt_bucket *bucket = ccrypt_bucket(rk, window);

	spin_lock_irq(&bucket->lock);
	rk->window_state = CCRYPT_WINDOW_LOCKED;
	WRITE_ONCE(rk->window, window);
	spin_unlock_irq(&bucket->lock);
}

/**
 * ccrypt_window_is_passed() - whether no bio is on its way to what is before a position
 * @rk: the rekey
 * @window: the position
 *
 * Context: process.
 */
bool ccrypt_window_is_passed(struct ccrypt_rekey *rk, unsigned long window)
{
	bool passed = true;
	unsigned int i;

	for (i = 0; i < CCRYPT_BUCKETS && passed; i++) {
		struct ccrypt_bucket *bucket = &rk->buckets[i];
		struct ccrypt_io *io;

		spin_lock_irq(&bucket->lock);
		list_for_each_entry(io, &bucket->on_way, parked) {
			if (io->window < window)
				passed = false;
		}
		spin_unlock_irq(&bucket->lock);
	}
	return passed;
}

static bool ccrypt_window_is_empty(struct ccrypt_rekey *rk)
{
	struct ccrypt_bucket *bucket = ccrypt_bucket(rk, rk->window);
	struct ccrypt_io *io;
	bool empty = true;

	spin_lock_irq(&bucket->lock);
	list_for_each_entry(io, &bucket->on_way, parked) {
		if (io->window == rk->window) {
			empty = false;
			break;
		}
	}
	spin_unlock_irq(&bucket->lock);
	return empty;
}

/**
 * ccrypt_window_drain() - wait until no bio is on its way to the locked window
 * @rk: the rekey
 *
 * Context: the mover.
 * Return: 0; -ENOKEY when the key has gone, for bios that have no key any more may go on waiting.
 */
int ccrypt_window_drain(struct ccrypt_rekey *rk)
{
	wait_event(rk->wait, ccrypt_window_is_empty(rk) || !ccrypt_rekey_has_key(rk));
	return ccrypt_rekey_has_key(rk) ? 0 : -ENOKEY;
}

/* Something else than LOCKED, or no window at all. Return: the bios that waited, in @parked. */
static void ccrypt_window_release(struct ccrypt_rekey *rk, unsigned long word, bool passed,
				  enum ccrypt_window_state window_state, struct list_head *parked)
{
	struct ccrypt_bucket *bucket;

	if (rk->window == CCRYPT_NO_WINDOW)
		return;
	bucket = ccrypt_bucket(rk, rk->window);
	spin_lock_irq(&bucket->lock);
	rk->window_state = window_state;
	if (passed) {
		/* Who sees the position sees what was written before. */
		smp_store_release(&rk->word, word);
		WRITE_ONCE(rk->window, CCRYPT_NO_WINDOW);
	}
	list_splice_init(&rk->parked, parked);
	spin_unlock_irq(&bucket->lock);
}

/**
 * ccrypt_window_free() - the position moves, and bios that waited go on by it
 * @rk: the rekey
 * @word: the position and slot
 *
 * Context: the mover, or who has stopped it.
 */
void ccrypt_window_free(struct ccrypt_rekey *rk, unsigned long word)
{
	LIST_HEAD(parked);

	if (rk->window == CCRYPT_NO_WINDOW) {
		/* Nobody is looking: all bios are behind the position, or there is none. */
		smp_store_release(&rk->word, word);
		return;
	}
	ccrypt_window_release(rk, word, true, CCRYPT_WINDOW_LOCKED, &parked);
	ccrypt_unpark(&parked);
}

/**
 * ccrypt_window_break() - bios for the locked window fail, or go back to dm core
 * @rk: the rekey
 *
 * Context: the mover, or who has stopped it.
 */
void ccrypt_window_break(struct ccrypt_rekey *rk)
{
	struct ccrypt_io *io, *next;
	LIST_HEAD(parked);

	ccrypt_window_release(rk, 0, false, CCRYPT_WINDOW_BROKEN, &parked);
	list_for_each_entry_safe(io, next, &parked, parked)
		ccrypt_io_end(io, dm_noflush_suspending(io->cc->ti) ? BLK_STS_DM_REQUEUE :
								      BLK_STS_IOERR);
}

/**
 * ccrypt_window_lose() - bios for the locked window find that there is no key
 * @rk: the rekey
 *
 * Context: the mover, or who has stopped it.
 */
void ccrypt_window_lose(struct ccrypt_rekey *rk)
{
	struct ccrypt_io *io, *next;
	LIST_HEAD(parked);

	ccrypt_window_release(rk, 0, false, CCRYPT_WINDOW_LOST, &parked);
	list_for_each_entry_safe(io, next, &parked, parked)
		ccrypt_park_or_fail(io);
}
