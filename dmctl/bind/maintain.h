/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maintain.h - a volume for a command of the host's administrator, to repair it by hand: with a
 * lease of its own, in a control group of its own, while no container has it.
 */
#ifndef CC_MAINTAIN_H
#define CC_MAINTAIN_H

#include <stdbool.h>

#include "error.h"

/**
 * struct maintain_request - what is to be run. All borrowed.
 * @device: the LUN; NULL: the one that carries the volume
 * @words: of the command, NULL-terminated, at least one; maintain_command.h
 * @read_only: the command cannot write to the volume
 */
struct maintain_request {
	const char *volume;
	const char *device;
	char *const *words;
	bool read_only;
};

/**
 * maintain_volume - runs it, and waits for its end. While it runs its lease is renewed; when that
 * is refused, or the lease has ended, it is killed. Afterwards there is neither mapping nor lease
 * nor process of it, also when we are killed. Call stop_signals_block() first; SIGTERM and SIGHUP
 * are passed on to the command, which has 10 s then.
 *
 * @status: out, as of waitpid(2)
 * Return: 0; -1 with CC_E_BUSY while the volume is in use, CC_E_DEVICE where the gate does not
 * stand, what keyd says, or when something of it is left.
 */
int maintain_volume(const struct maintain_request *request, int *status, struct cc_error *err);

#endif
