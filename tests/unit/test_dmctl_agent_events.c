// SPDX-License-Identifier: Apache-2.0
/* What happens on a host, told to whoever follows it: over real sockets and a real loop. */
#include "lib_test.h"

#include <event2/event.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "dmctl/agent/agent_events.h"
#include "dmctl/agent/agent_lease.h"

/**
 * struct world - events, and one that follows them.
 * @fd: his end; @theirs: the agent's
 * @done: it has ended
 */
struct world {
	struct event_base *base;
	struct events *events;
	struct follower *follower;
	int fd, theirs;
	bool done;
};

static void on_done(void *arg)
{
	struct world *w = arg;

	follower_free(w->follower);
	w->follower = NULL;
	w->done = true;
}

static void turn(struct world *w)
{
	event_base_loop(w->base, EVLOOP_NONBLOCK);
}

static void follow(struct world *w, int64_t since, bool stays)
{
	struct cc_error err = {0};

	w->follower = events_follow(w->events, w->theirs, since, stays, on_done, w, &err);
	assert_non_null(w->follower);
	turn(w);
}

static void say(struct world *w, const char *what)
{
	event_say(w->events, what, NULL, NULL);
}

/* New reference; NULL when nothing has come. */
static json_t *next(struct world *w)
{
	char text[4096];
	ssize_t n;

	turn(w);
	n = recv(w->fd, text, sizeof(text), MSG_DONTWAIT);
	return n > 0 ? json_loadb(text, (size_t)n, 0, NULL) : NULL;
}

static void expect_next(struct world *w, const char *what)
{
	cc_auto_json json_t *message = next(w);
	json_t *event = json_object_get(message, "event");

	assert_non_null(message);
	assert_string_equal(event ? json_string_value(json_object_get(event, "event"))
				  : json_object_iter_key(json_object_iter(message)),
			    what);
}

static void what_happens_is_told_in_its_order(void **state)
{
	struct world *w = *state;

	say(w, "bind");
	follow(w, -1, true);
	say(w, "end");
	say(w, "undo");
	expect_next(w, "following");
	expect_next(w, "end");
	expect_next(w, "undo");
	assert_null(next(w));
	assert_false(w->done);
}

static void an_event_says_whom_it_is_about(void **state)
{
	struct binding b = {.name = "v",
			    .volume = "v",
			    .engine = "docker",
			    .container = "c0ffee",
			    .container_name = "app"};
	cc_auto_json json_t *who = event_who(&b), *message = NULL, *want = NULL;
	struct world *w = *state;
	json_t *event;

	follow(w, -1, true);
	expect_next(w, "following");
	event_say(w->events, "renew", who, json_pack("{s:i}", "leftMs", 7));
	message = next(w);
	event = json_object_get(message, "event");
	assert_true(json_is_string(json_object_get(event, "time")));
	json_object_del(event, "time");
	want = json_of("{'seq':1,'event':'renew','volume':'v','binding':'v','engine':'docker',"
		       "'container':'c0ffee','containerName':'app','leftMs':7}");
	assert_true(json_equal(event, want));
}

static void what_was_before_is_told_to_who_asks_for_it(void **state)
{
	struct world *w = *state;

	say(w, "bind");
	follow(w, 0, false);
	expect_next(w, "following");
	expect_next(w, "bind");
	expect_next(w, "ok");
	assert_true(w->done);
}

static void what_was_before_the_time_asked_for_is_not_told(void **state)
{
	struct world *w = *state;

	say(w, "bind");
	follow(w, (int64_t)time(NULL) + 3600, false);
	expect_next(w, "following");
	expect_next(w, "ok");
}

/* Nothing here waits for it: were it waited for, this would not end. */
static void a_reader_that_does_not_read_is_told_how_many_it_lost(void **state)
{
	struct world *w = *state;
	json_int_t seen = 0, lost = 0, last = 0;
	const int said = 3 * EVENTS_KEPT;

	follow(w, -1, true);
	expect_next(w, "following");
	for (int i = 0; i < said; i++) {
		say(w, "renew");
		turn(w);
	}
	for (;;) {
		cc_auto_json json_t *message = next(w);
		json_t *event = json_object_get(message, "event");

		if (!message)
			break;
		lost += json_integer_value(json_object_get(message, "lost"));
		if (!event)
			continue;
		seen++;
		assert_true(json_integer_value(json_object_get(event, "seq")) > last);
		last = json_integer_value(json_object_get(event, "seq"));
	}
	assert_int_equal(last, said);
	assert_true(lost > 0);
	assert_int_equal(seen + lost, said);
}

static void a_reader_that_is_gone_is_forgotten(void **state)
{
	struct world *w = *state;

	follow(w, -1, true);
	close(w->fd);
	w->fd = -1;
	say(w, "end");
	turn(w);
	assert_true(w->done);
}

static void a_lease_counts_as_renewed_when_its_end_moves(void **state)
{
	uint64_t end = 0;

	(void)state;
	assert_false(lease_has_moved(&end, 1000, 60000)); /* seen for the first time */
	assert_false(lease_has_moved(&end, 2000, 59000));
	assert_false(lease_has_moved(&end, 3000, 58010)); /* the clocks were read apart */
	assert_true(lease_has_moved(&end, 13000, 60000));
	assert_false(lease_has_moved(&end, 14000, 59000));
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct cc_error err;
	int pair[2];

	if (!w || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		return -1;
	w->fd = pair[0];
	w->theirs = pair[1];
	w->base = event_base_new();
	w->events = events_new(w->base, &err);
	*state = w;
	return w->events ? 0 : -1;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	events_free(w->events);
	event_base_free(w->base);
	if (w->fd >= 0)
		close(w->fd);
	close(w->theirs);
	free(w);
	return 0;
}

#define event_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		event_test(what_happens_is_told_in_its_order),
		event_test(an_event_says_whom_it_is_about),
		event_test(what_was_before_is_told_to_who_asks_for_it),
		event_test(what_was_before_the_time_asked_for_is_not_told),
		event_test(a_reader_that_does_not_read_is_told_how_many_it_lost),
		event_test(a_reader_that_is_gone_is_forgotten),
		event_test(a_lease_counts_as_renewed_when_its_end_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
