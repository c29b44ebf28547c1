// SPDX-License-Identifier: Apache-2.0
/*
 * orphan.c - a bind that was done and nobody was told. Its leases tell what it bound from what was
 * bound before.
 */
#include "agent/orphan.h"

#include <syslog.h>

#include "agent/queue.h"
#include "bind/binding.h"
#include "log.h"

int orphan_prepare(struct job *j, struct cc_error *err)
{
	cc_cleanup(cc_strv_clear) struct cc_strv names = {0};
	struct cc_error ignored;

	if (!job_binds(j))
		return 0;
	if (binding_list(j->m.volume, &names, err))
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		binding_auto struct binding b = {0};

		if (binding_load(names.v[i], &b, &ignored) == 0 && b.state == BINDING_BOUND &&
		    cc_strv_push(&j->before, b.lease, err))
			return -1;
	}
	return 0;
}

static bool may_be_orphan(const struct job *j, const struct job_end *end, bool told)
{
	return job_binds(j) && (end->answer ? !told : end->died);
}

bool orphan_undo(const struct job *j, const struct job_end *end, bool told)
{
	cc_cleanup(cc_strv_clear) struct cc_strv names = {0};
	struct cc_error err;
	bool found = false;

	if (!may_be_orphan(j, end, told))
		return false;
	if (binding_list(j->m.volume, &names, &err))
		cc_log(LOG_ERR, "%s", err.text);
	for (size_t i = 0; i < names.n; i++) {
		binding_auto struct binding b = {0};

		if (binding_load(names.v[i], &b, &err) || b.state != BINDING_BOUND ||
		    cc_strv_has(&j->before, b.lease))
			continue;
		cc_log(LOG_WARNING, "volume %s: nobody was told that it is bound, undoing", b.name);
		queue_submit_own(j->queue, AGENT_UNDO, b.name, NULL, NULL);
		found = true;
	}
	return found;
}
