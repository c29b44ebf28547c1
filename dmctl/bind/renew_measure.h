/* SPDX-License-Identifier: Apache-2.0 */
/*
 * renew_measure.h - measures bound containers for the renewal of their leases: several at once,
 * each within a time of its own. What one of them is like (a directory of a million files, a file
 * system that does not answer) costs its own lease and nobody else's.
 */
#ifndef CC_RENEW_MEASURE_H
#define CC_RENEW_MEASURE_H

#include "bind/binding.h"
#include "container/rootfs_cache.h"
#include "host/seccomp_read.h"
#include "measurement.h"

/**
 * enum held_state - how far a container is.
 * @HELD_WAITS: it was not measured yet
 * @HELD_MEASURED: it has a measurement
 * @HELD_FAILED: @why says why it has none
 */
enum held_state { HELD_WAITS, HELD_MEASURED, HELD_FAILED };

/**
 * struct held - a bound container.
 * @b, @m: owned; @m of HELD_MEASURED
 * @why: of HELD_FAILED; of HELD_WAITS once its time was over
 * @executed: its program was seen to be executed, whatever the kernel says
 * @filter: of its program while that stands, borrowed; NULL: this is not its look
 * @stood: of HELD_MEASURED: its program stood before its first instruction while it was compared
 * @left_ms: for how long the kernel had the key when the round began, 0: it had none
 * @late: its time was over once
 * @locked: the kernel had no key when it was asked
 * @answered: keyd said something of its lease, or nobody will
 */
struct held {
	struct binding b;
	enum held_state state;
	struct cc_measurement *m;
	struct cc_error why;
	uint64_t left_ms;
	const struct seccomp_seen *filter;
	bool executed, stood, late, locked, answered;
};

void held_clear(struct held *h);

/**
 * struct held_measurer - how one is measured, in a process of its own.
 * @measure: the container of @h->b, which may have ended; CC_E_UNREACHABLE when its engine or keyd
 *           does not answer, @keyd: that was keyd. @layers: kept from one to the next. @agent: who
 *           may make it stand before the first instruction of its program; @stood: out, that it did
 *           all the time
 * @locks: path of a file: who measures a container has its lock there until he ends, and nobody
 *         else begins. One that waits in the kernel for a device does not end when he is late: each
 *         round would leave one more for each container. NULL: without
 */
struct held_measurer {
	int (*measure)(const struct held *h, pid_t agent, struct layer_cache *layers,
		       struct cc_measurement **m, bool *stood, bool *keyd, struct cc_error *err);
	const char *locks;
};

/*
 * The real one: it must still be the process that was bound, and the image's files as signed; one
 * that stands for the agent is also measured by what it is about to execute.
 */
extern const struct held_measurer held_measurer;

/* The same beside a round, for one that was just started: it waits for nobody. */
extern const struct held_measurer held_look_measurer;

/**
 * struct held_asker - who has the leases of those that were measured renewed.
 * @ask: some were measured since the last time, and not all are: what takes its time (a volume that
 *       is worked on, a key that the kernel has no more) can wait. @last: it cannot. -1: the round
 *       is over, keyd does not answer
 */
struct held_asker {
	int (*ask)(void *arg, bool last, struct cc_error *err);
	void *arg;
};

/**
 * renew_measure - measures those that wait, in this order. To be called by a child of the agent.
 * @each_ms: what one may take; one that takes longer goes on to wait
 * @all_ms: after which none is begun
 *
 * Those that were measured are asked about as soon as they are many, or half a second has gone, and
 * at the end.
 *
 * Return: 0; -1 with CC_E_UNREACHABLE when keyd does not answer, or when nothing can be measured.
 */
int renew_measure(const struct held_measurer *by, const struct held_asker *asker, struct held *held,
		  size_t n, uint64_t each_ms, uint64_t all_ms, struct cc_error *err);

/**
 * renew_round - the same in two passes: what is measured soon is renewed before what takes its time
 * is waited for. Puts @held into the order of what is left of their leases.
 * @lease_ms: the shortest lease, UINT64_MAX: none ends
 *
 * The first pass takes a tenth of it, the second a quarter. Where they are many each gets so little
 * that all have their turn, though most of them hang, down to a quarter of a second; whose turn has
 * not come in the first pass is the first in the second. The next round comes a fifth after the end
 * of this one.
 */
int renew_round(const struct held_measurer *by, const struct held_asker *asker, struct held *held,
		size_t n, uint64_t lease_ms, struct cc_error *err);

#endif
