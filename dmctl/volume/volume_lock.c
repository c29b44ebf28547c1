// SPDX-License-Identifier: Apache-2.0
/*
 * volume_lock.c - a byte of one lock file stands for each volume name.
 */
#include "volume/volume_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cleanup.h"
#include "paths.h"

#define LOCK_FILE CC_RUN_DIR "/volumes.lock"
#define LOCK_MS 10000u
#define POLL_MS 50u

/* Which byte: the first 62 bits of the name's SHA-256. */
static int64_t offset_of(const char *name)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	uint64_t n = 0;

	if (!EVP_Digest(name, strlen(name), hash, NULL, EVP_sha256(), NULL))
		return -1;
	for (int i = 0; i < 8; i++)
		n = n << 8 | hash[i];
	return (int64_t)(n >> 2);
}

int volume_lock(const char *name, struct cc_error *err)
{
	return volume_lock_within(name, LOCK_MS, err);
}

int volume_lock_in(const char *path, const char *name, unsigned int timeout_ms,
		   struct cc_error *err)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1};
	cc_auto_close int fd = -1;

	lock.l_start = offset_of(name);
	if (lock.l_start < 0)
		return cc_fail(err, CC_E_INTERNAL, "SHA-256 is not available");
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	/* F_OFD_SETLKW has no time limit, and a signal that breaks it off would need a handler */
	for (unsigned int waited = 0; fcntl(fd, F_OFD_SETLK, &lock); waited += POLL_MS) {
		if (errno != EAGAIN && errno != EACCES)
			return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
		if (waited >= timeout_ms)
			return cc_fail(
				err, CC_E_BUSY,
				"another dmctl is working on volume %s; try again when it is done",
				name);
		nanosleep(&pause, NULL);
	}
	return cc_steal_fd(&fd);
}

int volume_lock_within(const char *name, unsigned int timeout_ms, struct cc_error *err)
{
	if (mkdir(CC_RUN_DIR, 0755) && errno != EEXIST)
		return cc_fail_errno(err, CC_E_INTERNAL, CC_RUN_DIR);
	return volume_lock_in(LOCK_FILE, name, timeout_ms, err);
}
