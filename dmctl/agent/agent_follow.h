/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_follow.h - a process of the agent that waits for changes of a keyd on another machine: it
 * looks up names, speaks TLS and has the agent's key, none of which is for the loop to do. It also
 * keeps the host's certificate fresh.
 */
#ifndef CC_AGENT_FOLLOW_H
#define CC_AGENT_FOLLOW_H

#include <sys/types.h>

/* What it says, a byte each: keyd has been asked, and what changes from now on is heard; it did. */
enum follow_said { FOLLOW_ASKED = 'a', FOLLOW_CHANGED = 'c' };

/**
 * keyd_follow_spawn - starts it.
 * @url: of keyd
 * @pid: out; it dies with the agent
 * Return: where it is heard; -1 on error.
 */
int keyd_follow_spawn(const char *url, pid_t *pid);

/* What it does, for ever. @fd: where it says it. Return: exit status. */
int keyd_follow(int fd);

#endif
