// SPDX-License-Identifier: GPL-2.0-only
/*
 * When a large bio is worth a second processor.
 *
 * Who starts a bio encrypts it, and a read is decrypted where it completes: to wake another
 * processor takes as long as 64 KiB of AES, so whoever waits for the result waits longer, and where
 * every processor has work of its own nothing is gained at all. Sharing pays when one has more to
 * do than it can and another has nothing:
 *
 *   - fewer large bios are in work than there are processors, and that is no moment's gap between
 *     two bios of somebody else, and
 *   - the submitter goes on meanwhile: more of the same bio follows, or it has been seen to hand in
 *     a bio while another of its own was lent out. To see that one is lent out now and then.
 */
#include "container-crypt.h"

/* Smaller bios are never lent out, and do not count. */
#define CCRYPT_SHARE_MIN	(64U * 1024)

/* One bio in so many is lent out without a reason; in more and more as long as that is in vain, */
#define CCRYPT_SHARE_TRY_MIN	32U
#define CCRYPT_SHARE_TRY_MAX	1024U

/* and when its submitter did not wait for it, so many follow. */
#define CCRYPT_SHARE_TRUST	16

/* After a look that found every processor busy so many bios are not lent out. */
#define CCRYPT_SHARE_HOLD	8

/**
 * ccrypt_share_init() - get ready to lend
 * @cc: the target
 *
 * Return: 0 or -ENOMEM; ccrypt_share_exit() is due in either case.
 */
int ccrypt_share_init(struct ccrypt_target *cc)
{
	cc->lenders = alloc_percpu(struct ccrypt_lender);
	return cc->lenders ? 0 : -ENOMEM;
}

/**
 * ccrypt_share_exit() - undo ccrypt_share_init()
 * @cc: the target
 */
void ccrypt_share_exit(struct ccrypt_target *cc)
{
	free_percpu(cc->lenders);
}

/* Guesses, not accounts: a task that moves to another processor in between does no harm. */
static bool ccrypt_share_has_room(struct ccrypt_io *io, struct ccrypt_lender *lender)
{
	const int others = num_online_cpus() - 1;
	const int busy = atomic_read(&io->cc->busy);
	const unsigned int hold = READ_ONCE(lender->hold);

	if (busy - atomic_read(&lender->lent) >= others) {
		WRITE_ONCE(lender->hold, CCRYPT_SHARE_HOLD);
		return false;
	}
	if (hold) {
		WRITE_ONCE(lender->hold, hold - 1);
		return false;
	}
	return busy < others;
}

static bool ccrypt_share_pays(struct ccrypt_io *io, struct ccrypt_lender *lender)
{
	unsigned int n;

	if (atomic_read(&lender->lent_last)) {
		WRITE_ONCE(lender->trust, CCRYPT_SHARE_TRUST);
		WRITE_ONCE(lender->period, CCRYPT_SHARE_TRY_MIN);
	}
	if (!ccrypt_share_has_room(io, lender))
		return false;
	if (io->more)
		return true;

	n = READ_ONCE(lender->trust);
	if (n) {
		WRITE_ONCE(lender->trust, n - 1);
		return true;
	}
	n = READ_ONCE(lender->pause);
	if (n) {
		WRITE_ONCE(lender->pause, n - 1);
		return false;
	}
	n = clamp(READ_ONCE(lender->period) * 2, CCRYPT_SHARE_TRY_MIN, CCRYPT_SHARE_TRY_MAX);
	WRITE_ONCE(lender->period, n);
	WRITE_ONCE(lender->pause, n);
	return true;
}

/**
 * ccrypt_share_begin() - before a bio is encrypted or decrypted where it is
 * @io: the bio, with all of its data still to do
 *
 * Context: any.
 * Return: true when a worker shall do it instead. ccrypt_share_end() is due in either case.
 */
bool ccrypt_share_begin(struct ccrypt_io *io)
{
	struct ccrypt_lender *lender;
	bool lend;

	if (likely(io->iter.bi_size < CCRYPT_SHARE_MIN))
		return false;

	lender = raw_cpu_ptr(io->cc->lenders);
	/* Where it is may be a place that must not be held up for longer than a piece takes. */
	lend = io->iter.bi_size > CCRYPT_PIECE || ccrypt_share_pays(io, lender);
	atomic_inc(&io->cc->busy);
	io->busy = true;
	if (lend) {
		io->lender = lender;
		atomic_inc(&lender->lent);
		if (!io->more)
			atomic_inc(&lender->lent_last);
	}
	return lend;
}

/**
 * ccrypt_share_end() - after a bio has been encrypted or decrypted, or was not
 * @io: the bio
 *
 * Context: any.
 */
void ccrypt_share_end(struct ccrypt_io *io)
{
	if (likely(!io->busy))
		return;
	io->busy = false;
	atomic_dec(&io->cc->busy);
	if (!io->lender)
		return;
	atomic_dec(&io->lender->lent);
	if (!io->more)
		atomic_dec(&io->lender->lent_last);
	io->lender = NULL;
}
