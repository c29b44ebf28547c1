// SPDX-License-Identifier: Apache-2.0
/*
 * dmctl events and wait, and what an agent has to tell: the real verb in a process of its own,
 * over the real socket; real bindings' files of a real process, in a /run of this test's own.
 * Needs root, as the agent does.
 */
#include "lib_test.h"

#include <event2/event.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "dmctl/agent/agent_events.h"
#include "dmctl/agent/agent_lease.h"
#include "dmctl/agent/agent_look.h"
#include "dmctl/agent/agent_peer.h"
#include "dmctl/agent/agent_watch.h"
#include "dmctl/agent/queue.h"
#include "dmctl/cli/cmd.h"
#include "dmctl/host/proc.h"
#include "log.h"
#include "paths.h"

#define ID "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LEASE "3f2b8c1e-5d4a-4b6f-9c7d-8e1f0a2b3c4d"

/**
 * struct world - an agent whose jobs are done as soon as it is told to.
 * @reap: asked to undo what is left of the container
 * @pid: the container's process
 * @out: what the verb printed
 */
struct world {
	struct event_base *base;
	struct queue *queue;
	struct events *events;
	struct leases *leases;
	struct looks *looks;
	struct watches *watches;
	struct peers *peers;
	struct job *reap;
	pid_t pid;
	char out[8192];
};

static int run(void *arg, struct job *j, struct cc_error *err)
{
	struct world *w = arg;

	if (j->m.op == AGENT_REAP)
		w->reap = j;
	else
		return cc_fail(err, CC_E_INTERNAL, "not here");
	return 0;
}

static void changed(void *arg, const struct job *j, const struct job_end *end, bool told)
{
	struct world *w = arg;

	(void)end;
	(void)told;
	watches_settle(w->watches, j->m.volume, false);
}

static void idle(void *arg)
{
	(void)arg;
}

static const struct queue_hooks hooks = {.run = run, .changed = changed, .idle = idle};

static void turn(struct world *w)
{
	event_base_loop(w->base, EVLOOP_NONBLOCK);
}

/* ---- the container ------------------------------------------------------------------------- */

/* @leased: its lease is known. The kernel, which knows how it is, is not asked here otherwise. */
static void bind_container(struct world *w, bool leased)
{
	struct binding b = {.volume = "vol",
			    .uuid = LEASE,
			    .device = "/dev/sda",
			    .engine = "docker",
			    .container = ID,
			    .container_name = "app",
			    .mount_point = "/data",
			    .looked = true,
			    .fence = 3,
			    .lease_ms = 600000,
			    .terms = {.lease_ms = 600000},
			    .state = BINDING_BOUND};
	proc_auto_ref struct proc_ref p = PROC_REF_NONE;
	struct cc_error err;

	w->pid = fork();
	if (w->pid == 0) {
		pause();
		_exit(0);
	}
	if (leased)
		strcpy(b.lease, LEASE);
	expect_ok(proc_open(&p, w->pid, &err), &err);
	b.pid = (uint32_t)w->pid;
	b.start_time = p.start_time;
	binding_set_name(&b);
	expect_ok(binding_save(&b, &err), &err);
}

/* Its end is seen, and what is left of it undone. */
static void end_container(struct world *w)
{
	cc_auto_json json_t *answer = json_of("{'ok':true}");
	struct cc_error err;

	kill(w->pid, SIGKILL);
	assert_int_equal(waitpid(w->pid, NULL, 0), w->pid);
	w->pid = 0;
	while (!w->reap)
		turn(w);
	expect_ok(binding_remove("vol", &err), &err);
	queue_ended(w->reap, &(struct job_end){.text = "{}", .answer = answer});
	w->reap = NULL;
}

/* ---- the verb ------------------------------------------------------------------------------ */

static pid_t start(cmd_fn *verb, char **argv, bool json, int *out)
{
	struct global_options g = {.json = json, .agent = CC_AGENT_SOCKET};
	int pipes[2], argc = 0;
	pid_t pid;

	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	while (argv[argc])
		argc++;
	pid = fork();
	if (pid == 0) {
		int rc;

		dup2(pipes[1], STDOUT_FILENO);
		dup2(pipes[1], STDERR_FILENO);
		rc = verb(argc, argv, &g);
		fflush(stdout);
		_exit(rc);
	}
	close(pipes[1]);
	fcntl(pipes[0], F_SETFL, O_NONBLOCK);
	*out = pipes[0];
	return pid;
}

/* Reads what has come to what there was; false at its end. */
static bool take(struct world *w, int out)
{
	size_t len = strlen(w->out);
	ssize_t n = read(out, w->out + len, sizeof(w->out) - 1 - len);

	w->out[len + (n > 0 ? (size_t)n : 0)] = '\0';
	return n != 0;
}

static int end_of(struct world *w, pid_t pid, int out)
{
	int status = 0;

	while (take(w, out))
		turn(w);
	close(out);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int verb_(struct world *w, cmd_fn *verb, bool json, char **argv)
{
	int out;
	pid_t pid = start(verb, argv, json, &out);

	w->out[0] = '\0';
	return end_of(w, pid, out);
}

#define verb(w, fn, json, ...) verb_(w, fn, json, (char *[]){"dmctl verb", __VA_ARGS__, NULL})

/* ---- what is told -------------------------------------------------------------------------- */

#define names(w, ...) verb(w, cmd_events, false, "--format", "{{.event}}", __VA_ARGS__)

static void a_containers_life_is_told_from_bind_to_undo(void **state)
{
	struct world *w = *state;

	bind_container(w, true);
	watches_settle(w->watches, "vol", false);
	watches_settle(w->watches, "vol", false);
	assert_int_equal(names(w, "--once"), 0);
	assert_string_equal(w->out, "release\nbind\n");
	end_container(w);
	assert_int_equal(names(w, "--once"), 0);
	assert_string_equal(w->out, "release\nbind\nend\nundo\n");
}

static void an_agent_that_starts_tells_what_it_found_and_not_that_it_bound_it(void **state)
{
	struct world *w = *state;

	bind_container(w, true);
	watches_settle(w->watches, NULL, true);
	assert_int_equal(names(w, "--once"), 0);
	assert_string_equal(w->out, "adopt\n");
	end_container(w);
}

static void an_event_names_volume_container_and_lease(void **state)
{
	cc_auto_json json_t *got = NULL;
	struct world *w = *state;

	bind_container(w, true);
	watches_settle(w->watches, "vol", false);
	assert_int_equal(verb(w, cmd_events, true, "--once", "--filter", "event=bind"), 0);
	got = json_loads(w->out, 0, NULL);
	assert_non_null(got);
	assert_string_equal(json_string_value(json_object_get(got, "volume")), "vol");
	assert_string_equal(json_string_value(json_object_get(got, "container")), ID);
	assert_string_equal(json_string_value(json_object_get(got, "containerName")), "app");
	assert_string_equal(json_string_value(json_object_get(got, "lease")), LEASE);
	assert_int_equal(json_integer_value(json_object_get(got, "fence")), 3);
	end_container(w);
}

static void a_line_of_text_has_what_a_person_looks_for(void **state)
{
	struct world *w = *state;

	event_say(w->events, "refuse", NULL,
		  json_pack("{s:s, s:s, s:s, s:s}", "volume", "vol", "container", ID, "fact",
			    "args", "text", "args: wants\ntrue"));
	event_say(w->events, "renew", NULL,
		  json_pack("{s:s, s:i}", "volume", "vol", "leftMs", 65000));
	assert_int_equal(verb(w, cmd_events, false, "--once"), 0);
	assert_non_null(strstr(w->out, "Z refuse   vol aaaaaaaaaaaa args: args: wants?true\n"));
	assert_non_null(strstr(w->out, "Z renew    vol - left 1m 5s\n"));
}

static void only_what_is_asked_for_is_shown(void **state)
{
	struct world *w = *state;

	event_say(w->events, "bind", NULL, json_pack("{s:s}", "volume", "a"));
	event_say(w->events, "bind", NULL, json_pack("{s:s}", "volume", "b"));
	event_say(w->events, "end", NULL, json_pack("{s:s}", "volume", "b"));
	assert_int_equal(names(w, "--once", "-f", "volume=b", "-f", "event=end"), 0);
	assert_string_equal(w->out, "end\n");
	assert_int_equal(names(w, "--until", "2020-01-01T00:00:00Z"), 0);
	assert_string_equal(w->out, "");
	assert_int_equal(names(w, "--once", "--since", "2036-01-01T00:00:00Z"), 0);
	assert_string_equal(w->out, "");
}

static void whoever_follows_sees_it_at_once_and_until_the_time_he_said(void **state)
{
	char *argv[] = {"dmctl events", "--until", "2s", "--format", "{{.event}}", NULL};
	struct world *w = *state;
	int out;
	pid_t pid = start(cmd_events, argv, false, &out);

	w->out[0] = '\0';
	while (!strstr(w->out, "bind")) {
		event_say(w->events, "bind", NULL, NULL);
		turn(w);
		assert_true(take(w, out));
	}
	assert_int_equal(end_of(w, pid, out), 0);
}

static void an_agent_that_ends_is_not_taken_for_one_that_has_nothing_to_tell(void **state)
{
	char *argv[] = {"dmctl events", NULL};
	struct world *w = *state;
	int out;
	pid_t pid = start(cmd_events, argv, false, &out);

	w->out[0] = '\0';
	while (!strstr(w->out, "bind")) {
		event_say(w->events, "bind", NULL, NULL);
		turn(w);
		assert_true(take(w, out));
	}
	peers_free(cc_steal(w->peers));
	assert_int_equal(end_of(w, pid, out), CC_E_UNREACHABLE);
	assert_non_null(strstr(w->out, "the agent hung up"));
}

static void wrong_arguments_are_refused_before_the_agent_is_asked(void **state)
{
	struct world *w = *state;

	assert_int_equal(verb(w, cmd_events, false, "--since", "yesterday"), CC_E_USAGE);
	assert_non_null(strstr(w->out, "--since must be a time"));
	assert_int_equal(verb(w, cmd_events, false, "--until", "m"), CC_E_USAGE);
	assert_int_equal(verb(w, cmd_events, false, "--filter", "colour=red"), CC_E_USAGE);
	assert_non_null(strstr(w->out, "event, volume, name, id, engine, fact"));
	assert_int_equal(verb(w, cmd_events, false, "app"), CC_E_USAGE);
	assert_int_equal(verb(w, cmd_events, false, "--once", "--format", "{{"), 0);
	event_say(w->events, "bind", NULL, NULL);
	assert_int_equal(verb(w, cmd_events, false, "--once", "--format", "{{x}}"), CC_E_USAGE);
}

static void wait_ends_when_nothing_is_left(void **state)
{
	char *argv[] = {"dmctl wait", "app", NULL};
	struct world *w = *state;
	pid_t pid;
	int out;

	bind_container(w, false);
	watches_settle(w->watches, "vol", false);
	assert_int_equal(verb(w, cmd_wait, false, "--timeout", "0", "app"), CC_E_BUSY);
	assert_non_null(strstr(w->out, "still has its volume"));
	pid = start(cmd_wait, argv, false, &out);
	end_container(w);
	w->out[0] = '\0';
	assert_int_equal(end_of(w, pid, out), 0);
	assert_string_equal(w->out, "");
	assert_int_equal(verb(w, cmd_wait, false, "app"), 0);
}

static void wait_ends_when_a_container_that_was_not_there_is_bound(void **state)
{
	char *argv[] = {"dmctl wait", "--condition", "bound", "aaaaaaaaaaaa", NULL};
	cc_auto_json json_t *got = NULL;
	struct world *w = *state;
	pid_t pid;
	int out;

	pid = start(cmd_wait, argv, true, &out);
	w->out[0] = '\0';
	for (int i = 0; i < 100; i++)
		turn(w);
	bind_container(w, false);
	watches_settle(w->watches, "vol", false);
	assert_int_equal(end_of(w, pid, out), 0);
	got = json_loads(w->out, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(got, "condition")), "bound");
	assert_int_equal(json_array_size(json_object_get(got, "bindings")), 1);
	end_container(w);
}

static void wait_gives_up_after_its_time(void **state)
{
	struct world *w = *state;

	assert_int_equal(verb(w, cmd_wait, true, "--condition", "bound", "--timeout", "1", "app"),
			 CC_E_BUSY);
	assert_non_null(strstr(w->out, "is not bound after 1 s"));
}

static void wait_refuses_wrong_arguments(void **state)
{
	struct world *w = *state;

	assert_int_equal(verb(w, cmd_wait, false, "--condition", "gone", "app"), CC_E_USAGE);
	assert_non_null(strstr(w->out, "bound or released"));
	assert_int_equal(verb(w, cmd_wait, false, "--timeout", "soon", "app"), CC_E_USAGE);
	assert_int_equal(verb(w, cmd_wait, false, "app", "db"), CC_E_USAGE);
	assert_int_equal(verb_(w, cmd_wait, false, (char *[]){"dmctl wait", "", NULL}), CC_E_USAGE);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct cc_error err = {0};

	*state = w;
	w->base = event_base_new();
	w->queue = queue_new(&hooks, w, &err);
	w->events = events_new(w->base, &err);
	w->leases = leases_new(w->base, w->queue, w->events, &err);
	w->looks = looks_new(w->base, w->queue, w->leases, NULL, &err);
	w->watches = watches_new(w->base, w->queue, w->leases, w->looks, w->events, &err);
	w->peers = peers_listen(w->base, CC_AGENT_SOCKET, w->queue, w->events, &err);
	return w->peers ? 0 : -1;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	if (w->pid > 0) {
		kill(w->pid, SIGKILL);
		waitpid(w->pid, NULL, 0);
	}
	peers_free(w->peers);
	watches_free(w->watches);
	looks_free(w->looks);
	leases_free(w->leases);
	events_free(w->events);
	queue_free(w->queue);
	event_base_free(w->base);
	free(w);
	return 0;
}

/* A /run that nobody else has. */
static int own_run(void **state)
{
	(void)state;
	return unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
			       mount("tmpfs", "/run", "tmpfs", 0, NULL) || mkdir(CC_RUN_DIR, 0755)
		       ? -1
		       : 0;
}

#define events_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		events_test(a_containers_life_is_told_from_bind_to_undo),
		events_test(an_agent_that_starts_tells_what_it_found_and_not_that_it_bound_it),
		events_test(an_event_names_volume_container_and_lease),
		events_test(a_line_of_text_has_what_a_person_looks_for),
		events_test(only_what_is_asked_for_is_shown),
		events_test(whoever_follows_sees_it_at_once_and_until_the_time_he_said),
		events_test(an_agent_that_ends_is_not_taken_for_one_that_has_nothing_to_tell),
		events_test(wait_ends_when_nothing_is_left),
		events_test(wait_ends_when_a_container_that_was_not_there_is_bound),
		events_test(wait_gives_up_after_its_time),
		events_test(wait_refuses_wrong_arguments),
		events_test(wrong_arguments_are_refused_before_the_agent_is_asked),
	};

	cc_log_init("test", LOG_EMERG);
	return cmocka_run_group_tests(tests, own_run, NULL);
}
