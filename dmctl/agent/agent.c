// SPDX-License-Identifier: Apache-2.0
/*
 * agent.c - the host agent: start, stop, the loop.
 */
#include "agent/agent.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <syslog.h>
#include <time.h>

#include "agent/adopt.h"
#include "agent/agent_events.h"
#include "agent/agent_keyd.h"
#include "agent/agent_lease.h"
#include "agent/agent_look.h"
#include "agent/agent_peer.h"
#include "agent/agent_watch.h"
#include "agent/confine.h"
#include "agent/orphan.h"
#include "agent/plugin_http.h"
#include "agent/queue.h"
#include "agent/worker_spawn.h"
#include "log.h"
#include "paths.h"
#include "host/cgroup.h"
#include "host/seccomp_read.h"

#define CGROUP_NAME "container-crypt-agent"
#define LOCK_FILE CC_RUN_DIR "/agent.lock"
#define WORKERS_LOCK_FILE CC_RUN_DIR "/workers.lock" /* workers inherit it */
#define LOCK_MS 10000u /* workers of an agent that was killed die with it, but not at once */
#define POLL_MS 20u
#define FILES 16384
#define REFRESH_SECONDS 10

/**
 * struct agent - the process.
 * @term, @intr: the signals that end it
 * @retry_refresh: runs when the CDI specs could not be written
 * @peers, @plugin: NULL until the gate stands again; @plugin also when its
 *                  socket could not be made
 * @stopping: no new requests; ends when the last worker has ended
 * @lock: it is the only agent
 */
struct agent {
	const struct agent_paths *paths;
	struct worker_options workers;
	struct event_base *base;
	struct event *term, *intr, *retry_refresh;
	struct queue *queue;
	struct events *events;
	struct leases *leases;
	struct looks *looks;
	struct watches *watches;
	struct peers *peers;
	struct plugin *plugin;
	struct keyd_link *link;
	bool stopping;
	int lock;
};

/* ---- one agent a host ---------------------------------------------------------------------- */

/* @fd: out, open on @path; false when somebody else has had it for @ms. */
static int lock_within(const char *path, unsigned int ms, int *fd, bool *got, struct cc_error *err)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
	unsigned int waited = 0;

	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (*fd < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	while (flock(*fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
		*got = waited < ms;
		if (!*got)
			return 0;
		nanosleep(&pause, NULL);
		waited += POLL_MS;
	}
	*got = true;
	return 0;
}

/*
 * Workers of an agent that was killed are killed with it. One that waits for a device in the kernel
 * dies later, but runs no instruction of its own any more: it does not keep a host without agent.
 */
static int wait_for_workers(int *lock, struct cc_error *err)
{
	bool got = false;

	if (lock_within(WORKERS_LOCK_FILE, LOCK_MS, lock, &got, err))
		return -1;
	if (!got)
		cc_log(LOG_WARNING,
		       "a worker of a former agent is dead and does not go: it waits for a device "
		       "that does not answer");
	if (flock(*lock, LOCK_SH | LOCK_NB) && errno != EWOULDBLOCK)
		return cc_fail_errno(err, CC_E_INTERNAL, WORKERS_LOCK_FILE);
	return 0;
}

static int take_locks(struct agent *a, struct cc_error *err)
{
	bool got = false;

	if (mkdir(CC_RUN_DIR, 0755) && errno != EEXIST)
		return cc_fail_errno(err, CC_E_INTERNAL, CC_RUN_DIR);
	if (lock_within(LOCK_FILE, LOCK_MS, &a->lock, &got, err))
		return -1;
	if (!got)
		return cc_fail(err, CC_E_BUSY,
			       "another agent runs on this host; see \"systemctl status "
			       "container-crypt-agent\"");
	return wait_for_workers(&a->workers.lock, err);
}

/* ---- jobs ---------------------------------------------------------------------------------- */

static int run_job(void *arg, struct job *j, struct cc_error *err)
{
	const struct agent *a = arg;

	return orphan_prepare(j, err) ? -1 : worker_spawn(&a->workers, j, err);
}

/* Who traces a container's process once its hook has its verdict may find it gone on. */
static void on_ready(void *arg, const struct job *j)
{
	const struct agent *a = arg;

	watches_settle(a->watches, j->m.volume, false);
}

static void on_changed(void *arg, const struct job *j, const struct job_end *end, bool told)
{
	const struct agent *a = arg;

	/* an undo settles the volume when it is done */
	if (!orphan_undo(j, end, told))
		watches_settle(a->watches, j->m.volume, false);
}

/* Its container does not start any more: nobody waits for what is done for it. */
static void on_abandoned(void *arg, struct job *j)
{
	(void)arg;
	cc_log(LOG_WARNING, "%s, volume %s: whoever asked is gone, it is broken off",
	       agent_op_name(j->m.op), j->m.volume[0] ? j->m.volume : "-");
	worker_kill(j);
}

static const char *container_of(const struct agent_message *m)
{
	return m->state.id[0] ? m->state.id : m->container;
}

/* A container does not get its volume. */
static void on_failed(void *arg, const struct job *j, const struct cc_error *err)
{
	const struct agent *a = arg;
	bool start = j->m.op == AGENT_REQUIRE || job_binds(j);

	if (start)
		event_say(a->events, "refuse", NULL,
			  json_pack("{s:s*, s:s*, s:s*, s:s, s:s*, s:s}", "volume",
				    j->m.volume[0] ? j->m.volume : NULL, "engine", j->m.engine,
				    "container", container_of(&j->m), "code",
				    cc_code_name(err->code), "fact",
				    err->fact[0] ? err->fact : NULL, "text", err->text));
}

static void on_idle(void *arg)
{
	const struct agent *a = arg;

	if (a->stopping)
		event_base_loopbreak(a->base);
}

static const struct queue_hooks hooks = {.run = run_job,
					 .ready = on_ready,
					 .changed = on_changed,
					 .abandoned = on_abandoned,
					 .failed = on_failed,
					 .idle = on_idle};

/* ---- what keyd has ------------------------------------------------------------------------- */

static bool on_refreshed(void *arg, const struct job_end *end)
{
	const struct timeval later = {.tv_sec = REFRESH_SECONDS};
	const struct agent *a = arg;

	if (end->err)
		event_add(a->retry_refresh, &later); /* keyd may start after us */
	return true;
}

static void refresh(struct agent *a)
{
	if (!queue_waits(a->queue, AGENT_REFRESH))
		queue_submit_own(a->queue, AGENT_REFRESH, NULL, on_refreshed, a);
}

static void on_retry_refresh(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	refresh(arg);
}

/*
 * What has been taken away is noticed when it is renewed. Which volumes there are, for the CDI
 * specs, is looked at anew, too: other hosts make and remove some.
 */
static void on_keyd_heard(void *arg, bool connected)
{
	struct agent *a = arg;

	leases_renew_now(a->leases);
	if (!connected)
		return;
	looks_hurry(a->looks);
	refresh(a);
}

/* ---- start and stop ------------------------------------------------------------------------ */

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
	peers_unlisten(a->peers);
	plugin_close(cc_steal(a->plugin));
	queue_stop(a->queue);
}

/* The gate stands; now requests may come. */
static bool on_recovered(void *arg, const struct job_end *end)
{
	struct agent *a = arg;
	struct cc_error err;

	(void)end; /* without the gate nothing is bound, and each bind tries to raise it */
	a->peers = peers_listen(a->base, a->paths->socket, a->queue, a->events, &err);
	if (!a->peers) {
		cc_log(LOG_ERR, "%s", err.text);
		event_base_loopbreak(a->base);
		return true;
	}
	cc_log(LOG_INFO, "listening on %s", a->paths->socket);
	a->plugin = plugin_open(a->base, a->paths->plugin_dir, a->queue, &err);
	if (!a->plugin)
		cc_log(LOG_WARNING, "engines do not find the volume plugin: %s", err.text);
	sd_notify(0, "READY=1");
	refresh(a);
	a->link = keyd_link_open(a->base, on_keyd_heard, a, &err);
	if (!a->link)
		cc_log(LOG_ERR, "keyd's changes cannot be followed: %s", err.text);
	return true;
}

static int make_events(struct agent *a, struct cc_error *err)
{
	a->base = event_base_new();
	if (a->base) {
		a->term = evsignal_new(a->base, SIGTERM, on_stop, a);
		a->intr = evsignal_new(a->base, SIGINT, on_stop, a);
		a->retry_refresh = evtimer_new(a->base, on_retry_refresh, a);
	}
	if (!a->term || !a->intr || !a->retry_refresh || event_add(a->term, NULL) ||
	    event_add(a->intr, NULL))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return 0;
}

static int agent_init(struct agent *a, struct cc_error *err)
{
	if (take_locks(a, err) || cgroup_enter_own(CGROUP_NAME, err) || make_events(a, err))
		return -1;
	a->workers.base = a->base;
	a->workers.keyd = a->paths->keyd;
	a->workers.socket = a->paths->socket;
	a->workers.cdi_dir = a->paths->cdi_dir;
	a->workers.without_gate = a->paths->without_gate;
	a->queue = queue_new(&hooks, a, err);
	a->events = a->queue ? events_new(a->base, err) : NULL;
	a->leases = a->events ? leases_new(a->base, a->queue, a->events, err) : NULL;
	a->looks = a->leases ? looks_new(a->base, a->queue, a->leases, NULL, err) : NULL;
	a->watches = a->looks ? watches_new(a->base, a->queue, a->leases, a->looks, a->events, err)
			      : NULL;
	return a->watches ? 0 : -1;
}

static void free_event(struct event *e)
{
	if (e)
		event_free(e);
}

static void agent_clear(struct agent *a)
{
	keyd_link_close(a->link);
	plugin_close(a->plugin);
	peers_free(a->peers);
	watches_free(a->watches);
	looks_free(a->looks);
	leases_free(a->leases);
	events_free(a->events);
	queue_free(a->queue);
	free_event(a->term);
	free_event(a->intr);
	free_event(a->retry_refresh);
	if (a->base)
		event_base_free(a->base);
	if (a->workers.lock >= 0)
		close(a->workers.lock);
	if (a->lock >= 0)
		close(a->lock);
}

/* A connection for each hook of a storm, a descriptor for each container that lives. */
static void raise_files(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur >= FILES)
		return;
	files.rlim_cur = files.rlim_max < FILES ? files.rlim_max : FILES;
	if (setrlimit(RLIMIT_NOFILE, &files))
		cc_log(LOG_WARNING, "the limit of open files cannot be raised to %d", FILES);
}

/* By an option that was added to our unit, or by a kernel that was built without. */
static void probe_filters(void)
{
	struct cc_error err;

	if (seccomp_read_probe(&err))
		cc_log(LOG_WARNING, "seccomp filters of containers are not compared: %s", err.text);
}

int agent_run(const struct agent_paths *paths, struct cc_error *err)
{
	cc_cleanup(agent_clear) struct agent a = {.paths = paths, .workers.lock = -1, .lock = -1};

	if (geteuid() != 0)
		return cc_fail(err, CC_E_PERM, "the agent must run as root");
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	confine_loop();
	raise_files();
	if (agent_init(&a, err))
		return -1;
	probe_filters();
	adopt_all(a.watches, a.leases, a.queue, on_recovered, &a);
	event_base_dispatch(a.base);
	return a.stopping ? 0 : cc_fail(err, CC_E_INTERNAL, "the agent cannot continue, see above");
}
