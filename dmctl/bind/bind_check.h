/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind_check.h - what a bind checks before it has any effect.
 */
#ifndef CC_BIND_CHECK_H
#define CC_BIND_CHECK_H

#include "container/measure.h"
#include "mount_options.h"
#include "volume.h"

/* keyd's record of volume @name, which must be ready. */
int bind_check_record(const char *name, struct cc_volume *v, struct cc_error *err);

/**
 * bind_check_device - finds the LUN and compares its header with the record.
 * @device: the LUN that was named; NULL: the one that carries the volume
 * @found: out, its path, malloced
 */
int bind_check_device(const char *device, const struct cc_volume *v, char **found,
		      struct cc_error *err);

/**
 * bind_check_options - how volume @v is to be mounted: as keyd's record and the engines on this
 * host say (plugin_store_mount()), and on top of it what the container's mount of the placeholder
 * says (-v NAME:PATH:ro). The identity may restrict it further.
 * @attrs: out, MOUNT_ATTR_…
 */
int bind_check_options(const struct cc_volume *v, const struct cc_measurement *m,
		       unsigned int *attrs, struct cc_error *err);

/**
 * bind_check_rootfs - measures the root file system of @s, too, if an identity keyd has of @volume
 * demands its digest, leaves out what holds of the container if none makes demands, and brings what
 * is kept of the image's signatures if one wants them. Only that is taken from keyd's word here:
 * keyd decides.
 */
int bind_check_rootfs(const char *volume, struct measured *s, struct layer_cache *cache,
		      struct cc_error *err);

/**
 * bind_check_decide - what keyd would decide, for a dry run: the identities with which a container
 * starts against @m, decided here. keyd decides again, on verified bytes, when it is asked for the
 * key.
 * @answer: out, the success answer, with the serial of the one that lets it in; where it differs
 *          from all, all facts of the nearest (cc_facts_to_json()); new reference
 */
int bind_check_decide(const struct cc_volume *v, const struct cc_measurement *m, json_t **answer,
		      struct cc_error *err);

#endif
