/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_test.h - a directory of its own for each test of root file systems, and what is made below
 * it.
 */
#ifndef CC_TREE_TEST_H
#define CC_TREE_TEST_H

#include "lib_test.h"

#include <stdlib.h>
#include <sys/stat.h>

static char top[64];

static inline int top_new(void)
{
	umask(022);
	strcpy(top, "/tmp/test-rootfs.XXXXXX");
	return mkdtemp(top) ? 0 : -1;
}

/* A cmocka teardown. */
static inline int top_remove(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

/* @path below @dir; good for the next three calls. */
static inline const char *in(const char *dir, const char *path)
{
	static char full[4][256];
	static unsigned int n;
	char *out = full[n++ % 4];

	snprintf(out, sizeof(full[0]), "%s%s", dir, path);
	return out;
}

static inline const char *at(const char *path)
{
	return in(top, path);
}

static inline void make_dir(const char *dir, const char *path)
{
	assert_int_equal(mkdir(in(dir, path), 0755), 0);
}

static inline void make_file(const char *dir, const char *path, const char *text)
{
	FILE *f = fopen(in(dir, path), "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

#endif
