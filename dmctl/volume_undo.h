/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume_undo.h - takes away what is there of a volume that never became ready.
 */
#ifndef CC_VOLUME_UNDO_H
#define CC_VOLUME_UNDO_H

#include "volume_record.h"

/* The record of volume @name. Return: 0, -1 with keyd's error, CC_E_NOTFOUND without one. */
int volume_get(const char *name, struct volume_record *v, json_t **obj, struct cc_error *err);

/* Deletes keyd's record of volume @name, and with it the key. */
int volume_delete(const char *name, struct cc_error *err);

/**
 * volume_undo - removes the mapping, the header on @device (NULL: not known) and keyd's record of volume @uuid,
 * each only where it is there and really that volume's.
 *
 * A volume that keyd knows as ready keeps its header and its record. Safe to repeat. What cannot be
 * removed is said on stderr.
 */
void volume_undo(const char *name, const char *uuid, const char *device);

#endif
