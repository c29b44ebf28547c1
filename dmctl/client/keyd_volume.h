/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyd_volume.h - keyd's record of one volume.
 */
#ifndef CC_KEYD_VOLUME_H
#define CC_KEYD_VOLUME_H

#include "name.h"
#include "volume.h"

/*
 * The record of volume @name. @obj: out, the API's object, new reference; may be NULL. Return: 0;
 * -1 with keyd's error, CC_E_NOTFOUND without such a volume.
 */
int volume_get(const char *name, struct cc_volume *v, json_t **obj, struct cc_error *err);

/* The API's object only, not checked: to show it. *@obj: new reference. */
int volume_fetch(const char *name, json_t **obj, struct cc_error *err);

/**
 * struct volume_ref - what is needed to take a volume away; a record that does not pass
 * cc_volume_check() has it, too.
 * @uuid: "" where the record's is not a UUID: then no mapping or header can be told to be its
 * @ready: false: it holds nobody's data yet
 */
struct volume_ref {
	char uuid[CC_UUID_LEN];
	bool ready;
};

/* As volume_get(), of any record that keyd has under that name. */
int volume_find(const char *name, struct volume_ref *ref, struct cc_error *err);

/* Deletes keyd's record of volume @name, and with it the key. */
/* @answer: keyd's, which says what was erased; NULL for whoever does not want it. */
int volume_delete(const char *name, json_t **answer, struct cc_error *err);

#endif
