// SPDX-License-Identifier: Apache-2.0
/*
 * gate_lines.c - the gate's lines "open" and "look", by bindings.
 */
#include "bind/gate_lines.h"

#include "bind/freezer.h"
#include "host/cgroup.h"
#include "log.h"
#include "volume/gates.h"
#include "volume/mapping.h"
#include "volume/volume_lock.h"

#define LOCK_MS 1000u /* our own caller may hold another's */

int gate_lines_let_in(const struct binding *b, struct cc_error *err)
{
	char path[PROC_PATH_MAX];
	struct mapping_status st;
	uint64_t id = 0;
	size_t len = 0;

	return freezer_group((pid_t)b->pid, path, &len, err) || cgroup_id(path, len, &id, err) ||
			       mapping_status(b->name, &st, err) ||
			       gates_set(st.dev, id, cgroup_level(path, len), err)
		       ? -1
		       : 0;
}

/* One that somebody works on is passed over: he sees to it himself. */
static void restore(const char *name)
{
	binding_auto struct binding b = {0};
	cc_auto_close int lock = -1;
	struct cc_error err;
	char volume[64];

	binding_volume(name, volume);
	lock = volume_lock_within(volume, LOCK_MS, &err);
	if (lock < 0)
		return;
	if (binding_load(name, &b, &err) || !binding_settled(&b) || !binding_alive(&b))
		return;
	if (gate_lines_let_in(&b, &err))
		cc_log(LOG_ERR, "volume %s: its container may no longer look into it: %s", name,
		       err.text);
}

void gate_lines_restore(void)
{
	cc_cleanup(cc_strv_clear) struct cc_strv names = {0};
	struct cc_error err;

	if (gates_raise(&err))
		cc_log(LOG_ERR, "no container gets its volume: %s", err.text);
	if (binding_list(NULL, &names, &err))
		cc_log(LOG_ERR, "%s", err.text);
	for (size_t i = 0; i < names.n; i++)
		restore(names.v[i]);
	gates_prune();
}

int gate_lines_require(struct cc_error *err)
{
	if (!gates_stand())
		gate_lines_restore();
	return gates_require(err);
}

int gate_lines_show(const char *name, json_t *binding)
{
	struct mapping_status st;
	struct cc_error ignored;
	unsigned int lines = 0;

	if (mapping_status(name, &st, &ignored) == 0 && st.exists)
		lines = gates_guarding(st.dev);
	return json_object_set_new(binding, "gate",
				   json_pack("{s:b, s:b}", gate_line_name(GATE_OPEN),
					     lines & GATE_OPEN, gate_line_name(GATE_LOOK),
					     lines & GATE_LOOK));
}
