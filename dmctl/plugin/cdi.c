// SPDX-License-Identifier: Apache-2.0
/*
 * cdi.c - Container Device Interface specs.
 */
#include "plugin/cdi.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "file.h"
#include "client/keyd_client.h"
#include "file.h"
#include "name.h"
#include "paths.h"
#include "strv.h"

#define PREFIX "container-crypt-"
#define SUFFIX ".json"
/*
 * That an engine gives the hook, which gives up by itself when it hears nothing of the agent: in a
 * storm of starts it hears that it has to wait.
 */
#define HOOK_SECONDS 600

json_t *cdi_spec(const char *volume)
{
	return json_pack("{s:s, s:s, s:[{s:s, s:{s:[{s:s, s:s, s:[s, s, s], s:[], s:i}]}}]}",
			 "cdiVersion", "0.6.0", "kind", CC_CDI_KIND, "devices", "name", volume,
			 "containerEdits", "hooks", "hookName", "createRuntime", "path",
			 CC_HOOK_PATH, "args", "container-crypt-hook", "--volume", volume, "env",
			 "timeout", HOOK_SECONDS);
}

static int spec_path(const char *dir, const char *volume, char **path, struct cc_error *err)
{
	if (asprintf(path, "%s/" PREFIX "%s" SUFFIX, dir, volume) >= 0)
		return 0;
	*path = NULL;
	return cc_fail(err, CC_E_NOMEM, "out of memory");
}

/* Engines watch the directory: a file that is right already is not touched. */
static bool is_current(const char *path, const char *text)
{
	cc_auto_free char *old = NULL;
	struct cc_error err;
	size_t len;

	return cc_read_file(path, &old, &len, &err) == 0 && len == strlen(text) &&
	       memcmp(old, text, len) == 0;
}

static int write_spec(const char *dir, const char *volume, struct cc_error *err)
{
	cc_auto_json json_t *spec = cdi_spec(volume);
	cc_auto_free char *text = spec ? json_dumps(spec, JSON_INDENT(2)) : NULL;
	cc_auto_free char *path = NULL;

	if (!text)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (spec_path(dir, volume, &path, err))
		return -1;
	return is_current(path, text) ? 0 : cc_replace_file(path, text, strlen(text), 0644, err);
}

/* The file of one of @volumes. */
static bool is_wanted(const char *file, const struct cc_strv *volumes)
{
	size_t i, pre = strlen(PREFIX), len;

	for (i = 0; i < volumes->n; i++) {
		len = strlen(volumes->v[i]);
		if (strncmp(file + pre, volumes->v[i], len) == 0 &&
		    strcmp(file + pre + len, SUFFIX) == 0)
			return true;
	}
	return false;
}

/* Also what a refresh that was killed left half written: nobody else uses our prefix. */
static int remove_stale(const char *dir, const struct cc_strv *volumes, struct cc_error *err)
{
	cc_auto_closedir DIR *d = opendir(dir);
	int fd = d ? dirfd(d) : -1;
	struct dirent *e;

	if (fd < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", dir);
	while ((e = readdir(d)))
		if (strncmp(e->d_name, PREFIX, strlen(PREFIX)) == 0 &&
		    !is_wanted(e->d_name, volumes) && unlinkat(fd, e->d_name, 0) && errno != ENOENT)
			return cc_fail_errno(err, CC_E_INTERNAL, "%s/%s", dir, e->d_name);
	return 0;
}

/* One refresh at a time: each takes the other's half-written files for leftovers. */
static int lock_dir(const char *dir, struct cc_error *err)
{
	cc_auto_close int fd = -1;

	/*
	 * whatever the umask: engines of ordinary users look there, too, and are told why they get
	 * nothing
	 */
	if (mkdir(dir, 0755) ? errno != EEXIST : chmod(dir, 0755))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", dir);
	return cc_steal_fd(&fd);
}

int cdi_refresh(const char *dir, const struct cc_strv *volumes, struct cc_error *err)
{
	cc_auto_close int lock = lock_dir(dir, err);
	size_t i;

	if (lock < 0)
		return -1;
	for (i = 0; i < volumes->n; i++)
		if (write_spec(dir, volumes->v[i], err))
			return -1;
	return remove_stale(dir, volumes, err);
}

int cdi_refresh_all(const char *dir, struct cc_error *err)
{
	cc_cleanup(cc_strv_clear) struct cc_strv names = {0};
	cc_auto_json json_t *answer = NULL;
	json_t *list = NULL, *v;
	const char *name;
	size_t i;

	if (keyd_list("/v1/volumes", "volumes", &answer, &list, err))
		return -1;
	json_array_foreach(list, i, v) {
		name = json_string_value(json_object_get(v, "name"));
		if (name && cc_is_name(name) && cc_strv_push(&names, name, err))
			return -1;
	}
	return cdi_refresh(dir, &names, err);
}
