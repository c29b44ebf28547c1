/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crowd.h - which connection makes room when there are too many, and whose turn it is. Never does
 * one make room whose request waits for the custodian, or to be read: that one is answered soon.
 */
#ifndef KEYD_CROWD_H
#define KEYD_CROWD_H

#include "front/conn.h"

/**
 * crowd_count - how many there are.
 * @held: of those that wait for a change, or of all others
 */
size_t crowd_count(const struct conns *all, bool held);

/**
 * crowd_yields - the one that makes room for one more.
 * @held: as crowd_count()
 *
 * Of the user who has most of them; of his those that are idle first, then those that are sending a
 * request, then those that are taking an answer; of these those of the process that has most; of
 * these the one for which it has been so for longest. NULL where all wait to be answered.
 */
struct conn *crowd_yields(const struct conns *all, bool held);

/**
 * crowd_turn - whose request goes to the custodian next, of those that wait in @queue.
 * @sent: whose are there, @n of them; NULL for one that has gone
 *
 * That of the user who has the fewest there; of these that of the process that has the fewest; of
 * these the one that has waited for longest. So whoever sends much waits behind itself, not before
 * others. NULL where none waits.
 */
struct conn *crowd_turn(const struct conns *queue, struct conn *const *sent, size_t n);

#endif
