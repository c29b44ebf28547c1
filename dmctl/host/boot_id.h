/* SPDX-License-Identifier: Apache-2.0 */
/*
 * boot_id.h - which boot of this host this is (random(4)).
 */
#ifndef CC_BOOT_ID_H
#define CC_BOOT_ID_H

#include "error.h"
#include "name.h"

/* The UUID, with its NUL. Return: 0; -1 with @err filled. */
int boot_id(char out[static CC_UUID_LEN], struct cc_error *err);

#endif
