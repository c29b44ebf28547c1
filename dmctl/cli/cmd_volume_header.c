// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_volume_header.c - dmctl volume header-backup, header-restore.
 */
#include <getopt.h>
#include <string.h>

#include "cli/cmd.h"
#include "client/keyd_volume.h"
#include "volume/luks.h"
#include "volume/probe.h"
#include "strv.h"
#include "volume/volume_lock.h"

static int backup(const char *name, const char *path, struct cc_error *err)
{
	cc_auto_free char *device = NULL;
	struct cc_volume v;

	if (volume_get(name, &v, NULL, err) || luks_find(v.uuid, &device, err) ||
	    luks_check(device, &v, err))
		return -1;
	if (access(path, F_OK) == 0)
		return cc_fail(err, CC_E_EXISTS, "%s exists already; give a new file", path);
	return luks_backup(device, path, err);
}

int cmd_volume_header_backup(int argc, char **argv, const struct global_options *g)
{
	static const char *const names[] = {"NAME", "FILE", NULL};
	struct cc_error err;

	if (cmd_only_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	return backup(argv[optind], argv[optind + 1], &err) ? cmd_fail(g, &err) : CC_OK;
}

/*
 * Nothing of anybody else's is on the LUN, as far as one can see.
 * @open: the name of the LUN that is open
 */
static int check_target(const struct probe *p, const char *open, const struct cc_volume *v,
			bool yes, struct cc_error *err)
{
	char *luks[] = {"crypto_LUKS"};
	const struct cc_strv own = {1, luks}, nothing = {0};
	bool claims = luks_claims(open, v->uuid);

	if (p->sectors < v->offset + v->sectors)
		return cc_fail(err, CC_E_DEVICE, "%s is smaller than volume %s; wrong LUN?",
			       p->path, v->name);
	if (probe_refuse_signatures(p, claims ? &own : &nothing, err))
		return -1;
	if (!claims && !yes)
		return cc_fail(err, CC_E_USAGE,
			       "nothing on %s says that it is volume %s; if you know that it is, "
			       "add --yes",
			       p->path, v->name);
	return 0;
}

static void probe_clear_ptr(struct probe *p)
{
	probe_clear(p);
}

static int restore(const char *name, const char *path, const char *device, bool yes,
		   struct cc_error *err)
{
	cc_cleanup(probe_clear_ptr) struct probe p = {.fd = -1};
	cc_auto_close int lock = volume_lock(name, err), header = -1;
	char held[32], target[32];
	struct cc_volume v;

	if (lock < 0 || volume_get(name, &v, NULL, err))
		return -1;
	/* each is opened once: what is checked is what is written, and where */
	header = luks_hold(path, err);
	if (header < 0)
		return -1;
	luks_fd_path(header, held);
	/* what is restored is what keyd expects, whoever kept the file */
	if (luks_check(held, &v, err))
		return cc_prefix(err, "%s", path);
	if (probe_device(device, &p, err))
		return -1;
	luks_fd_path(p.fd, target);
	if (check_target(&p, target, &v, yes, err))
		return -1;
	return luks_restore(target, held, err) || luks_check(target, &v, err)
		       ? cc_prefix(err, "%s", device)
		       : 0;
}

int cmd_volume_header_restore(int argc, char **argv, const struct global_options *g)
{
	static const struct option options[] = {{"yes", no_argument, NULL, 'y'}, {0}};
	static const char *const names[] = {"NAME", "FILE", "DEVICE", NULL};
	struct cc_error err;
	bool yes = false;
	int c;

	while ((c = getopt_long(argc, argv, "y", options, NULL)) != -1) {
		if (c == '?')
			return cmd_bad_option(g, argv);
		yes = true;
	}
	if (cmd_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	if (restore(argv[optind], argv[optind + 1], argv[optind + 2], yes, &err))
		return cmd_fail(g, &err);
	fprintf(stderr, "dmctl: %s has the header of volume %s again\n", argv[optind + 2],
		argv[optind]);
	return CC_OK;
}
