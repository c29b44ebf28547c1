// SPDX-License-Identifier: Apache-2.0
/*
 * rootfs_accounts.c - the lines that Podman adds to /etc/passwd and /etc/group.
 */
#include "container/rootfs_accounts.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PASSWD "/etc/passwd"
#define GROUP "/etc/group"
#define GECOS "container user"
#define FILE_MAX (1 << 20)
#define MADE_MODE 0600 /* of a file that the image does not have */

bool accounts_is_engines(const struct passwd *p)
{
	char number[16];

	snprintf(number, sizeof(number), "%" PRIu32, (uint32_t)p->pw_uid);
	return strcmp(p->pw_name, number) == 0 && strcmp(p->pw_passwd, "*") == 0 &&
	       strcmp(p->pw_gecos, GECOS) == 0 && strcmp(p->pw_shell, "/bin/sh") == 0;
}

/* A home of "/" or of the container's working directory; another is somebody's wish. */
static bool passwd_fits(const char *line, const struct cc_measurement *m)
{
	const char *const homes[] = {"/", m->cwd};
	const struct cc_user *u = &m->user;

	for (size_t i = 0; i < 2; i++) {
		cc_auto_free char *own = NULL;

		if (homes[i] &&
		    asprintf(&own, "%" PRIu32 ":*:%" PRIu32 ":%" PRIu32 ":" GECOS ":%s:/bin/sh\n",
			     u->uid, u->uid, u->gid, homes[i]) < 0)
			own = NULL;
		if (own && strcmp(own, line) == 0)
			return true;
	}
	return false;
}

/* The group is the one that was asked for, or called as the user. */
static bool group_fits(const char *line, const struct cc_measurement *m)
{
	const uint32_t gids[] = {m->user.gid, m->user.uid};

	for (size_t i = 0; i < 2; i++) {
		char own[64];

		snprintf(own, sizeof(own), "%" PRIu32 ":x:%" PRIu32 ":%" PRIu32 "\n", gids[i],
			 gids[i], m->user.uid);
		if (strcmp(own, line) == 0)
			return true;
	}
	return false;
}

bool accounts_line_fits(const char *line, const char *rel, const struct cc_measurement *m)
{
	if (strcmp(rel, PASSWD) == 0)
		return passwd_fits(line, m);
	return strcmp(rel, GROUP) == 0 && group_fits(line, m);
}

/* A regular file of at most FILE_MAX bytes, NUL terminated; NULL for any other. */
static char *read_whole(int dir, const char *path, struct stat *st)
{
	cc_auto_close int fd = openat(dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	cc_auto_free char *text = NULL;
	ssize_t n;

	if (fd < 0 || fstat(fd, st) || !S_ISREG(st->st_mode) || st->st_size > FILE_MAX)
		return NULL;
	text = malloc((size_t)st->st_size + 1);
	n = text ? pread(fd, text, (size_t)st->st_size, 0) : -1;
	if (n != st->st_size)
		return NULL;
	text[n] = '\0';
	return strlen(text) == (size_t)n ? cc_steal(text) : NULL;
}

bool accounts_fit(const char *path, const char *rel, const struct layers *lower,
		  const struct cc_measurement *m)
{
	cc_auto_close int dir = -1;
	cc_auto_free char *ours = NULL, *images = NULL;
	struct stat st, image;
	size_t len;

	if (strcmp(rel, PASSWD) != 0 && strcmp(rel, GROUP) != 0)
		return false;
	ours = read_whole(AT_FDCWD, path, &st);
	if (ours && !layers_show(lower, 0, rel, NULL)) /* made for the line, which is all of it */
		return st.st_mode == (S_IFREG | MADE_MODE) && accounts_line_fits(ours, rel, m);
	dir = layers_dir_of(lower, rel);
	images = dir < 0 ? NULL : read_whole(dir, strrchr(rel, '/') + 1, &image);
	if (!ours || !images || st.st_mode != image.st_mode || st.st_uid != image.st_uid ||
	    st.st_gid != image.st_gid)
		return false;
	len = strlen(images);
	return strncmp(ours, images, len) == 0 &&
	       (!ours[len] || accounts_line_fits(ours + len, rel, m));
}
