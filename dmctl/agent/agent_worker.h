/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_worker.h - a worker of the agent: a process that does one request. Keys live only here, and
 * nothing that blocks stops the agent's loop.
 */
#ifndef CC_AGENT_WORKER_H
#define CC_AGENT_WORKER_H

/**
 * agent_worker - a worker's whole life: takes one request from @fd, answers it, ends.
 * @cdi_dir: where CDI specs are
 * Return: exit status.
 */
int agent_worker(int fd, const char *cdi_dir);

#endif
