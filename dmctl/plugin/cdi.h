/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cdi.h - Container Device Interface specs (github.com/cncf-tags/container-device-interface,
 * SPEC.md 0.6.0): one file a volume, so that `--device container-crypt/volume=NAME` puts our hook
 * in front of the container's program on every engine.
 *
 * The hook's argument only selects a volume; it is not an authority.
 */
#ifndef CC_CDI_H
#define CC_CDI_H

#include "json.h"
#include "strv.h"

/* The spec of one volume; new reference, NULL without memory. */
json_t *cdi_spec(const char *volume);

/**
 * cdi_refresh - makes the files in @dir those of @volumes: missing or different ones are
 * written, each replaced atomically, ours of other volumes are removed.
 */
int cdi_refresh(const char *dir, const struct cc_strv *volumes, struct cc_error *err);

/* The same for the volumes that keyd has now. */
int cdi_refresh_all(const char *dir, struct cc_error *err);

#endif
