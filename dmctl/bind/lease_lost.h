/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease_lost.h - a lease is about to end, or was taken away: what happens to the container and its
 * data.
 */
#ifndef CC_LEASE_LOST_H
#define CC_LEASE_LOST_H

#include "bind/binding.h"

/**
 * lease_lost_flush - waits until a container that is being stopped stands still, and writes what it
 * has written to the LUN as long as there is a key. @name: of the binding. Without the volume's
 * lock: it may wait for the next key.
 */
int lease_lost_flush(const char *name, struct cc_error *err);

/**
 * lease_lost_revoke - the lease of that binding is not renewed: the container is killed, or frozen
 * for good, as the volume's terms say; the key is wiped and the lease returned. A killed
 * container's volume is unmounted and unmapped, too; a frozen one's when it ends. The caller holds
 * the volume's lock.
 */
int lease_lost_revoke(const char *name, struct cc_error *err);

#endif
