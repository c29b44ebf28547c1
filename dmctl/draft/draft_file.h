/* SPDX-License-Identifier: Apache-2.0 */
/*
 * draft_file.h - what would be measured of a container that a file starts, by the file and the
 * image in the engine's store. Read on this host, as whoever asks: needs root for the store.
 */
#ifndef CC_DRAFT_FILE_H
#define CC_DRAFT_FILE_H

#include "measurement.h"

/**
 * struct draft_file - what is asked. All borrowed.
 * @from: PATH.container, PATH.yaml or PATH.yml, of the latter two also with "#SERVICE"
 * @env_file: file of variables for a Compose file; NULL: none
 * @engine: name of the engine that would start it; NULL: the one that reads such files
 * @volume: name of the volume that the identity is for
 */
struct draft_file {
	const char *from, *env_file, *engine, *volume;
};

/* Whether it is one, by its name; else it is a container's. */
bool draft_is_file(const char *from);

/**
 * draft_file_measure - what would be measured.
 * @asks: out; it asks for the device of @f->volume
 * Return: NULL with CC_E_USAGE for options that do not go together, CC_E_NOTFOUND for a file, a
 * service or an image that is not there, CC_E_INVALID for what is not known from the file.
 */
struct cc_measurement *draft_file_measure(const struct draft_file *f, bool *asks,
					  struct cc_error *err);

#endif
