/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cleanup.h - ownership by scope. A variable declared with one of these
 * attributes is released when it goes out of scope; hand it on with cc_steal().
 */
#ifndef CC_CLEANUP_H
#define CC_CLEANUP_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define cc_cleanup(fn) __attribute__((cleanup(fn)))

/* Takes the pointer out of @p and leaves NULL behind, so that its cleanup does nothing. */
#define cc_steal(p)                     \
	({                              \
		__typeof__(p) _v = (p); \
		(p) = NULL;             \
		_v;                     \
	})

/* The same for a file descriptor: leaves -1 behind. */
static inline int cc_steal_fd(int *fd)
{
	int v = *fd;

	*fd = -1;
	return v;
}

static inline void cc_free_ptr(void *p)
{
	free(*(void **)p);
}

static inline void cc_close_ptr(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cc_fclose_ptr(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cc_closedir_ptr(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define cc_auto_free cc_cleanup(cc_free_ptr)
#define cc_auto_close cc_cleanup(cc_close_ptr)
#define cc_auto_fclose cc_cleanup(cc_fclose_ptr)
#define cc_auto_closedir cc_cleanup(cc_closedir_ptr)

#endif
