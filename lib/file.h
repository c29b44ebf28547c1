/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.h - reading files of bounded size, and writing files so that they are there after a crash.
 */
#ifndef CC_FILE_H
#define CC_FILE_H

#include <stddef.h>

#include "error.h"

#define CC_FILE_MAX (256 * 1024) /* bytes of the largest file that is read whole */

/*
 * Reads a whole file (or stdin for "-"), at most CC_FILE_MAX bytes. *buf is malloced, with a NUL
 * behind *len.
 */
int cc_read_file(const char *path, char **buf, size_t *len, struct cc_error *err);

/* The same of at most @max bytes. */
int cc_read_file_max(const char *path, size_t max, char **buf, size_t *len, struct cc_error *err);

/* Writes all of @len bytes to @fd, however often that takes. Return: 0; -1 with errno. */
int cc_write_all(int fd, const void *buf, size_t len);

/* Makes the name of @path last: syncs the directory it is in. Return: 0; -1 with errno. */
int cc_sync_dir_of(const char *path);

/**
 * cc_replace_file - replaces the file @path with @len bytes of mode @mode, or makes it.
 *
 * After a crash it is the old or the new one, after success the new one. An error of the last step
 * leaves the new one, too. Killed meanwhile, it leaves a file "@path.XXXXXX" (mkstemp(3)).
 * Return: 0; -1 with @err filled.
 */
int cc_replace_file(const char *path, const void *buf, size_t len, unsigned int mode,
		    struct cc_error *err);

#endif
