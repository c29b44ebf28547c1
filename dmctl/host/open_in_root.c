// SPDX-License-Identifier: Apache-2.0
/*
 * open_in_root.c - opening files of a tree that somebody else made.
 */
#include "host/open_in_root.h"

#include <sys/syscall.h>
#include <unistd.h>

int open_in_root(int root, const char *path, int flags, uint64_t resolve)
{
	const struct open_how how = {
		.flags = (unsigned int)flags,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve,
	};

	return (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
}
