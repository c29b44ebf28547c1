// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_volume_rename.c - dmctl volume rename.
 */
#include <stdio.h>

#include "bind/binding.h"
#include "cli/agent_client.h"
#include "cli/cmd.h"
#include "cli/output.h"
#include "client/keyd_client.h"
#include "strv.h"
#include "volume.h"
#include "volume/luks.h"
#include "volume/volume_lock.h"

/* Where a mapping of before still waits to be taken away, keyd may know of no lease any more. */
static int check_unbound(const char *name, struct cc_error *err)
{
	cc_cleanup(cc_strv_clear) struct cc_strv names = {0};

	if (binding_list(name, &names, err))
		return -1;
	return names.n ? cc_fail(err, CC_E_BUSY,
				 "volume %s is in use on this host; run \"dmctl unbind %s\" first",
				 name, name)
		       : 0;
}

static int rename_volume(const char *from, const char *to, json_t **answer, struct cc_error *err)
{
	cc_auto_json json_t *body = json_pack("{s:s}", "name", to);
	cc_auto_close int lock = -1;
	char path[128];

	if (!body)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (keyd_name(from, "volume", err))
		return -1;
	lock = volume_lock(from, err);
	if (lock < 0 || check_unbound(from, err))
		return -1;
	snprintf(path, sizeof(path), "/v1/volumes/%s/rename", from);
	return keyd_request("POST", path, body, answer, err);
}

/* The copy of the name in the header; where it cannot be written it does no harm. */
static void rename_header(const json_t *volume)
{
	cc_auto_free char *device = NULL;
	struct cc_volume v = {0};
	struct cc_error err;

	if (cc_volume_from_json(&v, volume, &err) || luks_find(v.uuid, &device, &err) ||
	    luks_set_name(device, &v, &err))
		fprintf(stderr,
			"dmctl: the header of the volume's LUN still has the old name, which does "
			"no harm: %s\n",
			err.text);
}

int cmd_volume_rename(int argc, char **argv, const struct global_options *g)
{
	static const char *const names[] = {"OLD", "NEW", NULL};
	cc_auto_json json_t *answer = NULL;
	struct cc_error err;

	if (cmd_only_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	if (rename_volume(argv[optind], argv[optind + 1], &answer, &err))
		return cmd_fail(g, &err);
	rename_header(answer);
	agent_refresh(g->agent);
	if (g->json)
		output_json(answer);
	return CC_OK;
}
