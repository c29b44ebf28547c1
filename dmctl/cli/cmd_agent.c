// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_agent.c - dmctl agent: the host agent, and its workers.
 */
#include <getopt.h>
#include <string.h>
#include <syslog.h>

#include "agent/agent.h"
#include "agent/agent_follow.h"
#include "agent/agent_worker.h"
#include "cli/cmd.h"
#include "client/keyd_client.h"
#include "log.h"
#include "paths.h"
#include "volume/gates.h"

#define LOG_NAME "container-crypt-agent"

static const struct option options[] = {
	{"cdi-dir", required_argument, NULL, 'c'},
	{"plugin-dir", required_argument, NULL, 'p'},
	{"without-gate", required_argument, NULL, 'g'},
	{"worker", required_argument, NULL, 'w'}, /* the agent's own: descriptor of the request */
	{"follow", required_argument, NULL, 'f'},
	{NULL, 0, NULL, 0},
};

/* Takes those that @list names out of @lines; false when it names others. */
static bool lines_without(const char *list, unsigned int *lines)
{
	cc_auto_free char *copy = strdup(list);
	char *rest = copy, *word;
	enum gate_line line;

	while ((word = strsep(&rest, ","))) {
		if (!gate_line_parse(word, &line))
			return false;
		*lines &= ~(unsigned int)line;
	}
	return copy;
}

int cmd_agent(int argc, char **argv, const struct global_options *g)
{
	struct agent_paths paths = {.socket = g->agent,
				    .keyd = g->keyd,
				    .cdi_dir = CC_CDI_DIR,
				    .plugin_dir = CC_PLUGIN_DIR};
	static const char *const no_arguments[] = {NULL};
	unsigned int lines = GATE_LINES;
	uint64_t worker_fd = 0, follow_fd = 0;
	struct cc_error err;
	int opt;

	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'c')
			paths.cdi_dir = optarg;
		else if (opt == 'p')
			paths.plugin_dir = optarg;
		else if (opt == 'g' && lines_without(optarg, &lines))
			paths.without_gate = optarg;
		else if (opt == 'g')
			return cmd_usage(g, argv[0],
					 "--without-gate must be open, look or open,look");
		else if (!(opt == 'w' && cmd_number(optarg, 3, 1023, &worker_fd)) &&
			 !(opt == 'f' && cmd_number(optarg, 3, 1023, &follow_fd)))
			return cmd_usage(g, argv[0], "unknown option \"%s\"", argv[optind - 1]);
	}
	if (cmd_arguments(g, argc, argv, no_arguments))
		return CC_E_USAGE;
	if (keyd_client_as_agent(&err))
		return cmd_fail(g, &err);
	cc_log_init(LOG_NAME, LOG_INFO);
	if (follow_fd)
		return keyd_follow((int)follow_fd);
	gates_demand(lines);
	if (worker_fd)
		return agent_worker((int)worker_fd, paths.cdi_dir);
	return agent_run(&paths, &err) ? cmd_fail(g, &err) : CC_OK;
}
