// SPDX-License-Identifier: Apache-2.0
#include "custodian/start.h"

#include "custodian/lease.h"
#include "custodian/quarantine.h"

/* An older database that opens no key any more is refused before anything is changed. */
int custodian_ready(struct custodian *c, const char *dir, struct cc_error *err)
{
	struct erased e;
	int64_t now;

	if (anchor_make(dir, err) || custodian_now(c, &now, err))
		return -1;
	c->has_domain = true;
	if (domain_open(&c->domain, c->store, &c->kek, dir, err) || quarantine_open(c, dir, err))
		return -1;
	c->domain.sure = !quarantine_on(c);
	if (domain_erase(&c->domain, c->store, &c->kek, now, &e, err))
		return -1;
	return lease_settle(c->store, c->boot_id, c->clock.boot_ms, err) ||
			       quarantine_follow(c, err)
		       ? -1
		       : 0;
}

int custodian_start(struct custodian *c, const char *state_dir, const char *anchor,
		    const char *kek_path, struct cc_error *err)
{
	cc_auto_free char *dir = anchor_dir(state_dir, anchor);

	if (!dir)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return custodian_open(c, state_dir, kek_path, STORE_SERVE, err) ||
			       custodian_ready(c, dir, err)
		       ? -1
		       : 0;
}

int custodian_accept(struct custodian *c, const char *state_dir, const char *anchor,
		     const char *kek_path, bool *was, struct cc_error *err)
{
	cc_auto_free char *dir = anchor_dir(state_dir, anchor);

	if (!dir)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return custodian_open(c, state_dir, kek_path, STORE_TAKE_OVER, err) ||
			       quarantine_accept(c, dir, was, err)
		       ? -1
		       : 0;
}
