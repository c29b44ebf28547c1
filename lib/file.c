// SPDX-License-Identifier: Apache-2.0
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

/* Reads to the end of @fd, but no more than @max bytes: Return -1 with EFBIG when there is more. */
static ssize_t read_all(int fd, char *buf, size_t max)
{
	size_t n = 0;

	while (n <= max) {
		ssize_t r = read(fd, buf + n, max + 1 - n);

		if (r == 0)
			return (ssize_t)n;
		if (r < 0 && errno != EINTR)
			return -1;
		if (r > 0)
			n += (size_t)r;
	}
	errno = EFBIG;
	return -1;
}

int cc_read_file(const char *path, char **buf, size_t *len, struct cc_error *err)
{
	return cc_read_file_max(path, CC_FILE_MAX, buf, len, err);
}

int cc_read_file_max(const char *path, size_t max, char **buf, size_t *len, struct cc_error *err)
{
	bool is_stdin = !strcmp(path, "-");
	cc_auto_free char *data = malloc(max + 1);
	cc_auto_close int opened = -1;
	ssize_t n;

	if (!data)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (!is_stdin) {
		opened = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (opened < 0)
			return cc_fail_errno(err, errno == ENOENT ? CC_E_NOTFOUND : CC_E_INTERNAL,
					     "cannot open %s", path);
	}
	n = read_all(is_stdin ? STDIN_FILENO : opened, data, max);
	if (n < 0 && errno == EFBIG)
		return cc_fail(err, CC_E_INVALID, "%s has more than %zu bytes",
			       is_stdin ? "standard input" : path, max);
	if (n < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "cannot read %s",
				     is_stdin ? "standard input" : path);
	data[n] = '\0';
	*len = (size_t)n;
	*buf = cc_steal(data);
	return 0;
}

int cc_write_all(int fd, const void *buf, size_t len)
{
	const unsigned char *p = buf;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

int cc_sync_dir_of(const char *path)
{
	cc_auto_free char *copy = strdup(path);
	cc_auto_close int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	return fd < 0 ? -1 : fsync(fd);
}

int cc_replace_file(const char *path, const void *buf, size_t len, unsigned int mode,
		    struct cc_error *err)
{
	cc_auto_free char *tmp = NULL;
	cc_auto_close int fd = -1;

	if (asprintf(&tmp, "%s.XXXXXX", path) < 0) {
		tmp = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	fd = mkostemp(tmp, O_CLOEXEC);
	if (fd < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	if (cc_write_all(fd, buf, len) || fchmod(fd, mode) || fsync(fd) || rename(tmp, path)) {
		cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
		unlink(tmp);
		return -1;
	}
	return cc_sync_dir_of(path) ? cc_fail_errno(err, CC_E_INTERNAL, "the directory of %s", path)
				    : 0;
}
