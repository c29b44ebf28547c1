/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine.h - what the agent's processes give up by themselves. Its unit has no option that makes a
 * seccomp filter: the kernel tells no filter of a container's program to whoever has one itself
 * (seccomp_read.h). The loop is who asks; workers, which parse what comes from elsewhere and get
 * keys, have the filter.
 */
#ifndef CC_CONFINE_H
#define CC_CONFINE_H

#include "error.h"

/*
 * Nothing gets executable that could be written, where the kernel can see to that without a filter
 * (Linux 6.3, PR_SET_MDWE); what is executed has it, too.
 */
void confine_loop(void);

/*
 * For good, and for what is executed: no memory that is both, or gets executable; no real time; no
 * other personality; no system calls of another architecture. As systemd's MemoryDenyWriteExecute=,
 * RestrictRealtime=, LockPersonality=, SystemCallArchitectures=native. Return: 0, or -1.
 */
int confine_worker(struct cc_error *err);

#endif
