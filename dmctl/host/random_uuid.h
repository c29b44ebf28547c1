/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random_uuid.h - a UUID that nobody has, from the kernel.
 */
#ifndef CC_RANDOM_UUID_H
#define CC_RANDOM_UUID_H

#include "error.h"

/* A new one, version 4, lower case. */
int random_uuid(char uuid[static 37], struct cc_error *err);

#endif
