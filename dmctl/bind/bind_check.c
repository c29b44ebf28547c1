// SPDX-License-Identifier: Apache-2.0
/*
 * bind_check.c - what a bind checks before it has any effect.
 */
#include "bind/bind_check.h"

#include <string.h>
#include <time.h>

#include "decide.h"
#include "identity.h"
#include "client/identity_file.h"
#include "client/keyd_client.h"
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

/**
 * struct wanted - what the volume's identities want of a measurement, by keyd's word. What is not
 * measured is refused there, so that nothing depends on it.
 */
struct wanted {
	bool rootfs, demands;
};

/* A keyd of before there were several tells of its only one by its envelope. */
static struct wanted wanted_of(const json_t *got, const struct cc_identity *newest)
{
	const json_t *wants = json_object_get(got, "wants");

	return (struct wanted){
		.rootfs = newest->rootfs_digest || json_is_true(json_object_get(wants, "rootfs")),
		.demands = newest->demands.n || json_is_true(json_object_get(wants, "demands")),
	};
}

/* keyd's newest identity of the volume, not verified. @e: zeroed; @w: out */
static int get_identity(const char *volume, struct identity_file *e, struct wanted *w,
			struct cc_error *err)
{
	cc_auto_free char *envelope = NULL;
	cc_auto_json json_t *got = NULL;

	if (record_get("identities", volume, &got, err) ||
	    cc_json_str(got, "answer of keyd", "envelope", true, &envelope, err) ||
	    identity_file_parse(envelope, strlen(envelope), "keyd's identity", e, err))
		return -1;
	*w = wanted_of(got, e->v[0].id);
	return 0;
}

int bind_check_rootfs(const char *volume, struct measured *s, struct layer_cache *cache,
		      struct cc_error *err)
{
	cc_cleanup(identity_file_clear) struct identity_file e = {0};
	struct wanted w;

	if (get_identity(volume, &e, &w, err)) { /* without one keyd refuses, and says so */
		cc_strv_clear(&s->m->holds);
		return err->code == CC_E_NOTFOUND ? 0 : -1;
	}
	/* nobody asked; a keyd of before there were demands would refuse a word about them */
	if (!w.demands)
		cc_strv_clear(&s->m->holds);
	return w.rootfs ? measure_rootfs(s, cache, err) : 0;
}

int bind_check_decide(const struct cc_volume *v, const struct cc_measurement *m, json_t **answer,
		      struct cc_error *err)
{
	const struct cc_policy policy = {
		.now = time(NULL), .volume = v->name, .allow_running = true};
	cc_cleanup(identity_file_clear) struct identity_file e = {0};
	cc_auto_free char *said = NULL;
	const struct cc_identity *id;
	struct cc_facts differ;
	struct wanted w;

	if (get_identity(v->name, &e, &w, err))
		return -1;
	id = e.v[0].id;
	if (cc_decide_all(id, m, &policy, &differ, err)) {
		*answer = json_object();
		return *answer ? cc_facts_to_json(&differ, *answer, err) ?: -1
			       : cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	if (asprintf(&said, "volume %s would be mounted on %s in container %s", v->name,
		     id->mount_point, m->container_name) < 0)
		said = NULL;
	*answer = !said ? NULL
			: json_pack("{s:b, s:b, s:s, s:s, s:s, s:s}", "ok", 1, "dryRun", 1,
				    "volume", v->name, "container", m->container_id, "mountPoint",
				    id->mount_point, "text", said);
	return *answer ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}
