// SPDX-License-Identifier: GPL-2.0-only
/*
 * When a large bio is worth a second processor.
 *
 * Who starts a bio encrypts it, and a read is decrypted where it completes: to wake another
 * processor takes as long as 64 KiB of AES, so whoever waits for the result waits longer, and where
 * every processor has work of its own nothing is gained at all. Offloading pays when one has more
 * to do than it can and another has nothing:
 *
 *   - fewer large bios are in work than there are processors, and that is no moment's gap between
 *     two bios of somebody else, and
 *   - the submitter goes on meanwhile: more of the same bio follows, or it has been seen to hand in
 *     a bio while another of its own was offloaded. To see that, one is offloaded now and then.
 */
#include "container-crypt.h"

/* Smaller bios are never offloaded, and do not count. */
#define CCRYPT_OFFLOAD_MIN	(64U * 1024)

/* One bio in so many is offloaded to see; in more and more as long as that is in vain, */
#define CCRYPT_OFFLOAD_PROBE_MIN	32U
#define CCRYPT_OFFLOAD_PROBE_MAX	1024U

/* and when its submitter did not wait for it, so many follow. */
#define CCRYPT_OFFLOAD_STREAK	16

/* After a look that found every processor busy so many bios are not offloaded. */
#define CCRYPT_OFFLOAD_SKIP_BUSY	8

/**
 * ccrypt_offload_init() - get ready to offload
 * @cc: the target
 *
 * Return: 0 or -ENOMEM; ccrypt_offload_exit() is due in either case.
 */
int ccrypt_offload_init(struct ccrypt_target *cc)
{
	cc->offload = alloc_percpu(struct ccrypt_offload);
	return cc->offload ? 0 : -ENOMEM;
}

/**
 * ccrypt_offload_exit() - undo ccrypt_offload_init()
 * @cc: the target
 */
void ccrypt_offload_exit(struct ccrypt_target *cc)
{
	free_percpu(cc->offload);
}

/* Guesses, not accounts: a task that moves to another processor in between does no harm. */
static bool ccrypt_offload_has_room(struct ccrypt_io *io, struct ccrypt_offload *offload)
{
	const int others = num_online_cpus() - 1;
	const int busy = atomic_read(&io->cc->busy);
	const unsigned int skip = READ_ONCE(offload->skip_busy);

	if (busy - atomic_read(&offload->in_flight) >= others) {
		WRITE_ONCE(offload->skip_busy, CCRYPT_OFFLOAD_SKIP_BUSY);
		return false;
	}
	if (skip) {
		WRITE_ONCE(offload->skip_busy, skip - 1);
		return false;
	}
	return busy < others;
}

static bool ccrypt_offload_pays(struct ccrypt_io *io, struct ccrypt_offload *offload)
{
	unsigned int n;

	if (atomic_read(&offload->in_flight_last)) {
		WRITE_ONCE(offload->streak, CCRYPT_OFFLOAD_STREAK);
		WRITE_ONCE(offload->probe_period, CCRYPT_OFFLOAD_PROBE_MIN);
	}
	if (!ccrypt_offload_has_room(io, offload))
		return false;
	if (io->more)
		return true;

	n = READ_ONCE(offload->streak);
	if (n) {
		WRITE_ONCE(offload->streak, n - 1);
		return true;
	}
	n = READ_ONCE(offload->skip_probe);
	if (n) {
		WRITE_ONCE(offload->skip_probe, n - 1);
		return false;
	}
	n = clamp(READ_ONCE(offload->probe_period) * 2, CCRYPT_OFFLOAD_PROBE_MIN,
		  CCRYPT_OFFLOAD_PROBE_MAX);
	WRITE_ONCE(offload->probe_period, n);
	WRITE_ONCE(offload->skip_probe, n);
	return true;
}

/**
 * ccrypt_offload_begin() - before a bio is encrypted or decrypted where it is
 * @io: the bio, with all of its data still to do
 *
 * Context: any.
 * Return: true when a worker shall do it instead. ccrypt_offload_end() is due in either case.
 */
bool ccrypt_offload_begin(struct ccrypt_io *io)
{
	struct ccrypt_offload *offload;
	bool offloaded;

	if (likely(io->iter.bi_size < CCRYPT_OFFLOAD_MIN))
		return false;

	offload = raw_cpu_ptr(io->cc->offload);
	/* Where it is may be a place that must not be held up for longer than a piece takes. */
	offloaded = io->iter.bi_size > CCRYPT_PIECE || ccrypt_offload_pays(io, offload);
	atomic_inc(&io->cc->busy);
	io->busy = true;
	if (offloaded) {
		io->offload = offload;
		atomic_inc(&offload->in_flight);
		if (!io->more)
			atomic_inc(&offload->in_flight_last);
	}
	return offloaded;
}

/**
 * ccrypt_offload_end() - after a bio has been encrypted or decrypted, or was not
 * @io: the bio
 *
 * Context: any.
 */
void ccrypt_offload_end(struct ccrypt_io *io)
{
	if (likely(!io->busy))
		return;
	io->busy = false;
	atomic_dec(&io->cc->busy);
	if (!io->offload)
		return;
	atomic_dec(&io->offload->in_flight);
	if (!io->more)
		atomic_dec(&io->offload->in_flight_last);
	io->offload = NULL;
}
