// SPDX-License-Identifier: Apache-2.0
/*
 * holders.c - which processes keep a block device in use.
 */
#include "host/holders.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "host/crew.h"

/*
 * Of all processes. The file systems of some may not answer: whoever is in a piece with one of
 * those is not found, all others are.
 */
#define PIECE 16u /* processes that are looked at together */
#define PIECE_MS 1000u
#define ALL_MS 5000u
#define WIDTH 4u
#define TEXT_MAX 1024u

/* Those that only see a mount are many where one counts: one is named, where nobody has more. */
#define ONLY_MOUNT "it mounted"

/**
 * struct numbers - of a file.
 * @dev: of its file system
 * @rdev: of a device node
 */
struct numbers {
	mode_t mode;
	dev_t dev, rdev;
};

/*
 * Follows the link of /proc. What the kernel knows of the file is enough: no server, and no program
 * that makes a file system, is asked. NFS may ask all the same, for where the link leads.
 */
static bool look_at(int dir, const char *name, struct numbers *n)
{
	struct statx st;

	if (statx(dir, name, AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, STATX_TYPE, &st))
		return false;
	n->mode = st.stx_mode;
	n->dev = makedev(st.stx_dev_major, st.stx_dev_minor);
	n->rdev = makedev(st.stx_rdev_major, st.stx_rdev_minor);
	return true;
}

static const char *opened(int proc, dev_t dev)
{
	cc_auto_close int fd = openat(proc, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cc_auto_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int at = dir ? dirfd(dir) : -1;
	struct dirent *d;
	struct numbers n;

	if (at < 0)
		return NULL;
	cc_steal_fd(&fd);
	while ((d = readdir(dir))) {
		if (d->d_name[0] == '.' || !look_at(at, d->d_name, &n))
			continue;
		if (S_ISBLK(n.mode) && n.rdev == dev)
			return "the device open";
		if (n.dev == dev)
			return S_ISDIR(n.mode) ? "a directory of it open" : "a file of it open";
	}
	return NULL;
}

/* The field of maps(5), "fd:02", or of mountinfo(5), "253:2", of some line. */
static bool line_has(int proc, const char *file, const char *field)
{
	cc_auto_close int fd = openat(proc, file, O_RDONLY | O_CLOEXEC);
	cc_auto_fclose FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	cc_auto_free char *line = NULL;
	size_t size = 0;

	if (!f)
		return false;
	cc_steal_fd(&fd);
	while (getline(&line, &size, f) > 0)
		if (strstr(line, field))
			return true;
	return false;
}

static bool maps(int proc, dev_t dev)
{
	char field[32];

	snprintf(field, sizeof(field), " %02x:%02x ", major(dev), minor(dev));
	return line_has(proc, "maps", field);
}

static bool mounts(int proc, dev_t dev)
{
	char field[32];

	snprintf(field, sizeof(field), " %u:%u ", major(dev), minor(dev));
	return line_has(proc, "mountinfo", field);
}

static bool is_on(int proc, const char *link, dev_t dev)
{
	struct numbers n;

	return look_at(proc, link, &n) && n.dev == dev;
}

/*
 * The kernel's own threads have none; they stand in the root directory, and keep nothing busy by
 * it. No file system is asked: a program that lies on a dead one is a program.
 */
static bool has_program(int proc)
{
	char c;

	return readlinkat(proc, "exe", &c, 1) >= 0;
}

const char *holder_how(pid_t pid, dev_t dev)
{
	cc_auto_close int proc = -1;
	const char *how;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	how = proc < 0 ? NULL : opened(proc, dev);
	if (how || proc < 0)
		return how;
	if (!has_program(proc))
		return NULL;
	if (is_on(proc, "exe", dev))
		return "its program on it";
	if (is_on(proc, "cwd", dev) || is_on(proc, "root", dev))
		return "its directory on it";
	if (maps(proc, dev))
		return "a file of it mapped";
	return mounts(proc, dev) ? ONLY_MOUNT : NULL;
}

/* ---- all of them --------------------------------------------------------------------------- */

/* What holder_how() says; who has the first of these is named first. */
static const char *const hows[] = {
	"the device open",     "a directory of it open", "a file of it open", "its program on it",
	"its directory on it", "a file of it mapped",	 ONLY_MOUNT,
};
#define N_HOWS (sizeof(hows) / sizeof(hows[0]))

/**
 * struct search - for holders.
 * @pids, @n_pids: of all processes
 * @v, @n: who was found, in the order of before()
 */
struct search {
	dev_t dev;
	pid_t *pids;
	size_t n_pids;
	struct holder *v;
	size_t n;
};

static void clear(struct search *s)
{
	free(s->pids);
}

static bool list_processes(struct search *s)
{
	cc_auto_closedir DIR *dir = opendir("/proc");
	struct dirent *d;
	size_t room = 0;

	while (dir && (d = readdir(dir))) {
		pid_t pid = (pid_t)strtol(d->d_name, NULL, 10);

		if (!isdigit((unsigned char)d->d_name[0]) || pid == getpid())
			continue;
		if (s->n_pids == room) {
			pid_t *more = reallocarray(s->pids, room += 256, sizeof(*more));

			if (!more)
				return false;
			s->pids = more;
		}
		s->pids[s->n_pids++] = pid;
	}
	return dir;
}

/* In a child: "PID HOW\n" of those of a piece that have something of it. */
static char *search_piece(void *arg, size_t i)
{
	const struct search *s = arg;
	char *text = calloc(1, TEXT_MAX);
	size_t len = 0;

	for (size_t k = i * PIECE; text && k < (i + 1) * PIECE && k < s->n_pids; k++) {
		const char *how = holder_how(s->pids[k], s->dev);

		if (how && len < TEXT_MAX)
			len += (size_t)snprintf(text + len, TEXT_MAX - len, "%d %s\n",
						(int)s->pids[k], how);
	}
	return text;
}

static size_t rank(const char *how)
{
	size_t i = 0;

	while (i < N_HOWS && strcmp(how, hows[i]) != 0)
		i++;
	return i;
}

/* Pieces end in any order; the same processes are named in the same one. */
static bool before(const struct holder *a, const struct holder *b)
{
	return a->how != b->how ? rank(a->how) < rank(b->how) : a->pid < b->pid;
}

static void take_line(struct search *s, const char *line)
{
	char *how;
	pid_t pid = (pid_t)strtol(line, &how, 10);
	size_t kind = *how ? rank(how + 1) : N_HOWS, at = s->n;
	struct holder h = {.pid = pid};

	if (kind == N_HOWS)
		return;
	h.how = hows[kind];
	while (at > 0 && before(&h, &s->v[at - 1]))
		at--;
	if (at == HOLDERS_MAX)
		return;
	if (s->n == HOLDERS_MAX)
		s->n--;
	memmove(s->v + at + 1, s->v + at, (s->n++ - at) * sizeof(h));
	s->v[at] = h;
}

static bool take_piece(void *arg, size_t i, enum crew_end end, const char *text)
{
	cc_auto_free char *lines = end == CREW_DONE ? strdup(text) : NULL;
	struct search *s = arg;
	char *rest = NULL;

	(void)i;
	for (char *line = lines ? strtok_r(lines, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest))
		take_line(s, line);
	return true;
}

size_t holders_find(dev_t dev, struct holder v[static HOLDERS_MAX])
{
	cc_cleanup(clear) struct search s = {.dev = dev, .v = v};
	const struct crew crew = {.width = WIDTH,
				  .piece_ms = PIECE_MS,
				  .all_ms = ALL_MS,
				  .work = search_piece,
				  .done = take_piece,
				  .arg = &s};
	struct cc_error ignored;
	size_t begun;

	if (!list_processes(&s) ||
	    crew_work(&crew, (s.n_pids + PIECE - 1) / PIECE, &begun, &ignored))
		return 0;
	while (s.n > 1 && strcmp(s.v[s.n - 1].how, ONLY_MOUNT) == 0)
		s.n--;
	for (size_t i = 0; i < s.n; i++)
		proc_comm(s.v[i].pid, s.v[i].comm);
	return s.n;
}
