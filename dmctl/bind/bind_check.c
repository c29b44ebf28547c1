// SPDX-License-Identifier: Apache-2.0
/*
 * bind_check.c - what a bind checks before it has any effect.
 */
#include "bind/bind_check.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "decide.h"
#include "client/keyd_client.h"
#include "client/image_proofs.h"
#include "client/keyd_identities.h"
#include "paths.h"
#include "volume/luks.h"
#include "plugin/plugin_store.h"

static int record_get(const char *what, const char *name, json_t **answer, struct cc_error *err)
{
	char path[128];

	snprintf(path, sizeof(path), "/v1/%s/%.63s", what, name);
	return keyd_request("GET", path, NULL, answer, err);
}

int bind_check_record(const char *name, struct cc_volume *v, struct cc_error *err)
{
	cc_auto_json json_t *answer = NULL;

	if (record_get("volumes", name, &answer, err) || cc_volume_from_json(v, answer, err))
		return -1;
	if (strcmp(v->name, name) != 0)
		return cc_fail(err, CC_E_INVALID, "keyd answered with volume %s instead of %s",
			       v->name, name);
	if (strcmp(v->fs, "none") == 0)
		return cc_fail(
			err, CC_E_DEVICE,
			"volume %s was created without a file system, there is nothing to mount",
			name);
	if (!v->ready)
		return cc_fail(
			err, CC_E_BUSY,
			"volume %s is still being created; finish it with \"dmctl volume create "
			"%s DEVICE\"",
			name, name);
	return 0;
}

int bind_check_device(const char *device, const struct cc_volume *v, char **found,
		      struct cc_error *err)
{
	if (!device) {
		if (luks_find(v->uuid, found, err))
			return cc_prefix(err, "volume %s", v->name);
	} else {
		*found = strdup(device);
		if (!*found)
			return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	return luks_check(*found, v, err);
}

/* The placeholder may be mounted anywhere here: elsewhere than the volume, keyd refuses it. */
int bind_check_options(const struct cc_volume *v, const struct cc_measurement *m,
		       unsigned int *attrs, struct cc_error *err)
{
	struct cc_mount_options o, asked = {0};

	if (plugin_store_mount(v, &o, err))
		return -1;
	for (size_t i = 0; i < m->n_mounts; i++)
		if (cc_mount_is_placeholder(&m->mounts[i], v->name, m->mounts[i].destination) &&
		    cc_mount_options_asked(&m->mounts[i].options, &asked, err))
			return cc_prefix(err, "volume %s", v->name);
	cc_mount_options_add(&o, &asked);
	*attrs = o.set;
	return 0;
}

int bind_check_rootfs(const char *volume, struct measured *s, struct layer_cache *cache,
		      struct cc_error *err)
{
	auto_keyd_identities list = {0};

	/* without one keyd refuses, and says so; that goes for what is not measured, too */
	if (keyd_identities_get(volume, false, &list, err)) {
		cc_strv_clear(&s->m->holds);
		return err->code == CC_E_NOTFOUND ? 0 : -1;
	}
	/* nobody asked; a keyd of before there were demands would refuse a word about them */
	if (!list.demands)
		cc_strv_clear(&s->m->holds);
	if (list.proof &&
	    image_proofs_get(CC_PROOFS_DIR, s->m->image_id, list.v[0].id->feed, &s->m->proof, err))
		return -1;
	return list.rootfs ? measure_rootfs(s, cache, err) : 0;
}

static int nothing_starts(const struct cc_volume *v, const struct keyd_identities *list,
			  struct cc_error *err)
{
	return cc_refuse(err, "identity",
			 "volume %s: no container starts with any of its identities, also not with "
			 "the newest, of serial %" PRIu64 " (see \"dmctl identity ls %s\")",
			 v->name, list->v[0].id->serial, v->name);
}

/* What would be answered if keyd refuses it: all that differs from the nearest. */
static int differs(struct cc_nearest *near, json_t **answer, struct cc_error *err)
{
	struct cc_error none;

	*answer = json_object();
	if (!*answer || cc_facts_to_json(&near->facts, *answer, &none))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return -1;
}

int bind_check_decide(const struct cc_volume *v, const struct cc_measurement *m, json_t **answer,
		      struct cc_error *err)
{
	const struct cc_policy policy = {
		.now = time(NULL), .volume = v->name, .allow_running = true, .any_signer = true};
	auto_keyd_identities list = {0};
	const struct identity_envelope *by;
	cc_auto_free char *said = NULL;
	struct cc_nearest near;

	if (keyd_identities_get(v->name, true, &list, err))
		return -1;
	if (!list.starts)
		return nothing_starts(v, &list, err);
	by = keyd_identities_pick(&list, m, &policy, &near);
	if (!by) {
		cc_nearest_say(&near, err);
		return differs(&near, answer, err);
	}
	if (asprintf(&said, "volume %s would be mounted on %s in container %s", v->name,
		     by->id->mount_point, m->container_name) < 0)
		said = NULL;
	*answer = !said ? NULL
			: json_pack("{s:b, s:b, s:s, s:s, s:s, s:{s:I}, s:s}", "ok", 1, "dryRun", 1,
				    "volume", v->name, "container", m->container_id, "mountPoint",
				    by->id->mount_point, "identity", "serial",
				    (json_int_t)by->id->serial, "text", said);
	return *answer ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}
