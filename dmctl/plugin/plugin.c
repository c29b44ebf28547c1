// SPDX-License-Identifier: Apache-2.0
/*
 * plugin.c - the volume plugin's calls.
 */
#include "plugin/plugin.h"

#include <string.h>
#include <time.h>

#include "plugin/cdi.h"
#include "client/identity_register.h"
#include "name.h"
#include "host/stop_signals.h"
#include "client/keyd_volume.h"
#include "volume/luks.h"
#include "volume/mkfs.h"
#include "plugin/placeholder.h"
#include "plugin/plugin_request.h"
#include "plugin/plugin_store.h"
#include "strv.h"
#include "timestamp.h"
#include "volume/volume_make.h"

/*
 * The volume an engine means: one it created, or else keyd's volume of that name, so that a volume
 * made with "dmctl volume create" needs no second creation.
 */
static int plugin_find(const char *name, struct plugin_volume *v, struct cc_error *err)
{
	struct cc_volume record;

	if (plugin_store_load(name, v, err) == 0)
		return 0;
	if (err->code != CC_E_NOTFOUND)
		return -1;
	if (!cc_is_name(name))
		return cc_fail(err, CC_E_NOTFOUND, "there is no volume %s", name);
	if (volume_get(name, &record, NULL, err))
		return -1;
	*v = (struct plugin_volume){0};
	snprintf(v->name, sizeof(v->name), "%s", name);
	snprintf(v->volume, sizeof(v->volume), "%.63s", name);
	return 0;
}

/* ---- Create -------------------------------------------------------------------------------- */

static int make(const char *volume, const struct plugin_request *r, struct cc_error *err)
{
	cc_cleanup(volume_made_clear) struct volume_made made = {0};
	struct volume_wish wish = VOLUME_WISH;

	if (!r->device)
		return cc_fail(
			err, CC_E_NOTFOUND,
			"keyd has no volume %s; create it with -o device=/dev/disk/by-id/…, or say "
			"with -o name= which one is meant (\"dmctl volume ls\")",
			volume);
	wish.name = volume;
	wish.device = r->device;
	wish.fs = r->fs ? r->fs : wish.fs;
	wish.label = r->label;
	if (mkfs_check(wish.fs, wish.label, err) ||
	    (r->owner && fs_root_owner(r->owner, &wish.root, err)) ||
	    (r->mode && fs_root_mode(r->mode, &wish.root, err)))
		return -1;
	stop_signals_block();
	return volume_make(&wish, &made, err);
}

/* keyd has the volume: what was asked for is what is there. */
static int compare(const struct cc_volume *v, const struct plugin_request *r, struct cc_error *err)
{
	char uuid[37];

	if (r->device && luks_read_uuid(r->device, uuid, err))
		return cc_prefix(err, "keyd has a volume %s already", v->name);
	if (r->device && strcmp(uuid, v->uuid) != 0)
		return cc_fail(err, CC_E_EXISTS,
			       "keyd has a volume %s already, and %s carries another one", v->name,
			       r->device);
	if (r->fs && strcmp(r->fs, v->fs) != 0)
		return cc_fail(err, CC_E_EXISTS, "keyd has a volume %s already, with %s", v->name,
			       v->fs);
	return 0;
}

static int ensure(const char *volume, const struct plugin_request *r, struct cc_error *err)
{
	struct cc_volume v;

	if (volume_get(volume, &v, NULL, err))
		return err->code == CC_E_NOTFOUND ? make(volume, r, err) : -1;
	/* what never became ready is made anew */
	return v.ready ? compare(&v, r, err) : make(volume, r, err);
}

/* Which of keyd's volumes @r means; @v: what is on record. */
static int choose(const struct plugin_request *r, struct plugin_volume *v, struct cc_error *err)
{
	const char *volume = r->volume ? r->volume : r->name;

	if (plugin_store_load(r->name, v, err) == 0) {
		if (!r->volume || strcmp(r->volume, v->volume) == 0)
			return 0;
		return cc_fail(err, CC_E_EXISTS, "volume %s is keyd's volume %s already", r->name,
			       v->volume);
	}
	if (err->code != CC_E_NOTFOUND)
		return -1;
	if (!cc_is_name(volume))
		return cc_fail(
			err, CC_E_USAGE,
			"\"%.80s\" is not a name keyd takes (a-z 0-9 _ . -, at most 63); give one "
			"with -o name=",
			volume);
	*v = (struct plugin_volume){.created = time(NULL)};
	snprintf(v->name, sizeof(v->name), "%s", r->name);
	snprintf(v->volume, sizeof(v->volume), "%.63s", volume);
	return 0;
}

/* They are the volume's on this host: of two names for it, the second cannot say otherwise. */
static int choose_options(const struct plugin_request *r, struct plugin_volume *v,
			  struct cc_error *err)
{
	char text[CC_MOUNT_OPTIONS_TEXT];
	struct cc_mount_options has;

	if (plugin_store_options(v->volume, &has, err))
		return -1;
	if (!r->o)
		return 0;
	cc_mount_options_text(&has, text);
	if (has.named && !cc_mount_options_eq(&has, &r->options))
		return cc_fail(err, CC_E_EXISTS,
			       "volume %s has other mount options on this host already: o=%s; "
			       "the engine's \"volume rm\" forgets them, and leaves the data",
			       v->volume, text);
	v->options = r->options;
	return 0;
}

static json_t *do_create(const struct plugin_request *r, const char *cdi_dir, struct cc_error *err)
{
	cc_auto_json json_t *registered = NULL;
	struct plugin_volume v;

	if (choose(r, &v, err) || choose_options(r, &v, err) || ensure(v.volume, r, err))
		return NULL;
	if (r->identity && identity_register(r->identity, v.volume, &registered, err))
		return NULL;
	return plugin_store_save(&v, err) || cdi_refresh_all(cdi_dir, err) ? NULL : json_object();
}

/* ---- the other calls ----------------------------------------------------------------------- */

static json_t *do_remove(const struct plugin_request *r, const char *cdi_dir, struct cc_error *err)
{
	struct plugin_volume v;

	(void)cdi_dir;
	if (plugin_store_load(r->name, &v, err)) /* found by its name only, or damaged */
		snprintf(v.volume, sizeof(v.volume), "%.63s", cc_is_name(r->name) ? r->name : "");
	if (v.volume[0] && placeholder_remove(v.volume, err))
		return NULL;
	return plugin_store_remove(r->name, err) ? NULL : json_object();
}

static void mountpoint(const char *volume, char out[static 128])
{
	cc_auto_close int fd = placeholder_open(volume);

	if (fd < 0)
		out[0] = '\0';
	else
		placeholder_path(volume, out);
}

/* What `docker volume inspect` shows as Status. */
static json_t *status(const struct plugin_volume *v)
{
	cc_auto_json json_t *obj = NULL;
	char options[CC_MOUNT_OPTIONS_TEXT];
	struct cc_volume record;
	struct cc_mount_options o;
	struct cc_error err;

	if (volume_get(v->volume, &record, &obj, &err) || plugin_store_mount(&record, &o, &err))
		return json_pack("{s:s, s:s}", "volume", v->volume, "problem", err.text);
	cc_mount_options_text(&o, options);
	return json_pack("{s:s, s:s, s:s, s:I, s:s, s:b, s:s}", "volume", v->volume, "uuid",
			 record.uuid, "fs", record.fs, "sectors", (json_int_t)record.sectors,
			 "state", record.ready ? "ready" : "creating", "leased",
			 json_is_object(json_object_get(obj, "lease")), "options", options);
}

/* @whole: with what only Get tells */
static json_t *describe(const struct plugin_volume *v, bool whole)
{
	char path[128], created[21];
	json_t *obj;

	mountpoint(v->volume, path);
	obj = json_pack("{s:s, s:s}", "Name", v->name, "Mountpoint", path);
	if (obj && v->created) {
		cc_time_format(v->created, created);
		json_object_set_new(obj, "CreatedAt", json_string(created));
	}
	if (obj && whole)
		json_object_set_new(obj, "Status", status(v));
	return obj;
}

static json_t *do_activate(const struct plugin_request *r, const char *cdi_dir,
			   struct cc_error *err)
{
	(void)r;
	(void)cdi_dir;
	(void)err;
	return json_pack("{s:[s]}", "Implements", "VolumeDriver");
}

/* Each host has its own names for keyd's volumes. */
static json_t *do_capabilities(const struct plugin_request *r, const char *cdi_dir,
			       struct cc_error *err)
{
	(void)r;
	(void)cdi_dir;
	(void)err;
	return json_pack("{s:{s:s}}", "Capabilities", "Scope", "local");
}

static json_t *do_list(const struct plugin_request *r, const char *cdi_dir, struct cc_error *err)
{
	cc_cleanup(cc_strv_clear) struct cc_strv names = {0};
	cc_auto_json json_t *volumes = json_array();
	struct plugin_volume v;

	(void)r;
	(void)cdi_dir;
	if (plugin_store_list(&names, err))
		return NULL;
	for (size_t i = 0; i < names.n; i++)
		if (plugin_store_load(names.v[i], &v, err) == 0)
			json_array_append_new(volumes, describe(&v, false));
	return json_pack("{s:O}", "Volumes", volumes);
}

static json_t *do_get(const struct plugin_request *r, const char *cdi_dir, struct cc_error *err)
{
	struct plugin_volume v;

	(void)cdi_dir;
	return plugin_find(r->name, &v, err) ? NULL
					     : json_pack("{s:o}", "Volume", describe(&v, true));
}

static json_t *do_path(const struct plugin_request *r, const char *cdi_dir, struct cc_error *err)
{
	struct plugin_volume v;
	char path[128];

	(void)cdi_dir;
	if (plugin_find(r->name, &v, err))
		return NULL;
	mountpoint(v.volume, path);
	return json_pack("{s:s}", "Mountpoint", path);
}

static json_t *do_mount(const struct plugin_request *r, const char *cdi_dir, struct cc_error *err)
{
	struct plugin_volume v;

	return plugin_find(r->name, &v, err) || placeholder_make(v.volume, err)
		       ? NULL
		       : do_path(r, cdi_dir, err);
}

/* Another container may have the placeholder: it stays until Remove. */
static json_t *do_unmount(const struct plugin_request *r, const char *cdi_dir, struct cc_error *err)
{
	(void)r;
	(void)cdi_dir;
	(void)err;
	return json_object();
}

typedef json_t *call_fn(const struct plugin_request *r, const char *cdi_dir, struct cc_error *err);

static call_fn *const calls[] = {
	[PLUGIN_ACTIVATE] = do_activate, [PLUGIN_CAPABILITIES] = do_capabilities,
	[PLUGIN_CREATE] = do_create,	 [PLUGIN_REMOVE] = do_remove,
	[PLUGIN_PATH] = do_path,	 [PLUGIN_GET] = do_get,
	[PLUGIN_MOUNT] = do_mount,	 [PLUGIN_UNMOUNT] = do_unmount,
	[PLUGIN_LIST] = do_list,
};

int plugin_call(const char *path, const char *body, const char *cdi_dir, json_t **answer,
		struct cc_error *err)
{
	plugin_auto_request struct plugin_request r = {0};
	cc_auto_json json_t *out = NULL;
	cc_auto_free char *text = NULL;

	if (plugin_request_parse(path, body, strlen(body), &r, err))
		return -1;
	*err = (struct cc_error){0};
	out = calls[r.call](&r, cdi_dir, err);
	if (!out)
		return err->code ? -1 : cc_fail(err, CC_E_NOMEM, "out of memory");
	if ((r.call == PLUGIN_CREATE || r.call == PLUGIN_REMOVE) &&
	    asprintf(&text, "an engine %s volume %s", r.call == PLUGIN_CREATE ? "has" : "forgot",
		     r.name) < 0)
		text = NULL;
	*answer = json_pack("{s:b, s:O, s:s*}", "ok", 1, "body", out, "text", text);
	return *answer ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}
