// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_volume_create.c - dmctl volume create.
 */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "agent_client.h"
#include "cmd.h"
#include "guard.h"
#include "interrupt.h"
#include "keyd_client.h"
#include "keyd_volume.h"
#include "luks.h"
#include "mapping.h"
#include "mkfs.h"
#include "output.h"
#include "paths.h"
#include "probe.h"
#include "size.h"
#include "volume_lock.h"
#include "volume_undo.h"

#define REMOVE_MS 10000u
#define UUID_SOURCE "/proc/sys/kernel/random/uuid"

/**
 * struct request - what the user asked for.
 * @label: of the file system, NULL for none
 * @wipe: signatures that may be destroyed
 */
struct request {
	const char *name;
	const char *device;
	const char *fs;
	const char *label;
	uint32_t sector_size;
	uint32_t key_bytes;
	struct cc_strv wipe;
};

/* What the guard needs to undo. */
struct attempt {
	const char *name;
	const char *device;
	char uuid[37];
};

/* ---- arguments -------------------------------------------------------------------------------- */

static int split_list(const char *list, struct cc_strv *out, struct cc_error *err)
{
	cc_auto_free char *copy = strdup(list);
	char *rest = copy;
	const char *word;

	if (!copy)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	while ((word = strsep(&rest, ",")))
		if (*word && cc_strv_push(out, word, err))
			return -1;
	return 0;
}

static bool either(const char *s, uint32_t a, uint32_t b, uint32_t *out)
{
	uint64_t n;

	if (!cmd_number(s, 0, UINT32_MAX, &n) || (n != a && n != b))
		return false;
	*out = (uint32_t)n;
	return true;
}

static int parse(int argc, char **argv, const struct globals *g, struct request *r)
{
	static const struct option options[] = {
		{"fs", required_argument, NULL, 'f'},
		{"label", required_argument, NULL, 'l'},
		{"sector-size", required_argument, NULL, 's'},
		{"key-bytes", required_argument, NULL, 'k'},
		{"cipher", required_argument, NULL, 'c'},
		{"wipe-signature", required_argument, NULL, 'w'},
		{0},
	};
	static const char *const names[] = {"NAME", "DEVICE", NULL};
	struct cc_error err;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'f')
			r->fs = optarg;
		else if (c == 'l')
			r->label = optarg;
		else if (c == 's' && !either(optarg, 512, 4096, &r->sector_size))
			return cmd_usage(g, argv[0], "--sector-size is 512 or 4096");
		else if (c == 'k' && !either(optarg, 32, 64, &r->key_bytes))
			return cmd_usage(g, argv[0], "--key-bytes is 32 or 64");
		else if (c == 'c' && strcmp(optarg, VOLUME_CIPHER))
			return cmd_usage(g, argv[0], "--cipher is " VOLUME_CIPHER);
		else if (c == 'w' && split_list(optarg, &r->wipe, &err))
			return cmd_fail(g, &err);
		else if (c == '?')
			return cmd_bad_option(g, argv);
	}
	if (cmd_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	r->name = argv[optind];
	r->device = argv[optind + 1];
	return mkfs_check(r->fs, r->label, &err) ? cmd_fail(g, &err) : 0;
}

/* ---- before anything is changed --------------------------------------------------------------- */

/* The name is free. What an attempt that died left of it is taken away first. */
static int claim_name(const struct request *r, struct cc_error *err)
{
	struct volume_record old;

	if (volume_get(r->name, &old, NULL, err))
		return err->code == CC_E_NOTFOUND ? 0 : -1;
	if (old.ready)
		return cc_fail(err, CC_E_EXISTS,
			       "volume %s exists already; choose another name, or delete it with "
			       "\"dmctl volume rm %s\"",
			       r->name, r->name);
	fprintf(stderr, "dmctl: an earlier attempt to create %s did not finish; clearing it away\n",
		r->name);
	volume_undo(r->name, old.uuid, r->device);
	return 0;
}

/* Where the data goes. Return: its length in 512-byte sectors, 0 with @err filled. */
static uint64_t data_sectors(const struct request *r, const struct probe *p, struct cc_error *err)
{
	uint64_t need = LUKS_DATA_OFFSET_SECTORS + mkfs_min_sectors(r->fs);
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
	return (p->sectors - LUKS_DATA_OFFSET_SECTORS) / (r->sector_size / 512) *
	       (r->sector_size / 512);
}

static int new_uuid(char uuid[static 37], struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	size_t len;

	if (cc_read_file(UUID_SOURCE, &text, &len, err))
		return -1;
	snprintf(uuid, 37, "%.36s", text);
	return cc_is_uuid(uuid) ? 0 : cc_fail(err, CC_E_INTERNAL, UUID_SOURCE " gives no UUID");
}

/* ---- the steps -------------------------------------------------------------------------------- */

static int record(const struct request *r, const char *uuid, uint64_t sectors,
		  struct volume_record *v, struct cc_error *err)
{
	cc_auto_json json_t *answer = NULL;
	cc_auto_json json_t *body = json_pack(
		"{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s}", "name", r->name, "uuid", uuid, "cipher",
		VOLUME_CIPHER, "keyBytes", (json_int_t)r->key_bytes, "sectorSize",
		(json_int_t)r->sector_size, "offset", (json_int_t)LUKS_DATA_OFFSET_SECTORS,
		"sectors", (json_int_t)sectors, "fs", r->fs);

	if (!body)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (keyd_request("POST", "/v1/volumes", body, &answer, err) ||
	    volume_record_from_json(v, answer, err))
		return -1;
	if (strcmp(v->uuid, uuid) || v->sectors != sectors || v->offset != LUKS_DATA_OFFSET_SECTORS)
		return cc_fail(err, CC_E_INTERNAL, "keyd recorded another volume than it was told");
	return 0;
}

/* Makes the file system through the mapping: what the container will see. */
static int make_fs(const struct request *r, const struct volume_record *v, const char *device,
		   const struct cc_secret *key, struct cc_error *err)
{
	char node[128];

	if (strcmp(v->fs, "none") == 0)
		return 0;
	if (mapping_create(v, device, false, node, err) || interrupt_check(err) ||
	    mapping_unlock(v, key, 0, err) || interrupt_check(err) ||
	    mkfs_run(v->fs, r->label, node, err))
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
static int build(const struct request *r, const struct probe *p, const struct attempt *a,
		 uint64_t sectors, struct cc_error *err)
{
	cc_auto_secret struct cc_secret key = {0};
	cc_auto_json json_t *answer = NULL;
	struct volume_record v;

	if (record(r, a->uuid, sectors, &v, err) || interrupt_check(err))
		return -1;
	if (keyd_release("format", a->uuid, NULL, CC_AGENT_KEY, &key, &answer, err) ||
	    interrupt_check(err))
		return -1;
	if (probe_wipe_signatures(p, err) || luks_format(a->device, &v, &key, err) ||
	    interrupt_check(err))
		return -1;
	/* a LUN that loses writes shows now, not at the first bind */
	if (luks_check(a->device, &v, err) || luks_verify_key(a->device, &key, err))
		return -1;
	if (make_fs(r, &v, a->device, &key, err) || interrupt_check(err))
		return -1;
	return set_ready(r->name, err);
}

static void undo(void *arg)
{
	const struct attempt *a = arg;

	volume_undo(a->name, a->uuid, a->device);
}

static void report(const struct globals *g, const struct request *r, const struct probe *p,
		   const struct attempt *a, uint64_t sectors)
{
	cc_auto_json json_t *obj = NULL;
	char usable[SIZE_TEXT], whole[SIZE_TEXT];
	struct volume_record v;
	struct cc_error err;

	size_text(sectors, usable);
	size_text(p->sectors, whole);
	fprintf(stderr, "dmctl: volume %s on %s: %s usable of %s (32 MiB hold the header)\n",
		r->name, p->path, usable, whole);
	if (!p->stable)
		fprintf(stderr,
			"dmctl: %s has no name under /dev/disk/by-id, so it may be called otherwise "
			"after a reboot; the volume is found by its UUID\n",
			p->path);
	if (!g->json)
		puts(a->uuid);
	else if (volume_get(r->name, &v, &obj, &err) == 0)
		output_json(obj);
	else
		fprintf(stderr, "dmctl: %s\n", err.text);
}

static int create(const struct globals *g, const struct request *r, struct probe *p,
		  struct cc_error *err)
{
	cc_auto_close int lock = -1;
	struct attempt a = {.name = r->name};
	struct guard guard;
	uint64_t sectors;

	lock = volume_lock(r->name, err);
	if (lock < 0 || claim_name(r, err) || probe_device(r->device, p, err))
		return -1;
	sectors = data_sectors(r, p, err);
	if (!sectors || probe_refuse_signatures(p, &r->wipe, err) || new_uuid(a.uuid, err))
		return -1;
	a.device = p->path;
	if (guard_start(&guard, undo, &a, err))
		return -1;
	if (build(r, p, &a, sectors, err)) {
		guard_undo(&guard);
		return -1;
	}
	guard_done(&guard);
	report(g, r, p, &a, sectors);
	return 0;
}

int cmd_volume_create(int argc, char **argv, const struct globals *g)
{
	struct request r = {.fs = "ext4", .sector_size = 4096, .key_bytes = 64};
	struct probe p = {.fd = -1};
	struct cc_error err;
	int rc;

	interrupt_begin();
	rc = parse(argc, argv, g, &r);
	if (!rc && create(g, &r, &p, &err))
		rc = cmd_fail(g, &err);
	probe_clear(&p);
	cc_strv_clear(&r.wipe);
	/* after the device is let go: the agent looks for it */
	if (!rc)
		agent_refresh(g->agent);
	return rc;
}
