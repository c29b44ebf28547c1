// SPDX-License-Identifier: Apache-2.0
#include "custodian/start.h"

#include "custodian/lease.h"
#include "custodian/quarantine.h"

int custodian_start(struct custodian *c, const char *state_dir, const char *anchor,
		    const char *kek_path, struct cc_error *err)
{
	cc_auto_free char *dir = anchor_dir(state_dir, anchor);

	if (!dir)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (custodian_open(c, state_dir, kek_path, err) || quarantine_open(c, dir, err))
		return -1;
	return lease_settle(c->store, c->boot_id, c->clock.boot_ms, err);
}

int custodian_accept(struct custodian *c, const char *state_dir, const char *anchor,
		     const char *kek_path, bool *was, struct cc_error *err)
{
	cc_auto_free char *dir = anchor_dir(state_dir, anchor);

	if (!dir)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return custodian_open(c, state_dir, kek_path, err) || quarantine_accept(c, dir, was, err)
		       ? -1
		       : 0;
}
