// SPDX-License-Identifier: Apache-2.0
/*
 * volume_undo.c - takes away what is there of a volume that never became ready.
 */
#include "volume/volume_undo.h"

#include <string.h>

#include "client/keyd_volume.h"
#include "volume/luks.h"
#include "volume/mapping.h"
#include "paths.h"

#define REMOVE_MS 5000u

static void complain(const char *what, const struct cc_error *err)
{
	fprintf(stderr, "dmctl: undo: %s: %s\n", what, err->text);
}

static void undo_mapping(const char *name, const char *uuid)
{
	struct mapping_status st;
	struct cc_error err;
	char want[64];

	snprintf(want, sizeof(want), CC_DM_UUID_PREFIX "%s", uuid);
	if (mapping_status(name, &st, &err) || !st.exists || strcmp(st.uuid, want))
		return;
	if (mapping_remove(name, REMOVE_MS, &err))
		complain("the mapping is still there", &err);
}

static void undo_header(const char *uuid, const char *device)
{
	struct cc_error err;

	if (!device || !luks_claims(device, uuid))
		return;
	if (luks_wipe(device, &err))
		complain("the header is still there", &err);
}

void volume_undo(const char *name, const char *uuid, const char *device)
{
	struct volume_ref v;
	struct cc_error err;
	bool recorded;

	undo_mapping(name, uuid);
	/* keyd says whether the volume became ready in the last moment */
	recorded = volume_find(name, &v, &err) == 0;
	if (!recorded && err.code != CC_E_NOTFOUND) {
		complain("keyd's record and the header are still there; run the command again",
			 &err);
		return;
	}
	if (recorded && strcmp(v.uuid, uuid) == 0 && v.ready)
		return;
	undo_header(uuid, device);
	if (recorded && strcmp(v.uuid, uuid) == 0 && volume_delete(name, NULL, &err) &&
	    err.code != CC_E_NOTFOUND)
		complain("keyd's record is still there", &err);
}
