// SPDX-License-Identifier: Apache-2.0
/*
 * rootfs_tree.c - a directory tree as one digest.
 *
 * Everything that goes into it is preceded by its length or has a fixed one, so that no two trees
 * make the same bytes.
 */
#include "container/rootfs_tree.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "digest.h"
#include "strv.h"

#define MAGIC "container-crypt tree v1\n"
#define DEPTH_MAX 256
#define PATH_LEN 16384
#define BLOCK (128 * 1024)
#define SHORT 256 /* bytes of a list of attributes that needs no second call */

struct walk {
	EVP_MD_CTX *digest; /* NULL: only the stamp */
	EVP_MD_CTX *stamp;
	struct tree *t;
	const char *what;
	struct cc_error *err;
	unsigned int depth;
	size_t path_len;
	char path[PATH_LEN]; /* of the entry that is looked at, "" for the root */
	unsigned char block[BLOCK];
};

void tree_clear(struct tree *t)
{
	cc_strv_clear(&t->opaque);
	*t = (struct tree){0};
}

/* ---- errors -------------------------------------------------------------------------------- */

static int fail_errno(const struct walk *w)
{
	return cc_fail_errno(w->err, CC_E_INTERNAL, "%s%s", w->what, w->path);
}

static int fail_changed(const struct walk *w)
{
	return cc_fail(w->err, CC_E_BUSY, "%s%s changed while it was read; try again", w->what,
		       w->path);
}

static int fail_limit(const struct walk *w)
{
	return cc_fail(w->err, CC_E_INVALID, "%s is too large to be read: more than %ju %s",
		       w->what,
		       (uintmax_t)(w->t->entries > w->t->limit.entries ? w->t->limit.entries
								       : w->t->limit.bytes),
		       w->t->entries > w->t->limit.entries ? "entries" : "bytes");
}

static bool is_beyond(uint64_t n, uint64_t limit)
{
	return limit && n > limit;
}

/* ---- what goes into a digest --------------------------------------------------------------- */

/* SHA-256 fails only without memory, which the first update has; a failure shows at the end. */
static void digest_put(EVP_MD_CTX *md, const void *p, size_t len)
{
	if (md)
		EVP_DigestUpdate(md, p, len);
}

static void put_u32(EVP_MD_CTX *md, uint32_t v)
{
	v = htobe32(v);
	digest_put(md, &v, sizeof(v));
}

static void put_u64(EVP_MD_CTX *md, uint64_t v)
{
	v = htobe64(v);
	digest_put(md, &v, sizeof(v));
}

static void put_bytes(EVP_MD_CTX *md, const void *p, size_t len)
{
	put_u32(md, (uint32_t)len);
	digest_put(md, p, len);
}

static int finish(EVP_MD_CTX *md, char out[static 72], struct cc_error *err)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned int len = 0;

	if (EVP_DigestFinal_ex(md, hash, &len) != 1 || len != 32)
		return cc_fail(err, CC_E_INTERNAL, "SHA-256 failed");
	cc_sha256_text(hash, out);
	return 0;
}

static EVP_MD_CTX *begin(struct cc_error *err)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	if (md && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1)
		return md;
	EVP_MD_CTX_free(md);
	cc_fail(err, CC_E_NOMEM, "out of memory");
	return NULL;
}

/* ---- extended attributes ------------------------------------------------------------------- */

/* What overlayfs notes for itself and what a host's security modules put on every file. */
static bool counts(const char *name)
{
	static const char *const labels[] = {"security.selinux", "security.ima", "security.evm"};
	static const char *const notes[] = {"origin", "impure", "nlink",
					    "uuid",   "upper",	"protattr"};
	static const char *const prefixes[] = {"trusted.overlay.", "user.overlay."};

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
		if (!strcmp(name, labels[i]))
			return false;
	for (size_t p = 0; p < sizeof(prefixes) / sizeof(prefixes[0]); p++) {
		size_t len = strlen(prefixes[p]);

		for (size_t i = 0;
		     !strncmp(name, prefixes[p], len) && i < sizeof(notes) / sizeof(notes[0]); i++)
			if (!strcmp(name + len, notes[i]))
				return false;
	}
	return true;
}

/*
 * An entry's attributes are reached through its descriptor, or for what must not be opened by its
 * path.
 */
struct attributes {
	int fd;
	const char *path; /* NULL: by fd */
};

static ssize_t list(const struct attributes *a, char *buf, size_t size)
{
	return a->path ? llistxattr(a->path, buf, size) : flistxattr(a->fd, buf, size);
}

static ssize_t xattr_get(const struct attributes *a, const char *name, void *buf, size_t size)
{
	return a->path ? lgetxattr(a->path, name, buf, size) : fgetxattr(a->fd, name, buf, size);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names that count, sorted. A file system without attributes has none. */
static int names_of(const struct attributes *a, struct cc_strv *names, struct cc_error *err)
{
	char some[SHORT];
	cc_auto_free char *more = NULL;
	char *all = some;
	ssize_t n = list(a, some, sizeof(some));

	if (n < 0 && errno == ERANGE) {
		all = more = malloc(XATTR_LIST_MAX);
		if (!more)
			return cc_fail(err, CC_E_NOMEM, "out of memory");
		n = list(a, more, XATTR_LIST_MAX);
	}
	if (n < 0)
		return errno == EOPNOTSUPP ? 0 : cc_fail_errno(err, CC_E_INTERNAL, "attributes");
	for (const char *name = all; name < all + n; name += strlen(name) + 1)
		if (counts(name) && cc_strv_push(names, name, err))
			return -1;
	if (names->n)
		qsort(names->v, names->n, sizeof(names->v[0]), by_name);
	return 0;
}

static bool is_opaque(const char *name, const unsigned char *value, ssize_t len)
{
	return (!strcmp(name, "trusted.overlay.opaque") || !strcmp(name, "user.overlay.opaque")) &&
	       len == 1 && value[0] == 'y';
}

/* @opaque: out, the mark of an opaque directory is there; it is not put */
static int put_attributes(EVP_MD_CTX *md, const struct attributes *a, unsigned char *value,
			  size_t size, bool *opaque, struct cc_error *err)
{
	cc_cleanup(cc_strv_clear) struct cc_strv names = {0};

	if (names_of(a, &names, err))
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		ssize_t n = xattr_get(a, names.v[i], value, size);

		if (n < 0)
			return cc_fail_errno(err, CC_E_INTERNAL, "attribute %s", names.v[i]);
		if (is_opaque(names.v[i], value, n)) {
			*opaque = true;
			continue;
		}
		digest_put(md, "x", 1);
		put_bytes(md, names.v[i], strlen(names.v[i]));
		put_bytes(md, value, (size_t)n);
	}
	digest_put(md, "-", 1);
	return 0;
}

int tree_attributes(int fd, char digest[static 72], struct cc_error *err)
{
	cc_auto_md EVP_MD_CTX *md = begin(err);
	cc_auto_free unsigned char *value = malloc(XATTR_SIZE_MAX);
	bool opaque = false;

	if (!md)
		return -1;
	if (!value)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return put_attributes(md, &(struct attributes){.fd = fd}, value, XATTR_SIZE_MAX, &opaque,
			      err) ||
			       finish(md, digest, err)
		       ? -1
		       : 0;
}

/* ---- one entry ----------------------------------------------------------------------------- */

static int64_t nanoseconds(const struct statx_timestamp *t)
{
	return t->tv_sec * INT64_C(1000000000) + t->tv_nsec;
}

static bool is_same(const struct statx *a, const struct statx *b)
{
	return a->stx_ino == b->stx_ino && a->stx_dev_major == b->stx_dev_major &&
	       a->stx_dev_minor == b->stx_dev_minor && a->stx_mode == b->stx_mode &&
	       a->stx_size == b->stx_size &&
	       nanoseconds(&a->stx_ctime) == nanoseconds(&b->stx_ctime) &&
	       nanoseconds(&a->stx_mtime) == nanoseconds(&b->stx_mtime);
}

static int look(struct walk *w, int fd, const char *name, struct statx *st)
{
	if (statx(fd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*name ? 0 : AT_EMPTY_PATH),
		  STATX_BASIC_STATS, st))
		return fail_errno(w);
	return 0;
}

/* It is still what it was before it was read. */
static int look_again(struct walk *w, int fd, const struct statx *before)
{
	struct statx now;

	if (look(w, fd, "", &now))
		return -1;
	return is_same(before, &now) ? 0 : fail_changed(w);
}

static void put_stamp(struct walk *w, const char *name, const struct statx *st)
{
	put_bytes(w->stamp, name, strlen(name));
	put_u32(w->stamp, st->stx_mode);
	put_u32(w->stamp, st->stx_uid);
	put_u32(w->stamp, st->stx_gid);
	put_u32(w->stamp, st->stx_rdev_major);
	put_u32(w->stamp, st->stx_rdev_minor);
	put_u64(w->stamp, st->stx_ino);
	put_u64(w->stamp, st->stx_size);
	put_u64(w->stamp, (uint64_t)nanoseconds(&st->stx_ctime));
	put_u64(w->stamp, (uint64_t)nanoseconds(&st->stx_mtime));
	if (nanoseconds(&st->stx_ctime) > w->t->newest)
		w->t->newest = nanoseconds(&st->stx_ctime);
}

static int open_entry(struct walk *w, int dir, const char *name, int flags, const struct statx *st)
{
	int fd = openat(dir, name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags);

	if (fd < 0)
		return errno == ELOOP || errno == ENOTDIR || errno == ENOENT ? fail_changed(w)
									     : fail_errno(w);
	if (look_again(w, fd, st)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Type, permissions, owner, attributes. */
static int put_common(struct walk *w, char type, const struct attributes *a, const struct statx *st)
{
	bool opaque = false;

	digest_put(w->digest, &type, 1);
	put_u32(w->digest, st->stx_mode & 07777u);
	put_u32(w->digest, st->stx_uid);
	put_u32(w->digest, st->stx_gid);
	if (put_attributes(w->digest, a, w->block, sizeof(w->block), &opaque, w->err))
		return cc_prefix(w->err, "%s%s", w->what, w->path);
	return opaque && type == 'd' ? cc_strv_push(&w->t->opaque, w->path, w->err) : 0;
}

static int put_file(struct walk *w, int dir, const char *name, const struct statx *st)
{
	cc_auto_close int fd = open_entry(w, dir, name, 0, st);
	uint64_t total = 0;
	ssize_t n;

	if (fd < 0 || put_common(w, 'f', &(struct attributes){.fd = fd}, st))
		return -1;
	if (is_beyond(st->stx_size, w->t->limit.bytes) ||
	    is_beyond(w->t->bytes + st->stx_size, w->t->limit.bytes))
		return fail_limit(w);
	put_u64(w->digest, st->stx_size);
	while ((n = read(fd, w->block, sizeof(w->block))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(w);
		digest_put(w->digest, w->block, (size_t)n);
		total += (uint64_t)n;
	}
	w->t->bytes += total;
	return total != st->stx_size ? fail_changed(w) : look_again(w, fd, st);
}

static int put_link(struct walk *w, int dir, const char *name)
{
	ssize_t n = readlinkat(dir, name, (char *)w->block, sizeof(w->block));

	if (n < 0)
		return errno == EINVAL || errno == ENOENT ? fail_changed(w) : fail_errno(w);
	put_bytes(w->digest, w->block, (size_t)n);
	return 0;
}

/* What is not opened: links, devices, pipes, sockets. */
static int put_special(struct walk *w, int dir, const char *name, const struct statx *st)
{
	static const char types[] = {[S_IFLNK >> 12] = 'l',
				     [S_IFCHR >> 12] = 'c',
				     [S_IFBLK >> 12] = 'b',
				     [S_IFIFO >> 12] = 'p',
				     [S_IFSOCK >> 12] = 's'};
	char type = types[(st->stx_mode & S_IFMT) >> 12], path[320];
	struct statx now;

	if (type == 'c' && st->stx_rdev_major == 0 && st->stx_rdev_minor == 0) {
		digest_put(w->digest, "w", 1);
		return 0;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, name);
	if (put_common(w, type, &(struct attributes){.path = path}, st))
		return -1;
	if (type == 'l' && put_link(w, dir, name))
		return -1;
	put_u32(w->digest, st->stx_rdev_major);
	put_u32(w->digest, st->stx_rdev_minor);
	if (look(w, dir, name, &now))
		return -1;
	return is_same(st, &now) ? 0 : fail_changed(w);
}

/* ---- directories --------------------------------------------------------------------------- */

static int walk_dir(struct walk *w, int fd, const struct statx *st);

static int enter(struct walk *w, int dir, const char *name, const struct statx *st)
{
	cc_auto_close int fd = open_entry(w, dir, name, O_DIRECTORY, st);
	int rc;

	if (fd < 0 || (w->digest && put_common(w, 'd', &(struct attributes){.fd = fd}, st)))
		return -1;
	if (++w->depth > DEPTH_MAX)
		return cc_fail(w->err, CC_E_INVALID, "%s%.200s...: more than %d directories deep",
			       w->what, w->path, DEPTH_MAX);
	rc = walk_dir(w, fd, st);
	w->depth--;
	return rc;
}

static int visit(struct walk *w, int dir, const char *name)
{
	struct statx st;

	if (look(w, dir, name, &st))
		return -1;
	if (st.stx_attributes & STATX_ATTR_MOUNT_ROOT)
		return cc_fail(w->err, CC_E_INVALID, "%s%s: something is mounted there", w->what,
			       w->path);
	if (is_beyond(++w->t->entries, w->t->limit.entries))
		return fail_limit(w);
	put_stamp(w, name, &st);
	put_bytes(w->digest, name, strlen(name));
	if (S_ISDIR(st.stx_mode))
		return enter(w, dir, name, &st);
	if (!w->digest)
		return 0;
	return S_ISREG(st.stx_mode) ? put_file(w, dir, name, &st) : put_special(w, dir, name, &st);
}

static int read_names(struct walk *w, int fd, struct cc_strv *names)
{
	cc_auto_close int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	cc_auto_closedir DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *d;

	if (!dir)
		return fail_errno(w);
	cc_steal_fd(&copy);
	rewinddir(dir); /* the copy goes on where an earlier walk of @fd ended */
	while ((errno = 0, d = readdir(dir)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0 &&
		    cc_strv_push(names, d->d_name, w->err))
			return -1;
	if (errno)
		return fail_errno(w);
	if (names->n)
		qsort(names->v, names->n, sizeof(names->v[0]), by_name);
	return 0;
}

/* Depth first, by name; the path is that of the entry that is looked at. */
static int walk_dir(struct walk *w, int fd, const struct statx *st)
{
	cc_cleanup(cc_strv_clear) struct cc_strv names = {0};
	size_t len = w->path_len;

	if (read_names(w, fd, &names))
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		size_t add = strlen(names.v[i]) + 1;

		if (len + add >= sizeof(w->path))
			return cc_fail(w->err, CC_E_INVALID, "%s%.200s...: a path is too long",
				       w->what, w->path);
		w->path[len] = '/';
		memcpy(w->path + len + 1, names.v[i], add);
		w->path_len = len + add;
		if (visit(w, fd, names.v[i]))
			return -1;
		w->path_len = len;
		w->path[len] = '\0';
	}
	/* no name is empty: this one ends the directory */
	put_bytes(w->digest, "", 0);
	put_bytes(w->stamp, "", 0);
	return look_again(w, fd, st);
}

/* The root directory's own attributes do not count, but may say that it is opaque. */
static int walk_root(struct walk *w, int fd)
{
	cc_auto_md EVP_MD_CTX *aside = NULL;
	bool opaque = false;
	struct statx st;

	if (look(w, fd, "", &st))
		return -1;
	put_stamp(w, "", &st);
	digest_put(w->digest, MAGIC, strlen(MAGIC));
	if (w->digest) {
		aside = begin(w->err);
		if (!aside || put_attributes(aside, &(struct attributes){.fd = fd}, w->block,
					     sizeof(w->block), &opaque, w->err))
			return -1;
	}
	if (opaque && cc_strv_push(&w->t->opaque, "", w->err))
		return -1;
	return walk_dir(w, fd, &st);
}

int tree_walk(int fd, bool contents, const char *what, struct tree *t, struct cc_error *err)
{
	cc_auto_md EVP_MD_CTX *digest = contents ? begin(err) : NULL;
	cc_auto_md EVP_MD_CTX *stamp = begin(err);
	cc_auto_free struct walk *w = NULL;

	if (!stamp || (contents && !digest))
		return -1;
	w = calloc(1, sizeof(*w));
	if (!w)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	w->digest = digest;
	w->stamp = stamp;
	w->t = t;
	w->what = what;
	w->err = err;
	if (walk_root(w, fd) || finish(stamp, t->stamp, err) ||
	    (contents && finish(digest, t->digest, err)))
		return -1;
	return 0;
}
