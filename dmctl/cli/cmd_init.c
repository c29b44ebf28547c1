// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_init.c - dmctl init: everything one host needs, with or without keyd, in one command that may
 * be repeated.
 */
#include <errno.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cmd.h"
#include "client/keyd_client.h"
#include "client/keyd_enrol.h"
#include "client/keyd_tls.h"
#include "engine/engines.h"
#include "evidence.h"
#include "file.h"
#include "cli/host_name.h"
#include "jwk.h"
#include "name.h"
#include "host/stop_signals.h"
#include "cli/output.h"
#include "paths.h"
#include "host/program.h"

#define SYSTEMD_DIR "/run/systemd/system" /* sd_booted(3) */
#define SYSTEMCTL "/usr/bin/systemctl"
#define KEYD_UNIT "container-crypt-keyd.service"
#define AGENT_UNIT "container-crypt-agent.service"

/* ---- the agent's name and key -------------------------------------------------------------- */

/* The key that is there already, new reference; NULL with CC_E_NOTFOUND when there is none. */
static json_t *read_key(struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	json_t *jwk;
	size_t len;

	if (access(CC_AGENT_KEY, F_OK)) {
		cc_fail_errno(err, errno == ENOENT ? CC_E_NOTFOUND : CC_E_INTERNAL, CC_AGENT_KEY);
		return NULL;
	}
	if (cc_read_file(CC_AGENT_KEY, &text, &len, err))
		return NULL;
	jwk = cc_json_parse(text, len, CC_AGENT_KEY, err);
	OPENSSL_cleanse(text, len);
	return jwk;
}

static json_t *make_key(const char *name, struct cc_error *err)
{
	cc_auto_json json_t *jwk = cc_jwk_new(name, false, err);
	char *text;
	int rc;

	if (!jwk)
		return NULL;
	text = json_dumps(jwk, JSON_COMPACT);
	if (!text) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	rc = cc_replace_file(CC_AGENT_KEY, text, strlen(text), 0600, err);
	OPENSSL_cleanse(text, strlen(text));
	free(text);
	return rc ? NULL : cc_steal(jwk);
}

/* @name: NULL for the host's. *jwk: new reference. The name that counts ends up in @out. */
static int ensure_key(const char *name, json_t **jwk, char out[static 64], struct cc_error *err)
{
	const char *kid;

	*jwk = read_key(err);
	if (!*jwk) {
		if (err->code != CC_E_NOTFOUND)
			return -1;
		if (name)
			snprintf(out, 64, "%s", name);
		else
			host_name_default(out);
		*jwk = make_key(out, err);
		return *jwk ? 0 : -1;
	}
	kid = json_string_value(json_object_get(*jwk, "kid"));
	if (!kid || !cc_is_name(kid))
		return cc_fail(err, CC_E_INVALID,
			       CC_AGENT_KEY " is not the key of an agent; move it away and try "
					    "again");
	if (name && strcmp(kid, name))
		return cc_fail(
			err, CC_E_EXISTS,
			"this host's agent is named %s already, not %s; to rename it, move " CC_AGENT_KEY
			" away first",
			kid, name);
	snprintf(out, 64, "%s", kid);
	return 0;
}

/* ---- the rest ------------------------------------------------------------------------------ */

static int make_directory(const char *path, mode_t mode, struct cc_error *err)
{
	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return 0;
	return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
}

static int make_directories(struct cc_error *err)
{
	return make_directory(CC_ETC_DIR, 0700, err) || make_directory(CC_LIB_DIR, 0711, err) ||
			       make_directory(CC_AGENT_DIR, 0700, err) ||
			       make_directory(CC_RUN_DIR, 0755, err)
		       ? -1
		       : 0;
}

static int run_program(const char *const *argv, enum cc_code code, struct cc_error *err)
{
	int status = 0;

	if (program_run(argv, STDERR_FILENO, &status, err))
		return -1;
	return program_check(argv[0], status, code, err);
}

static int init_keyd(const char *realm, struct cc_error *err)
{
	const char *argv[] = {
		CC_KEYD_PATH, "init", "--agent", CC_AGENT_KEY, realm ? "--realm" : NULL,
		realm,	      NULL};

	return run_program(argv, CC_E_INTERNAL, err);
}

/* Not now: they follow their engines' own starts. */
static int enable_engine_units(struct cc_error *err)
{
	for (const struct engine *const *e = engines; *e; e++) {
		const char *const enable[] = {SYSTEMCTL, "enable", "--quiet", (*e)->unit, NULL};

		if ((*e)->unit && run_program(enable, CC_E_UNREACHABLE, err))
			return -1;
	}
	return 0;
}

/* @keyd: it is on this host, too */
static int start_services(bool keyd, bool *started, struct cc_error *err)
{
	const char *const enable[] = {
		SYSTEMCTL, "enable", "--quiet", "--now", AGENT_UNIT, keyd ? KEYD_UNIT : NULL, NULL};
	struct stat st;

	*started = lstat(SYSTEMD_DIR, &st) == 0 && S_ISDIR(st.st_mode);
	if (!*started) {
		fprintf(stderr, "dmctl: there is no systemd here; start %s%s%s\"dmctl agent\"\n",
			keyd ? "\"" : "", keyd ? CC_KEYD_PATH : "", keyd ? " serve\" and " : "");
		return 0;
	}
	if (run_program(enable, CC_E_UNREACHABLE, err) || enable_engine_units(err))
		return cc_prefix(err, "everything is set up, but the services did not start (see "
				      "\"journalctl -u container-crypt-keyd\")");
	return 0;
}

static int report(const struct global_options *g, const char *name, const json_t *jwk, bool started,
		  struct cc_error *err)
{
	cc_auto_json json_t *public = cc_jwk_public(jwk, err);
	cc_auto_free char *thumbprint = public ? cc_jwk_thumbprint(public, err) : NULL;
	cc_auto_json json_t *obj = NULL;

	if (!thumbprint)
		return -1;
	if (!g->json) {
		puts(name);
		return 0;
	}
	obj = json_pack("{s:s, s:s, s:b}", "agent", name, "thumbprint", thumbprint, "started",
			(int)started);
	output_json(obj);
	return 0;
}

static int init(const struct global_options *g, const char *realm, const char *name,
		struct cc_error *err)
{
	cc_auto_json json_t *jwk = NULL;
	bool started = false;
	char agent[64];

	if (make_directories(err) || ensure_key(name, &jwk, agent, err) || init_keyd(realm, err) ||
	    start_services(true, &started, err))
		return -1;
	return report(g, agent, jwk, started, err);
}

/* ---- with keyd on another machine ---------------------------------------------------------- */

/* What counts is without the white space around it. */
static int read_token(const char *path, char text[static CC_ENROL_TOKEN_LEN],
		      struct cc_enrol_token *t, struct cc_error *err)
{
	cc_auto_free char *all = NULL;
	size_t len, skip;
	int rc;

	if (cc_read_file_max(path, 2 * CC_ENROL_TOKEN_LEN, &all, &len, err))
		return cc_prefix(err, "the token");
	skip = strspn(all, " \t\r\n");
	snprintf(text, CC_ENROL_TOKEN_LEN, "%.*s", (int)strcspn(all + skip, " \t\r\n"), all + skip);
	OPENSSL_cleanse(all, len);
	rc = cc_enrol_token_parse(text, strlen(text), t, err);
	return rc ? cc_prefix(err, "%s", strcmp(path, "-") ? path : "standard input") : 0;
}

static int init_far(const struct global_options *g, const char *token, struct cc_error *err)
{
	cc_cleanup(cc_enrol_token_clear) struct cc_enrol_token t = {0};
	cc_auto_json json_t *jwk = NULL;
	char text[CC_ENROL_TOKEN_LEN] = "";
	bool started = false;
	char agent[64];
	int rc;

	if (read_token(token, text, &t, err))
		return -1;
	rc = make_directories(err) || ensure_key(t.name, &jwk, agent, err) ||
			     keyd_enrol(g->keyd, &t, text, jwk, err)
		     ? -1
		     : 0;
	OPENSSL_cleanse(text, sizeof(text));
	if (rc || start_services(false, &started, err))
		return -1;
	return report(g, agent, jwk, started, err);
}

/* Which of both it is is said by where keyd is. */
static int check_kind(const struct global_options *g, const char *realm, const char *name,
		      const char *token, struct cc_error *err)
{
	struct keyd_url url;

	if (!token && !keyd_is_url(g->keyd))
		return 0;
	if (!token)
		return cc_fail(err, CC_E_USAGE,
			       "this host's keyd is %s: to enrol there give --token FILE, which "
			       "\"dmctl agents invite\" printed there",
			       g->keyd);
	if (realm || name)
		return cc_fail(err, CC_E_USAGE,
			       "--token goes with neither --realm nor --name: both are keyd's");
	if (!keyd_is_url(g->keyd))
		return cc_fail(err, CC_E_USAGE,
			       "say where keyd is, with --keyd https://HOST:" KEYD_PORT);
	return keyd_url_parse(g->keyd, &url, err);
}

int cmd_init(int argc, char **argv, const struct global_options *g)
{
	static const struct option options[] = {
		{"realm", required_argument, NULL, 'r'},
		{"name", required_argument, NULL, 'n'},
		{"token", required_argument, NULL, 't'},
		{0},
	};
	static const char *const nothing[] = {NULL};
	const char *realm = NULL, *name = NULL, *token = NULL;
	struct cc_error err;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return cmd_bad_option(g, argv);
		if (c == 'r')
			realm = optarg;
		else if (c == 'n')
			name = optarg;
		else
			token = optarg;
	}
	if (cmd_arguments(g, argc, argv, nothing))
		return CC_E_USAGE;
	if (check_kind(g, realm, name, token, &err) || (realm && keyd_name(realm, "realm", &err)) ||
	    (name && keyd_name(name, "agent", &err)))
		return cmd_fail(g, &err);
	stop_signals_block();
	return (token ? init_far(g, token, &err) : init(g, realm, name, &err)) ? cmd_fail(g, &err)
									       : CC_OK;
}
