/* SPDX-License-Identifier: Apache-2.0 */
/*
 * random_uuid.h - names for what keyd gives out: leases, enrolments.
 */
#ifndef KEYD_RANDOM_UUID_H
#define KEYD_RANDOM_UUID_H

#include "error.h"
#include "name.h"

/* A random UUID (version 4), as text. Return: 0; -1 with CC_E_INTERNAL. */
int random_uuid(char uuid[static CC_UUID_LEN], struct cc_error *err);

#endif
