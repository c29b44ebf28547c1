// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_volume_create.c - dmctl volume create.
 */
#include <getopt.h>
#include <string.h>

#include "cli/agent_client.h"
#include "cli/cmd.h"
#include "host/stop_signals.h"
#include "client/keyd_volume.h"
#include "volume/mkfs.h"
#include "cli/output.h"
#include "host/size_text.h"
#include "cli/lease_terms_option.h"
#include "strv.h"
#include "volume/volume_make.h"

/* ---- arguments ----------------------------------------------------------------------------- */

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

static int parse_create(int argc, char **argv, const struct global_options *g,
			struct volume_wish *r)
{
	static const struct option options[] = {
		{"fs", required_argument, NULL, 'f'},
		{"label", required_argument, NULL, 'l'},
		{"owner", required_argument, NULL, 'o'},
		{"mode", required_argument, NULL, 'm'},
		{"sector-size", required_argument, NULL, 's'},
		{"key-bytes", required_argument, NULL, 'k'},
		{"cipher", required_argument, NULL, 'c'},
		{"wipe-signature", required_argument, NULL, 'w'},
		LEASE_TERMS_OPTIONS,
		{0},
	};
	static const char *const names[] = {"NAME", "DEVICE", NULL};
	struct cc_error err;
	bool taken;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (lease_terms_option(c, optarg, r->terms, &taken, &err))
			return cmd_usage(g, argv[0], "%s", err.text);
		if (c == 'f')
			r->fs = optarg;
		else if (c == 'l')
			r->label = optarg;
		else if (c == 'o' && fs_root_owner(optarg, &r->root, &err))
			return cmd_usage(g, argv[0], "--owner: %s", err.text);
		else if (c == 'm' && fs_root_mode(optarg, &r->root, &err))
			return cmd_usage(g, argv[0], "--mode: %s", err.text);
		else if (c == 's' && !either(optarg, 512, 4096, &r->sector_size))
			return cmd_usage(g, argv[0], "--sector-size must be 512 or 4096");
		else if (c == 'k' && !either(optarg, 32, 64, &r->key_bytes))
			return cmd_usage(g, argv[0], "--key-bytes must be 32 or 64");
		else if (c == 'c' && strcmp(optarg, CC_VOLUME_CIPHER))
			return cmd_usage(g, argv[0], "--cipher must be " CC_VOLUME_CIPHER);
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

/* ---- the verb ------------------------------------------------------------------------------ */

static void report(const struct global_options *g, const struct volume_wish *r,
		   const struct volume_made *made)
{
	cc_auto_json json_t *obj = NULL;
	char usable[SIZE_TEXT], whole[SIZE_TEXT];
	struct cc_volume v;
	struct cc_error err;

	size_text(made->sectors, usable);
	size_text(made->whole, whole);
	fprintf(stderr, "dmctl: volume %s on %s: %s usable of %s (32 MiB hold the header)\n",
		r->name, made->device, usable, whole);
	if (!made->stable)
		fprintf(stderr,
			"dmctl: %s has no name under /dev/disk/by-id, so its name may change at a "
			"reboot; the volume is found by its UUID\n",
			made->device);
	if (!g->json)
		puts(made->uuid);
	else if (volume_get(r->name, &v, &obj, &err) == 0)
		output_json(obj);
	else
		fprintf(stderr, "dmctl: %s\n", err.text);
}

int cmd_volume_create(int argc, char **argv, const struct global_options *g)
{
	cc_cleanup(volume_made_clear) struct volume_made made = {0};
	struct volume_wish r = VOLUME_WISH;
	struct cc_error err;
	int rc;

	stop_signals_block();
	r.terms = json_object();
	rc = parse_create(argc, argv, g, &r);
	if (!rc && volume_make(&r, &made, &err))
		rc = cmd_fail(g, &err);
	cc_strv_clear(&r.wipe);
	json_decref(r.terms);
	if (rc)
		return rc;
	report(g, &r, &made);
	agent_refresh(g->agent);
	return CC_OK;
}
