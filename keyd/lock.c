// SPDX-License-Identifier: Apache-2.0
#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "cleanup.h"

int lock_dir(const char *dir, struct cc_error *err)
{
	cc_auto_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return cc_fail_errno(err, CC_E_NOTFOUND, "%s: run keyd init first", dir);
	if (flock(fd, LOCK_EX | LOCK_NB))
		return errno == EWOULDBLOCK ? cc_fail(err, CC_E_BUSY, "another keyd serves %s", dir)
					    : cc_fail_errno(err, CC_E_INTERNAL, "%s", dir);
	return cc_steal_fd(&fd);
}
