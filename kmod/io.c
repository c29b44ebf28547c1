// SPDX-License-Identifier: GPL-2.0-only
/*
 * The data path. One bio of dm core's is one struct ccrypt_io, and ends in one place once:
 *
 *   read    map: hook and send on ─▶ device ─▶ endio: decrypt in place ─▶ end
 *   write   map: encrypt into a bounce bio, send that on ─▶ device ─▶ endio: end
 *
 * Work runs where it is started: writes in the submitter, reads where they complete. It is handed
 * to a worker only where the context forbids it (hard interrupts, no use of SIMD registers), the
 * crypto API answers later, or a parked bio starts again.
 *
 * A mapping may be locked at any point. A bio that finds no key when it needs one is parked or
 * fails, before its data has been touched.
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

/* Encrypt or decrypt, and take the step that follows. The caller has taken the key. */
static void ccrypt_io_crypt(struct ccrypt_io *io, bool may_sleep)
{
	int r = ccrypt_crypt(io, may_sleep);

	if (r == -EINPROGRESS)
		return;
	ccrypt_key_put(io);

	if (unlikely(r)) {
		DMERR_LIMIT("%s: crypto failed: %d", dm_table_device_name(io->cc->ti->table), r);
		if (io->bounce)
			ccrypt_bounce_free(io->cc, io->bounce);
		ccrypt_io_end(io, BLK_STS_IOERR);
	} else if (io->bounce) {
		dm_submit_bio_remap(io->bio, io->bounce);
	} else {
		ccrypt_io_end(io, BLK_STS_OK);
	}
}

static void ccrypt_continue_work(struct work_struct *work)
{
	struct ccrypt_io *io = container_of(work, struct ccrypt_io, work);

	/* Only a submitter can be told to come again, and it has gone on. */
	if (io->bounce)
		io->bounce->bi_opf &= ~REQ_NOWAIT;
	ccrypt_io_crypt(io, true);
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

static void ccrypt_decrypt(struct ccrypt_io *io, bool may_sleep)
{
	struct ccrypt_key *key = ccrypt_key_get(io);

	if (unlikely(!key)) {
		ccrypt_park_or_fail(io);
		return;
	}
	ccrypt_crypt_init(io, key);
	ccrypt_io_crypt(io, may_sleep);
}

static void ccrypt_decrypt_work(struct work_struct *work)
{
	ccrypt_decrypt(container_of(work, struct ccrypt_io, work), true);
}

static void ccrypt_queue_decrypt(struct ccrypt_io *io)
{
	INIT_WORK(&io->work, ccrypt_decrypt_work);
	queue_work(io->cc->crypt_wq, &io->work);
}

static void ccrypt_decrypt_bh_work(struct work_struct *work)
{
	struct ccrypt_io *io = container_of(work, struct ccrypt_io, work);

	if (may_use_simd())
		ccrypt_decrypt(io, false);
	else
		ccrypt_queue_decrypt(io);
}

static void ccrypt_read_endio(struct bio *bio)
{
	struct ccrypt_io *io = bio->bi_private;
	const bool small = io->iter.bi_size <= CCRYPT_MAX_SOFTIRQ;

	bio->bi_end_io = io->end_io;
	if (unlikely(bio->bi_status)) {
		bio_endio(bio);
		return;
	}
	io->fetched = true;

	if (in_hardirq() || irqs_disabled()) {
		if (CCRYPT_BH_WORK && small) {
			INIT_WORK(&io->work, ccrypt_decrypt_bh_work);
			ccrypt_queue_bh_work(&io->work);
		} else {
			ccrypt_queue_decrypt(io);
		}
	} else if (may_use_simd() && (small || !in_interrupt())) {
		ccrypt_decrypt(io, false);
	} else {
		ccrypt_queue_decrypt(io);
	}
}

static void ccrypt_start_read(struct ccrypt_io *io)
{
	struct bio *bio = io->bio;

	io->end_io = bio->bi_end_io;
	bio->bi_end_io = ccrypt_read_endio;
	bio->bi_private = io;
	bio_set_dev(bio, io->cc->dev->bdev);
	bio->bi_iter.bi_sector = ccrypt_device_sector(io);
	dm_submit_bio_remap(bio, NULL);
}

static void ccrypt_start_write(struct ccrypt_io *io)
{
	struct bio *bounce = ccrypt_bounce_alloc(io);
	struct ccrypt_key *key;

	if (unlikely(!bounce)) {
		ccrypt_io_end(io, BLK_STS_AGAIN);
		return;
	}
	bounce->bi_iter.bi_sector = ccrypt_device_sector(io);
	bounce->bi_private = io;
	bounce->bi_end_io = ccrypt_write_endio;

	key = ccrypt_key_get(io);
	if (unlikely(!key)) {
		ccrypt_bounce_free(io->cc, bounce);
		ccrypt_park_or_fail(io);
		return;
	}
	io->bounce = bounce;
	io->out = bounce->bi_iter;
	ccrypt_crypt_init(io, key);
	/* A REQ_NOWAIT bio may be mapped under rcu_read_lock(). */
	ccrypt_io_crypt(io, !(io->bio->bi_opf & REQ_NOWAIT));
}

static void ccrypt_start_discard(struct ccrypt_io *io)
{
	struct bio *bio = io->bio;

	bio_set_dev(bio, io->cc->dev->bdev);
	bio->bi_iter.bi_sector = ccrypt_device_sector(io);
	dm_submit_bio_remap(bio, NULL);
}

static void ccrypt_start(struct ccrypt_io *io)
{
	switch (bio_op(io->bio)) {
	case REQ_OP_READ:
		ccrypt_start_read(io);
		break;
	case REQ_OP_WRITE:
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
	if (io->fetched) {
		ccrypt_queue_decrypt(io);
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
	io->fetched = false;
	io->iter = bio->bi_iter;
	io->sector = cc->iv_offset + dm_target_offset(cc->ti, bio->bi_iter.bi_sector);
	io->deadline = 0;
}

/* A read from outside the bound cgroup: an error, a count and an audit record. */
static void ccrypt_deny(struct ccrypt_io *io)
{
	/* The record may have to wait for memory; whoever must not wait has to ask again. */
	if (io->bio->bi_opf & REQ_NOWAIT) {
		ccrypt_io_end(io, BLK_STS_AGAIN);
		return;
	}
	this_cpu_inc(io->cc->state->stats->denied);
	ccrypt_audit_denied(io->cc, io->bio);
	ccrypt_io_end(io, BLK_STS_IOERR);
}

static unsigned int ccrypt_max_size(enum req_op op)
{
	switch (op) {
	case REQ_OP_READ:
		return CCRYPT_MAX_READ;
	case REQ_OP_WRITE:
		return CCRYPT_MAX_WRITE;
	default:
		return UINT_MAX;
	}
}

/* Take the front of a bio that is too large; false if the bio has been ended instead. */
static bool ccrypt_split(struct bio *bio, enum req_op op)
{
	/*
	 * The parts of a REQ_NOWAIT bio fail one by one, some after its submitter could still be
	 * told to come again: like the block layer, tell it so at once.
	 */
	if (bio->bi_opf & REQ_NOWAIT) {
		bio_wouldblock_error(bio);
		return false;
	}
	dm_accept_partial_bio(bio, ccrypt_max_size(op) >> SECTOR_SHIFT);
	return true;
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
	struct ccrypt_io *io;

	/* A flush carries no data here: dm core sends that separately. Nothing in it is secret. */
	if (!bio_sectors(bio)) {
		bio_set_dev(bio, cc->dev->bdev);
		return DM_MAPIO_REMAPPED;
	}
	if (unlikely(op != REQ_OP_READ && op != REQ_OP_WRITE && op != REQ_OP_DISCARD))
		return DM_MAPIO_KILL;

	if (unlikely(bio->bi_iter.bi_size > ccrypt_max_size(op)) && !ccrypt_split(bio, op))
		return DM_MAPIO_SUBMITTED;
	if (unlikely((to_bytes(bio->bi_iter.bi_sector) | bio->bi_iter.bi_size) &
		     (cc->sector_size - 1)))
		return DM_MAPIO_KILL;

	io = dm_per_bio_data(bio, cc->io_size);
	ccrypt_io_init(io, cc, bio);

	if (op == REQ_OP_READ && unlikely(!ccrypt_gate_admits(cc->state))) {
		ccrypt_deny(io);
		return DM_MAPIO_SUBMITTED;
	}
	if (unlikely(!ccrypt_is_active(cc->state))) {
		ccrypt_park_or_fail(io);
		return DM_MAPIO_SUBMITTED;
	}
	if (op == REQ_OP_READ)
		this_cpu_inc(cc->state->stats->reads);
	else if (op == REQ_OP_WRITE)
		this_cpu_inc(cc->state->stats->writes);
	ccrypt_start(io);
	return DM_MAPIO_SUBMITTED;
}
