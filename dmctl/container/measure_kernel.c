// SPDX-License-Identifier: Apache-2.0
/*
 * measure_kernel.c - config.json against the kernel: namespaces, credentials, the engine's own
 * hook.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <syslog.h>
#include <cap-ng.h>

#include "container/measure.h"
#include "container/measure_filter.h"
#include "host/ns_census.h"
#include "log.h"
#include "strv.h"

/* Where podman and `ip netns` keep network namespaces. */
static const char *const netns_dirs[] = {"/run/netns/", "/var/run/netns/"};

static bool is_netns(const char *path)
{
	size_t i;

	for (i = 0; path && i < sizeof(netns_dirs) / sizeof(netns_dirs[0]); i++)
		if (strncmp(path, netns_dirs[i], strlen(netns_dirs[i])) == 0)
			return true;
	return false;
}

/*
 * Podman makes a container's network namespace itself and has the runtime join it: it is as
 * private as one the runtime makes when nobody outside the container's cgroup is in it.
 */
static bool is_own_netns(size_t i, const struct oci_facts *f, const struct cc_measurement *m)
{
	return m->ns[i] == CC_NS_JOINED && strcmp(cc_ns_names[i], "net") == 0 &&
	       is_netns(f->ns_path[i]);
}

/*
 * Of a container whose program runs, each namespace that was its own: another one may have joined
 * it since (--pid container:, --network container:, nsenter).
 */
static int settle_joined(size_t i, uint64_t ino, const char *cgroup, size_t len, bool own_netns,
			 struct cc_measurement *m, struct cc_error *err)
{
	pid_t other = 0;

	if (!own_netns && (m->ns[i] != CC_NS_PRIVATE || !m->running))
		return 0;
	if (ns_shared(i, ino, cgroup, len, &other, err))
		return -1;
	m->ns[i] = other ? CC_NS_JOINED : CC_NS_PRIVATE;
	if (other && m->running)
		cc_log(LOG_INFO,
		       "container %.12s: process %d of another one is in its %s namespace",
		       m->container_id, (int)other, cc_ns_names[i]);
	return 0;
}

static int check_ns(pid_t pid, size_t i, const char *cgroup, size_t len, const struct oci_facts *f,
		    struct cc_measurement *m, struct cc_error *err)
{
	const char *name = cc_ns_names[i];
	uint64_t theirs, ours;

	if (proc_ns(pid, name, &theirs, err) || proc_ns(0, name, &ours, err))
		return -1;
	if (theirs == ours && m->ns[i] == CC_NS_PRIVATE)
		return cc_refuse(
			err, "namespaces",
			"namespaces: config.json promises a private %s namespace, the kernel "
			"has the container in the host's",
			name);
	if (theirs == ours)
		m->ns[i] = CC_NS_HOST; /* joined by path, and it is the host's */
	else if (m->ns[i] == CC_NS_HOST)
		return cc_refuse(err, "namespaces",
				 "namespaces: config.json leaves the %s namespace to the host, the "
				 "kernel has the container in another",
				 name);
	return settle_joined(i, theirs, cgroup, len, is_own_netns(i, f, m), m, err);
}

/* The program @pid runs is called @name; false also when that is not known. */
static bool runs(pid_t pid, const char *name)
{
	char path[64], exe[PATH_MAX];
	const char *base;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	if (n <= 0)
		return false;
	exe[n] = '\0';
	base = strrchr(exe, '/');
	return base && strcmp(base + 1, name) == 0;
}

/* The engine itself, not a program of that name in a container. */
static bool is_engine(pid_t pid, const struct engine *engine)
{
	uint64_t theirs, ours;
	struct cc_error err;

	return runs(pid, engine->program) && proc_ns(pid, "mnt", &theirs, &err) == 0 &&
	       proc_ns(0, "mnt", &ours, &err) == 0 && theirs == ours;
}

int measure_fresh(pid_t pid, struct cc_error *err)
{
	if (!runs(pid, "criu"))
		return 0;
	return cc_refuse(
		err, "state",
		"state: the container is being restored from a checkpoint, and nobody knows what "
		"its memory holds; start it from its image");
}

int measure_kernel(pid_t pid, const char *cgroup, size_t len, const struct engine *engine,
		   const struct oci_facts *f, struct cc_measurement *m, struct cc_error *err)
{
	char path[64];
	size_t i;

	for (i = 0; i < CC_NS_COUNT; i++)
		if (check_ns(pid, i, cgroup, len, f, m, err))
			return -1;
	if (!f->hook_pid || is_engine(f->hook_pid, engine))
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)f->hook_pid);
	return cc_strv_push(&m->hooks, path, err);
}

bool measure_host_device(const char *path, const char *type, json_int_t major, json_int_t minor)
{
	struct stat st;

	if (major < 0 || major > UINT_MAX || minor < 0 || minor > UINT_MAX || stat(path, &st))
		return false;
	if (strcmp(type, "c") == 0 ? !S_ISCHR(st.st_mode) : !S_ISBLK(st.st_mode))
		return false;
	return st.st_rdev == makedev((unsigned int)major, (unsigned int)minor);
}

/*
 * Names of config.json as bits; what this libcap-ng does not know cannot be in the kernel's sets.
 */
static uint64_t cap_mask(const struct cc_strv *caps)
{
	uint64_t mask = 0;
	size_t i;
	int bit;

	for (i = 0; i < caps->n; i++) {
		if (strncmp(caps->v[i], "CAP_", 4) != 0)
			continue;
		bit = capng_name_to_capability(caps->v[i] + 4);
		if (bit >= 0 && bit < 64)
			mask |= UINT64_C(1) << bit;
	}
	return mask;
}

/*
 * Root of the container that has @cap may become whoever it likes; all others stay who they were
 * started as.
 */
static bool may_change(const struct cc_measurement *m, const char *cap)
{
	return m->user.uid == 0 && cc_strv_has(&m->capabilities, cap);
}

static bool has_group(const struct proc_status *st, const struct oci_facts *f,
		      const struct cc_user *u, size_t i)
{
	uint32_t host;

	if (oci_host_id(&f->gids, u->gid, &host) && host == st->groups[i])
		return true;
	for (size_t k = 0; k < u->n_groups; k++)
		if (oci_host_id(&f->gids, u->groups[k], &host) && host == st->groups[i])
			return true;
	return false;
}

static int check_groups(const struct proc_status *st, const struct oci_facts *f,
			const struct cc_measurement *m, bool fresh, struct cc_error *err)
{
	uint32_t gid;

	if (!fresh && may_change(m, "CAP_SETGID"))
		return 0;
	if (!oci_host_id(&f->gids, m->user.gid, &gid) || st->gid[0] != gid)
		return cc_refuse(err, "user",
				 "user: config.json says gid %u, the running process has the "
				 "host's %u",
				 m->user.gid, st->gid[0]);
	if (st->n_groups > CC_GROUPS_MAX)
		return cc_refuse(err, "user",
				 "user: the running process has %zu groups, more than the %d that "
				 "are looked at",
				 st->n_groups, CC_GROUPS_MAX);
	for (size_t i = 0; i < st->n_groups; i++)
		if (!has_group(st, f, &m->user, i))
			return cc_refuse(err, "user",
					 "user: config.json does not have the host's group %u, the "
					 "running process does",
					 st->groups[i]);
	return 0;
}

static int check_user(const struct proc_status *st, const struct oci_facts *f,
		      const struct cc_measurement *m, bool fresh, struct cc_error *err)
{
	uint32_t uid;

	if ((!fresh && may_change(m, "CAP_SETUID")) ||
	    (oci_host_id(&f->uids, m->user.uid, &uid) && st->uid[0] == uid))
		return check_groups(st, f, m, fresh, err);
	return cc_refuse(err, "user",
			 "user: config.json says uid %u, the running process has the host's %u",
			 m->user.uid, st->uid[0]);
}

/* A program may give itself more. */
static int check_filters(const struct proc_status *st, const struct oci_facts *f,
			 const struct cc_measurement *m, bool fresh, struct cc_error *err)
{
	unsigned int least, most;

	if (strcmp(m->seccomp, "unconfined") != 0 && st->seccomp != 2)
		return cc_refuse(err, "seccomp",
				 "seccomp: config.json has a filter, the running process has none");
	measure_filter_count(f->seccomp, &least, &most);
	if (!fresh || (st->filters >= least && st->filters <= most))
		return 0;
	return cc_refuse(
		err, "seccomp",
		"seccomp: config.json has %u filters, the program was started with %u; the "
		"unit of whoever starts it must not have options that make one "
		"(SystemCallFilter= …)",
		most, st->filters);
}

int measure_confined(const struct proc_status *st, const struct oci_facts *f,
		     const struct cc_measurement *m, bool fresh, struct cc_error *err)
{
	uint64_t has = st->cap_inh | st->cap_prm | st->cap_eff | st->cap_bnd | st->cap_amb;
	uint64_t beyond = has & ~cap_mask(&m->capabilities);
	const char *name;
	unsigned int bit;

	if (beyond) {
		bit = (unsigned int)__builtin_ctzll(beyond);
		name = capng_capability_to_name(bit);
		return cc_refuse(
			err, "capabilities",
			"capabilities: config.json does not have CAP_%s, the running process "
			"does",
			name ? name : "(unknown)");
	}
	if (m->no_new_privileges && !st->no_new_privs)
		return cc_refuse(
			err, "noNewPrivileges",
			"noNewPrivileges: config.json says true, the running process does not have "
			"it");
	if (check_filters(st, f, m, fresh, err))
		return -1;
	return check_user(st, f, m, fresh, err);
}
