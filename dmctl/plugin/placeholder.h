/* SPDX-License-Identifier: Apache-2.0 */
/*
 * placeholder.h - what the volume plugin gives an engine to mount: a read-only directory with one
 * file that says what to do. A bind mounts the volume over it; where none happened, the container
 * sees the file, and cannot write data to the wrong place.
 */
#ifndef CC_PLACEHOLDER_H
#define CC_PLACEHOLDER_H

#include "json.h"

#define PLACEHOLDER_FILE "README.container-crypt"

/* Where it is: CC_PLACEHOLDER_DIR/VOLUME. */
void placeholder_path(const char *volume, char out[static 128]);

/* Makes it; success when it is there. Needs the host's mount namespace. */
int placeholder_make(const char *volume, struct cc_error *err);

/* Takes it away; success when there is none. Containers that have it mounted keep it. */
int placeholder_remove(const char *volume, struct cc_error *err);

/*
 * Opens it, O_PATH, for a comparison with what is mounted somewhere. Return: -1 when there is none,
 * and for a directory that is none.
 */
int placeholder_open(const char *volume);

#endif
