// SPDX-License-Identifier: GPL-2.0-only
/*
 * The data path. One bio of dm core's is one struct ccrypt_io, and ends in one place once:
 *
 *   read    map: hook and send on ─▶ device ─▶ endio: decrypt in place ─▶ end
 *   write   map: encrypt into a bounce bio, send that on ─▶ device ─▶ endio: end
 *
 * Work runs where it is started: writes in the submitter, reads where they complete. It is handed
 * to a worker only where the context forbids it (hard interrupts, no use of SIMD registers), the
 * crypto API answers later, or a parked bio starts again; and where another processor has time for
 * it, see offload.c.
 *
 * A mapping may be locked at any point. A bio that finds no key when it needs one is parked or
 * fails, before its data has been touched; so does a write that was encrypted too late.
 *
 * While the volume gets a new key a bio learns when it starts which of the two it needs, or waits
 * for its window, see window.c.
 */
#include <asm/simd.h>

#include "container-crypt.h"

/**
 * ccrypt_io_end() - finish a bio
 * @io: not to be touched any more
 * @status: the result
 *
 * Context: any.
 */
void ccrypt_io_end(struct ccrypt_io *io, blk_status_t status)
{
	struct bio *bio = io->bio;

	if (unlikely(io->tracked))
		ccrypt_window_leave(io);
	bio->bi_status = status;
	bio_endio(bio);
}

static void ccrypt_write_endio(struct bio *bounce)
{
	struct ccrypt_io *io = bounce->bi_private;
	blk_status_t status = bounce->bi_status;

	ccrypt_bounce_free(io->cc, bounce);
	ccrypt_io_end(io, status);
}

static sector_t ccrypt_device_sector(struct ccrypt_io *io)
{
	struct ccrypt_target *cc = io->cc;

	return cc->start + dm_target_offset(cc->ti, io->bio->bi_iter.bi_sector);
}

/* The data of a write, or of a read before it is on its way. */
static void ccrypt_io_rewind(struct ccrypt_io *io)
{
	io->iter = io->bio->bi_iter;
	io->sector = io->cc->iv_offset +
		     dm_target_offset(io->cc->ti, io->bio->bi_iter.bi_sector);
}

/* A refused read brings nothing at all, not even ciphertext. */
static void ccrypt_read_denied(struct ccrypt_io *io)
{
	struct bvec_iter iter;
	struct bio_vec bv;

	__bio_for_each_segment(bv, io->bio, iter, io->iter)
		memzero_bvec(&bv);
	ccrypt_io_end(io, BLK_STS_IOERR);
}

/* There is no key, none any more, or another one. */
static void ccrypt_io_locked(struct ccrypt_io *io)
{
	if (unlikely(io->tracked))
		ccrypt_window_leave(io);
	if (io->bounce) {
		ccrypt_bounce_free(io->cc, io->bounce);
		io->bounce = NULL;
		ccrypt_io_rewind(io);
	}
	ccrypt_park_or_fail(io);
}

/*
 * Who holds the key holds up its wipe, so it must run: a task whose cgroup has used up its share of
 * the processor, or one that a real-time task displaces, may not run again for long. On PREEMPT_RT
 * the cipher may take locks that sleep, and who displaces whom is the administrator's affair.
 */
static void ccrypt_keep_cpu(void)
{
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		preempt_disable();
}

static void ccrypt_release_cpu(void)
{
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		preempt_enable();
}

/* Take the key to begin, or to go on; the processor is kept with it. */
static struct ccrypt_key *ccrypt_io_take_key(struct ccrypt_io *io)
{
	struct ccrypt_key *key;

	ccrypt_keep_cpu();
	key = ccrypt_key_get(io);
	if (unlikely(!key))
		ccrypt_release_cpu();
	return key;
}

static void ccrypt_io_put_key(struct ccrypt_io *io)
{
	ccrypt_key_put(io);
	ccrypt_release_cpu();
}

/*
 * Let others run between two parts. A write does without the key meanwhile. A read that is half
 * decrypted cannot; but those that are so large are decrypted by workers, whom no cgroup holds up.
 */
static bool ccrypt_io_pause(struct ccrypt_io *io)
{
	const u64 key_id = io->key_id;

	if (!io->bounce) {
		ccrypt_release_cpu();
		cond_resched();
		ccrypt_keep_cpu();
		return true;
	}
	ccrypt_io_put_key(io);
	cond_resched();
	if (!ccrypt_io_take_key(io))
		return false;
	if (likely(io->key_id == key_id))
		return true;
	ccrypt_io_put_key(io);
	return false;
}

/* Encrypt or decrypt, and take the step that follows. The caller has taken the key. */
static void ccrypt_io_crypt(struct ccrypt_io *io, bool may_sleep)
{
	int r;

	while (!(r = ccrypt_crypt(io, may_sleep ? CCRYPT_SECTION : UINT_MAX)) && io->iter.bi_size) {
		if (unlikely(!ccrypt_io_pause(io))) {
			ccrypt_offload_end(io);
			ccrypt_io_locked(io);
			return;
		}
	}
	if (r == -EINPROGRESS) {
		ccrypt_release_cpu();
		return;
	}
	ccrypt_io_put_key(io);
	ccrypt_offload_end(io);
	/* Who wants the processor shall have it before the last look at the key, not after it. */
	if (may_sleep)
		cond_resched();

	if (unlikely(r)) {
		DMERR_LIMIT("%s: crypto failed: %d", dm_table_device_name(io->cc->ti->table), r);
		if (io->bounce)
			ccrypt_bounce_free(io->cc, io->bounce);
		ccrypt_io_end(io, BLK_STS_IOERR);
	} else if (io->bounce && unlikely(!ccrypt_key_is_current(io))) {
		ccrypt_io_locked(io);
	} else if (io->bounce) {
		/* Only a submitter can be told to come again; a worker has none to tell. */
		if (may_sleep)
			io->bounce->bi_opf &= ~REQ_NOWAIT;
		dm_submit_bio_remap(io->bio, io->bounce);
	} else {
		ccrypt_io_end(io, BLK_STS_OK);
	}
}

static void ccrypt_continue_work(struct work_struct *work)
{
	ccrypt_keep_cpu();
	ccrypt_io_crypt(container_of(work, struct ccrypt_io, work), true);
}

/**
 * ccrypt_io_continue() - go on after a request that the crypto API completed asynchronously
 * @io: with @io->error set
 *
 * Context: any.
 */
void ccrypt_io_continue(struct ccrypt_io *io)
{
	INIT_WORK(&io->work, ccrypt_continue_work);
	queue_work(io->cc->crypt_wq, &io->work);
}

/* Encrypt a write or decrypt a read. */
static void ccrypt_io_begin(struct ccrypt_io *io, bool may_sleep)
{
	struct ccrypt_key *key = ccrypt_io_take_key(io);

	if (unlikely(!key)) {
		ccrypt_offload_end(io);
		ccrypt_io_locked(io);
		return;
	}
	/* Which of the keys is right, and what a read has fetched, is known of another one only. */
	if (unlikely(io->cc->state->rekey && io->key_id != io->first_key_id)) {
		ccrypt_io_put_key(io);
		ccrypt_offload_end(io);
		ccrypt_io_locked(io);
		return;
	}
	if (unlikely(!ccrypt_gate_still_admits(io))) {
		ccrypt_io_put_key(io);
		ccrypt_offload_end(io);
		ccrypt_read_denied(io);
		return;
	}
	ccrypt_crypt_init(io, key);
	ccrypt_io_crypt(io, may_sleep);
}

static void ccrypt_begin_work(struct work_struct *work)
{
	ccrypt_io_begin(container_of(work, struct ccrypt_io, work), true);
}

static void ccrypt_queue_begin(struct ccrypt_io *io)
{
	INIT_WORK(&io->work, ccrypt_begin_work);
	queue_work(io->cc->crypt_wq, &io->work);
}

static void ccrypt_decrypt_bh_work(struct work_struct *work)
{
	struct ccrypt_io *io = container_of(work, struct ccrypt_io, work);

	if (may_use_simd())
		ccrypt_io_begin(io, false);
	else
		ccrypt_queue_begin(io);
}

/* The ciphertext of a read is there. */
static void ccrypt_read_arrived(struct ccrypt_io *io)
{
	const bool small = io->iter.bi_size <= CCRYPT_MAX_SOFTIRQ;

	io->fetched = true;
	if (unlikely(io->denied)) {
		ccrypt_read_denied(io);
		return;
	}

	if (in_hardirq() || irqs_disabled()) {
		if (CCRYPT_BH_WORK && small) {
			INIT_WORK(&io->work, ccrypt_decrypt_bh_work);
			ccrypt_queue_bh_work(&io->work);
		} else {
			ccrypt_queue_begin(io);
		}
	} else if (may_use_simd() && (small || !in_interrupt()) && !ccrypt_offload_begin(io)) {
		ccrypt_io_begin(io, false);
	} else {
		ccrypt_queue_begin(io);
	}
}

static void ccrypt_read_endio(struct bio *bio)
{
	struct ccrypt_io *io = bio->bi_private;

	bio->bi_end_io = io->end_io;
	/* The device's controllers have had their word; bio_endio() will be called again. */
	bio_clear_flag(bio, BIO_QOS_THROTTLED);
	bio_clear_flag(bio, BIO_QOS_MERGED);
	if (unlikely(bio->bi_status))
		ccrypt_io_end(io, bio->bi_status);
	else
		ccrypt_read_arrived(io);
}

static void ccrypt_refetch_endio(struct bio *again)
{
	struct ccrypt_io *io = again->bi_private;
	blk_status_t status = again->bi_status;

	bio_put(again);
	if (unlikely(status))
		ccrypt_io_end(io, status);
	else
		ccrypt_read_arrived(io);
}

/*
 * A read whose ciphertext came while another key was in use: by a rekey it may be another now. The
 * bio has ended once and cannot be sent again; another one takes its pages there.
 */
static void ccrypt_refetch(struct ccrypt_io *io)
{
	struct bio *again;

	io->bio->bi_iter = io->iter;
	again = bio_alloc_clone(io->cc->dev->bdev, io->bio, GFP_NOIO, &io->cc->bios);
	again->bi_opf &= ~(REQ_NOWAIT | REQ_POLLED);
	again->bi_iter.bi_sector = ccrypt_device_sector(io);
	again->bi_private = io;
	again->bi_end_io = ccrypt_refetch_endio;
	dm_submit_bio_remap(io->bio, again);
}

/*
 * Send a kernel thread's read on and judge it by the block cgroup of dm core's original bio. A
 * target does not see that bio, but dm core hands its block cgroup on with the clone that is
 * submitted, and keeps it there until the clone ends: not before our part of it has. The ciphertext
 * may arrive meanwhile.
 */
static void ccrypt_submit_and_judge(struct ccrypt_io *io)
{
	struct bio *bio = io->bio;

	bio_inc_remaining(bio);
	dm_submit_bio_remap(bio, NULL);
	io->denied = !ccrypt_gate_admits_bio(io);
	bio_endio(bio);
}

static void ccrypt_start_read(struct ccrypt_io *io)
{
	struct bio *bio = io->bio;

	if (unlikely(io->fetched)) {
		ccrypt_refetch(io);
		return;
	}
	io->end_io = bio->bi_end_io;
	bio->bi_end_io = ccrypt_read_endio;
	bio->bi_private = io;
	bio_set_dev(bio, io->cc->dev->bdev);
	bio->bi_iter.bi_sector = ccrypt_device_sector(io);
	if (unlikely(io->judge_bio))
		ccrypt_submit_and_judge(io);
	else
		dm_submit_bio_remap(bio, NULL);
}

static void ccrypt_start_write(struct ccrypt_io *io)
{
	struct bio *bounce = ccrypt_bounce_alloc(io);

	if (unlikely(!bounce)) {
		ccrypt_io_end(io, BLK_STS_AGAIN);
		return;
	}
	bounce->bi_iter.bi_sector = ccrypt_device_sector(io);
	bounce->bi_private = io;
	bounce->bi_end_io = ccrypt_write_endio;
	io->bounce = bounce;
	io->out = bounce->bi_iter;

	if (ccrypt_offload_begin(io))
		ccrypt_queue_begin(io);
	else /* A REQ_NOWAIT bio may be mapped under rcu_read_lock(). */
		ccrypt_io_begin(io, !(io->bio->bi_opf & REQ_NOWAIT));
}

static void ccrypt_start_discard(struct ccrypt_io *io)
{
	struct bio *bio = io->bio;

	/* Nothing here needs the key, but the right to destroy data ends with the lease. */
	if (unlikely(ccrypt_is_locked(io->cc->state))) {
		ccrypt_io_locked(io);
		return;
	}
	bio_set_dev(bio, io->cc->dev->bdev);
	bio->bi_iter.bi_sector = ccrypt_device_sector(io);
	dm_submit_bio_remap(bio, NULL);
}

static void ccrypt_start(struct ccrypt_io *io)
{
	struct ccrypt_stats __percpu *stats = io->cc->state->stats;

	if (io->cc->state->rekey && unlikely(!ccrypt_window_enter(io)))
		return;

	switch (bio_op(io->bio)) {
	case REQ_OP_READ:
		this_cpu_inc(stats->reads);
		ccrypt_start_read(io);
		break;
	case REQ_OP_WRITE:
		this_cpu_inc(stats->writes);
		ccrypt_start_write(io);
		break;
	default:
		ccrypt_start_discard(io);
		break;
	}
}

static void ccrypt_restart_work(struct work_struct *work)
{
	struct ccrypt_io *io = container_of(work, struct ccrypt_io, work);

	if (ccrypt_is_active(io->cc->state))
		ccrypt_start(io);
	else
		ccrypt_park_or_fail(io);
}

/**
 * ccrypt_io_restart() - take up a bio where it was parked
 * @io: not in any list
 *
 * Context: any.
 */
void ccrypt_io_restart(struct ccrypt_io *io)
{
	if (io->fetched && !io->cc->state->rekey) {
		ccrypt_queue_begin(io);
		return;
	}
	INIT_WORK(&io->work, ccrypt_restart_work);
	queue_work(io->cc->restart_wq, &io->work);
}

static void ccrypt_io_init(struct ccrypt_io *io, struct ccrypt_target *cc, struct bio *bio)
{
	io->cc = cc;
	io->bio = bio;
	io->bounce = NULL;
	io->more = false;
	io->busy = false;
	io->offload = NULL;
	io->fetched = false;
	io->judge_bio = false;
	io->denied = false;
	io->tracked = false;
	io->slot = 0;
	io->gate_seq = ccrypt_gate_seq(cc->state);
	io->deadline = 0;
	ccrypt_io_rewind(io);
}

/*
 * How much of a read or write to take at once; the rest comes back as a bio of its own. The parts
 * of a REQ_NOWAIT bio would fail one by one, some when its submitter can no longer be told to come
 * again: it goes in one piece or, as with the block layer, not at all. As nobody waits for its
 * bounce pages they need not fit into the reserve.
 *
 * With a rekey area no piece is of two windows, also while there is no rekey: a bio that is parked
 * cannot be cut when it starts again.
 */
static unsigned int ccrypt_take(struct ccrypt_target *cc, struct bio *bio)
{
	const unsigned int size = bio->bi_iter.bi_size;
	unsigned int max = CCRYPT_MAX_NOWAIT;

	if (cc->state->rekey)
		max = ccrypt_window_left(cc, bio);
	if (bio->bi_opf & REQ_NOWAIT)
		return size <= max ? size : 0;
	return min3(size, max, CCRYPT_PIECE);
}

/**
 * ccrypt_map() - dm core hands in a bio
 * @ti: the target
 * @bio: dm core's clone, ours until it ends
 *
 * Context: process; under rcu_read_lock() for REQ_NOWAIT on some kernels.
 * Return: DM_MAPIO_*
 */
int ccrypt_map(struct dm_target *ti, struct bio *bio)
{
	struct ccrypt_target *cc = ti->private;
	const enum req_op op = bio_op(bio);
	unsigned int take;
	struct ccrypt_io *io;

	/* A flush carries no data here: dm core sends that separately. Nothing in it is secret. */
	if (!bio_sectors(bio)) {
		bio_set_dev(bio, cc->dev->bdev);
		return DM_MAPIO_REMAPPED;
	}
	if (unlikely(op != REQ_OP_READ && op != REQ_OP_WRITE && op != REQ_OP_DISCARD))
		return DM_MAPIO_KILL;

	io = dm_per_bio_data(bio, cc->io_size);
	ccrypt_io_init(io, cc, bio);

	/* Before anything else: whatever dm core tries again comes from a kernel thread. */
	if (op == REQ_OP_READ && unlikely(!ccrypt_gate_admits(io))) {
		ccrypt_io_end(io, BLK_STS_IOERR);
		return DM_MAPIO_SUBMITTED;
	}
	/* The block layer splits discards as it suits the device, encryption sectors or not. */
	if (op != REQ_OP_DISCARD) {
		/* Before a part is taken: what is wrong is refused as a whole. */
		if (unlikely((to_bytes(bio->bi_iter.bi_sector) | bio->bi_iter.bi_size) &
			     (cc->sector_size - 1)))
			return DM_MAPIO_KILL;
		take = ccrypt_take(cc, bio);
		if (unlikely(!take)) {
			bio_wouldblock_error(bio);
			return DM_MAPIO_SUBMITTED;
		}
		io->more = take < bio->bi_iter.bi_size;
		if (io->more) {
			dm_accept_partial_bio(bio, take >> SECTOR_SHIFT);
			io->iter = bio->bi_iter;
		}
	}
	if (unlikely(!ccrypt_is_active(cc->state))) {
		ccrypt_park_or_fail(io);
		return DM_MAPIO_SUBMITTED;
	}
	ccrypt_start(io);
	return DM_MAPIO_SUBMITTED;
}
