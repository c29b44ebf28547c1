// SPDX-License-Identifier: Apache-2.0
/*
 * held_by.c - who keeps a mapping in use, for people.
 */
#include "bind/held_by.h"

#include <stdio.h>
#include <string.h>

#include "engine/engine_group.h"
#include "engine/engines.h"
#include "error.h"
#include "host/holders.h"

/* " of docker container 0123456789ab", " of the host" */
static void owner_of(pid_t pid, char out[static 96])
{
	char cgroup[PROC_PATH_MAX];
	struct engine_group group;
	struct cc_error ignored;

	if (proc_cgroup(pid, cgroup, &ignored) || engine_group_of(engines, cgroup, &group))
		snprintf(out, 96, "of the host");
	else
		snprintf(out, 96, "of %.32s container %.12s", group.engine->name, group.id);
}

void held_by(dev_t dev, char text[static HELD_BY_LEN])
{
	struct holder v[HOLDERS_MAX];
	size_t n = holders_find(dev, v), len = 0;

	text[0] = '\0';
	for (size_t i = 0; i < n && len < HELD_BY_LEN; i++) {
		char owner[96];

		cc_text_clean(v[i].comm);
		owner_of(v[i].pid, owner);
		len += (size_t)snprintf(text + len, HELD_BY_LEN - len,
					"%sprocess %d (%s) %s has %s", i ? "; " : "", (int)v[i].pid,
					v[i].comm, owner, v[i].how);
	}
}
