// SPDX-License-Identifier: Apache-2.0
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "front/listen_net.h"
#include "init.h"
#include "log.h"
#include "maintain.h"
#include "paths.h"
#include "secret.h"
#include "serve.h"
#include "upkeep.h"

#ifndef CC_VERSION
#define CC_VERSION "0.1"
#endif

#define AGENTS_MAX 64

static const char usage[] =
	"usage: keyd init   [--state-dir DIR] [--kek FILE] [--realm NAME] [--agent FILE.jwk]...\n"
	"       keyd serve  [--socket PATH] [--tls ADDRESS:PORT] [--state-dir DIR] [--kek FILE]\n"
	"                   [--user NAME] [--verbose]\n"
	"       keyd check  [--state-dir DIR] [--kek FILE | --without-kek]\n"
	"       keyd prune  --before TIME [--state-dir DIR] [--kek FILE]\n"
	"       keyd backup [--state-dir DIR] FILE\n"
	"       keyd accept [--state-dir DIR] [--kek FILE] --yes\n"
	"       keyd --help | --version\n"
	"\n"
	"The key daemon of container-crypt: keeps volume keys and releases one only to the\n"
	"container whose signed identity matches what the host's agent attests. See keyd(8).\n"
	"\n"
	"  init    make the key-encryption key, the database and the realm, enrol agents\n"
	"  serve   answer requests until SIGTERM\n"
	"  check   verify the database, who wrote its rows, and the audit log\n"
	"  prune   forget old rows of the audit log; the rest can still be verified\n"
	"  backup  copy the database into a new file, also while keyd is serving\n"
	"  accept  take a database that was put back as it is, without a quarantine\n"
	"\n"
	"  --state-dir DIR  the database's directory (" CC_KEYD_DIR ")\n"
	"  --anchor DIR     what is kept outside of the database (--state-dir and \"-anchor\")\n"
	"  --kek FILE       key-encryption key (" CC_KEK_FILE "); the systemd credential\n"
	"                   \"kek\" takes its place if there is one\n"
	"  --without-kek    check only what can be checked without it\n"
	"  --before TIME    2026-11-22 or 2026-11-22T23:58:27Z\n"
	"  --realm NAME     name of this keyd in evidence (from the machine id)\n"
	"  --agent FILE     host agent's JWK to enrol, by its kid; may be repeated\n"
	"  --socket PATH    where to listen (" CC_KEYD_SOCKET ");\n"
	"                   for agents beside it (keyd-agents.sock)\n"
	"  --tls ADDRESS    where to serve agents of other hosts, \"192.0.2.7:8443\" (the socket of\n"
	"                   systemd's unit container-crypt-keyd-tls.socket, if it is there)\n"
	"  --user NAME      user of the processes that face the peers (container-crypt)\n"
	"  --verbose        log more\n";

enum option_id {
	OPT_STATE_DIR = 256,
	OPT_ANCHOR,
	OPT_KEK,
	OPT_WITHOUT_KEK,
	OPT_BEFORE,
	OPT_REALM,
	OPT_AGENT,
	OPT_SOCKET,
	OPT_TLS,
	OPT_USER,
	OPT_YES
};

/* Which verb takes which option, as bits. */
enum verb {
	VERB_INIT = 1,
	VERB_SERVE = 2,
	VERB_CHECK = 4,
	VERB_PRUNE = 8,
	VERB_BACKUP = 16,
	VERB_ACCEPT = 32,
};

struct args {
	enum verb verb;
	const char *state_dir, *anchor, *kek, *before, *realm, *socket, *tls, *user, *file;
	char *agents[AGENTS_MAX];
	size_t n_agents;
	bool verbose, yes;
};

static int need(const struct args *args, unsigned int verbs, const char *option,
		struct cc_error *err)
{
	return args->verb & verbs
		       ? 0
		       : cc_fail(err, CC_E_USAGE, "%s does not go with this verb", option);
}

static int take_agent(struct args *args, char *path, struct cc_error *err)
{
	if (args->n_agents == AGENTS_MAX)
		return cc_fail(err, CC_E_USAGE, "more than %d agents at once", AGENTS_MAX);
	args->agents[args->n_agents++] = path;
	return need(args, VERB_INIT, "--agent", err);
}

static int take_option(struct args *args, int opt, char *value, struct cc_error *err)
{
	switch (opt) {
	case OPT_STATE_DIR:
		args->state_dir = value;
		return 0;
	case OPT_ANCHOR:
		args->anchor = value;
		return need(args, ~(unsigned int)VERB_BACKUP, "--anchor", err);
	case OPT_KEK:
		args->kek = value;
		return need(args, ~(unsigned int)VERB_BACKUP, "--kek", err);
	case OPT_WITHOUT_KEK:
		args->kek = NULL;
		return need(args, VERB_CHECK, "--without-kek", err);
	case OPT_BEFORE:
		args->before = value;
		return need(args, VERB_PRUNE, "--before", err);
	case OPT_REALM:
		args->realm = value;
		return need(args, VERB_INIT, "--realm", err);
	case OPT_AGENT:
		return take_agent(args, value, err);
	case OPT_SOCKET:
		args->socket = value;
		return need(args, VERB_SERVE, "--socket", err);
	case OPT_TLS:
		args->tls = value;
		return need(args, VERB_SERVE, "--tls", err);
	case OPT_USER:
		args->user = value;
		return need(args, VERB_SERVE, "--user", err);
	case OPT_YES:
		args->yes = true;
		return need(args, VERB_ACCEPT, "--yes", err);
	case 'v':
		args->verbose = true;
		return need(args, VERB_SERVE, "--verbose", err);
	default:
		return cc_fail(err, CC_E_USAGE, "unknown option or missing value: see keyd --help");
	}
}

static int parse_verb(struct args *args, const char *verb, struct cc_error *err)
{
	static const struct {
		const char *name;
		enum verb verb;
	} verbs[] = {
		{"init", VERB_INIT},   {"serve", VERB_SERVE},	{"check", VERB_CHECK},
		{"prune", VERB_PRUNE}, {"backup", VERB_BACKUP}, {"accept", VERB_ACCEPT},
	};

	if (!verb)
		return cc_fail(err, CC_E_USAGE, "a verb is missing: see keyd --help");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(verb, verbs[i].name))
			args->verb = verbs[i].verb;
	if (!args->verb)
		return cc_fail(err, CC_E_USAGE, "unknown verb \"%s\": see keyd --help", verb);
	return 0;
}

/* A backup's file. */
static int take_file(struct args *args, char *file, struct cc_error *err)
{
	if (!file)
		return cc_fail(err, CC_E_USAGE, "name a new file for the backup");
	args->file = file;
	return 0;
}

/* @argv[0] is the verb. */
static int parse_args(int argc, char **argv, struct args *args, struct cc_error *err)
{
	static const struct option options[] = {
		{"state-dir", required_argument, NULL, OPT_STATE_DIR},
		{"anchor", required_argument, NULL, OPT_ANCHOR},
		{"kek", required_argument, NULL, OPT_KEK},
		{"without-kek", no_argument, NULL, OPT_WITHOUT_KEK},
		{"before", required_argument, NULL, OPT_BEFORE},
		{"realm", required_argument, NULL, OPT_REALM},
		{"agent", required_argument, NULL, OPT_AGENT},
		{"socket", required_argument, NULL, OPT_SOCKET},
		{"tls", required_argument, NULL, OPT_TLS},
		{"user", required_argument, NULL, OPT_USER},
		{"yes", no_argument, NULL, OPT_YES},
		{"verbose", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0},
	};
	char **rest;
	int opt;

	*args = (struct args){
		.state_dir = CC_KEYD_DIR,
		.kek = CC_KEK_FILE,
		.socket = CC_KEYD_SOCKET,
	};
	if (parse_verb(args, argv[0], err))
		return -1;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "v", options, NULL)) != -1)
		if (take_option(args, opt, optarg, err))
			return -1;
	rest = argv + optind;
	if (args->verb == VERB_BACKUP && take_file(args, *rest, err))
		return -1;
	if (args->verb == VERB_BACKUP)
		rest++;
	if (*rest)
		return cc_fail(err, CC_E_USAGE, "unexpected argument \"%s\"", *rest);
	if (args->verb == VERB_PRUNE && !args->before)
		return cc_fail(err, CC_E_USAGE, "--before is missing: see keyd --help");
	return 0;
}

static int serve_run(const struct args *args, struct cc_error *err)
{
	struct serve_options opts = {args->socket, args->state_dir, args->anchor,
				     args->kek,	   args->user,	    0};
	int tls;

	if (listen_net(args->tls, &tls, err))
		return -1;
	opts.tls = tls > 0 ? tls : 0;
	return serve(&opts, err);
}

static int keyd_run(struct args *args, struct cc_error *err)
{
	struct init_options init = {args->state_dir, args->anchor, args->kek,
				    args->realm,     args->agents, args->n_agents};

	if (geteuid() != 0)
		return cc_fail(err, CC_E_PERM, "keyd must be run as root");
	umask(077);
	/* serve does this itself, in the custodian only. */
	if (args->verb != VERB_SERVE && cc_secret_init(err))
		return -1;
	switch (args->verb) {
	case VERB_INIT:
		return keyd_init(&init, err);
	case VERB_CHECK:
		return keyd_check(args->state_dir, args->anchor, args->kek, err);
	case VERB_PRUNE:
		return keyd_prune(args->state_dir, args->anchor, args->kek, args->before, err);
	case VERB_BACKUP:
		return keyd_backup(args->state_dir, args->file, err);
	case VERB_ACCEPT:
		return keyd_accept(args->state_dir, args->anchor, args->kek, args->yes, err);
	default:
		return serve_run(args, err);
	}
}

static int fail(const struct cc_error *err)
{
	fprintf(stderr, "keyd: %s\n", err->text);
	return (int)err->code;
}

int main(int argc, char **argv)
{
	struct cc_error err = {0};
	struct args args;

	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		fputs(usage, stdout);
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "--version")) {
		puts("keyd " CC_VERSION);
		return 0;
	}
	if (parse_args(argc - 1, argv + 1, &args, &err))
		return fail(&err);
	cc_log_init("keyd", args.verbose ? LOG_DEBUG : LOG_INFO);
	if (!keyd_run(&args, &err))
		return 0;
	if (args.verb == VERB_SERVE)
		cc_log(LOG_ERR, "%s", err.text);
	else
		fail(&err);
	return (int)err.code;
}
