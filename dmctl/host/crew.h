/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crew.h - work in pieces that may hang, each at what somebody else has made: done by children,
 * several at once, each piece within a time limit of its own. One that is late costs its place
 * until then, and nobody else anything.
 *
 * A child that does not die of SIGKILL (it waits for a device in the kernel) is left alone: it runs
 * no instruction any more, and has no descriptor but that to us and those that its piece opened:
 * by a lock among these whoever gives out the pieces can know that it is still there.
 */
#ifndef CC_CREW_H
#define CC_CREW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define CREW_TEXT_MAX (64 * 1024) /* bytes of a piece's result */
#define CREW_WIDTH_MAX 16

/* enum crew_end - how a piece ended; CREW_LONG: its result has more than CREW_TEXT_MAX bytes. */
enum crew_end { CREW_DONE, CREW_LATE, CREW_DIED, CREW_LONG };

/**
 * struct crew - how the work is done. Each hook gets @arg.
 * @width: children at one time, up to CREW_WIDTH_MAX; each does many pieces
 * @piece_ms: after which a piece is given up
 * @all_ms: after which no piece is begun
 * @work: in a child, which has inherited no descriptor but 0 to 2: piece @i. Its result, malloced;
 *        NULL: none, it counts as died
 * @wanted: here, before piece @i is begun: false when it is not to be done, and not to be heard of
 *          again; NULL: all are
 * @done: here, of each piece that was begun: its end; @text is of CREW_DONE, else NULL. False:
 *        nothing more is begun, and nothing more told
 * @tick: here, before each wait: when it wants to be called again at the latest, as of
 *        boottime_ms(), UINT64_MAX: no sooner than another piece ends; 0: as false of @done. NULL:
 *        nothing
 */
struct crew {
	unsigned int width;
	uint64_t piece_ms, all_ms;
	char *(*work)(void *arg, size_t i);
	bool (*wanted)(void *arg, size_t i);
	bool (*done)(void *arg, size_t i, enum crew_end end, const char *text);
	uint64_t (*tick)(void *arg);
	void *arg;
};

/**
 * crew_work - pieces 0 to @n - 1, in this order.
 * @begun: out, how many were begun or not wanted; the others are not heard of
 * Return: 0; -1 when no child could be started.
 */
int crew_work(const struct crew *crew, size_t n, size_t *begun, struct cc_error *err);

/*
 * In a child that was just forked: it ends with its parent, and keeps no descriptor from @first on.
 */
void crew_alone(int first);

#endif
