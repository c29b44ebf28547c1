/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sync_within.h - sync(2) that is not waited for longer than one likes.
 */
#ifndef CC_SYNC_WITHIN_H
#define CC_SYNC_WITHIN_H

#include <stdbool.h>

/**
 * sync_within - a child does it, and is left alone after @ms: other file systems of this host may
 * hang for as long as they like. It has none of our descriptors but 0 to 2, and none of our locks
 * with them: the agent, and whoever works on the volume next, does not wait for it.
 * @writes: sync(2)
 * Return: whether it came to its end.
 */
bool sync_within(void (*writes)(void), int ms);

#endif
