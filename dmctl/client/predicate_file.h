/* SPDX-License-Identifier: Apache-2.0 */
/*
 * predicate_file.h - the predicate of an identity from where people have one. Nothing is verified.
 */
#ifndef CC_PREDICATE_FILE_H
#define CC_PREDICATE_FILE_H

#include "json.h"

/**
 * predicate_read - from a file that holds a predicate, or signed identities (identity_file.h).
 * @path: "-" is stdin
 * @volume: only that of this volume; NULL: the only one's
 * Return: new reference, a well-formed predicate; NULL on error.
 */
json_t *predicate_read(const char *path, const char *volume, struct cc_error *err);

/* The same of keyd's identity of @volume: the newest with which a container starts, where there is
 * one. */
json_t *predicate_of_volume(const char *volume, struct cc_error *err);

#endif
