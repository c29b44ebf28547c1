/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layer_record.h - what is remembered of a layer, as the bytes of its file. Three lines: the digest
 * of all that follows, the stamp of the tree (rootfs_tree.h), its digest; then the opaque
 * directories, each ended by a NUL.
 *
 * Pure. A file that is not exactly what layer_record_make() writes is none.
 */
#ifndef CC_LAYER_RECORD_H
#define CC_LAYER_RECORD_H

#include "container/rootfs_tree.h"

#define LAYER_RECORD_MAX (1 << 20) /* bytes */

/*
 * The record of @t, whose stamp and digest are there, malloced. NULL without memory, or when it
 * would be too long.
 */
char *layer_record_make(const struct tree *t, size_t *len);

/**
 * layer_record_parse - reads one.
 * @t: zeroed; stamp, digest and opaque are filled, nothing of it on failure
 */
bool layer_record_parse(const char *buf, size_t len, struct tree *t);

#endif
