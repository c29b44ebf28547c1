/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leases judged by several instances of keyd without a common clock (docs/leases.md), for spin: two instances on
 * one database, two hosts, one exclusive volume, time without end. All times are relative, so the state
 * space is finite and searched whole. lease.pml has what one instance and the hosts' data do; this has who may
 * judge a lease by which clock.
 *
 * The row of a lease has a version that grows with each grant and renewal. The instance that granted it judges by its
 * own clock, in the boot that granted. Any other waits for `cover` and the slack by its own clock, from when it
 * has finished reading this version. `cover` is the longest promise to the holder that may still run.
 *
 * Never: two kernels with the key.
 *
 * Broken by -DFOREIGN_CLOCK (the grantor's end is read by another's clock), CLOCK_BEFORE_READ (the clock is read before
 * the row), EPOCH_IGNORED (a boot of the grantor's host does not count), SHORTENED (a renewal that is shorter
 * forgets the longer promise), SLEWED (a host's clock runs slower than the slack allows for), FAILOVER (the
 * last commit is lost); spin must find out. With QUARANTINE, and with RENEW_IN_QUARANTINE, nothing is wrong after a FAILOVER.
 */

#define LONG	3		/* lengths of a lease, in ticks */
#define SHORT	1
#define SLACK	1		/* what is waited for beyond a lease */
#define NONE	7

/* A clock may lose a tick when it has lost none for so many. LONG: a third, and that is what SLACK is for. */
#ifdef SLEWED
#define STEADY	1
#else
#define STEADY	LONG
#endif

byte ms = LONG;			/* the volume's length of a lease now; set at any time */

/* the row */
byte holder = NONE;
byte grantor;			/* instance that wrote this version */
bool same_boot;			/* its host has not been booted since */
byte left;			/* until the end that it noted, by its clock */
byte cover;			/* what others wait for */

/* the instances */
bool seen[2];			/* has read this version */
byte ago[2];			/* how long ago, by its clock */

/* the hosts */
byte key_left[2];		/* until the kernel wipes the key; 0: locked */
byte asked[2] = NONE;		/* a request is on its way: its t0 was so long ago */
byte answered[2] = NONE;	/* an answer is: its t0 */
byte length[2];			/* and the length of the lease in it */
byte steady;			/* since host 0's clock lost a tick; the other host's is right, by symmetry */

#ifdef FAILOVER
/* the row before the last commit */
byte old_holder = NONE, old_grantor, old_left, old_cover;
bool old_same_boot, old_valid, failed;
byte quarantine;		/* no grants for so long */
bool runs;			/* in a quarantine: the lease is its holder's */
#endif

#define dec(x) x = (x > 0 -> x - 1 : 0)
#define inc(x) x = (x < LONG + SLACK -> x + 1 : x)

#define is_own(i) (grantor == i && same_boot)
#if defined(EPOCH_IGNORED)
#define is_over(i) (grantor == i -> (same_boot -> left == 0 : 1) : (seen[i] && ago[i] >= cover + SLACK))
#elif defined(FOREIGN_CLOCK)
#define is_over(i) (same_boot && left <= (grantor == i -> 0 : 1))
#elif defined(CLOCK_BEFORE_READ)
#define is_over(i) (is_own(i) -> left == 0 : (seen[i] && ago[i] + 1 >= cover + SLACK))
#else
#define is_over(i) (is_own(i) -> left == 0 : (seen[i] && ago[i] >= cover + SLACK))
#endif

#define is_free(i, h) (holder == NONE || holder == h || is_over(i))
#if defined(RENEW_IN_QUARANTINE)
/*
 * A renewal. Its evidence says that its kernel has the key now: nobody else can have it then. Or the lease ran when
 * the old row came back, by the clock of who granted it: nobody else got it before, and nobody does now.
 */
#define may(i, h) ((quarantine == 0 && is_free(i, h)) || (holder == h && (runs || key_left[h] > 0)))
#elif defined(QUARANTINE)
#define may(i, h) (quarantine == 0 && is_free(i, h))
#else
#define may(i, h) is_free(i, h)
#endif

byte c, e;			/* cover and end of the new version */

inline grant(i, h) {
	d_step {
#ifdef FAILOVER
		old_valid = !failed;
		old_holder = holder;
		old_grantor = grantor;
		old_same_boot = same_boot;
		old_left = left;
		old_cover = cover;
#endif
		c = ms;
		e = ms + SLACK;
#ifndef SHORTENED
		if
		:: holder == h && is_own(i) && left > e ->
			e = left;
			c = cover
		:: holder == h && !is_own(i) && !is_over(i) && cover > c ->
			c = cover;
			e = cover + SLACK
		:: else
		fi;
#endif
		holder = h;
		grantor = i;
		same_boot = 1;
		left = e;
		cover = c;
		c = 0;
		e = 0;
		seen[0] = 0;
		seen[1] = 0;
		ago[0] = 0;
		ago[1] = 0;
		answered[h] = asked[h];
		length[h] = ms;
#ifdef RENEW_IN_QUARANTINE
		runs = (quarantine > 0);
#endif
		asked[h] = NONE
	}
}

inline host_ticks(h) {
	dec(key_left[h]);
	if
	:: asked[h] != NONE -> inc(asked[h])
	:: else
	fi;
	if
	:: answered[h] != NONE -> inc(answered[h])
	:: else
	fi
}

inline keyd_ticks() {
	dec(left);
	if
	:: seen[0] -> inc(ago[0])
	:: else
	fi;
	if
	:: seen[1] -> inc(ago[1])
	:: else
	fi;
#ifdef FAILOVER
	dec(old_left);
	dec(quarantine);
	runs = (runs && quarantine > 0)
#endif
}

/* The kernel's lease begins at t0; an end that has passed is refused. */
inline deliver(h) {
	d_step {
		if
		:: length[h] > answered[h] -> key_left[h] = length[h] - answered[h]
		:: else
		fi;
		answered[h] = NONE;
		length[h] = 0
	}
}

inline boot(i) {
	d_step {
		seen[i] = 0;
		ago[i] = 0;
		if
		:: grantor == i -> same_boot = 0; left = 0
		:: else
		fi;
#ifdef FAILOVER
		if
		:: old_grantor == i -> old_same_boot = 0; old_left = 0
		:: else
		fi
#endif
	}
}

init {
	do
	:: d_step { keyd_ticks(); host_ticks(0); host_ticks(1); steady = (steady < LONG -> steady + 1 : steady) }
#ifndef FAILOVER		/* one thing at a time: the states would be too many */
	:: d_step { steady >= STEADY -> keyd_ticks(); host_ticks(1); steady = 0 }
#endif
	:: ms == LONG -> ms = SHORT
	:: ms == SHORT -> ms = LONG
	:: asked[0] == NONE && answered[0] == NONE -> asked[0] = 0
	:: asked[1] == NONE && answered[1] == NONE -> asked[1] = 0
	:: asked[0] != NONE -> asked[0] = NONE			/* lost */
	:: asked[1] != NONE -> asked[1] = NONE
	:: answered[0] != NONE -> deliver(0)
	:: answered[1] != NONE -> deliver(1)
	:: answered[0] != NONE -> d_step { answered[0] = NONE; length[0] = 0 }
	:: answered[1] != NONE -> d_step { answered[1] = NONE; length[1] = 0 }
	:: boot(0)
	:: boot(1)
	:: holder != NONE && !seen[0] -> d_step { seen[0] = 1; ago[0] = 0 }
	:: holder != NONE && !seen[1] -> d_step { seen[1] = 1; ago[1] = 0 }
	:: asked[0] != NONE && may(0, 0) -> grant(0, 0)
	:: asked[1] != NONE && may(0, 1) -> grant(0, 1)
	:: asked[0] != NONE && may(1, 0) -> grant(1, 0)
	:: asked[1] != NONE && may(1, 1) -> grant(1, 1)
#ifdef FAILOVER
	:: old_valid && !failed ->
		d_step {
			failed = 1;
			old_valid = 0;
			holder = old_holder;
			grantor = old_grantor;
			same_boot = old_same_boot;
			left = old_left;
			cover = old_cover;
			seen[0] = 0;
			seen[1] = 0;
			ago[0] = 0;
			ago[1] = 0;
			quarantine = LONG + SLACK;
#ifdef RENEW_IN_QUARANTINE
			runs = (same_boot && left > 0);
#endif
			old_holder = NONE;
			old_grantor = 0;
			old_same_boot = 0;
			old_left = 0;
			old_cover = 0
		}
#endif
	od
}

never {
	do
	:: key_left[0] > 0 && key_left[1] > 0 -> break
	:: else
	od
}
