// SPDX-License-Identifier: Apache-2.0
#include "bind/refusal.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "measurement.h"
#include "timestamp.h"

#define SUFFIX ".json"
#define PATH_LEN 512
#define PREFIX_MIN 4 /* digits of an id */

static int refusal_path(const char *dir, const char *container, char path[static PATH_LEN],
			struct cc_error *err)
{
	if (!cc_measurement_is_container_id(container))
		return cc_fail(err, CC_E_INVALID, "\"%.80s\" is not a container id", container);
	snprintf(path, PATH_LEN, "%.300s/%s" SUFFIX, dir, container);
	return 0;
}

/* ---- which there are ----------------------------------------------------------------------- */

/* @file is one; its container's id is what is before the suffix. */
static bool is_record(const char *file)
{
	size_t len = strlen(file), post = strlen(SUFFIX);

	return file[0] != '.' && len > post && strcmp(file + len - post, SUFFIX) == 0;
}

static bool stat_in(const char *dir, const char *file, struct stat *st)
{
	char path[PATH_LEN];

	snprintf(path, sizeof(path), "%.300s/%.200s", dir, file);
	return lstat(path, st) == 0;
}

static bool is_older(const struct stat *a, const struct stat *b)
{
	return a->st_mtim.tv_sec != b->st_mtim.tv_sec ? a->st_mtim.tv_sec < b->st_mtim.tv_sec
						      : a->st_mtim.tv_nsec < b->st_mtim.tv_nsec;
}

/* Name of the oldest in @oldest, also of one half written; how many there are. */
static size_t count(const char *dir, char oldest[static 256])
{
	cc_auto_closedir DIR *d = opendir(dir);
	struct stat st, first = {0};
	struct dirent *e;
	size_t n = 0;

	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.' || !stat_in(dir, e->d_name, &st))
			continue;
		if (n++ && !is_older(&st, &first))
			continue;
		first = st;
		snprintf(oldest, 256, "%s", e->d_name);
	}
	return n;
}

/* Room for one more. */
static void drop_oldest(const char *dir)
{
	char oldest[256], path[PATH_LEN];

	while (count(dir, oldest) >= REFUSALS_MAX) {
		snprintf(path, sizeof(path), "%.250s/%.255s", dir, oldest);
		if (unlink(path))
			return;
	}
}

/* ---- keeping ------------------------------------------------------------------------------- */

static json_t *refusal_json(const struct refusal *r, bool patches)
{
	cc_auto_json json_t *obj = cc_error_to_json(r->err);
	json_t *error = json_object_get(obj, "error");
	char now[CC_TIME_LEN];

	if (r->more && json_object_update(error, (json_t *)(uintptr_t)r->more))
		return NULL;
	if (!patches) {
		json_object_del(error, "patch");
		json_object_del(error, "patches");
		json_object_del(error, "patchOf");
	}
	cc_time_format(time(NULL), now);
	if (!obj || json_object_set_new(obj, "time", json_string(now)) ||
	    json_object_set_new(obj, "container", json_string(r->container)) ||
	    json_object_set_new(obj, "name", r->name ? json_string(r->name) : json_null()) ||
	    json_object_set_new(obj, "engine", r->engine ? json_string(r->engine) : json_null()) ||
	    json_object_set_new(obj, "volume", r->volume ? json_string(r->volume) : json_null()))
		return NULL;
	return cc_steal(obj);
}

static char *record_text(const struct refusal *r, bool patches, struct cc_error *err)
{
	cc_auto_json json_t *obj = refusal_json(r, patches);
	char *text = obj ? json_dumps(obj, JSON_COMPACT) : NULL;

	if (!text)
		cc_fail(err, CC_E_NOMEM, "out of memory");
	return text;
}

int refusal_keep(const struct refusal *r, struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	char path[PATH_LEN];

	if (refusal_path(r->dir, r->container, path, err))
		return -1;
	text = record_text(r, true, err);
	if (text && strlen(text) > REFUSAL_BYTES_MAX) {
		free(text);
		text = record_text(r, false, err);
	}
	if (!text)
		return -1;
	if (mkdir(r->dir, 0700) && errno != EEXIST)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", r->dir);
	if (access(path, F_OK))
		drop_oldest(r->dir);
	return cc_replace_file(path, text, strlen(text), 0600, err);
}

/* ---- finding ------------------------------------------------------------------------------- */

static int read_text(const char *dir, const char *file, char **text, size_t *len,
		     struct cc_error *err)
{
	char path[PATH_LEN];

	snprintf(path, sizeof(path), "%.300s/%.200s", dir, file);
	return cc_read_file(path, text, len, err);
}

static json_t *read_record(const char *dir, const char *file, struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	size_t len;

	return read_text(dir, file, &text, &len, err) ? NULL : cc_json_parse(text, len, file, err);
}

static bool is_member(const json_t *obj, const char *key, const char *what)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return s && strcmp(s, what) == 0;
}

static bool is_meant(const json_t *obj, const char *what)
{
	const char *id = json_string_value(json_object_get(obj, "container")) ?: "";
	size_t len = strlen(what);

	return (len >= PREFIX_MIN && strncmp(id, what, len) == 0) || is_member(obj, "name", what) ||
	       is_member(obj, "volume", what);
}

static bool is_newer(const struct stat *a, const struct stat *b)
{
	return is_older(b, a);
}

json_t *refusal_find(const char *dir, const char *what, struct cc_error *err)
{
	cc_auto_closedir DIR *d = opendir(dir);
	cc_auto_json json_t *found = NULL;
	struct stat st, last = {0};
	struct dirent *e;

	if (!d && errno != ENOENT) {
		cc_fail_errno(err, CC_E_INTERNAL, "%s", dir);
		return NULL;
	}
	while (d && (e = readdir(d))) {
		cc_auto_json json_t *obj = NULL;

		if (!is_record(e->d_name) || !stat_in(dir, e->d_name, &st) ||
		    (found && !is_newer(&st, &last)))
			continue;
		obj = read_record(dir, e->d_name, err);
		if (!obj || !is_meant(obj, what)) /* one may go while we look */
			continue;
		json_decref(found);
		found = cc_steal(obj);
		last = st;
	}
	if (!found)
		cc_fail(err, CC_E_NOTFOUND,
			"nothing named \"%.80s\" was refused on this host since it was booted: no container and "
			"no volume",
			what);
	return cc_steal(found);
}

/*
 * What is said of the container itself, or of an earlier one of its name, which is no more. A
 * container that starts waits for this, so only what may be of it is parsed. Its own goes also when
 * it cannot be read.
 */
static bool is_over(const struct refusal *r, const char *file, const char *own)
{
	cc_auto_json json_t *obj = NULL;
	cc_auto_free char *text = NULL;
	bool is_own = strcmp(file, own) == 0;
	struct cc_error ignored;
	size_t len;

	if (read_text(r->dir, file, &text, &len, &ignored))
		return is_own;
	if (!is_own && (!r->name || !r->engine || !strstr(text, r->name)))
		return false;
	obj = cc_json_parse(text, len, file, &ignored);
	if (!obj)
		return is_own;
	return is_member(obj, "volume", r->volume) &&
	       (is_own || (is_member(obj, "name", r->name) && is_member(obj, "engine", r->engine)));
}

void refusal_forget(const struct refusal *r)
{
	cc_auto_closedir DIR *d = opendir(r->dir);
	struct cc_error ignored;
	char path[PATH_LEN];
	struct dirent *e;

	if (refusal_path(r->dir, r->container, path, &ignored))
		return;
	while (d && (e = readdir(d)))
		if (is_record(e->d_name) && is_over(r, e->d_name, strrchr(path, '/') + 1))
			unlinkat(dirfd(d), e->d_name, 0);
}
