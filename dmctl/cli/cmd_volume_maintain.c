// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_volume_maintain.c - dmctl volume maintain.
 */
#include <getopt.h>
#include <string.h>
#include <sys/wait.h>

#include "bind/maintain.h"
#include "cli/cmd.h"
#include "host/stop_signals.h"

/* As a shell has it: 128 and the number of the signal that ended it. */
static int exit_status(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int parse(int argc, char **argv, const struct global_options *g, struct maintain_request *r)
{
	static const struct option options[] = {
		{"device", required_argument, NULL, 'd'},
		{"read-only", no_argument, NULL, 'r'},
		{0},
	};
	int c;

	/* what is behind "--" is the command's, also when it looks like ours */
	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (c == '?')
			return cmd_bad_option(g, argv);
		if (c == 'd')
			r->device = optarg;
		r->read_only |= c == 'r';
	}
	if (optind >= argc)
		return cmd_usage(g, argv[0], "NAME is missing");
	r->volume = argv[optind];
	if (optind + 1 >= argc || strcmp(argv[optind + 1], "--") != 0)
		return cmd_usage(g, argv[0], "\"--\" and the command have to follow the name");
	if (optind + 2 >= argc)
		return cmd_usage(g, argv[0], "the command is missing");
	r->words = argv + optind + 2;
	return 0;
}

int cmd_volume_maintain(int argc, char **argv, const struct global_options *g)
{
	struct maintain_request r = {0};
	struct cc_error err;
	int status = 0, rc = parse(argc, argv, g, &r);

	if (rc)
		return rc;
	stop_signals_block();
	return maintain_volume(&r, &status, &err) ? cmd_fail(g, &err) : exit_status(status);
}
