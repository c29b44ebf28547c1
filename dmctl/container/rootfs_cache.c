// SPDX-License-Identifier: Apache-2.0
/*
 * rootfs_cache.c - digests of layers that were taken since this boot: a file a layer
 * (layer_record.h), locked while the layer is read.
 */
#include "container/rootfs_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <syslog.h>
#include <time.h>

#include "file.h"
#include "container/layer_record.h"
#include "log.h"
#include "strv.h"

#define LAYERS_MAX 4096u
/*
 * A time of change this young may be that of a later change, too: clocks of file systems tick
 * coarsely.
 */
#define SETTLED_NS INT64_C(2000000000)

/* ---- the file of a layer ------------------------------------------------------------------- */

/* More than anybody has: begin anew rather than grow for ever. */
static void limit(int dir)
{
	cc_auto_close int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cc_auto_closedir DIR *d = copy < 0 ? NULL : fdopendir(copy);
	unsigned int n = 0;
	struct dirent *e;

	if (!d)
		return;
	cc_steal_fd(&copy);
	while (readdir(d))
		n++;
	if (n <= LAYERS_MAX)
		return;
	rewinddir(d);
	while ((e = readdir(d)))
		unlinkat(dir, e->d_name, 0);
}

/* -1: there is no cache, without an error. The file is locked until it is closed. */
static int open_file(const char *cache, int layer)
{
	cc_auto_close int dir = -1;
	cc_auto_close int fd = -1;
	struct stat st;
	char name[64];

	if (fstat(layer, &st) || (mkdir(cache, 0700) && errno != EEXIST))
		return -1;
	snprintf(name, sizeof(name), "%u:%u-%ju", major(st.st_dev), minor(st.st_dev),
		 (uintmax_t)st.st_ino);
	dir = open(cache, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	/* what others may have written to is not believed */
	if (dir < 0 || fstat(dir, &st) || st.st_uid != geteuid() || (st.st_mode & 022))
		return -1;
	fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		limit(dir);
		fd = openat(dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	}
	if (fd < 0)
		return -1;
	while (flock(fd, LOCK_EX))
		if (errno != EINTR)
			return -1;
	return cc_steal_fd(&fd);
}

/* The whole file; NULL when it is none. */
static char *read_file(int fd, size_t *len)
{
	cc_auto_free char *text = NULL;
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size <= 0 ||
	    st.st_size > LAYER_RECORD_MAX)
		return NULL;
	*len = (size_t)st.st_size;
	text = malloc(*len);
	return text && pread(fd, text, *len, 0) == st.st_size ? cc_steal(text) : NULL;
}

/* What is remembered of the tree of that stamp. */
static bool tree_take(int fd, struct tree *t)
{
	size_t len = 0;
	cc_auto_free char *text = fd < 0 ? NULL : read_file(fd, &len);
	tree_auto struct tree known = {0};

	if (!text || !layer_record_parse(text, len, &known) || strcmp(known.stamp, t->stamp) != 0)
		return false;
	memcpy(t->digest, known.digest, sizeof(t->digest));
	cc_strv_clear(&t->opaque);
	t->opaque = known.opaque;
	known.opaque = (struct cc_strv){0};
	return true;
}

static void keep(int fd, const struct tree *t)
{
	size_t len = 0;
	cc_auto_free char *text = fd < 0 ? NULL : layer_record_make(t, &len);

	if (!text)
		return;
	if (ftruncate(fd, 0) || lseek(fd, 0, SEEK_SET) || cc_write_all(fd, text, len))
		cc_log(LOG_WARNING, "the digest of a layer cannot be kept: %s", strerror(errno));
}

/* ---- what was looked at just now ----------------------------------------------------------- */

struct layer_seen {
	dev_t dev;
	ino_t ino;
	struct tree tree;
};

void layer_cache_clear(struct layer_cache *c)
{
	for (size_t i = 0; i < c->n; i++)
		tree_clear(&c->seen[i].tree);
	free(c->seen);
	c->seen = NULL;
	c->n = 0;
}

static int copy(struct tree *to, const struct tree *from, struct cc_error *err)
{
	memcpy(to->digest, from->digest, sizeof(to->digest));
	to->entries = from->entries;
	to->newest = from->newest;
	for (size_t i = 0; i < from->opaque.n; i++)
		if (cc_strv_push(&to->opaque, from->opaque.v[i], err))
			return -1;
	return 0;
}

static const struct tree *tree_find(const struct layer_cache *c, const struct stat *st)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->seen[i].dev == st->st_dev && c->seen[i].ino == st->st_ino)
			return &c->seen[i].tree;
	return NULL;
}

static int remember(struct layer_cache *c, const struct stat *st, const struct tree *t,
		    struct cc_error *err)
{
	struct layer_seen *seen = reallocarray(c->seen, c->n + 1, sizeof(*seen));

	if (!seen)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	c->seen = seen;
	seen += c->n++;
	*seen = (struct layer_seen){.dev = st->st_dev, .ino = st->st_ino};
	return copy(&seen->tree, t, err);
}

/* ---- a layer ------------------------------------------------------------------------------- */

static int read_layer(const struct layer_cache *c, int fd, const char *what, struct tree *t,
		      bool *cached, struct cc_error *err)
{
	cc_auto_close int file = open_file(c->dir, fd);
	struct timespec now;

	t->limit = c->limit;
	if (file >= 0 && tree_walk(fd, false, what, t, err))
		return -1;
	*cached = tree_take(file, t);
	if (*cached)
		return 0;
	tree_clear(t);
	t->limit = c->limit;
	clock_gettime(CLOCK_REALTIME, &now);
	if (tree_walk(fd, true, what, t, err))
		return -1;
	if (t->newest < now.tv_sec * INT64_C(1000000000) + now.tv_nsec - SETTLED_NS)
		keep(file, t);
	return 0;
}

int rootfs_layer(struct layer_cache *c, int fd, const char *what, struct tree *t, bool *cached,
		 struct cc_error *err)
{
	const struct tree *seen;
	struct stat st;

	if (fstat(fd, &st))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", what);
	seen = tree_find(c, &st);
	*cached = seen != NULL;
	if (seen)
		return copy(t, seen, err);
	return read_layer(c, fd, what, t, cached, err) || remember(c, &st, t, err) ? -1 : 0;
}
