/* SPDX-License-Identifier: Apache-2.0 */
/*
 * held_by.h - who keeps a mapping in use, for people: process, program, container.
 */
#ifndef CC_HELD_BY_H
#define CC_HELD_BY_H

#include <sys/types.h>

#define HELD_BY_LEN 512

/**
 * held_by - "process 4711 (cat) of docker container 0123456789ab has a file of it open", several of
 * them with "; " between.
 * @dev: the mapping
 * @text: out, "" when no process is found: what keeps it is the kernel's, as a loop device, or went
 *        away just now
 */
void held_by(dev_t dev, char text[static HELD_BY_LEN]);

#endif
