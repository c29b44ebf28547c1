// SPDX-License-Identifier: Apache-2.0
/*
 * rootfs_upper.c - a container's writable layer as one digest.
 */
#include "container/rootfs_upper.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "digest.h"
#include "strv.h"

#define MAGIC "container-crypt upper v1"

/* A NUL ends each text: no digest or path has one in it. */
static void record_put(FILE *f, const char *s)
{
	fwrite(s, 1, strlen(s) + 1, f);
}

static void put(FILE *f, const struct tree *t, const struct stat *root, const char *attributes)
{
	char owner[64];

	record_put(f, MAGIC);
	snprintf(owner, sizeof(owner), "%o %u %u", root->st_mode & 07777u, root->st_uid,
		 root->st_gid);
	record_put(f, owner);
	record_put(f, attributes);
	record_put(f, t->digest);
	for (size_t i = 0; i < t->opaque.n; i++)
		record_put(f, t->opaque.v[i]);
}

/* @newest: out, when the last of it was changed, as in struct tree */
static int digest_of(const char *dir, struct layer_cache *cache, char digest[static 72],
		     int64_t *newest, struct cc_error *err)
{
	cc_auto_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	tree_auto struct tree t = {0};
	cc_auto_free char *text = NULL;
	char attributes[72];
	struct stat root;
	bool cached;
	size_t len = 0;
	FILE *f;

	cache->limit = (struct tree_limit){UPPER_ENTRIES_MAX, UPPER_BYTES_MAX};
	if (fd < 0 || fstat(fd, &root))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", dir);
	if (tree_attributes(fd, attributes, err) || rootfs_layer(cache, fd, dir, &t, &cached, err))
		return -1;
	*newest = t.newest;
	f = open_memstream(&text, &len);
	if (!f)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	put(f, &t, &root, attributes);
	if (fclose(f))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	cc_sha256_digest(text, len, digest);
	return 0;
}

int upper_digest(const char *dir, struct layer_cache *cache, char digest[static 72],
		 struct cc_error *err)
{
	int64_t ignored;

	return digest_of(dir, cache, digest, &ignored, err);
}

static int read_left(const char *dir, const struct seen_end *at, struct layer_cache *cache,
		     char digest[static 72], struct cc_error *err)
{
	int64_t newest = 0;

	if (digest_of(dir, cache, digest, &newest, err))
		return -1;
	if (newest > (int64_t)at->real)
		return cc_fail(err, CC_E_BUSY,
			       "%s: something was changed after the container had ended", dir);
	if (seen_end_set_back(at))
		return cc_fail(err, CC_E_BUSY,
			       "%s: the clock was set back since the container ended: what was "
			       "changed after that cannot be told",
			       dir);
	return 0;
}

int upper_left(const char *dir, const struct seen_end *at, struct layer_cache *cache,
	       char digest[static 72], struct cc_error *err)
{
	int rc = read_left(dir, at, cache, digest, err);

	if (rc)
		digest[0] = '\0';
	return rc;
}
