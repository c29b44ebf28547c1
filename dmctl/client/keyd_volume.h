/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyd_volume.h - keyd's record of one volume.
 */
#ifndef CC_KEYD_VOLUME_H
#define CC_KEYD_VOLUME_H

#include "client/volume_record.h"

/*
 * The record of volume @name. @obj: out, the API's object, new reference; may be NULL. Return: 0;
 * -1 with keyd's error, CC_E_NOTFOUND without such a volume.
 */
int volume_get(const char *name, struct volume_record *v, json_t **obj, struct cc_error *err);

/* Deletes keyd's record of volume @name, and with it the key. */
int volume_delete(const char *name, struct cc_error *err);

#endif
