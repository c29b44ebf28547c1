/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unbind.h - undoing a binding: derived from the binding's file and from what the kernel has, so
 * that it does not matter where a bind, or an earlier undo, was cut off. Everything here may run
 * at any moment and more than once. The caller holds the volume's lock where not said otherwise.
 */
#ifndef CC_UNBIND_H
#define CC_UNBIND_H

#include "bind/binding.h"

/**
 * unbind_binding - unmounts, wipes the key, removes the mapping, returns the lease, removes the
 * file.
 * @name: of the binding
 * @force: also when the container uses the volume
 *
 * Idempotent: success when there is nothing. CC_E_BUSY without @force while files are open, or
 * when somebody outside the container keeps the mapping open; in the latter case the key is wiped.
 */
int unbind_binding(const char *name, bool force, struct cc_error *err);

/* The same for all bindings of @volume, of which there are several where it is shared. */
int unbind_volume(const char *volume, bool force, struct cc_error *err);

/* The same by force for a binding as it is in memory, with the state it has reached. */
int unbind_release(struct binding *b, struct cc_error *err);

/**
 * unbind_return_lease - gives @lease back, whose key is wiped. One that keyd does not take from
 * this agent, or no longer, is logged and left to its end: there is nothing else to undo here.
 */
int unbind_return_lease(const char *lease, struct cc_error *err);

/* unbind_binding() by force, unless the volume is bound and its container lives. */
int unbind_dead(const char *name, struct cc_error *err);

/*
 * Removes those of our mappings that have no binding's file, each under its lock; a failure is
 * logged and does not stop the others.
 */
int unbind_orphans(struct cc_error *err);

#endif
