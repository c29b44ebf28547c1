// SPDX-License-Identifier: Apache-2.0
/*
 * upkeep.c - which programs work on volumes, as files.
 */
#include "bind/upkeep.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "host/boottime.h"
#include "host/crew.h"
#include "host/proc.h"
#include "name.h"
#include "strv.h"
#include "timestamp.h"

#define WHAT "upkeep"
#define RECORD ".json"
#define PROGRESS ".progress"
#define NEW ".new" /* of either, until it has its name */
#define PASSES 5
#define LINE_BYTES 256	/* of a line of progress; what is longer is none */
#define WRITE_MS 500	/* between two that are written down */
#define PROGRESS_MAX 64 /* bytes of the file */

static const char *const kinds[] = {[UPKEEP_MAINTAIN] = "maintain", [UPKEEP_CHECK] = "check"};

static void path_of(const char *dir, const char *volume, const char *suffix,
		    char path[static PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%.63s%s", dir, volume, suffix);
}

/*
 * Whole or not at all, by a name that upkeep_forget() knows: the scribe is killed at any of these
 * steps.
 */
static int replace(const struct upkeep *u, const char *suffix, const char *text, size_t len,
		   struct cc_error *err)
{
	char path[PATH_MAX], new[PATH_MAX + sizeof(NEW)];
	cc_auto_close int fd = -1;

	path_of(u->dir, u->volume, suffix, path);
	snprintf(new, sizeof(new), "%s" NEW, path);
	fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 || cc_write_all(fd, text, len) || rename(new, path)
		       ? cc_fail_errno(err, CC_E_INTERNAL, "%s", path)
		       : 0;
}

/* ---- progress ------------------------------------------------------------------------------ */

bool upkeep_progress(const char *line, unsigned int *pass, unsigned int *percent)
{
	unsigned long current, max;
	unsigned int number;
	int device = 0;

	if (line[strspn(line, "0123456789 \t\v\f\r")] ==
		    '-' || /* which sscanf would take for a sign */
	    sscanf(line, "%3u %16lu %16lu %n", &number, &current, &max, &device) != 3 ||
	    !line[device])
		return false;
	if (number < 1 || number > PASSES || current > max)
		return false;
	*pass = number;
	*percent = max ? (unsigned int)(current * 100 / max) : 0; /* 18 digits at most */
	return true;
}

/**
 * struct scribe - what was read and not yet written down.
 * @line, @len: the beginning of a line; @len of LINE_BYTES: one that is none
 * @news: there is something to write
 */
struct scribe {
	char line[LINE_BYTES];
	size_t len;
	unsigned int pass, percent;
	bool news;
};

static void take_char(struct scribe *s, char c)
{
	if (c != '\n') {
		if (s->len < LINE_BYTES)
			s->line[s->len++] = c;
		return;
	}
	if (s->len < LINE_BYTES) {
		s->line[s->len] = '\0';
		s->news |= upkeep_progress(s->line, &s->pass, &s->percent);
	}
	s->len = 0;
}

static void write_progress(struct scribe *s, const struct upkeep *u)
{
	char text[PROGRESS_MAX];
	struct cc_error ignored;
	int len = snprintf(text, sizeof(text), "%u %u", s->pass, s->percent);

	replace(u, PROGRESS, text, (size_t)len, &ignored);
	s->news = false;
}

/* The child: it is there until nobody can write any more, or its parent ends. */
static _Noreturn void be_scribe(const struct upkeep *u, int fd, pid_t parent)
{
	struct scribe s = {0};
	uint64_t next = 0;

	if (fd != UPKEEP_PROGRESS_FD && dup2(fd, UPKEEP_PROGRESS_FD) < 0)
		_exit(1);
	crew_alone(UPKEEP_PROGRESS_FD + 1);
	if (getppid() != parent)
		_exit(1);
	for (;;) {
		struct pollfd p = {.fd = UPKEEP_PROGRESS_FD, .events = POLLIN};
		uint64_t now = boottime_ms();
		char buf[4096];
		ssize_t n;

		if (s.news && now >= next) {
			write_progress(&s, u);
			next = now + WRITE_MS;
		}
		if (poll(&p, 1, s.news ? (int)(next - now) : -1) <= 0)
			continue;
		n = read(UPKEEP_PROGRESS_FD, buf, sizeof(buf));
		if (n <= 0)
			_exit(0);
		for (ssize_t i = 0; i < n; i++)
			take_char(&s, buf[i]);
	}
}

/* ---- while it runs ------------------------------------------------------------------------- */

static int start_scribe(struct upkeep *u, struct cc_error *err)
{
	pid_t parent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return cc_fail_errno(err, CC_E_INTERNAL, "pipe");
	u->scribe = fork();
	if (u->scribe == 0) {
		close(ends[1]);
		be_scribe(u, ends[0], parent);
	}
	close(ends[0]);
	u->progress = ends[1];
	return u->scribe > 0 ? 0 : cc_fail_errno(err, CC_E_INTERNAL, "fork");
}

int upkeep_open(struct upkeep *u, const char *dir, const char *volume, struct cc_error *err)
{
	*u = UPKEEP_NONE;
	u->dir = dir;
	snprintf(u->volume, sizeof(u->volume), "%s", volume);
	upkeep_forget(dir, volume);
	if (mkdir(dir, 0700) && errno != EEXIST)
		cc_fail_errno(err, CC_E_INTERNAL, "%s", dir);
	else if (start_scribe(u, err) == 0)
		return 0;
	upkeep_close(u);
	return -1;
}

int upkeep_begun(const struct upkeep *u, enum upkeep_kind kind, const char *command, pid_t pid,
		 struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	cc_auto_json json_t *obj = NULL;
	proc_auto_ref struct proc_ref program = PROC_REF_NONE;
	char since[CC_TIME_LEN];

	if (!u->dir)
		return 0;
	if (proc_open(&program, pid, err))
		return -1;
	cc_time_format(time(NULL), since);
	obj = json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:I}", "volume", u->volume, "kind",
			kinds[kind], "command", command, "pid", (json_int_t)pid, "startTime",
			(json_int_t)program.start_time, "since", since, "beganMs",
			(json_int_t)boottime_ms());
	text = obj ? json_dumps(obj, JSON_COMPACT) : NULL;
	if (!text)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return replace(u, RECORD, text, strlen(text), err);
}

void upkeep_forget(const char *dir, const char *volume)
{
	static const char *const suffixes[] = {RECORD, RECORD NEW, PROGRESS, PROGRESS NEW};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		path_of(dir, volume, suffixes[i], path);
		unlink(path);
	}
}

void upkeep_close(struct upkeep *u)
{
	if (u->progress >= 0)
		close(u->progress);
	if (u->scribe > 0) {
		kill(u->scribe, SIGKILL);
		waitpid(u->scribe, NULL, 0);
	}
	if (u->dir)
		upkeep_forget(u->dir, u->volume);
	*u = UPKEEP_NONE;
}

/* ---- what runs ----------------------------------------------------------------------------- */

/* New reference; null where it says nothing. */
static json_t *read_progress(const char *dir, const char *volume)
{
	cc_auto_free char *text = NULL;
	unsigned int pass, percent;
	struct cc_error ignored;
	char path[PATH_MAX];
	size_t len;

	path_of(dir, volume, PROGRESS, path);
	if (cc_read_file_max(path, PROGRESS_MAX, &text, &len, &ignored) ||
	    sscanf(text, "%3u %3u", &pass, &percent) != 2)
		return json_null();
	return json_pack("{s:i, s:i}", "pass", (int)pass, "percent", (int)percent);
}

/* Its program runs, and it is whole: that, new reference; else NULL. */
static json_t *read_record(const char *dir, const char *volume)
{
	cc_auto_free char *text = NULL, *command = NULL, *kind = NULL, *since = NULL;
	cc_auto_json json_t *obj = NULL;
	uint64_t pid = 0, start = 0, began = 0, now = boottime_ms();
	struct cc_error ignored;
	char path[PATH_MAX];
	size_t len;

	path_of(dir, volume, RECORD, path);
	if (cc_read_file(path, &text, &len, &ignored))
		return NULL;
	obj = cc_json_parse(text, len, path, &ignored);
	if (!obj || cc_json_str(obj, WHAT, "command", true, &command, &ignored) ||
	    cc_json_str(obj, WHAT, "kind", true, &kind, &ignored) ||
	    cc_json_str(obj, WHAT, "since", true, &since, &ignored) ||
	    cc_json_u64(obj, WHAT, "pid", true, &pid, &ignored) ||
	    cc_json_u64(obj, WHAT, "startTime", true, &start, &ignored) ||
	    cc_json_u64(obj, WHAT, "beganMs", true, &began, &ignored) || pid > INT_MAX ||
	    !proc_alive((pid_t)pid, start))
		return NULL;
	return json_pack("{s:s, s:s, s:s, s:I, s:s, s:I, s:o}", "volume", volume, "kind", kind,
			 "command", command, "pid", (json_int_t)pid, "since", since, "elapsedMs",
			 (json_int_t)(now > began ? now - began : 0), "progress",
			 read_progress(dir, volume));
}

/* The volume of a record's file; cuts it short. */
static bool volume_of(char *file)
{
	size_t len = strlen(file), post = strlen(RECORD);

	if (len <= post || strcmp(file + len - post, RECORD) != 0)
		return false;
	file[len - post] = '\0';
	return cc_is_name(file);
}

static int alphabetically(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_volumes(const char *dir, struct cc_strv *names, struct cc_error *err)
{
	cc_auto_closedir DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		return errno == ENOENT ? 0 : cc_fail_errno(err, CC_E_INTERNAL, "%s", dir);
	while ((e = readdir(d)))
		if (volume_of(e->d_name) && cc_strv_push(names, e->d_name, err))
			return -1;
	if (names->n)
		qsort(names->v, names->n, sizeof(names->v[0]), alphabetically);
	return 0;
}

int upkeep_list(const char *dir, json_t **list, struct cc_error *err)
{
	cc_cleanup(cc_strv_clear) struct cc_strv names = {0};
	cc_auto_json json_t *all = json_array();

	if (!all)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (list_volumes(dir, &names, err))
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		json_t *one = read_record(dir, names.v[i]);

		if (one)
			json_array_append_new(all, one);
	}
	*list = cc_steal(all);
	return 0;
}
