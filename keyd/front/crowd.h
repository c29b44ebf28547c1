/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crowd.h - which connection makes room when there are too many. Never one whose request waits for
 * the custodian, or to be read: that one is answered soon.
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

#endif
