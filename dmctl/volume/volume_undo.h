/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume_undo.h - takes away what is there of a volume that never became ready.
 */
#ifndef CC_VOLUME_UNDO_H
#define CC_VOLUME_UNDO_H

/**
 * volume_undo - removes the mapping, the header on @device (NULL: not known) and keyd's record of
 * volume @uuid, each only where it is there and really that volume's.
 *
 * A volume that keyd knows as ready keeps its header and its record. Safe to repeat. What cannot be
 * removed is said on stderr.
 */
void volume_undo(const char *name, const char *uuid, const char *device);

#endif
