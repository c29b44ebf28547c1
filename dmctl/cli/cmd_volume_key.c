// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_volume_key.c - dmctl volume key export.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "cli/cmd.h"
#include "cli/output.h"
#include "client/key_file.h"
#include "client/keyd_client.h"
#include "file.h"

/* Before keyd is asked: what it gives out is logged, and must not be lost for want of a file. */
static int reserve(const char *path, struct cc_error *err)
{
	cc_auto_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0)
		return 0;
	if (errno == EEXIST)
		return cc_fail(err, CC_E_EXISTS, "%s exists already; give a new file", path);
	return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
}

/* Without a line's end: jose(1) says that it failed when something follows a compact JWE. */
static int save(const char *path, const json_t *answer, struct cc_error *err)
{
	const char *jwe = json_string_value(json_object_get(answer, "jwe"));

	return cc_replace_file(path, jwe, strlen(jwe), 0600, err);
}

static int ask_for_key(const char *name, const json_t *recipient, json_t **answer,
		       struct cc_error *err)
{
	cc_auto_json json_t *body = json_pack("{s:O}", "recipient", recipient);
	char path[128];

	if (!body)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	snprintf(path, sizeof(path), "/v1/volumes/%s/export", name);
	if (keyd_request("POST", path, body, answer, err))
		return -1;
	if (!json_is_string(json_object_get(*answer, "jwe")))
		return cc_fail(err, CC_E_INVALID, "keyd's answer has no key");
	return 0;
}

static int export(const char *name, const char *recipient_path, const char *path, json_t **answer,
		  struct cc_error *err)
{
	cc_auto_json json_t *recipient = NULL;

	if (keyd_name(name, "volume", err))
		return -1;
	recipient = key_file_recipient(recipient_path, err);
	if (!recipient)
		return -1;
	if (!path)
		return ask_for_key(name, recipient, answer, err);
	if (reserve(path, err))
		return -1;
	if (ask_for_key(name, recipient, answer, err) == 0 && save(path, *answer, err) == 0)
		return 0;
	unlink(path);
	return -1;
}

int cmd_volume_key_export(int argc, char **argv, const struct global_options *g)
{
	static const struct option options[] = {{"to-recipient", required_argument, NULL, 'r'},
						{"output", required_argument, NULL, 'o'},
						{0}};
	static const char *const names[] = {"NAME", NULL};
	const char *recipient = NULL, *path = NULL;
	cc_auto_json json_t *answer = NULL;
	struct cc_error err;
	int c;

	while ((c = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
		if (c == 'r')
			recipient = optarg;
		else if (c == 'o')
			path = optarg;
		else
			return CC_E_USAGE;
	}
	if (cmd_arguments(g, argc, argv, names))
		return CC_E_USAGE;
	if (!recipient) {
		cc_fail(&err, CC_E_USAGE, "give the key to encrypt it to: --to-recipient FILE");
		return cmd_fail(g, &err);
	}
	if (export(argv[optind], recipient, path, &answer, &err))
		return cmd_fail(g, &err);
	if (g->json)
		output_json(answer);
	else if (!path)
		printf("%s%s", json_string_value(json_object_get(answer, "jwe")),
		       isatty(STDOUT_FILENO) ? "\n" : "");
	return CC_OK;
}
