/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proc.h - what the kernel says about a process: identity that survives pid reuse, credentials,
 * control group, namespaces. Nothing here asks the process itself or an engine.
 */
#ifndef CC_PROC_H
#define CC_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cleanup.h"
#include "error.h"
#include "user.h"

#define PROC_PATH_MAX 4096

/**
 * struct proc_ref - one process, not whoever has its number next.
 * @pidfd: open from proc_open() to proc_close()
 * @start_time: clock ticks since boot, /proc/PID/stat field 22
 */
struct proc_ref {
	int pidfd;
	pid_t pid;
	uint64_t start_time;
};

#define PROC_REF_NONE {.pidfd = -1}

/* Takes hold of @pid. CC_E_NOTFOUND when there is no such process. */
int proc_open(struct proc_ref *p, pid_t pid, struct cc_error *err);
void proc_close(struct proc_ref *p);
#define proc_auto_ref cc_cleanup(proc_close)

/* Still alive, and still the process it was. Call after everything else was read. CC_E_NOTFOUND. */
int proc_check(const struct proc_ref *p, struct cc_error *err);

/*
 * True when @pid lives, started at @start_time, and is not on its last way through the kernel,
 * which may be long.
 */
bool proc_alive(pid_t pid, uint64_t start_time);

/*
 * Where the stack of @pid began, /proc/PID/stat field 28: with address space layout randomization
 * somewhere else each time that it executes something. 0 where the kernel does not tell us. -1 when
 * it is gone.
 */
int proc_stack(pid_t pid, uint64_t *at);

/**
 * struct proc_status - /proc/PID/status.
 * @uid, @gid, @groups: real, effective, saved, file system, and supplementary ones; as our user
 *                      namespace sees them
 * @n_groups: how many it has, which may be more than are kept in @groups
 * @seccomp: 0 off, 1 strict, 2 filter
 * @filters: how many of them
 */
struct proc_status {
	uint32_t uid[4], gid[4];
	size_t n_groups;
	uint32_t groups[CC_GROUPS_MAX];
	uint64_t cap_inh, cap_prm, cap_eff, cap_bnd, cap_amb;
	bool no_new_privs;
	unsigned int seccomp, filters;
};

/* Parses the text of such a file; -1 when a field is missing or malformed. */
int proc_status_parse(const char *text, struct proc_status *st);
int proc_status(pid_t pid, struct proc_status *st, struct cc_error *err);

/**
 * proc_core_is_piped - whether the kernel starts a program for a core, kernel.core_pattern being
 * @pattern; it does so whatever RLIMIT_CORE says (core(5)). Not so for one that reads nothing,
 * false(1). Pure.
 */
bool proc_core_is_piped(const char *pattern);
/* The text of /proc/PID/limits says that there is no core file, nor may there be one. Pure. */
bool proc_limits_no_core(const char *text);
/* The same of @pid; false also when that is not known. */
bool proc_no_core(pid_t pid);

#define PROC_COMM_LEN 16

/* The type of an SELinux label, user:role:type:level, malloced; NULL when it is none. */
int proc_label_type(const char *label, char **type, struct cc_error *err);
/* Its level, which may have ':' in it, likewise. */
int proc_label_level(const char *label, char **level, struct cc_error *err);
/* @pid's label by the kernel, malloced; NULL without SELinux. */
int proc_selinux_label(pid_t pid, char **label, struct cc_error *err);

/* Name of the program that @pid runs, at most 15 characters (proc(5), comm); "" if not known. */
void proc_comm(pid_t pid, char out[static PROC_COMM_LEN]);

/**
 * proc_cgroup - path of the process in the v2 hierarchy: the "0::" line of /proc/PID/cgroup.
 * @path: out, starts with "/", relative to our cgroup namespace
 */
int proc_cgroup(pid_t pid, char path[static PROC_PATH_MAX], struct cc_error *err);

/* Inode of /proc/PID/ns/NAME; @pid 0 is ourselves. */
int proc_ns(pid_t pid, const char *name, uint64_t *ino, struct cc_error *err);

/**
 * proc_at_home - whether the root directory of @pid is ours: so it is for a process of the host in
 * whatever mount namespace, and for a container's before its runtime has made the container's root
 * file system its root; not after that.
 */
int proc_at_home(pid_t pid, bool *home, struct cc_error *err);

#endif
