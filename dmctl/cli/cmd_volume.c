// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_volume.c - dmctl volume ls, inspect, rm.
 */
#include <getopt.h>
#include <string.h>

#include "cli/agent_client.h"
#include "bind/binding.h"
#include "cli/cmd.h"
#include "client/keyd_client.h"
#include "client/keyd_volume.h"
#include "volume/luks.h"
#include "volume/mapping.h"
#include "cli/output.h"
#include "paths.h"
#include "host/size_text.h"
#include "cli/lease_terms_option.h"
#include "strv.h"
#include "volume/volume_lock.h"
#include "volume/volume_undo.h"

static const char *const one_name[] = {"NAME", NULL};

/* Adds what only people want to read: "size", "leaseTime". */
static void add_texts(json_t *volume)
{
	json_int_t sectors = json_integer_value(json_object_get(volume, "sectors"));
	char text[SIZE_TEXT];

	size_text(sectors < 0 ? 0 : (uint64_t)sectors, text);
	json_object_set_new(volume, "size", json_string(text));
	output_add_time(volume, "leaseMs", "leaseTime");
	output_add_time(json_object_get(volume, "lease"), "leftMs", "left");
}

static void print_list(json_t *volumes)
{
	static const struct column columns[] = {
		{"NAME", "name"},
		{"SIZE", "size"},
		{"FS", "fs"},
		{"STATE", "state"},
		{"SERIAL", "identity.serial"},
		{"SIGNER", "identity.signer"},
		{"AGENT", "lease.agent"},
		{NULL, NULL},
	};
	json_t *v;
	size_t i;

	json_array_foreach(volumes, i, v)
		add_texts(v);
	output_rows(volumes, columns);
}

int cmd_volume_ls(int argc, char **argv, const struct global_options *g)
{
	static const char *const nothing[] = {NULL};
	cc_auto_json json_t *answer = NULL;
	json_t *volumes = NULL;
	struct cc_error err;

	if (cmd_only_arguments(g, argc, argv, nothing))
		return CC_E_USAGE;
	if (keyd_list("/v1/volumes", "volumes", &answer, &volumes, &err))
		return cmd_fail(g, &err);
	cmd_tell_bad_rows(answer);
	if (g->json)
		output_json(answer);
	else
		print_list(volumes);
	return CC_OK;
}

static void print_volume(json_t *volume)
{
	static const struct column fields[] = {
		{"Name", "name"},
		{"UUID", "uuid"},
		{"State", "state"},
		{"Size", "size"},
		{"File system", "fs"},
		{"Cipher", "cipher"},
		{"Key bytes", "keyBytes"},
		{"Sector size", "sectorSize"},
		{"Data at sector", "offset"},
		{"Sectors", "sectors"},
		{"Key generation", "generation"},
		{"Realm", "realm"},
		{"Created", "created"},
		{"Created by", "creator"},
		{"Mount point", "identity.mountPoint"},
		{"Identity serial", "identity.serial"},
		{"Identity digest", "identity.digest"},
		{"Signer", "identity.signer"},
		{"Leased by", "lease.agent"},
		{"Container", "lease.container"},
		{"Lease", "lease.id"},
		{"Fence", "lease.fence"},
		{"Granted", "lease.granted"},
		{"Left", "lease.left"},
		{"Lent for", "leaseTime"},
		{"Shared reading", "sharedRead"},
		{"On lapse", "onLapse"},
		{"On revoke", "onRevoke"},
		{"On lock", "onLock"},
		{"Mount options", "mountOptions"},
		{"Discard", "discard"},
		{NULL, NULL},
	};

	add_texts(volume);
	output_record(stdout, volume, fields);
}

int cmd_volume_inspect(int argc, char **argv, const struct global_options *g)
{
	cc_auto_json json_t *volume = NULL;
	struct cc_volume v;
	struct cc_error err;

	if (cmd_only_arguments(g, argc, argv, one_name))
		return CC_E_USAGE;
	if (volume_fetch(argv[optind], &volume, &err))
		return cmd_fail(g, &err);
	if (g->json)
		output_json(volume);
	else
		print_volume(volume);
	/* A record that nothing can be done with is shown all the same, and said to be one. */
	if (cc_volume_from_json(&v, volume, &err)) {
		fprintf(stderr,
			"dmctl: %s; \"dmctl volume rm %s\" is all that can be done with it\n",
			err.text, argv[optind]);
		return (int)err.code;
	}
	return CC_OK;
}

int cmd_volume_set(int argc, char **argv, const struct global_options *g)
{
	static const struct option options[] = {LEASE_TERMS_OPTIONS, {0}};
	cc_auto_json json_t *terms = json_object(), *volume = NULL;
	struct cc_error err;
	char path[96];
	bool taken;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return cmd_bad_option(g, argv);
		if (lease_terms_option(c, optarg, terms, &taken, &err))
			return cmd_usage(g, argv[0], "%s", err.text);
	}
	if (cmd_arguments(g, argc, argv, one_name))
		return CC_E_USAGE;
	if (json_object_size(terms) == 0)
		return cmd_usage(g, argv[0], "nothing to set; give at least one option");
	if (keyd_name(argv[optind], "volume", &err))
		return cmd_fail(g, &err);
	snprintf(path, sizeof(path), "/v1/volumes/%s/set", argv[optind]);
	if (keyd_request("POST", path, terms, &volume, &err))
		return cmd_fail(g, &err);
	if (g->json)
		output_json(volume);
	return CC_OK;
}

/* Asks on a terminal; elsewhere only --yes will do. */
static int confirm(const char *name, bool yes, struct cc_error *err)
{
	char answer[80] = "";

	if (yes)
		return 0;
	if (!isatty(STDIN_FILENO))
		return cc_fail(err, CC_E_USAGE,
			       "deleting volume %s destroys its data permanently; add --yes", name);
	fprintf(stderr,
		"Deleting volume %s destroys its key and with it all data, permanently.\nType the "
		"volume's name to continue: ",
		name);
	if (!fgets(answer, sizeof(answer), stdin))
		answer[0] = '\0';
	answer[strcspn(answer, "\n")] = '\0';
	if (strcmp(answer, name))
		return cc_fail(err, CC_E_USAGE, "that is not the name; nothing was changed");
	return 0;
}

/* @uuid: "" when it is not known; then any mapping of that name counts. */
static int check_unused(const char *name, const char *uuid, struct cc_error *err)
{
	cc_cleanup(cc_strv_clear) struct cc_strv names = {0};
	struct mapping_status st;
	char want[64];

	snprintf(want, sizeof(want), CC_DM_UUID_PREFIX "%s", uuid);
	if (mapping_list(&names, err))
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		if (!binding_is_of(names.v[i], name))
			continue;
		if (mapping_status(names.v[i], &st, err))
			return -1;
		if (st.exists && strncmp(st.uuid, want, strlen(want)) == 0)
			return cc_fail(
				err, CC_E_BUSY,
				"volume %s is in use on this host; run \"dmctl unbind %s\" first",
				name, name);
	}
	return 0;
}

/* @device: where the header is, NULL to leave it. @answer: what keyd has erased */
static int erase(const char *name, const char *uuid, const char *device, json_t **answer,
		 struct cc_error *err)
{
	if (check_unused(name, uuid, err) || volume_delete(name, answer, err))
		return -1;
	if (device && luks_wipe(device, err))
		return cc_prefix(err, "the key of %s is deleted, but its header is still there",
				 name);
	return 0;
}

static int remove_volume(const char *name, bool yes, bool wipe_header, json_t **answer,
			 struct cc_error *err)
{
	cc_auto_free char *device = NULL;
	cc_auto_close int lock = -1;
	struct volume_ref asked, v;
	struct cc_error ignored;

	if (volume_find(name, &asked, err) || confirm(name, yes, err))
		return -1;
	lock = volume_lock(name, err);
	if (lock < 0 || volume_find(name, &v, err))
		return -1;
	if (strcmp(v.uuid, asked.uuid) != 0)
		return cc_fail(err, CC_E_BUSY,
			       "volume %s was deleted and created again in the meantime; nothing "
			       "was changed",
			       name);
	/* half a volume: what the creator could not undo */
	if (!v.ready) {
		luks_find(v.uuid, &device, &ignored);
		volume_undo(name, v.uuid, device);
		return volume_delete(name, answer, err) && err->code != CC_E_NOTFOUND ? -1 : 0;
	}
	if (wipe_header && luks_find(v.uuid, &device, err))
		return -1;
	return erase(name, v.uuid, device, answer, err);
}

/* What is left of the key, and where. @answer: of keyd, or NULL */
static void tell_erased(const char *name, const json_t *answer)
{
	const json_t *erased = json_object_get(answer, "erased");
	const char *before = json_string_value(json_object_get(erased, "copiesBefore"));
	const char *log = json_string_value(json_object_get(erased, "log"));
	json_int_t generation = json_integer_value(json_object_get(erased, "generation"));

	fprintf(stderr, "dmctl: volume %s is deleted; its data can no longer be read\n", name);
	if (!erased)
		return;
	if (generation)
		fprintf(stderr,
			"dmctl: key generation %lld is destroyed: backups of keyd's database of "
			"before now open no volume's key; make a new one (keyd backup)\n",
			(long long)generation);
	else
		fprintf(stderr, "dmctl: no key generation was destroyed: a backup of keyd's "
				"database still has the key (see the log of keyd)\n");
	if (log && strcmp(log, "overwritten") != 0)
		fprintf(stderr, "dmctl: the log of keyd's database is in use and is overwritten "
				"later\n");
	if (before)
		fprintf(stderr,
			"dmctl: backups of before %s have its key, under the key-encryption key "
			"alone: destroy them\n",
			before);
}

int cmd_volume_rm(int argc, char **argv, const struct global_options *g)
{
	static const struct option options[] = {
		{"yes", no_argument, NULL, 'y'},
		{"wipe-header", no_argument, NULL, 'w'},
		{0},
	};
	cc_auto_json json_t *answer = NULL;
	bool yes = false, wipe_header = false;
	struct cc_error err;
	int c;

	while ((c = getopt_long(argc, argv, "y", options, NULL)) != -1) {
		if (c == '?')
			return cmd_bad_option(g, argv);
		yes |= c == 'y';
		wipe_header |= c == 'w';
	}
	if (cmd_arguments(g, argc, argv, one_name))
		return CC_E_USAGE;
	if (remove_volume(argv[optind], yes, wipe_header, &answer, &err))
		return cmd_fail(g, &err);
	if (g->json && answer)
		output_json(answer);
	tell_erased(argv[optind], answer);
	agent_refresh(g->agent);
	return CC_OK;
}
