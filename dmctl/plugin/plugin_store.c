// SPDX-License-Identifier: Apache-2.0
/*
 * plugin_store.c - the engines' volumes, as files.
 */
#include "plugin/plugin_store.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "name.h"
#include "paths.h"
#include "strv.h"
#include "timestamp.h"

#define DIR_PATH CC_AGENT_DIR "/volumes"
#define SUFFIX ".json"
#define WHAT "the record of a volume"

static void plugin_path(const char *name, char out[static 256])
{
	snprintf(out, 256, DIR_PATH "/%.128s" SUFFIX, name);
}

int plugin_store_load(const char *name, struct plugin_volume *v, struct cc_error *err)
{
	cc_auto_free char *text = NULL, *volume = NULL, *created = NULL, *options = NULL;
	cc_auto_json json_t *obj = NULL;
	char path[256];
	size_t len;

	*v = (struct plugin_volume){0};

	plugin_path(name, path);
	if (access(path, F_OK) && errno == ENOENT)
		return cc_fail(err, CC_E_NOTFOUND, "there is no volume %s", name);
	if (cc_read_file(path, &text, &len, err))
		return -1;
	obj = cc_json_parse(text, len, path, err);
	if (!obj || cc_json_str(obj, WHAT, "volume", true, &volume, err) ||
	    cc_json_str(obj, WHAT, "created", true, &created, err) ||
	    cc_json_str(obj, WHAT, "options", false, &options, err))
		return -1;
	if (!cc_is_name(volume) || cc_time_parse(created, &v->created) ||
	    (options && cc_mount_options_parse(options, &v->options, err)))
		return cc_fail(err, CC_E_INVALID,
			       "%s is damaged; remove it and create the volume again", path);
	snprintf(v->name, sizeof(v->name), "%s", name);
	snprintf(v->volume, sizeof(v->volume), "%.63s", volume);
	return 0;
}

int plugin_store_save(const struct plugin_volume *v, struct cc_error *err)
{
	cc_auto_json json_t *obj = NULL;
	cc_auto_free char *text = NULL;
	char path[256], created[21], options[CC_MOUNT_OPTIONS_TEXT];

	cc_time_format(v->created, created);
	cc_mount_options_text(&v->options, options);
	obj = json_pack("{s:s, s:s, s:s*}", "volume", v->volume, "created", created, "options",
			options[0] ? options : NULL);
	text = obj ? json_dumps(obj, JSON_COMPACT) : NULL;
	if (!text)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if ((mkdir(CC_LIB_DIR, 0755) && errno != EEXIST) ||
	    (mkdir(CC_AGENT_DIR, 0700) && errno != EEXIST) ||
	    (mkdir(DIR_PATH, 0700) && errno != EEXIST))
		return cc_fail_errno(err, CC_E_INTERNAL, DIR_PATH);
	plugin_path(v->name, path);
	return cc_replace_file(path, text, strlen(text), 0600, err);
}

int plugin_store_remove(const char *name, struct cc_error *err)
{
	char path[256];

	plugin_path(name, path);
	if (unlink(path) && errno != ENOENT)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	return 0;
}

int plugin_store_list(struct cc_strv *names, struct cc_error *err)
{
	cc_auto_closedir DIR *dir = opendir(DIR_PATH);
	const size_t post = strlen(SUFFIX);
	struct dirent *d;
	size_t len;

	if (!dir)
		return errno == ENOENT ? 0 : cc_fail_errno(err, CC_E_INTERNAL, DIR_PATH);
	while ((d = readdir(dir))) {
		len = strlen(d->d_name);
		/* what cc_replace_file() leaves when it is killed has another end */
		if (len <= post || strcmp(d->d_name + len - post, SUFFIX) != 0)
			continue;
		d->d_name[len - post] = '\0';
		if (plugin_is_name(d->d_name) && cc_strv_push(names, d->d_name, err))
			return -1;
	}
	return 0;
}

int plugin_store_options(const char *volume, struct cc_mount_options *o, struct cc_error *err)
{
	cc_cleanup(cc_strv_clear) struct cc_strv names = {0};
	struct plugin_volume v;

	*o = (struct cc_mount_options){0};
	if (plugin_store_list(&names, err))
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		if (plugin_store_load(names.v[i], &v, err)) {
			if (err->code == CC_E_NOTFOUND) /* forgotten meanwhile */
				continue;
			return -1;
		}
		if (strcmp(v.volume, volume) == 0)
			cc_mount_options_add(o, &v.options);
	}
	return 0;
}

int plugin_store_mount(const struct cc_volume *v, struct cc_mount_options *o, struct cc_error *err)
{
	struct cc_mount_options host;

	if (plugin_store_options(v->name, &host, err))
		return -1;
	*o = v->mount;
	cc_mount_options_add(o, &host);
	return 0;
}
