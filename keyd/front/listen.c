// SPDX-License-Identifier: Apache-2.0
#include "front/listen.h"

#include <errno.h>
#include <libgen.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "cleanup.h"

#define BACKLOG 128

static int make_dir(const char *path, struct cc_error *err)
{
	cc_auto_free char *copy = strdup(path);
	const char *dir = copy ? dirname(copy) : NULL;
	struct stat sb;
	mode_t mask;
	int rc;

	if (!dir)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	mask = umask(022);
	rc = mkdir(dir, 0711);
	umask(mask);
	if (rc && errno != EEXIST)
		return cc_fail_errno(err, CC_E_INTERNAL, "cannot create directory %s", dir);
	if (stat(dir, &sb))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", dir);
	if (!S_ISDIR(sb.st_mode) || sb.st_uid != 0 || (sb.st_mode & 022))
		return cc_fail(err, CC_E_PERM,
			       "%s must be a directory of root that nobody else can write to", dir);
	return 0;
}

/* A socket file outlives a killed daemon; a connection tells the two cases apart. */
static int remove_stale(const char *path, const struct sockaddr_un *addr, struct cc_error *err)
{
	cc_auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat sb;

	if (lstat(path, &sb))
		return errno == ENOENT ? 0 : cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	if (!S_ISSOCK(sb.st_mode))
		return cc_fail(err, CC_E_EXISTS, "%s exists and is not a socket", path);
	if (fd < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "socket");
	if (!connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) || errno == EAGAIN)
		return cc_fail(err, CC_E_BUSY, "another daemon serves %s", path);
	if (errno != ECONNREFUSED)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	return unlink(path) ? cc_fail_errno(err, CC_E_INTERNAL, "cannot replace %s", path) : 0;
}

int listen_unix(const char *path, struct cc_error *err)
{
	cc_auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	mode_t mask;
	int rc;

	if (strlen(path) >= sizeof(addr.sun_path))
		return cc_fail(err, CC_E_USAGE, "socket path %s is longer than %zu bytes", path,
			       sizeof(addr.sun_path) - 1);
	memcpy(addr.sun_path, path, strlen(path));
	if (fd < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "socket");
	if (make_dir(path, err) || remove_stale(path, &addr, err))
		return -1;
	mask = umask(0177);
	rc = bind(fd, (const struct sockaddr *)&addr, sizeof(addr));
	umask(mask);
	if (rc || listen(fd, BACKLOG))
		return cc_fail_errno(err, CC_E_INTERNAL, "cannot listen on %s", path);
	return cc_steal_fd(&fd);
}
