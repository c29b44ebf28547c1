/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.h - writing files so that they are there after a crash.
 */
#ifndef CC_FILE_H
#define CC_FILE_H

#include <stddef.h>

/* Writes all of @len bytes to @fd, however often that takes. Return: 0; -1 with errno. */
int cc_write_all(int fd, const void *buf, size_t len);

/* Makes the name of @path last: syncs the directory it is in. Return: 0; -1 with errno. */
int cc_sync_dir_of(const char *path);

#endif
