// SPDX-License-Identifier: Apache-2.0
/* Many connections at once: who makes room for whom. */
#include "keyd_front.h"

/* Asks and is answered over @fd. */
static void assert_served(struct fixture *f, int fd)
{
	cc_auto_free char *got = NULL;

	say(fd, GET);
	assert_int_equal(from_front(f).request.op, OP_HEALTHZ);
	answer(f, "yes", 3, true);
	got = hear(fd, "yes");
	assert_non_null(strstr(got, "yes"));
}

/* The peer of @fd was hung up on, without an answer. */
static bool closed_on(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};
	char c;

	return poll(&p, 1, 0) == 1 && read(fd, &c, 1) <= 0;
}

static void close_all(const int *fds, int n)
{
	for (int i = 0; i < n; i++)
		close(fds[i]);
}

static void who_is_idle_makes_room_the_longest_first(void **state)
{
	struct fixture *f = ready(state);
	int fds[FRONT_CONNECTIONS + 2];

	for (int i = 0; i < FRONT_CONNECTIONS + 2; i++) {
		fds[i] = peer(f);
		assert_served(f, fds[i]);
	}
	wait_closed(f, 2);
	assert_true(closed_on(fds[0]) && closed_on(fds[1]));
	for (int i = 2; i < FRONT_CONNECTIONS + 2; i++)
		assert_false(closed_on(fds[i]));
	close_all(fds, FRONT_CONNECTIONS + 2);
}

/* A request that is begun and not ended does not hold a place for ever. */
static void who_dawdles_makes_room_too(void **state)
{
	struct fixture *f = ready(state);
	cc_auto_close int other = peer_of(f, 7, 1);
	int fds[FRONT_CONNECTIONS - 1];

	for (int i = 0; i < FRONT_CONNECTIONS - 1; i++) {
		fds[i] = peer(f);
		say(fds[i], "GET /healthz");
	}
	assert_served(f, other); /* by now all that was said has been read */
	assert_served(f, other);
	{
		cc_auto_close int fd = peer(f);

		assert_served(f, fd);
	}
	wait_closed(f, 1);
	assert_true(closed_on(fds[0]));
	assert_false(closed_on(fds[FRONT_CONNECTIONS - 2]));
	close_all(fds, FRONT_CONNECTIONS - 1);
}

static void who_waits_for_the_custodian_is_not_closed(void **state)
{
	struct fixture *f = ready(state);
	int fds[FRONT_CONNECTIONS + 3];

	for (int i = 0; i < FRONT_CONNECTIONS + 3; i++)
		fds[i] = peer_saying(f, GET);
	assert_int_equal(from_front(f).request.conn, 1);
	for (int i = 0; i < FRONT_CONNECTIONS + 3; i++) {
		cc_auto_free char *got = NULL;

		answer(f, "yes", 3, true);
		got = hear(fds[i], "yes");
		assert_non_null(strstr(got, "yes"));
		if (i < FRONT_CONNECTIONS + 2)
			assert_int_equal(from_front(f).request.conn, i + 2);
	}
	close_all(fds, FRONT_CONNECTIONS + 3);
}

static void one_user_makes_room_for_another_and_not_the_other_way_round(void **state)
{
	struct fixture *f = ready(state);
	cc_auto_close int mine = peer_of(f, 7, 1);
	int fds[3 * FRONT_CONNECTIONS];

	assert_served(f, mine); /* idle for longer than all others */
	for (int i = 0; i < 3 * FRONT_CONNECTIONS; i++)
		fds[i] = peer_of(f, 8, 1000 + (uint32_t)i);
	wait_closed(f, 2 * FRONT_CONNECTIONS + 1);
	assert_served(f, mine);
	close_all(fds, 3 * FRONT_CONNECTIONS);
}

static void one_process_makes_room_for_another(void **state)
{
	struct fixture *f = ready(state);
	cc_auto_close int mine = peer_of(f, 0, 1);
	int fds[3 * FRONT_CONNECTIONS];

	assert_served(f, mine);
	for (int i = 0; i < 3 * FRONT_CONNECTIONS; i++)
		fds[i] = peer_of(f, 0, 2);
	wait_closed(f, 2 * FRONT_CONNECTIONS + 1);
	assert_served(f, mine);
	close_all(fds, 3 * FRONT_CONNECTIONS);
}

/* Each is a process of its own. */
static int waiting_for_a_change(struct fixture *f, uint32_t uid)
{
	int fd = peer_of(f, uid, 1000 + (uint32_t)f->last);

	say(fd, "GET /v1/changes HTTP/1.1\r\nHost: x\r\n\r\n");
	return fd;
}

static void who_waits_for_a_change_takes_nobodys_place(void **state)
{
	struct fixture *f = ready(state);
	cc_auto_close int first = peer(f);
	int fds[FRONT_HELD + 1];
	cc_auto_free char *got = NULL;

	assert_served(f, first);
	for (int i = 0; i < FRONT_HELD; i++) {
		fds[i] = waiting_for_a_change(f, i < FRONT_HELD - 50 ? 2000 : 2001);
		if (i % 32 == 0)
			assert_served(f, first); /* what was said has been read */
	}
	assert_served(f, first);
	assert_true(silent(fds[0]) && silent(fds[FRONT_HELD - 1]));
	/* One too many: the first of the user who has most is told to ask again. */
	fds[FRONT_HELD] = waiting_for_a_change(f, 2001);
	got = hear(fds[0], "}");
	assert_non_null(strstr(got, "{\"changed\":false}"));
	assert_served(f, first);
	assert_true(silent(fds[1]));
	close_all(fds, FRONT_HELD + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		front_test(who_is_idle_makes_room_the_longest_first),
		front_test(who_dawdles_makes_room_too),
		front_test(who_waits_for_the_custodian_is_not_closed),
		front_test(one_user_makes_room_for_another_and_not_the_other_way_round),
		front_test(one_process_makes_room_for_another),
		front_test(who_waits_for_a_change_takes_nobodys_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
