// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_volume_grow.c - dmctl volume grow: a volume takes all of a LUN that has grown.
 *
 * keyd's record first: a mapping or a file system that is smaller than the record is whole, and
 * catches up at the next bind. Each step may be repeated.
 */
#include <fcntl.h>
#include <getopt.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "cli/agent_client.h"
#include "cli/cmd.h"
#include "client/keyd_client.h"
#include "client/keyd_volume.h"
#include "volume/luks.h"
#include "cli/output.h"
#include "host/size_text.h"
#include "volume/volume_lock.h"

/* How much the LUN has for the volume, in 512-byte sectors; 0 with @err filled. */
static uint64_t room(const char *device, const struct cc_volume *v, struct cc_error *err)
{
	cc_auto_close int fd = open(device, O_RDONLY | O_CLOEXEC);
	uint64_t bytes = 0, per_sector = v->sector_size / 512, sectors;

	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &bytes)) {
		cc_fail_errno(err, CC_E_DEVICE, "%s", device);
		return 0;
	}
	sectors = bytes / 512;
	if (sectors < v->offset + v->sectors) {
		cc_fail(err, CC_E_DEVICE,
			"%s is smaller than volume %s; a LUN must not shrink: make it as large as "
			"it was",
			device, v->name);
		return 0;
	}
	return (sectors - v->offset) / per_sector * per_sector;
}

static int record(const struct cc_volume *v, uint64_t sectors, json_t **answer,
		  struct cc_error *err)
{
	cc_auto_json json_t *body = json_pack("{s:I}", "sectors", (json_int_t)sectors);
	char path[96];

	if (!body)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	snprintf(path, sizeof(path), "/v1/volumes/%s/grow", v->name);
	return keyd_request("POST", path, body, answer, err);
}

/* A container of this host that has the volume gets the room now. Says what became of that. */
static void grow_bound(const struct global_options *g, const char *name)
{
	cc_auto_json json_t *request = json_pack("{s:s, s:s}", "op", "grow", "volume", name);
	cc_auto_json json_t *answer = NULL;
	struct cc_error err = {0};

	if (!request || agent_request(g->agent, request, &answer, &err))
		fprintf(stderr, "dmctl: a container gets the room when it is started with it: %s\n",
			err.text);
	else if (json_is_true(json_object_get(answer, "bound")))
		fprintf(stderr, "dmctl: its container has the room now\n");
	else if (json_is_true(json_object_get(answer, "readOnly")))
		fprintf(stderr,
			"dmctl: its identity is readOnly, nothing is written to it now; the file "
			"system gets the room when a container is started whose identity is not\n");
	else
		fprintf(stderr, "dmctl: a container gets the room when it is started with it, "
				"unless its identity is readOnly\n");
}

/* keyd's record; everything else can wait. */
static int grow(const char *name, json_t **answer, struct cc_error *err)
{
	cc_auto_free char *device = NULL;
	cc_auto_close int lock = volume_lock(name, err);
	char had[SIZE_TEXT], has[SIZE_TEXT];
	struct cc_volume v;
	uint64_t sectors;

	if (lock < 0 || volume_get(name, &v, NULL, err) || luks_find(v.uuid, &device, err) ||
	    luks_check(device, &v, err))
		return -1;
	sectors = room(device, &v, err);
	if (!sectors || record(&v, sectors, answer, err))
		return -1;
	size_text(v.sectors, had);
	size_text(sectors, has);
	if (sectors == v.sectors)
		fprintf(stderr, "dmctl: volume %s has all of %s already, %s\n", name, device, has);
	else
		fprintf(stderr, "dmctl: volume %s grows from %s to %s\n", name, had, has);
	return 0;
}

int cmd_volume_grow(int argc, char **argv, const struct global_options *g)
{
	static const char *const names[] = {"NAME", NULL};
	cc_auto_json json_t *answer = NULL;
	struct cc_error err;

	if (cmd_only_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	if (keyd_name(argv[optind], "volume", &err) || grow(argv[optind], &answer, &err))
		return cmd_fail(g, &err);
	grow_bound(g, argv[optind]);
	if (g->json)
		output_json(answer);
	return CC_OK;
}
