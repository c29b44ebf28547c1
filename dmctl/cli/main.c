// SPDX-License-Identifier: Apache-2.0
/*
 * main.c - the dmctl program: takes the global options out, finds the verb, runs it.
 */
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <string.h>

#include "cli/global_options.h"
#include "client/keyd_client.h"
#include "client/keyd_tls.h"
#include "paths.h"
#include "secret.h"
#include "cli/verbs.h"

#define VERSION "0.1.0"

/* A descriptor 0, 1 or 2 that is closed would be given to the next file: a LUN, perhaps. */
static bool have_standard_files(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			return false;
	return true;
}

/* Whoever asks a keyd on another machine does it with the key of the host's agent. */
static int prepare(const struct verb *v, const char *keyd, struct cc_error *err)
{
	const bool far = v->secrets == SECRETS_NONE && keyd_is_url(keyd) && !geteuid();

	switch (far ? SECRETS_KEYS : v->secrets) {
	case SECRETS_KEYS:
		if (geteuid())
			return cc_fail(err, CC_E_PERM, "this needs root; try it with sudo");
		return cc_secret_init(err);
	case SECRETS_PASSPHRASE:
		return cc_secret_harden_process(err) || cc_secret_heap_init(err) ? -1 : 0;
	case SECRETS_NONE:
		break;
	}
	return 0;
}

static int run_verb(const struct verb *v, int words, int argc, char **argv,
		    const struct global_options *g)
{
	char title[64], name[80];
	struct cc_error err;
	int rc;

	if (prepare(v, g->keyd, &err))
		return cmd_fail(g, &err);
	verb_title(v, title);
	snprintf(name, sizeof(name), "dmctl %s", title);
	argv[words] = name;
	opterr = 0; /* the verbs say it themselves, on one line */
	rc = v->run(argc - words, argv + words, g);
	if (fflush(stdout) || ferror(stdout)) {
		cc_fail_errno(&err, CC_E_INTERNAL, "standard output cannot be written");
		return cmd_fail(g, &err);
	}
	return rc;
}

/* What was asked for instead of a verb, or no verb at all. */
static int no_verb(int argc, char **argv, const struct global_options *g, bool help, bool version)
{
	const char *group = argc > 1 && verb_is_group(argv[1]) ? argv[1] : NULL;
	struct cc_error err;
	char guess[64];

	if (version && argc == 1) {
		puts("dmctl (container-crypt) " VERSION);
		return CC_OK;
	}
	if (help && (argc == 1 || group)) {
		verb_help_all(group, stdout);
		return CC_OK;
	}
	if (argc == 1)
		cc_fail(&err, CC_E_USAGE, "a verb is missing; see \"dmctl --help\"");
	else if (group && argc == 2)
		cc_fail(&err, CC_E_USAGE, "%s what? See \"dmctl %s --help\"", group, group);
	else if (verb_guess(argc, argv, guess))
		cc_fail(&err, CC_E_USAGE,
			"there is no \"%.40s%s%.40s\"; did you mean \"dmctl %s\"? See \"dmctl --help\"",
			argv[1], argc > 2 ? " " : "", argc > 2 ? argv[2] : "", guess);
	else
		cc_fail(&err, CC_E_USAGE, "\"%.40s%s%.40s\" is not a verb; see \"dmctl --help\"",
			argv[1], group ? " " : "", group ? argv[2] : "");
	return cmd_fail(g, &err);
}

int main(int argc, char **argv)
{
	struct global_options g = {.agent = CC_AGENT_SOCKET};
	static char url[KEYD_URL_LEN];
	bool help = false, version = false;
	const struct verb *v;
	struct cc_error err;
	int words;

	if (!have_standard_files())
		return CC_E_INTERNAL;
	setlocale(LC_CTYPE, "C.UTF-8");
	if (global_options_take(&argc, argv, &g, &help, &version, &err))
		return cmd_fail(&g, &err);
	v = verb_find(argc, argv, &words);
	if (!v)
		return no_verb(argc, argv, &g, help, version);
	if (help) {
		verb_help(v, stdout);
		return CC_OK;
	}
	if (!g.keyd && keyd_url_read(url, &err))
		return cmd_fail(&g, &err);
	if (!g.keyd)
		g.keyd = url[0] ? url : CC_KEYD_SOCKET;
	keyd_client_set_socket(g.keyd);
	return run_verb(v, words, argc, argv, &g);
}
