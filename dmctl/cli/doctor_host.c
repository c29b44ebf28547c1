// SPDX-License-Identifier: Apache-2.0
/*
 * doctor_host.c - checks of the kernel, and of the ways in which memory gets onto a disk.
 */
#include "cli/doctor.h"

#include "cli/agent_client.h"
#include "host/first_line.h"
#include "host/proc.h"
#include "host/seccomp_read.h"
#include "volume/gates.h"

#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#define MODULE "dm_container_crypt"
#define MODULE_FILE "dm-container-crypt"

bool doctor_version_at_least(const char *release, unsigned int major, unsigned int minor)
{
	unsigned int a, b;

	if (sscanf(release, "%u.%u", &a, &b) != 2)
		return false;
	return a > major || (a == major && b >= minor);
}

void doctor_bracketed(const char *line, char *out, size_t size)
{
	const char *open = strchr(line, '['), *end = open ? strchr(open, ']') : NULL;

	out[0] = '\0';
	if (end)
		snprintf(out, size, "%.*s", (int)(end - open - 1), open + 1);
}

void doctor_kernel(const struct global_options *g, struct finding *f)
{
	struct utsname u;

	(void)g;
	if (uname(&u)) {
		finding_fail(f, CC_E_INTERNAL, "", "uname(2) failed");
		return;
	}
	if (doctor_version_at_least(u.release, 6, 1))
		finding_ok(f, "Linux %s", u.release);
	else
		finding_fail(f, CC_E_DEVICE, "run Linux 6.1 or later; 6.12 is what is tested most",
			     "Linux %s is too old", u.release);
}

/* The module's file for the running kernel is there: modules.dep names it. */
static bool module_installed(void)
{
	cc_auto_fclose FILE *f = NULL;
	char path[1200], line[1024];
	struct utsname u;

	if (uname(&u))
		return false;
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", u.release);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, ":\n")] = '\0';
		if (!strstr(line, "/" MODULE_FILE ".ko"))
			continue;
		snprintf(path, sizeof(path), "/lib/modules/%s/%s", u.release, line);
		return access(path, F_OK) == 0;
	}
	return false;
}

void doctor_module(const struct global_options *g, struct finding *f)
{
	char taint[32], version[64];

	(void)g;
	if (access("/sys/module/" MODULE, F_OK)) {
		if (module_installed())
			finding_warn(f, "modprobe " MODULE_FILE " shows whether it can be loaded",
				     "installed, not loaded yet: the kernel loads it when it is "
				     "first needed");
		else
			finding_fail(f, CC_E_DEVICE,
				     "install it for this kernel: make modules modules_install",
				     "the module " MODULE_FILE " is not installed for this kernel");
		return;
	}
	first_line("/sys/module/" MODULE "/version", version, sizeof(version));
	first_line("/sys/module/" MODULE "/taint", taint, sizeof(taint));
	if (strchr(taint, 'E'))
		finding_warn(
			f, "sign it with a key the kernel trusts; with lockdown it would not load",
			"loaded, but not signed");
	else
		finding_ok(f, "loaded%s%s", version[0] ? ", version " : "", version);
}

void doctor_lockdown(const struct global_options *g, struct finding *f)
{
	char line[128], mode[32];

	(void)g;
	first_line("/sys/kernel/security/lockdown", line, sizeof(line));
	doctor_bracketed(line, mode, sizeof(mode));
	if (!mode[0])
		finding_warn(f, "use a kernel with the lockdown LSM, lsm=lockdown,…",
			     "this kernel has none: root can read kernel memory, and keys in it");
	else if (strcmp(mode, "none") == 0)
		finding_warn(f, "boot with lockdown=confidentiality, or with Secure Boot",
			     "off: root can read kernel memory, and keys in it");
	else if (strcmp(mode, "integrity") == 0)
		finding_warn(f, "boot with lockdown=confidentiality",
			     "integrity only: root can still read kernel memory");
	else
		finding_ok(f, "%s", mode);
}

void doctor_cgroup(const struct global_options *g, struct finding *f)
{
	struct statfs fs;

	(void)g;
	if (statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
		finding_ok(f, "version 2");
	else
		finding_fail(f, CC_E_DEVICE, "boot with systemd.unified_cgroup_hierarchy=1",
			     "no version 2 hierarchy on /sys/fs/cgroup: containers cannot be told "
			     "apart");
}

static void gate_line(enum gate_line line, const char *missing, struct finding *f)
{
	const char *obstacle = gate_line_obstacle(line);

	if (gates_standing() & (unsigned int)line)
		finding_ok(f, "stands");
	else if (gate_line_waived(line))
		finding_warn(f, "run the agent without its option --without-gate",
			     "does not stand, and the agent is told to go without: %s", missing);
	else if (obstacle[0])
		finding_fail(
			f, CC_E_DEVICE,
			"boot with lsm=…,bpf on a kernel that has BPF LSM and BTF, or do without "
			"(dmctl agent --without-gate)",
			"does not stand: %s; %s", obstacle, missing);
	else
		finding_fail(f, CC_E_DEVICE,
			     "start the agent, which raises it; its log says why not",
			     "does not stand: %s", missing);
}

void doctor_gate_open(const struct global_options *g, struct finding *f)
{
	(void)g;
	gate_line(GATE_OPEN, "whoever has the device of a mapping opens it", f);
}

void doctor_gate_look(const struct global_options *g, struct finding *f)
{
	(void)g;
	gate_line(GATE_LOOK, "root on the host walks into a container's volume by /proc/PID/root",
		  f);
}

/* Its unit was given an option that makes one, or it was not started since it lost them. */
static bool agent_has_filter(const char *socket_path)
{
	pid_t agent = agent_pid(socket_path);
	struct cc_error ignored;
	struct proc_status st;

	return agent > 0 && proc_status(agent, &st, &ignored) == 0 && st.filters > 0;
}

void doctor_tracing(const struct global_options *g, struct finding *f)
{
	struct cc_error err;
	char scope[8];

	first_line("/proc/sys/kernel/yama/ptrace_scope", scope, sizeof(scope));
	if (strcmp(scope, "3") == 0)
		finding_warn(f, "sysctl kernel.yama.ptrace_scope=2, and boot",
			     "no process may be traced here (Yama): what a runtime executes is "
			     "looked at some time after the program has begun");
	else if (agent_has_filter(g->agent))
		finding_warn(
			f,
			"take options that make a seccomp filter out of its unit "
			"(SystemCallFilter=, RestrictRealtime= …; \"systemctl cat "
			"container-crypt-agent\"), systemctl daemon-reload, and restart it",
			"before the first instruction of a container's program, but its seccomp "
			"filter is not compared with config.json's: the agent has one itself, and "
			"the kernel shows it no other");
	else if (geteuid() == 0 && seccomp_read_probe(&err))
		finding_warn(
			f,
			"use a kernel with CONFIG_CHECKPOINT_RESTORE, and do not run this in a "
			"unit that makes a seccomp filter",
			"before the first instruction of a container's program, but its "
			"seccomp filter is not compared with config.json's: %s",
			err.text);
	else
		finding_ok(f, "before the first instruction of a container's program");
}

void doctor_clock(const struct global_options *g, struct finding *f)
{
	struct timex t = {0};

	(void)g;
	if (adjtimex(&t) < 0 || (t.status & STA_UNSYNC))
		finding_warn(f, "run chrony or systemd-timesyncd",
			     "not synchronised: validity times of identities are judged by it");
	else
		finding_ok(f, "synchronised");
}

/* A swap area whose device is a dm-crypt mapping, or memory. */
static bool swap_is_safe(const char *path)
{
	char file[128], uuid[160];
	struct stat st;

	if (strncmp(path, "/dev/zram", 9) == 0)
		return true;
	if (stat(path, &st) || !S_ISBLK(st.st_mode))
		return false;
	snprintf(file, sizeof(file), "/sys/dev/block/%u:%u/dm/uuid", major(st.st_rdev),
		 minor(st.st_rdev));
	first_line(file, uuid, sizeof(uuid));
	return strncmp(uuid, "CRYPT-", 6) == 0;
}

void doctor_swap(const struct global_options *g, struct finding *f)
{
	cc_auto_fclose FILE *swaps = fopen("/proc/swaps", "re");
	char line[512], path[256];
	unsigned int n = 0;

	(void)g;
	while (swaps && fgets(line, sizeof(line), swaps)) {
		if (sscanf(line, "%255s", path) != 1 || path[0] != '/')
			continue;
		n++;
		if (!swap_is_safe(path)) {
			finding_warn(f, "encrypt it (crypttab(5), option swap), or do without",
				     "%s is not encrypted: what containers have read may be "
				     "written there",
				     path);
			return;
		}
	}
	if (n)
		finding_ok(f, "encrypted, or in memory");
	else
		finding_ok(f, "none");
}

void doctor_core(const struct global_options *g, struct finding *f)
{
	char pattern[256], limit[64];

	(void)g;
	first_line("/proc/sys/kernel/core_pattern", pattern, sizeof(pattern));
	first_line("/proc/sys/kernel/core_pipe_limit", limit, sizeof(limit));
	if (!pattern[0] || (pattern[0] == '|' && !proc_core_is_piped(pattern)))
		finding_ok(f, "no core files");
	else
		finding_warn(f,
			     "run containers with --ulimit core=0, or sysctl "
			     "kernel.core_pattern='|/bin/false'",
			     "programs that crash leave their memory on the host (%s); keyd and "
			     "the agent do not",
			     pattern);
}

void doctor_kdump(const struct global_options *g, struct finding *f)
{
	char loaded[8];

	(void)g;
	first_line("/sys/kernel/kexec_crash_loaded", loaded, sizeof(loaded));
	if (strcmp(loaded, "1") == 0)
		finding_warn(f, "unload the crash kernel (kdump), or have dumps encrypted",
			     "a kernel crash writes all memory, keys too, to a disk");
	else
		finding_ok(f, "no crash kernel is loaded");
}
