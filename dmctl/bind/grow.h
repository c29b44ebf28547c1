/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grow.h - a bound volume takes the size keyd's record has, while its container runs.
 */
#ifndef CC_GROW_H
#define CC_GROW_H

#include "error.h"

/**
 * struct grown - who has the volume on this host.
 * @bound: a container that may write; mapping and file system are as large as the record
 * @read_only: containers whose identity is readOnly: neither the mapping nor the file system takes
 * a write
 */
struct grown {
	bool bound, read_only;
};

/**
 * grow_bound - makes the mapping of @volume and the file system on it as large as keyd's record
 * says.
 *
 * The caller holds the volume's lock. May be repeated: what an earlier
 * try left undone is done.
 */
int grow_bound(const char *volume, struct grown *grown, struct cc_error *err);

#endif
