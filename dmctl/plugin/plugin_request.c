// SPDX-License-Identifier: Apache-2.0
/*
 * plugin_request.c - requests of the volume plugin protocol.
 */
#include "plugin/plugin_request.h"

#include <string.h>

#include "name.h"

#define WHAT "the engine's request"

static const struct {
	const char *path;
	bool name;
} calls[] = {
	[PLUGIN_ACTIVATE] = {"/Plugin.Activate", false},
	[PLUGIN_CAPABILITIES] = {"/VolumeDriver.Capabilities", false},
	[PLUGIN_CREATE] = {"/VolumeDriver.Create", true},
	[PLUGIN_REMOVE] = {"/VolumeDriver.Remove", true},
	[PLUGIN_PATH] = {"/VolumeDriver.Path", true},
	[PLUGIN_GET] = {"/VolumeDriver.Get", true},
	[PLUGIN_MOUNT] = {"/VolumeDriver.Mount", true},
	[PLUGIN_UNMOUNT] = {"/VolumeDriver.Unmount", true},
	[PLUGIN_LIST] = {"/VolumeDriver.List", false},
};

#define N_CALLS (sizeof(calls) / sizeof(calls[0]))

void plugin_request_clear(struct plugin_request *r)
{
	free(r->volume);
	free(r->device);
	free(r->identity);
	free(r->fs);
	free(r->label);
	free(r->o);
	free(r->owner);
	free(r->mode);
	*r = (struct plugin_request){0};
}

bool plugin_call_find(const char *path, enum plugin_call *call)
{
	for (size_t i = 0; i < N_CALLS; i++) {
		if (strcmp(calls[i].path, path) != 0)
			continue;
		*call = (enum plugin_call)i;
		return true;
	}
	return false;
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool plugin_is_name(const char *name)
{
	size_t i;

	if (!is_alnum(name[0]))
		return false;
	for (i = 1; name[i]; i++)
		if (!is_alnum(name[i]) && !strchr("_.-", name[i]))
			return false;
	return i <= PLUGIN_NAME_MAX;
}

static int parse_name(const json_t *obj, struct plugin_request *r, struct cc_error *err)
{
	cc_auto_free char *name = NULL;

	if (cc_json_str(obj, WHAT, "Name", true, &name, err))
		return -1;
	if (!plugin_is_name(name))
		return cc_fail(err, CC_E_INVALID,
			       "\"%.80s\" is not a name of a volume: letters, digits, _ . -, at "
			       "most %d characters",
			       name, PLUGIN_NAME_MAX);
	memcpy(r->name, name, strlen(name) + 1);
	return 0;
}

static int parse_options(const json_t *obj, struct plugin_request *r, struct cc_error *err)
{
	const struct {
		const char *name;
		char **value;
	} known[] = {
		{"name", &r->volume}, {"device", &r->device}, {"identity", &r->identity},
		{"fs", &r->fs},	      {"label", &r->label},   {"o", &r->o},
		{"owner", &r->owner}, {"mode", &r->mode},
	};
	json_t *opts = json_object_get(obj, "Opts"), *value;
	const char *key;
	size_t i;

	if (!opts || json_is_null(opts))
		return 0;
	if (!json_is_object(opts))
		return cc_fail(err, CC_E_INVALID, WHAT ": \"Opts\" must be an object");
	json_object_foreach(opts, key, value) {
		for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (strcmp(known[i].name, key) == 0)
				break;
		if (i == sizeof(known) / sizeof(known[0]))
			return cc_fail(err, CC_E_USAGE,
				       "there is no option \"%.60s\": device=/dev/disk/by-id/…, "
				       "identity=FILE, name=VOLUME, fs=ext4|xfs, label=TEXT, "
				       "owner=UID:GID, mode=MODE, o=MOUNT-OPTIONS",
				       key);
		if (cc_json_str(opts, "Opts", key, true, known[i].value, err))
			return -1;
	}
	if (r->volume && !cc_is_name(r->volume))
		return cc_fail(err, CC_E_USAGE, "name=%.80s: not a valid name of a volume",
			       r->volume);
	return r->o ? cc_mount_options_parse(r->o, &r->options, err) : 0;
}

int plugin_request_parse(const char *path, const char *body, size_t len, struct plugin_request *r,
			 struct cc_error *err)
{
	cc_auto_json json_t *obj = NULL;

	if (!plugin_call_find(path, &r->call))
		return cc_fail(err, CC_E_INVALID, "the plugin has no %.60s", path);
	if (!calls[r->call].name)
		return 0;
	obj = cc_json_parse(body, len, WHAT, err);
	if (!obj)
		return -1;
	if (!json_is_object(obj))
		return cc_fail(err, CC_E_INVALID, WHAT " is not a JSON object");
	if (parse_name(obj, r, err))
		return -1;
	return r->call == PLUGIN_CREATE ? parse_options(obj, r, err) : 0;
}
