// SPDX-License-Identifier: Apache-2.0
/* Work in children: what hangs or dies costs its own result, in its own time. */
#include "lib_test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "cleanup.h"
#include "dmctl/host/boottime.h"
#include "dmctl/host/crew.h"

#define PIECES 64

/**
 * struct world - what pieces do, and how they ended.
 * @does: of each: 'a' answers, 'h' hangs, 'd' dies, 'n' has no result, 'l' a long one, 'L' one that
 *        is too long, 'u' is not wanted, 's' answers and ends the work, 'o' says
 *        whether @open_fd is open
 * @said: a letter for each: '.' was not heard of, 'D' done, 'T' late, 'X' died, 'L' too long
 * @open_fd: one that the parent has open
 */
struct world {
	const char *does;
	char said[PIECES + 1];
	int open_fd;
};

static char *work(void *arg, size_t i)
{
	const struct world *w = arg;
	char *text = NULL;

	switch (w->does[i]) {
	case 'h':
		for (;;)
			pause();
	case 'd':
		raise(SIGKILL);
		break;
	case 'n':
		return NULL;
	case 'l':
	case 'L':
		text = calloc(1, CREW_TEXT_MAX + 2);
		memset(text, 'x', w->does[i] == 'l' ? CREW_TEXT_MAX : CREW_TEXT_MAX + 1);
		return text;
	case 'o':
		return strdup(fcntl(w->open_fd, F_GETFD) < 0 ? "closed" : "open");
	default:
		break;
	}
	return asprintf(&text, "piece %zu", i) < 0 ? NULL : text;
}

static bool wanted(void *arg, size_t i)
{
	const struct world *w = arg;

	return w->does[i] != 'u';
}

static bool done(void *arg, size_t i, enum crew_end end, const char *text)
{
	struct world *w = arg;
	char want[32];

	assert_int_equal(w->said[i], '.');
	assert_true((end == CREW_DONE) == (text != NULL));
	w->said[i] = "DTXL"[end];
	if (end != CREW_DONE)
		return true;
	snprintf(want, sizeof(want), "piece %zu", i);
	if (w->does[i] == 'l')
		assert_int_equal(strlen(text), CREW_TEXT_MAX);
	else
		assert_string_equal(text, w->does[i] == 'o' ? "closed" : want);
	return w->does[i] != 's';
}

static size_t go_for(struct world *w, const char *does, unsigned int width, uint64_t piece_ms,
		     uint64_t all_ms)
{
	const struct crew crew = {.width = width,
				  .piece_ms = piece_ms,
				  .all_ms = all_ms,
				  .work = work,
				  .wanted = wanted,
				  .done = done,
				  .arg = w};
	struct cc_error err;
	size_t begun = 0;

	w->does = does;
	memset(w->said, '.', strlen(does));
	w->said[strlen(does)] = '\0';
	expect_ok(crew_work(&crew, strlen(does), &begun, &err), &err);
	return begun;
}

static void all_pieces_are_done_by_however_many(void **state)
{
	struct world w = {0};

	(void)state;
	for (unsigned int width = 1; width <= CREW_WIDTH_MAX; width *= 4) {
		assert_int_equal(go_for(&w, "aaaaaaaaaaaa", width, 60000, 60000), 12);
		assert_string_equal(w.said, "DDDDDDDDDDDD");
	}
	assert_int_equal(go_for(&w, "", 4, 60000, 60000), 0);
}

static void what_hangs_is_given_up_and_costs_nobody_else_anything(void **state)
{
	struct world w = {0};

	(void)state;
	go_for(&w, "ahaaaaahaaaaah", 2, 200, 60000);
	assert_string_equal(w.said, "DTDDDDDTDDDDDT");
	go_for(&w, "haaaa", 1, 200, 60000);
	assert_string_equal(w.said, "TDDDD");
}

static void what_dies_or_says_nothing_costs_its_own_result_only(void **state)
{
	struct world w = {0};

	(void)state;
	go_for(&w, "adaanaLa", 1, 60000, 60000);
	assert_string_equal(w.said, "DXDDXDLD");
}

static void the_longest_result_is_taken_whole(void **state)
{
	struct world w = {0};

	(void)state;
	go_for(&w, "lal", 2, 60000, 60000);
	assert_string_equal(w.said, "DDD");
}

static void what_is_not_wanted_is_not_begun(void **state)
{
	struct world w = {0};

	(void)state;
	assert_int_equal(go_for(&w, "uauuau", 3, 60000, 60000), 6);
	assert_string_equal(w.said, ".D..D.");
}

static void at_the_end_of_the_time_nothing_more_is_begun(void **state)
{
	struct world w = {0};
	uint64_t start = boottime_ms();

	(void)state;
	assert_int_equal(go_for(&w, "hhhhhh", 2, 300, 200), 2);
	assert_string_equal(w.said, "TT....");
	assert_true(boottime_ms() - start < 30000);
}

static void the_work_ends_when_somebody_says_so(void **state)
{
	struct world w = {0};

	(void)state;
	assert_int_equal(go_for(&w, "asaa", 1, 60000, 60000), 2);
	assert_string_equal(w.said, "DD..");
}

/* A child that hangs in the kernel would keep them, and what is locked with them. */
static void a_child_has_none_of_its_parents_descriptors(void **state)
{
	struct world w = {.open_fd = fcntl(0, F_DUPFD, 50)};

	(void)state;
	assert_true(w.open_fd >= 50);
	go_for(&w, "oo", 2, 60000, 60000);
	assert_string_equal(w.said, "DD");
	close(w.open_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_pieces_are_done_by_however_many),
		cmocka_unit_test(what_hangs_is_given_up_and_costs_nobody_else_anything),
		cmocka_unit_test(what_dies_or_says_nothing_costs_its_own_result_only),
		cmocka_unit_test(the_longest_result_is_taken_whole),
		cmocka_unit_test(what_is_not_wanted_is_not_begun),
		cmocka_unit_test(at_the_end_of_the_time_nothing_more_is_begun),
		cmocka_unit_test(the_work_ends_when_somebody_says_so),
		cmocka_unit_test(a_child_has_none_of_its_parents_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
