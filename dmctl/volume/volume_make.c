// SPDX-License-Identifier: Apache-2.0
/*
 * volume_make.c - makes a volume on a LUN: keyd's record and key, header, file system.
 */
#include "volume/volume_make.h"

#include <inttypes.h>
#include <string.h>

#include "name.h"
#include "host/undo_guard.h"
#include "host/random_uuid.h"
#include "host/stop_signals.h"
#include "client/keyd_client.h"
#include "client/keyd_volume.h"
#include "volume/luks.h"
#include "volume/mapping.h"
#include "volume/mkfs.h"
#include "paths.h"
#include "volume/probe.h"
#include "host/size_text.h"
#include "volume/volume_lock.h"
#include "volume/volume_undo.h"

#define REMOVE_MS 10000u

/* What the guard needs to undo. */
struct attempt {
	const char *name;
	const char *device;
	char uuid[37];
};

/* ---- before anything is changed ------------------------------------------------------------ */

/* The name is free. What an attempt that died left of it is taken away first. */
static int claim_name(const struct volume_wish *r, struct cc_error *err)
{
	struct volume_ref old;

	if (volume_find(r->name, &old, err))
		return err->code == CC_E_NOTFOUND ? 0 : -1;
	if (old.ready)
		return cc_fail(err, CC_E_EXISTS,
			       "volume %s exists already; choose another name, or delete it with "
			       "\"dmctl volume rm %s\"",
			       r->name, r->name);
	fprintf(stderr,
		"dmctl: an earlier attempt to create %s did not finish; cleaning up after "
		"it\n",
		r->name);
	volume_undo(r->name, old.uuid, r->device);
	return 0;
}

/* Where the data goes. Return: its length in 512-byte sectors, 0 with @err filled. */
static uint64_t data_sectors(const struct volume_wish *r, const struct probe *p,
			     struct cc_error *err)
{
	uint64_t need = CC_VOLUME_HEADER_SECTORS + mkfs_min_sectors(r->fs);
	char have[SIZE_TEXT], want[SIZE_TEXT];

	if (p->logical_block > r->sector_size) {
		cc_fail(err, CC_E_DEVICE,
			"%s has sectors of %u bytes; use --sector-size 4096 or another device",
			p->path, p->logical_block);
		return 0;
	}
	if (p->sectors < need) {
		size_text(p->sectors, have);
		size_text(need, want);
		cc_fail(err, CC_E_DEVICE,
			"%s is too small: it has %s, a volume with %s needs %s (32 MiB of it for "
			"the header)",
			p->path, have, strcmp(r->fs, "none") ? r->fs : "no file system", want);
		return 0;
	}
	return (p->sectors - CC_VOLUME_HEADER_SECTORS) / (r->sector_size / 512) *
	       (r->sector_size / 512);
}

/* ---- the steps ----------------------------------------------------------------------------- */

/* keyd gives the key to format the volume to this host's agent only. */
static int record(const struct volume_wish *r, const char *uuid, uint64_t sectors,
		  struct cc_volume *v, struct cc_error *err)
{
	struct cc_volume wish = {
		.cipher = CC_VOLUME_CIPHER,
		.key_bytes = r->key_bytes,
		.sector_size = r->sector_size,
		.offset = CC_VOLUME_HEADER_SECTORS,
		.sectors = sectors,
		.terms = CC_LEASE_TERMS_DEFAULT,
	};
	cc_auto_json json_t *answer = NULL, *body = NULL;

	if (keyd_agent_name(CC_AGENT_KEY, wish.creator, err))
		return -1;
	snprintf(wish.name, sizeof(wish.name), "%s", r->name);
	snprintf(wish.uuid, sizeof(wish.uuid), "%s", uuid);
	snprintf(wish.fs, sizeof(wish.fs), "%s", r->fs);
	body = cc_volume_wish_to_json(&wish);
	if (!body || (r->terms && json_object_update(body, r->terms)))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (keyd_request("POST", "/v1/volumes", body, &answer, err) ||
	    cc_volume_from_json(v, answer, err))
		return -1;
	if (strcmp(v->uuid, uuid) || v->sectors != sectors || v->offset != CC_VOLUME_HEADER_SECTORS)
		return cc_fail(err, CC_E_INTERNAL,
			       "keyd recorded a different volume from the one it was given");
	return 0;
}

/* Makes the file system through the mapping: what the container will see. */
static int make_fs(const struct volume_wish *r, const struct cc_volume *v, const char *device,
		   const struct cc_secret *key, struct cc_error *err)
{
	char node[128];

	if (strcmp(v->fs, "none") == 0)
		return 0;
	if (mapping_create(v->name, v, device, false, node, err) || stop_signals_check(err) ||
	    mapping_guard(v->name, err) || mapping_unlock(v->name, v, key, 0, err) ||
	    stop_signals_check(err) || mkfs_run(v->fs, r->label, node, err) ||
	    stop_signals_check(err) || fs_root_make(v->fs, node, &r->root, err))
		return -1;
	return mapping_remove(v->name, REMOVE_MS, err);
}

static int set_ready(const char *name, struct cc_error *err)
{
	cc_auto_json json_t *empty = json_object();
	char path[96];

	snprintf(path, sizeof(path), "/v1/volumes/%s/ready", name);
	return keyd_request("POST", path, empty, NULL, err);
}

/* Everything that changes something. On failure the caller has the guard undo it. */
static int build(const struct volume_wish *r, const struct probe *p, const struct attempt *a,
		 uint64_t sectors, struct cc_error *err)
{
	cc_auto_secret struct cc_secret key = {0};
	cc_auto_json json_t *answer = NULL;
	struct cc_volume v;

	if (record(r, a->uuid, sectors, &v, err) || stop_signals_check(err))
		return -1;
	if (keyd_release("format", a->uuid, NULL, NULL, CC_AGENT_KEY, &key, &answer, NULL, err) ||
	    stop_signals_check(err))
		return -1;
	if (probe_wipe_signatures(p, err) || luks_format(a->device, &v, &key, err) ||
	    stop_signals_check(err))
		return -1;
	/* a LUN that loses writes shows now, not at the first bind */
	if (luks_check(a->device, &v, err) || luks_verify_key(a->device, &key, err))
		return -1;
	if (make_fs(r, &v, a->device, &key, err) || stop_signals_check(err))
		return -1;
	return set_ready(r->name, err);
}

static void undo(void *arg)
{
	const struct attempt *a = arg;

	volume_undo(a->name, a->uuid, a->device);
}

static void probe_clear_ptr(struct probe *p)
{
	probe_clear(p);
}

void volume_made_clear(struct volume_made *m)
{
	free(m->device);
	*m = (struct volume_made){0};
}

int volume_make(const struct volume_wish *r, struct volume_made *made, struct cc_error *err)
{
	cc_cleanup(probe_clear_ptr) struct probe p = {.fd = -1};
	struct attempt a = {.name = r->name};
	cc_auto_close int lock = -1;
	struct undo_guard guard;
	uint64_t sectors;

	if (!cc_is_volume_name(r->name))
		return cc_fail(
			err, CC_E_USAGE,
			"\"%.80s\" is not a name of a volume that engines can use: " CC_VOLUME_NAME_RULE,
			r->name);
	if (strcmp(r->fs, "none") == 0 && (r->root.has_owner || r->root.has_mode))
		return cc_fail(err, CC_E_USAGE,
			       "without a file system there is no owner and no mode");
	lock = volume_lock(r->name, err);
	if (lock < 0 || claim_name(r, err) || probe_device(r->device, &p, err))
		return -1;
	sectors = data_sectors(r, &p, err);
	if (!sectors || probe_refuse_signatures(&p, &r->wipe, err) || random_uuid(a.uuid, err))
		return -1;
	a.device = p.path;
	if (undo_guard_start(&guard, undo, &a, err))
		return -1;
	if (build(r, &p, &a, sectors, err)) {
		undo_guard_undo(&guard);
		return -1;
	}
	undo_guard_done(&guard);
	memcpy(made->uuid, a.uuid, sizeof(made->uuid));
	made->device = cc_steal(p.path);
	made->stable = p.stable;
	made->sectors = sectors;
	made->whole = p.sectors;
	return 0;
}
