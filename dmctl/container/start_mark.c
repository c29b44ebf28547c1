// SPDX-License-Identifier: Apache-2.0
/*
 * start_mark.c - what the agent remembers of a container it has bound.
 */
#include "container/start_mark.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>

#include "digest.h"
#include "file.h"
#include "host/boot_id.h"
#include "identity.h"
#include "log.h"
#include "name.h"

#define WHAT "the mark of a start"

void start_mark_clear(struct start_mark *k)
{
	free(k->upper);
	cc_user_clear(&k->user);
	*k = (struct start_mark){0};
}

/* ---- text ---------------------------------------------------------------------------------- */

static int mark_process(const json_t *obj, struct start_mark *k, struct cc_error *err)
{
	static const char *const known[] = {"pid", "startTime", "boot", NULL};
	cc_auto_free char *boot = NULL;
	uint64_t pid = 0;

	if (cc_json_only(obj, WHAT, known, err) || cc_json_u64(obj, WHAT, "pid", true, &pid, err) ||
	    cc_json_u64(obj, WHAT, "startTime", true, &k->start_time, err) ||
	    cc_json_str(obj, WHAT, "boot", true, &boot, err))
		return -1;
	if (pid == 0 || pid > INT_MAX || !cc_is_uuid(boot))
		return cc_fail(err, CC_E_INVALID, WHAT ": a member is out of range");
	k->pid = (pid_t)pid;
	memcpy(k->boot, boot, sizeof(k->boot));
	return 0;
}

static bool is_filter(const char *s)
{
	return cc_is_digest(s) || strcmp(s, "unconfined") == 0 ||
	       strcmp(s, START_MARK_FILTER_OTHER) == 0;
}

static int parse_members(const json_t *obj, struct start_mark *k, struct cc_error *err)
{
	static const char *const known[] = {"process", "upper", "sure",	  "first",
					    "end",     "user",	"filter", NULL};
	json_t *process = NULL, *user = NULL;
	cc_auto_free char *end = NULL, *filter = NULL;

	if (cc_json_only(obj, WHAT, known, err) ||
	    cc_json_obj(obj, WHAT, "process", false, &process, err) ||
	    (process && mark_process(process, k, err)) ||
	    cc_json_obj(obj, WHAT, "user", false, &user, err) ||
	    (user && cc_user_from_json(user, WHAT " user", &k->user, err)) ||
	    cc_json_str(obj, WHAT, "upper", false, &k->upper, err) ||
	    cc_json_bool(obj, WHAT, "sure", false, &k->sure, err) ||
	    cc_json_bool(obj, WHAT, "first", false, &k->first, err) ||
	    cc_json_str(obj, WHAT, "end", false, &end, err) ||
	    cc_json_str(obj, WHAT, "filter", false, &filter, err))
		return -1;
	if ((end && !cc_is_digest(end)) || (filter && !is_filter(filter)) ||
	    (k->upper && !cc_path_is_normal(k->upper)))
		return cc_fail(err, CC_E_INVALID, WHAT ": a member is out of range");
	k->settled = user != NULL;
	if (end)
		memcpy(k->end, end, sizeof(k->end));
	snprintf(k->filter, sizeof(k->filter), "%s", filter ? filter : "");
	return 0;
}

int start_mark_parse(const char *text, size_t len, struct start_mark *k, struct cc_error *err)
{
	cc_auto_json json_t *obj = NULL;
	int rc = 0;

	if (len) {
		obj = cc_json_parse(text, len, WHAT, err);
		rc = json_is_object(obj) ? parse_members(obj, k, err)
					 : cc_fail(err, CC_E_INVALID, WHAT " is not a JSON object");
	}
	if (rc)
		start_mark_clear(k);
	k->there = true;
	return rc;
}

char *start_mark_text(const struct start_mark *k)
{
	cc_auto_json json_t *process =
		k->pid ? json_pack("{s:I, s:I, s:s}", "pid", (json_int_t)k->pid, "startTime",
				   (json_int_t)k->start_time, "boot", k->boot)
		       : NULL;
	cc_auto_json json_t *user = k->settled ? cc_user_to_json(&k->user) : NULL;
	cc_auto_json json_t *obj = json_pack("{s:O*, s:s*, s:b, s:b, s:s*, s:s*, s:O*}", "process",
					     process, "upper", k->upper, "sure", k->sure, "first",
					     k->first, "end", k->end[0] ? k->end : NULL, "filter",
					     k->filter[0] ? k->filter : NULL, "user", user);

	return obj && (process || !k->pid) && (user || !k->settled) ? json_dumps(obj, JSON_COMPACT)
								    : NULL;
}

/* ---- file ---------------------------------------------------------------------------------- */

bool start_mark_is_of(const struct start_mark *k, pid_t pid, uint64_t start_time)
{
	char boot[CC_UUID_LEN];
	struct cc_error ignored;

	return k->pid && k->pid == pid && k->start_time == start_time &&
	       boot_id(boot, &ignored) == 0 && strcmp(k->boot, boot) == 0;
}

static void path_of(const char *dir, const char *engine, const char *id, char out[static 256])
{
	snprintf(out, 256, "%.128s/%.48s-%.64s", dir, engine, id);
}

void start_mark_load(const char *dir, const char *engine, const char *id, struct start_mark *k)
{
	cc_auto_free char *text = NULL;
	struct cc_error err;
	char path[256];
	size_t len = 0;

	path_of(dir, engine, id, path);
	if (access(path, F_OK) && errno == ENOENT)
		return;
	k->there = true;
	if (cc_read_file(path, &text, &len, &err) || start_mark_parse(text, len, k, &err))
		cc_log(LOG_WARNING, "%s: %s", path, err.text);
}

/* @dir for root alone, and what is above it as it should be for everybody. */
static int make_dirs(const char *dir, struct cc_error *err)
{
	cc_auto_free char *path = strdup(dir);

	if (!path)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
		*slash = '/';
	}
	return mkdir(dir, 0700) && errno != EEXIST ? cc_fail_errno(err, CC_E_INTERNAL, "%s", dir)
						   : 0;
}

int start_mark_save(const char *dir, const char *engine, const char *id, const struct start_mark *k,
		    struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	struct start_mark now = *k;
	char path[256];

	if (now.pid && boot_id(now.boot, err))
		return -1;
	text = start_mark_text(&now);
	if (!text)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	path_of(dir, engine, id, path);
	return make_dirs(dir, err) || cc_replace_file(path, text, strlen(text), 0600, err) ? -1 : 0;
}

int start_mark_remove(const char *dir, const char *engine, const char *id, struct cc_error *err)
{
	char path[256];

	path_of(dir, engine, id, path);
	if (unlink(path) && errno != ENOENT)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	return cc_sync_dir_of(path) && errno != ENOENT
		       ? cc_fail_errno(err, CC_E_INTERNAL, "%s", dir)
		       : 0;
}
