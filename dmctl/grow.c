// SPDX-License-Identifier: Apache-2.0
/*
 * grow.c - growing a volume under a running container. The kernel's key, lease and gate stay with the mapping
 * when a longer table replaces the one it has.
 */
#include "grow.h"

#include "binding.h"
#include "keyd_volume.h"
#include "mapping.h"
#include "mount.h"

int grow_bound(const char *volume, bool *bound, struct cc_error *err)
{
	proc_auto_ref struct proc_ref p = PROC_REF_NONE;
	binding_auto struct binding b = {0};
	struct mapping_status st;
	struct volume_record v;

	*bound = false;
	if (binding_load(volume, &b, err))
		return err->code == CC_E_NOTFOUND ? 0 : -1;
	if (b.state != BINDING_BOUND || !binding_alive(&b) || b.read_only)
		return 0;
	*bound = true;
	if (volume_get(volume, &v, NULL, err) || mapping_status(volume, &st, err) ||
	    (st.sectors < v.sectors && mapping_grow(volume, v.sectors, err)) ||
	    proc_open(&p, (pid_t)b.pid, err))
		return -1;
	if (p.start_time != b.start_time)
		return cc_fail(err, CC_E_NOTFOUND, "the container that was bound has ended");
	return mount_grow(&p, st.dev, v.fs, v.sectors, err);
}
