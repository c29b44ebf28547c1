// SPDX-License-Identifier: Apache-2.0
/* Whose request goes to the custodian next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "keyd/front/crowd.h"

#define MANY 60

/* Connections of a user and a process; @queue as they came. */
struct peers {
	struct conn of[MANY + 2];
	struct conns queue;
	size_t n;
};

static void comes(struct peers *p, uint32_t user, uint32_t process)
{
	struct conn *c = &p->of[p->n++];

	c->who.peer.uid = user;
	c->who.peer.pid = process;
	TAILQ_INSERT_TAIL(&p->queue, c, queue);
}

/* Sixty connections of one process, then one of another one. */
static void flooded(struct peers *p, uint32_t user, uint32_t process)
{
	*p = (struct peers){0};
	TAILQ_INIT(&p->queue);
	for (int i = 0; i < MANY; i++)
		comes(p, 0, 1);
	comes(p, user, process);
}

static void assert_turn(const struct peers *p, struct conn *const *sent, size_t n, size_t which)
{
	assert_ptr_equal(crowd_turn(&p->queue, sent, n), &p->of[which]);
}

static void the_first_comes_first_where_nobody_is_served(void **state)
{
	struct peers p;

	(void)state;
	flooded(&p, 0, 2);
	assert_turn(&p, NULL, 0, 0);
	TAILQ_INIT(&p.queue);
	assert_null(crowd_turn(&p.queue, NULL, 0));
}

static void a_process_with_many_connections_does_not_hold_up_another(void **state)
{
	struct conn flood = {.who.peer = {.uid = 0, .pid = 1}}, *const sent[] = {&flood, NULL};
	struct peers p;

	(void)state;
	flooded(&p, 0, 2);
	assert_turn(&p, sent, 2, MANY);
}

static void nor_does_a_user_with_many_processes_hold_up_another(void **state)
{
	struct conn flood = {.who.peer = {.uid = 0, .pid = 3}}, *const sent[] = {&flood};
	struct peers p;

	(void)state;
	flooded(&p, 7, 1);
	assert_turn(&p, sent, 1, MANY);
}

static void those_of_whoever_has_as_many_there_come_in_their_order(void **state)
{
	struct conn a = {.who.peer = {.uid = 0, .pid = 1}},
		    b = {.who.peer = {.uid = 0, .pid = 2}}, *const sent[] = {&a, &b};
	struct peers p;

	(void)state;
	flooded(&p, 0, 2);
	assert_turn(&p, sent, 2, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_comes_first_where_nobody_is_served),
		cmocka_unit_test(a_process_with_many_connections_does_not_hold_up_another),
		cmocka_unit_test(nor_does_a_user_with_many_processes_hold_up_another),
		cmocka_unit_test(those_of_whoever_has_as_many_there_come_in_their_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
