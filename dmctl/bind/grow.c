// SPDX-License-Identifier: Apache-2.0
/*
 * grow.c - growing a volume under a running container. The kernel's key, lease and gate stay with
 * the mapping when a longer table replaces the one it has.
 */
#include "bind/grow.h"

#include "bind/binding.h"
#include "client/keyd_volume.h"
#include "volume/mapping.h"
#include "bind/mount.h"
#include "strv.h"

static int grow(const struct binding *b, struct cc_error *err)
{
	proc_auto_ref struct proc_ref p = PROC_REF_NONE;
	struct mapping_status st;
	struct cc_volume v;

	if (volume_get(b->volume, &v, NULL, err) || mapping_status(b->name, &st, err) ||
	    (st.sectors < v.sectors && mapping_grow(b->name, v.sectors, err)) ||
	    proc_open(&p, (pid_t)b->pid, err))
		return -1;
	if (p.start_time != b->start_time)
		return cc_fail(err, CC_E_NOTFOUND, "the container that was bound has ended");
	return mount_grow(&p, st.dev, v.fs, v.sectors, err);
}

static int look_at(const char *name, struct grown *grown, struct cc_error *err)
{
	binding_auto struct binding b = {0};

	if (binding_load(name, &b, err))
		return err->code == CC_E_NOTFOUND ? 0 : -1;
	if (b.state != BINDING_BOUND || !binding_alive(&b))
		return 0;
	if (b.read_only) {
		grown->read_only = true;
		return 0;
	}
	grown->bound = true;
	return grow(&b, err);
}

int grow_bound(const char *volume, struct grown *grown, struct cc_error *err)
{
	cc_cleanup(cc_strv_clear) struct cc_strv names = {0};
	int rc = binding_list(volume, &names, err);

	*grown = (struct grown){0};
	for (size_t i = 0; i < names.n && rc == 0; i++)
		rc = look_at(names.v[i], grown, err);
	return rc;
}
