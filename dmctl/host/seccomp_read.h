/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp_read.h - the seccomp filter of a process that we trace, as the kernel has it
 * (PTRACE_SECCOMP_GET_FILTER, ptrace(2)).
 */
#ifndef CC_SECCOMP_READ_H
#define CC_SECCOMP_READ_H

#include <linux/filter.h>
#include <stdbool.h>
#include <sys/types.h>

#include "error.h"

/**
 * struct seccomp_seen - what was read. Zero it first, clear it after.
 * @read: it could be
 * @p, @n: program and instructions; NULL and 0 where the process has no filter
 */
struct seccomp_seen {
	bool read;
	struct sock_filter *p;
	size_t n;
};

void seccomp_seen_clear(struct seccomp_seen *s);

/**
 * seccomp_read - the oldest filter of @pid, which our thread traces and which stands: the only one,
 * unless there are more (Seccomp_filters of struct proc_status).
 * @s: cleared
 *
 * Return: 0; -1 with CC_E_PERM: we have a filter ourselves, or lack CAP_SYS_ADMIN in the initial
 * user namespace; CC_E_DEVICE: the kernel gives none (CONFIG_CHECKPOINT_RESTORE); CC_E_NOTFOUND:
 * the process is gone, or runs.
 */
int seccomp_read(pid_t pid, struct seccomp_seen *s, struct cc_error *err);

/*
 * Whether all that is needed for that is there, found out with a child of ours that gives itself a
 * filter. As seccomp_read(). For a process that has no children of which it waits for all.
 */
int seccomp_read_probe(struct cc_error *err);

#endif
