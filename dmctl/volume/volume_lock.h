/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume_lock.h - one dmctl at a time makes or deletes the volume of a name on this host. A lock of
 * the kernel's: it ends with its holder, and leaves no file of its own behind.
 */
#ifndef CC_VOLUME_LOCK_H
#define CC_VOLUME_LOCK_H

#include "error.h"

/* Waits up to 10 s for it, then CC_E_BUSY. Return: a descriptor that holds it until closed. */
int volume_lock(const char *name, struct cc_error *err);
/* The same with another limit. */
int volume_lock_within(const char *name, unsigned int timeout_ms, struct cc_error *err);

/* The same in a lock file of one's own, for whatever @name stands for. */
int volume_lock_in(const char *path, const char *name, unsigned int timeout_ms,
		   struct cc_error *err);

#endif
