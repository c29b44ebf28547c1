/* SPDX-License-Identifier: Apache-2.0 */
/*
 * holders.h - which processes keep a block device, or the file system on it, in use. Asked of
 * /proc when something cannot be removed, to tell whoever wants it removed; nothing depends on it.
 */
#ifndef CC_HOLDERS_H
#define CC_HOLDERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "host/proc.h"

#define HOLDERS_MAX 8

/**
 * struct holder - one process.
 * @comm: the name of its program
 * @how: what it has of the device, for people: "a file open"
 */
struct holder {
	pid_t pid;
	char comm[PROC_COMM_LEN];
	const char *how;
};

/*
 * What process @pid has of device @dev: an open or mapped file, its program or a directory on the
 * file system, the device itself, or a mount of it in its mount namespace. NULL: nothing, or it
 * cannot be looked at.
 */
const char *holder_how(pid_t pid, dev_t dev);

/*
 * Fills @v with processes but ourselves that keep @dev in use, HOLDERS_MAX at most: first who has
 * the device or a file open, the lower pid first. How many. It takes some seconds at most: children
 * look, and one whose process has something of a file system that does not answer is left alone.
 * What must be done whoever holds it is done before.
 */
size_t holders_find(dev_t dev, struct holder v[static HOLDERS_MAX]);

#endif
