// SPDX-License-Identifier: Apache-2.0
#include "store/slots.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "cleanup.h"
#include "digest.h"
#include "file.h"

#define MAGIC "ccslots1"
#define MAGIC_LEN 8
#define DIGEST_LEN 32
#define DIGEST_AT (SLOT_SIZE - DIGEST_LEN)

struct head {
	char magic[MAGIC_LEN];
	uint64_t number;
	uint32_t len;
} __attribute__((packed));

_Static_assert(sizeof(struct head) + SLOT_BYTES_MAX == DIGEST_AT, "a slot is filled");

/* ---- bytes ---- */

static bool digest_of(const unsigned char *slot, unsigned char md[static EVP_MAX_MD_SIZE])
{
	return EVP_Digest(slot, DIGEST_AT, md, NULL, cc_md_sha256(), NULL) == 1;
}

/* Its number; 0 when it is not valid. */
static uint64_t check_slot(const unsigned char *slot, size_t *len)
{
	unsigned char md[EVP_MAX_MD_SIZE];
	struct head h;

	memcpy(&h, slot, sizeof(h));
	if (memcmp(h.magic, MAGIC, MAGIC_LEN) || be32toh(h.len) > SLOT_BYTES_MAX ||
	    !digest_of(slot, md) || CRYPTO_memcmp(md, slot + DIGEST_AT, DIGEST_LEN))
		return 0;
	*len = be32toh(h.len);
	return be64toh(h.number);
}

const unsigned char *slots_newest(const unsigned char both[static 2 * SLOT_SIZE], size_t *len,
				  uint64_t *number)
{
	size_t lens[2] = {0};
	uint64_t a = check_slot(both, &lens[0]), b = check_slot(both + SLOT_SIZE, &lens[1]);
	int newer = b > a;

	*number = newer ? b : a;
	*len = lens[newer];
	return *number ? both + newer * SLOT_SIZE + sizeof(struct head) : NULL;
}

static int fill_slot(unsigned char slot[static SLOT_SIZE], uint64_t number,
		     const unsigned char *bytes, size_t len, struct cc_error *err)
{
	struct head h = {.number = htobe64(number), .len = htobe32((uint32_t)len)};
	unsigned char md[EVP_MAX_MD_SIZE];

	if (len > SLOT_BYTES_MAX)
		return cc_fail(err, CC_E_INTERNAL, "%zu bytes do not fit in a slot", len);
	memset(slot, 0, SLOT_SIZE);
	memcpy(h.magic, MAGIC, MAGIC_LEN);
	memcpy(slot, &h, sizeof(h));
	memcpy(slot + sizeof(h), bytes, len);
	if (!digest_of(slot, md))
		return cc_fail(err, CC_E_INTERNAL, "SHA-256 failed");
	memcpy(slot + DIGEST_AT, md, DIGEST_LEN);
	return 0;
}

/* ---- the file ---- */

static int check_file(int fd, const char *path, struct cc_error *err)
{
	struct stat sb;

	if (fstat(fd, &sb))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	if (!S_ISREG(sb.st_mode) || sb.st_uid != geteuid() || (sb.st_mode & 077))
		return cc_fail(err, CC_E_PERM,
			       "%s must be a regular file of user %u with mode 0600", path,
			       geteuid());
	return 0;
}

/* All of its blocks are there from the start: writing it later needs no room. */
static int make_file(const char *path, struct cc_error *err)
{
	static const unsigned char zeros[2 * SLOT_STRIDE];
	cc_auto_close int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 || cc_write_all(fd, zeros, sizeof(zeros)) || fsync(fd) || cc_sync_dir_of(path))
		return cc_fail_errno(err, CC_E_INTERNAL, "cannot create %s", path);
	return cc_steal_fd(&fd);
}

int slots_open(struct slots *s, const char *path, bool create, struct cc_error *err)
{
	cc_auto_close int fd = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	*s = (struct slots){.fd = -1};
	if (fd < 0 && errno == ENOENT && create)
		fd = make_file(path, err);
	else if (fd < 0)
		cc_fail_errno(err, errno == ENOENT ? CC_E_NOTFOUND : CC_E_INTERNAL, "%s", path);
	if (fd < 0 || check_file(fd, path, err))
		return -1;
	s->fd = cc_steal_fd(&fd);
	return 0;
}

void slots_close(struct slots *s)
{
	cc_close_ptr(&s->fd);
	s->fd = -1;
}

static int read_slot(int fd, unsigned char slot[static SLOT_SIZE], off_t at)
{
	ssize_t n;

	do {
		n = pread(fd, slot, SLOT_SIZE, at);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

int slots_read(struct slots *s, unsigned char bytes[static SLOT_BYTES_MAX], size_t *len,
	       struct cc_error *err)
{
	unsigned char both[2 * SLOT_SIZE] = {0};
	const unsigned char *newest;

	if (read_slot(s->fd, both, 0) || read_slot(s->fd, both + SLOT_SIZE, SLOT_STRIDE))
		return cc_fail_errno(err, CC_E_INTERNAL, "a file beside the database");
	newest = slots_newest(both, len, &s->number);
	if (newest)
		memcpy(bytes, newest, *len);
	OPENSSL_cleanse(both, sizeof(both));
	return 0;
}

static int write_slot(int fd, const unsigned char slot[static SLOT_SIZE], off_t at, bool sync)
{
	ssize_t n;

	do {
		n = pwrite(fd, slot, SLOT_SIZE, at);
	} while (n < 0 && errno == EINTR);
	if (n != SLOT_SIZE)
		return -1;
	return sync ? fdatasync(fd) : 0;
}

int slots_write(struct slots *s, const unsigned char *bytes, size_t len, bool sync,
		struct cc_error *err)
{
	const uint64_t number = s->number + 1;
	unsigned char slot[SLOT_SIZE];
	int rc = fill_slot(slot, number, bytes, len, err);

	if (rc == 0 && write_slot(s->fd, slot, (off_t)(number % 2) * SLOT_STRIDE, sync))
		rc = cc_fail_errno(err, CC_E_INTERNAL, "a file beside the database");
	OPENSSL_cleanse(slot, sizeof(slot));
	if (rc == 0)
		s->number = number;
	return rc;
}

int slots_write_both(struct slots *s, const unsigned char *bytes, size_t len, struct cc_error *err)
{
	if (slots_write(s, bytes, len, true, err))
		return -1;
	return slots_write(s, bytes, len, true, err);
}
