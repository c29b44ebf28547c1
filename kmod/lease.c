// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clock of leases: CLOCK_MONOTONIC_RAW plus the time suspended.
 *
 * CLOCK_BOOTTIME and CLOCK_MONOTONIC are slewed: by chrony, as it comes, by up to one twelfth, by
 * adjtimex() by up to a tenth. On a host that is slowed down a lease by CLOCK_BOOTTIME is that much
 * longer than who granted it thinks. Nobody slews the raw clock. There is no timer that follows it,
 * but timers only wipe; what decides is a look at this clock.
 */
#include <linux/ktime.h>

#include "container-crypt.h"

/* More than any clock may be slewed, as a part of the time. */
#define CCRYPT_SLEW_MAX		8

/* So close before the end a timer comes late rather than again. */
#define CCRYPT_TIMER_MIN	(100 * NSEC_PER_USEC)

/**
 * ccrypt_lease_now() - the time by which leases are judged
 *
 * Context: any.
 */
ktime_t ccrypt_lease_now(void)
{
	/* A suspend in between makes it later than it is, which is safe. */
	return ktime_add(ktime_get_raw(), ktime_mono_to_any(0, TK_OFFS_BOOT));
}

/**
 * ccrypt_lease_resolve() - when a lease ends
 * @lease: as a message asked for it
 * @end: a time of ccrypt_lease_now(), 0 for never
 *
 * What is left of a lease that ends at a time of CLOCK_BOOTTIME is taken from that clock now, and
 * counted by the raw one from then on.
 *
 * Return: 0; -ETIME for a lease that has ended; -EINVAL for one that is too long.
 */
int ccrypt_lease_resolve(const struct ccrypt_lease *lease, ktime_t *end)
{
	const ktime_t now = ccrypt_lease_now();
	ktime_t left = ms_to_ktime(lease->ms);

	switch (lease->kind) {
	case CCRYPT_LEASE_FOR:
		*end = lease->ms ? ktime_add(now, left) : 0;
		return 0;
	case CCRYPT_LEASE_UNTIL:
		left = ktime_sub(left, ktime_get_boottime());
		break;
	case CCRYPT_LEASE_UNTIL_RAW:
		left = ktime_sub(left, now);
		break;
	}
	if (left <= 0)
		return -ETIME;
	if (left > ms_to_ktime(CONTAINER_CRYPT_LEASE_MS_MAX))
		return -EINVAL;
	*end = ktime_add(now, left);
	return 0;
}

/**
 * ccrypt_lease_timer_start() - have the timer look again when a lease may be over
 * @timer: of CLOCK_BOOTTIME
 * @end: of the lease, a time of ccrypt_lease_now()
 *
 * The timer's clock may be slower than the raw one. So it comes early and is started again, in
 * steps that become smaller: twelve for a lease of 31 days.
 */
void ccrypt_lease_timer_start(struct hrtimer *timer, ktime_t end)
{
	const s64 left = ktime_to_ns(ktime_sub(end, ccrypt_lease_now()));
	const s64 delay = max_t(s64, left - left / CCRYPT_SLEW_MAX, CCRYPT_TIMER_MIN);

	hrtimer_start(timer, ns_to_ktime(delay), HRTIMER_MODE_REL);
}
