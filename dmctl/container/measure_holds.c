// SPDX-License-Identifier: Apache-2.0
/*
 * measure_holds.c - which of the things that an identity may demand are so.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "container/measure.h"
#include "container/selinux_label.h"
#include "demand.h"
#include "host/cgroup.h"
#include "host/first_line.h"
#include "strv.h"

/* For a core that goes to a program the kernel asks for no limit (core(5)). */
static bool dumps_to_a_program(void)
{
	char pattern[256];

	first_line("/proc/sys/kernel/core_pattern", pattern, sizeof(pattern));
	return !pattern[0] || proc_core_is_piped(pattern);
}

/*
 * Runtimes set what config.json says after the hook, right before the program is executed; until
 * then the process has what it inherits.
 */
static bool dumps_no_core(pid_t pid, const struct oci_facts *f, const struct cc_measurement *m)
{
	if (f->core_limit > 0 || dumps_to_a_program())
		return false;
	if (f->core_limit == 0 && !m->running)
		return true;
	return proc_no_core(pid);
}

static bool swaps_not(const char *cgroup, size_t len)
{
	cc_auto_close int fd = cgroup_open(cgroup, len, "memory.swap.max", O_RDONLY);
	char text[8];

	return fd >= 0 && read(fd, text, sizeof(text)) == 2 && memcmp(text, "0\n", 2) == 0;
}

/*
 * Who shares a namespace of this kind has its shared memory on the host, for others to join. Podman
 * has it there in any case; whether it lets others have it is in its record.
 */
static bool has_ipc_alone(const struct cc_strv *known, const struct cc_measurement *m)
{
	for (size_t i = 0; i < CC_NS_COUNT; i++)
		if (strcmp(cc_ns_names[i], "ipc") == 0 && m->ns[i] != CC_NS_PRIVATE)
			return false;
	for (size_t i = 0; i < m->n_mounts; i++)
		if (strcmp(m->mounts[i].destination, "/dev/shm") == 0 &&
		    strcmp(m->mounts[i].type, "tmpfs") != 0 &&
		    !(m->mounts[i].engine && cc_strv_has(known, CC_PRIVATE_IPC)))
			return false;
	return true;
}

/* A namespace in which the host's root has a number is one in name only. */
static bool is_without_root(const struct oci_ids *ids)
{
	for (size_t i = 0; i < ids->n; i++)
		if (ids->range[i].host == 0)
			return false;
	return ids->n > 0;
}

static int add(struct cc_measurement *m, bool so, const char *word, struct cc_error *err)
{
	return so && !cc_strv_has(&m->holds, word) ? cc_strv_push(&m->holds, word, err) : 0;
}

/* @now: the kernel's; @said: config.json's */
static int add_named(struct cc_measurement *m, const char *demand, const char *now,
		     const char *said, struct cc_error *err)
{
	char word[sizeof(CC_SELINUX_LEVEL) + CC_DEMAND_NAME_MAX];

	if (!said || strlen(said) > CC_DEMAND_NAME_MAX)
		return 0;
	snprintf(word, sizeof(word), "%s%s", demand, said);
	return add(m,
		   (!m->running || (now && selinux_level_eq(now, said))) &&
			   cc_demand_is_known(word),
		   word, err);
}

/*
 * The label of config.json is the program's, which the runtime gives it right before it is
 * executed; without SELinux nobody has one.
 */
static int add_selinux(pid_t pid, const struct oci_facts *f, struct cc_measurement *m,
		       struct cc_error *err)
{
	cc_auto_free char *now = NULL, *type = NULL, *level = NULL;

	if (proc_selinux_label(pid, &now, err))
		return -1;
	if (!now)
		return 0;
	return proc_label_type(now, &type, err) || proc_label_level(now, &level, err) ||
			       add_named(m, CC_SELINUX_TYPE, type, f->selinux_type, err) ||
			       add_named(m, CC_SELINUX_LEVEL, level, f->selinux_level, err)
		       ? -1
		       : 0;
}

int measure_holds(pid_t pid, const char *cgroup, size_t len, const struct cc_strv *known,
		  const struct oci_facts *f, struct cc_measurement *m, struct cc_error *err)
{
	uint64_t theirs, ours;

	if (proc_ns(pid, "user", &theirs, err) || proc_ns(0, "user", &ours, err))
		return -1;
	for (size_t i = 0; i < known->n; i++)
		if (add(m, strcmp(known->v[i], CC_PRIVATE_IPC) != 0, known->v[i], err))
			return -1;
	return add(m, dumps_no_core(pid, f, m), CC_NO_CORE, err) ||
			       add(m, !f->terminal, CC_NO_TTY, err) ||
			       add(m, swaps_not(cgroup, len), CC_NO_SWAP, err) ||
			       add(m, has_ipc_alone(known, m), CC_PRIVATE_IPC, err) ||
			       add(m,
				   f->user_ns && theirs != ours && is_without_root(&f->uids) &&
					   is_without_root(&f->gids),
				   CC_USER_NAMESPACE, err) ||
			       add_selinux(pid, f, m, err)
		       ? -1
		       : 0;
}
