/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grow.h - a bound volume takes the size keyd's record has, while its container runs.
 */
#ifndef CC_GROW_H
#define CC_GROW_H

#include "error.h"

/**
 * grow_bound - makes the mapping of @volume and the file system on it as large as keyd's record says.
 * @bound: out, whether there was anything to make larger: bound on this host, writable
 *
 * The caller holds the volume's lock. May be repeated: what an earlier
 * try left undone is done.
 */
int grow_bound(const char *volume, bool *bound, struct cc_error *err);

#endif
