// SPDX-License-Identifier: Apache-2.0
/*
 * Connections to the agent, over its real socket, queue and loop; a runner that ends jobs when it
 * is told to. Needs root, as the agent does.
 */
#include "lib_test.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "cleanup.h"
#include "dmctl/agent/agent_events.h"
#include "dmctl/agent/agent_peer.h"
#include "dmctl/agent/queue.h"
#include "log.h"

#define STORM 1100 /* more than there may be at one time */

/**
 * struct world - an agent that does nothing by itself.
 * @running: jobs that were started and have not ended
 * @most: how many there were at one time
 * @abandoned: how often one was that nobody waits for
 */
struct world {
	char dir[64], path[96];
	struct event_base *base;
	struct queue *queue;
	struct events *events;
	struct peers *peers;
	struct job *running[64];
	size_t n, most, abandoned;
};

static int run(void *arg, struct job *j, struct cc_error *err)
{
	struct world *w = arg;

	(void)err;
	w->running[w->n++] = j;
	if (w->n > w->most)
		w->most = w->n;
	return 0;
}

static void changed(void *arg, const struct job *j, const struct job_end *end, bool told)
{
	(void)arg;
	(void)j;
	(void)end;
	(void)told;
}

static void abandoned(void *arg, struct job *j)
{
	struct world *w = arg;

	(void)j;
	w->abandoned++;
}

static void idle(void *arg)
{
	(void)arg;
}

static const struct queue_hooks hooks = {.run = run,
					 .changed = changed,
					 .abandoned = abandoned,
					 .idle = idle};

static void end_all(struct world *w)
{
	cc_auto_json json_t *answer = json_of("{'ok':true}");

	while (w->n)
		queue_ended(w->running[--w->n],
			    &(struct job_end){.text = "{\"ok\":true}", .answer = answer});
}

static void turn(struct world *w)
{
	event_base_loop(w->base, EVLOOP_NONBLOCK);
}

/* Not waited for: one that is not accepted yet stays in the kernel. -1: it has no room for more. */
static int ask(const struct world *w, const char *request)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%.100s", w->path);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0 &&
	    send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request))
		return fd;
	close(fd);
	return -1;
}

/* "" when nothing has come. */
static void answer(int fd, char text[static 256])
{
	ssize_t n = recv(fd, text, 255, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
}

static void a_storm_of_requests_waits_and_none_is_refused(void **state)
{
	struct world *w = *state;
	static int fds[STORM];
	char request[64], text[256];
	size_t answered = 0;

	for (size_t i = 0; i < STORM; i++) {
		snprintf(request, sizeof(request), "{\"op\":\"unbind\",\"volume\":\"v%zu\"}", i);
		fds[i] = ask(w, request);
		assert_true(fds[i] >= 0);
		turn(w);
	}
	assert_true(w->most <= job_lane_places(JOB_LANE_ASKED));
	while (answered < STORM) {
		end_all(w);
		turn(w);
		for (size_t i = 0; i < STORM; i++) {
			if (fds[i] < 0)
				continue;
			answer(fds[i], text);
			if (!text[0])
				continue;
			assert_string_equal(text, "{\"ok\":true}");
			close(fds[i]);
			fds[i] = -1;
			answered++;
		}
	}
	assert_true(w->most <= job_lane_places(JOB_LANE_ASKED));
}

static void who_hangs_up_while_he_is_bound_frees_his_place_at_once(void **state)
{
	static const char request[] = "{\"op\":\"bind\",\"volume\":\"a\",\"container\":\"app\"}";
	struct world *w = *state;
	int fd = ask(w, request);

	while (!w->n)
		turn(w);
	assert_int_equal(w->abandoned, 0);
	close(fd);
	while (!w->abandoned)
		turn(w);
	end_all(w);
}

static void who_hangs_up_before_his_turn_is_forgotten(void **state)
{
	static const char request[] = "{\"op\":\"bind\",\"volume\":\"a\",\"container\":\"app\"}";
	struct world *w = *state;
	int first = ask(w, request), second;
	char text[256];

	while (!w->n)
		turn(w);
	second = ask(w, request);
	for (int i = 0; i < 10; i++)
		turn(w);
	close(second);
	for (int i = 0; i < 10; i++)
		turn(w);
	end_all(w);
	turn(w);
	answer(first, text);
	assert_string_equal(text, "{\"ok\":true}");
	assert_int_equal(w->n, 0);
	assert_int_equal(w->abandoned, 0);
	close(first);
}

static void a_refusal_reaches_whoever_asked_with_all_its_facts(void **state)
{
	cc_auto_json json_t *failure = json_of("{'error':{'code':'refused','status':6,'fact':'cwd',"
					       "'message':'x','facts':[{'fact':'cwd','text':'x'},"
					       "{'fact':'env','text':'y'}],'factCount':2}}");
	cc_auto_json json_t *got = NULL;
	struct world *w = *state;
	struct cc_error err = {0};
	char text[256];
	int fd = ask(w, "{\"op\":\"bind\",\"volume\":\"v\",\"container\":\"c\"}");

	assert_true(cc_error_from_json(&err, failure));
	while (!w->n)
		turn(w);
	queue_ended(w->running[--w->n], &(struct job_end){.err = &err, .failure = failure});
	turn(w);
	answer(fd, text);
	got = json_loads(text, 0, NULL);
	assert_true(json_equal(got, failure));
	close(fd);
}

static void whoever_follows_is_told_what_happens_until_he_hangs_up(void **state)
{
	struct world *w = *state;
	int fd = ask(w, "{\"op\":\"events\"}");
	char text[256];

	event_say(w->events, "before", NULL, NULL);
	for (int i = 0; i < 10; i++)
		turn(w);
	answer(fd, text);
	assert_string_equal(text, "{\"following\":true}");
	event_say(w->events, "bind", NULL, json_pack("{s:s}", "volume", "v"));
	turn(w);
	answer(fd, text);
	assert_non_null(strstr(text, "\"event\":\"bind\",\"volume\":\"v\""));
	close(fd);
	for (int i = 0; i < 10; i++)
		turn(w);
	event_say(w->events, "end", NULL, NULL);
	turn(w);
}

static void followers_leave_room_for_those_who_start_containers(void **state)
{
	int fds[FOLLOWERS_MAX + 1], hook;
	struct world *w = *state;
	char text[256];

	for (size_t i = 0; i <= FOLLOWERS_MAX; i++) {
		fds[i] = ask(w, "{\"op\":\"events\"}");
		for (int k = 0; k < 3; k++)
			turn(w);
		answer(fds[i], text);
		assert_non_null(strstr(text, i < FOLLOWERS_MAX ? "following" : "\"busy\""));
	}
	hook = ask(w, "{\"op\":\"bind\",\"volume\":\"v\",\"container\":\"c\"}");
	while (!w->n)
		turn(w);
	end_all(w);
	turn(w);
	answer(hook, text);
	assert_string_equal(text, "{\"ok\":true}");
	close(hook);
	for (size_t i = 0; i <= FOLLOWERS_MAX; i++)
		close(fds[i]);
}

static int setup(void **state)
{
	struct rlimit files = {.rlim_cur = 4 * STORM, .rlim_max = 4 * STORM};
	struct world *w = calloc(1, sizeof(*w));
	struct cc_error err;

	if (!w || (setrlimit(RLIMIT_NOFILE, &files) && getrlimit(RLIMIT_NOFILE, &files)))
		return -1;
	strcpy(w->dir, "/tmp/test-peer-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	snprintf(w->path, sizeof(w->path), "%s/agent.sock", w->dir);
	w->base = event_base_new();
	w->queue = queue_new(&hooks, w, &err);
	w->events = events_new(w->base, &err);
	w->peers = peers_listen(w->base, w->path, w->queue, w->events, &err);
	*state = w;
	return w->peers ? 0 : -1;
}

static int teardown(void **state)
{
	struct world *w = *state;

	peers_free(w->peers);
	events_free(w->events);
	queue_free(w->queue);
	event_base_free(w->base);
	rmdir(w->dir);
	free(w);
	return 0;
}

#define peer_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		peer_test(a_storm_of_requests_waits_and_none_is_refused),
		peer_test(who_hangs_up_while_he_is_bound_frees_his_place_at_once),
		peer_test(who_hangs_up_before_his_turn_is_forgotten),
		peer_test(whoever_follows_is_told_what_happens_until_he_hangs_up),
		peer_test(followers_leave_room_for_those_who_start_containers),
		peer_test(a_refusal_reaches_whoever_asked_with_all_its_facts),
	};

	cc_log_init("test", LOG_EMERG);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
