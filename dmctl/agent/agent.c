// SPDX-License-Identifier: Apache-2.0
/*
 * agent.c - the host agent: start, stop, the loop.
 */
#include "agent/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "log.h"
#include "paths.h"
#include "agent/plugin_http.h"
#include "host/cgroup.h"
#include "volume/gates.h"

#define NAME "container-crypt-agent"
#define LOCK_FILE CC_RUN_DIR "/agent.lock"
#define LOCK_MS 10000u /* workers of an agent that was killed die with it, but not at once */
#define POLL_MS 20u
#define REFRESH_SECONDS 10

/* ---- one agent a host ---------------------------------------------------------------------- */

static int take_lock(struct agent *a, struct cc_error *err)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
	unsigned int waited = 0;

	if (mkdir(CC_RUN_DIR, 0755) && errno != EEXIST)
		return cc_fail_errno(err, CC_E_INTERNAL, CC_RUN_DIR);
	a->lock = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (a->lock < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, LOCK_FILE);
	while (flock(a->lock, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return cc_fail_errno(err, CC_E_INTERNAL, LOCK_FILE);
		if (waited >= LOCK_MS)
			return cc_fail(err, CC_E_BUSY,
				       "another agent runs on this host; see \"systemctl status "
				       "container-crypt-agent\"");
		nanosleep(&pause, NULL);
		waited += POLL_MS;
	}
	return 0;
}

/* ---- the loop ------------------------------------------------------------------------------ */

void agent_check_stopped(struct agent *a)
{
	if (a->stopping && a->n_workers == 0)
		event_base_loopbreak(a->base);
}

static void on_stop(evutil_socket_t sig, short what, void *arg)
{
	struct agent *a = arg;

	(void)sig;
	(void)what;
	if (a->stopping)
		return;
	a->stopping = true;
	sd_notify(0, "STOPPING=1");
	cc_log(LOG_INFO, "stopping; bound containers keep their volumes while their leases last");
	agent_unlisten(a);
	plugin_close(cc_steal(a->plugin));
	agent_check_stopped(a);
}

static void on_retry_refresh(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	job_submit_internal(arg, AGENT_REFRESH, NULL);
}

/* What a former agent left is undone or adopted; now requests may come. */
static void recovered(struct agent *a)
{
	struct cc_error err;

	watch_settle(a, NULL);
	if (agent_listen(a, &err)) {
		cc_log(LOG_ERR, "%s", err.text);
		event_base_loopbreak(a->base);
		return;
	}
	cc_log(LOG_INFO, "listening on %s", a->socket);
	a->plugin = plugin_open(a->base, a->plugin_dir, a->socket, &err);
	if (!a->plugin)
		cc_log(LOG_WARNING, "engines find no volume plugin: %s", err.text);
	sd_notify(0, "READY=1");
	job_submit_internal(a, AGENT_REFRESH, NULL);
	if (keyd_link_start(a, &err))
		cc_log(LOG_ERR, "keyd is not listened to: %s", err.text);
}

void agent_internal_done(struct agent *a, enum agent_op op, const json_t *answer,
			 const struct cc_error *err)
{
	const struct timeval later = {.tv_sec = REFRESH_SECONDS};

	if (op == AGENT_RECOVER)
		recovered(a);
	else if (op == AGENT_RENEW)
		lease_renewed(a, answer, err);
	else if (op == AGENT_REFRESH && !answer)
		event_add(a->retry_refresh, &later); /* keyd may start after us */
}

static int run(struct agent *a, struct cc_error *err)
{
	struct event *term, *intr;

	a->base = event_base_new();
	if (!a->base)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	term = evsignal_new(a->base, SIGTERM, on_stop, a);
	intr = evsignal_new(a->base, SIGINT, on_stop, a);
	a->retry_refresh = evtimer_new(a->base, on_retry_refresh, a);
	if (!term || !intr || !a->retry_refresh || event_add(term, NULL) || event_add(intr, NULL))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (lease_init(a, err))
		return -1;
	job_submit_internal(a, AGENT_RECOVER, NULL);
	event_base_dispatch(a->base);
	keyd_link_end(a);
	watch_clear(a);
	plugin_close(cc_steal(a->plugin));
	lease_end(a);
	event_free(term);
	event_free(intr);
	event_free(a->retry_refresh);
	event_base_free(a->base);
	return a->stopping ? 0
			   : cc_fail(err, CC_E_INTERNAL, "the agent could not go on, see above");
}

/* ---- command line -------------------------------------------------------------------------- */

static const struct option options[] = {
	{"cdi-dir", required_argument, NULL, 'c'},
	{"plugin-dir", required_argument, NULL, 'p'},
	{"without-gate", required_argument, NULL, 'g'},
	{"worker", required_argument, NULL, 'w'}, /* the agent's own: descriptor of the request */
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
	struct agent a = {.socket = g->agent,
			  .keyd = g->keyd,
			  .cdi_dir = CC_CDI_DIR,
			  .plugin_dir = CC_PLUGIN_DIR,
			  .lock = -1};
	static const char *const no_arguments[] = {NULL};
	unsigned int lines = GATE_LINES;
	uint64_t worker_fd = 0;
	struct cc_error err;
	int opt;

	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'c')
			a.cdi_dir = optarg;
		else if (opt == 'p')
			a.plugin_dir = optarg;
		else if (opt == 'g' && lines_without(optarg, &lines))
			a.without_gate = optarg;
		else if (opt == 'g')
			return cmd_usage(g, argv[0], "--without-gate is open, look or open,look");
		else if (opt != 'w' || !cmd_number(optarg, 3, 1023, &worker_fd))
			return cmd_usage(g, argv[0], "option \"%s\" is not understood",
					 argv[optind - 1]);
	}
	if (cmd_arguments(g, argc, argv, no_arguments))
		return CC_E_USAGE;
	cc_log_init(NAME, LOG_INFO);
	gates_demand(lines);
	if (worker_fd)
		return agent_worker((int)worker_fd, a.cdi_dir);
	TAILQ_INIT(&a.peers);
	TAILQ_INIT(&a.jobs);
	TAILQ_INIT(&a.watches);
	if (geteuid() != 0) {
		cc_fail(&err, CC_E_PERM, "the agent must run as root");
		return cmd_fail(g, &err);
	}
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	if (take_lock(&a, &err) || cgroup_enter_own(NAME, &err) || run(&a, &err))
		return cmd_fail(g, &err);
	return CC_OK;
}
