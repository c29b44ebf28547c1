// SPDX-License-Identifier: Apache-2.0
/*
 * Measuring a host's containers for the renewal of their leases: the real processes and limits, and
 * a measurer that does what each container's name says. Needs root and /dev/fuse, for a file system
 * that does not answer.
 */
#include "measurement_test.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "dmctl/bind/renew_measure.h"
#include "dmctl/host/boottime.h"
#include "dmctl/host/ns_census.h"

#define MAX 64
#define FLEET 500
#define LONG_MS 60000

static char deaf[80];	/* a file system whose requests nobody answers */
static pid_t agent_pid; /* whose worker this program is */

static int answer(const struct binding *b, struct cc_measurement **m, struct cc_error *err)
{
	cc_auto_json json_t *doc = json_of(MEASUREMENT);

	*m = cc_measurement_from_json(doc, err);
	if (*m)
		(*m)->pid = b->pid;
	return *m ? 0 : -1;
}

/* The engine of a "silent" one does not answer. What is measured is told who traces, the caller's parent. */
static int measure(const struct held *h, pid_t agent, struct layer_cache *layers,
		   struct cc_measurement **m, bool *stood, bool *keyd, struct cc_error *err)
{
	const struct binding *b = &h->b;

	(void)layers;
	*stood = strcmp(b->name, "stands") == 0;
	if (agent != agent_pid)
		return cc_fail(err, CC_E_INTERNAL, "%d is not the agent", (int)agent);
	if (strcmp(b->engine, "silent") == 0)
		return cc_fail(err, CC_E_UNREACHABLE, "silent was asked");
	if (strcmp(b->name, "hangs") == 0)
		for (;;)
			pause();
	if (strcmp(b->name, "stuck") == 0) {
		struct stat st;

		stat(deaf, &st);
	}
	if (strcmp(b->name, "dies") == 0)
		raise(SIGKILL);
	if (strcmp(b->name, "refused") == 0)
		return cc_refuse(err, "cgroup", "cgroup: it moved");
	if (strcmp(b->name, "keyd") == 0) {
		*keyd = true;
		return cc_fail(err, CC_E_UNREACHABLE, "keyd does not answer");
	}
	if (answer(b, m, err))
		return -1;
	if (strcmp(b->name, "census") == 0) {
		pid_t other;

		if (ns_shared(0, 1, "/", 1, &other, err))
			return -1;
		(*m)->pid = ns_census_walks();
	}
	if (strcmp(b->name, "bytes") == 0)
		return cc_strv_push(&(*m)->env, "A=\xff", err);
	if (strcmp(b->name, "long") == 0) {
		static char variable[100001];

		memset(variable, 'A', sizeof(variable) - 1);
		return cc_strv_push(&(*m)->env, variable, err);
	}
	return 0;
}

static const struct held_measurer measurer = {.measure = measure};

static int ask_nobody(void *arg, bool last, struct cc_error *err)
{
	(void)arg;
	(void)last;
	(void)err;
	return 0;
}

static const struct held_asker nobody = {.ask = ask_nobody};

/* @names: NULL at the end; those that begin with '!' are of an engine that does not answer. */
static size_t make(struct held *held, const char *const *names)
{
	size_t n = 0;

	for (; names[n]; n++) {
		bool silent = names[n][0] == '!';

		held[n] = (struct held){.b.pid = (uint32_t)n + 1};
		snprintf(held[n].b.name, sizeof(held[n].b.name), "%s", names[n]);
		held[n].b.engine = strdup(silent ? "silent" : "docker");
	}
	return n;
}

static void unmake(struct held *held, size_t n)
{
	for (size_t i = 0; i < n; i++)
		held_clear(&held[i]);
}

static void expect_measured(const struct held *h, size_t i)
{
	assert_int_equal(h->state, HELD_MEASURED);
	assert_int_equal(h->m->pid, i + 1);
}

static void each_gets_its_own_measurement(void **state)
{
	static const char *const names[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", NULL};
	struct held held[MAX];
	struct cc_error err;
	size_t n = make(held, names);

	(void)state;
	expect_ok(renew_measure(&measurer, &nobody, held, n, LONG_MS, LONG_MS, &err), &err);
	for (size_t i = 0; i < n; i++)
		expect_measured(&held[i], i);
	unmake(held, n);
}

static void who_stood_while_it_was_measured_is_known(void **state)
{
	static const char *const names[] = {"a", "stands", NULL};
	struct held held[MAX];
	struct cc_error err;
	size_t n = make(held, names);

	(void)state;
	expect_ok(renew_measure(&measurer, &nobody, held, n, LONG_MS, LONG_MS, &err), &err);
	assert_false(held[0].stood);
	assert_true(held[1].stood);
	unmake(held, n);
}

/* 30000 processes of one container make each of them a matter of seconds. */
static void the_hosts_processes_are_looked_at_once_for_all_containers(void **state)
{
	static const char *const names[] = {"census", "census", "census", "census", "census",
					    "census", "census", "census", "census", NULL};
	struct held held[MAX];
	struct cc_error err;
	size_t n = make(held, names);

	(void)state;
	expect_ok(renew_measure(&measurer, &nobody, held, n, LONG_MS, LONG_MS, &err), &err);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(held[i].state, HELD_MEASURED);
		assert_int_equal(held[i].m->pid, 1);
		held[i].state = HELD_WAITS; /* the second pass of a round */
		cc_measurement_free(cc_steal(held[i].m));
	}
	expect_ok(renew_measure(&measurer, &nobody, held, n, LONG_MS, LONG_MS, &err), &err);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(held[i].m->pid, 1);
	unmake(held, n);
}

static void whatever_a_container_is_like_the_others_are_measured(void **state)
{
	static const char *const names[] = {"a", "hangs",   "b", "dies",  "c", "long", "d", "bytes",
					    "e", "refused", "f", "hangs", "g", NULL};
	static const enum cc_code codes[] = {0, CC_E_BUSY,    0, CC_E_INTERNAL, 0, CC_E_INVALID,
					     0, CC_E_INVALID, 0, CC_E_REFUSED,	0, CC_E_BUSY,
					     0};
	struct held held[MAX];
	struct cc_error err;
	size_t n = make(held, names);

	(void)state;
	expect_ok(renew_measure(&measurer, &nobody, held, n, 4000, LONG_MS, &err), &err);
	for (size_t i = 0; i < n; i++) {
		if (!codes[i]) {
			expect_measured(&held[i], i);
			continue;
		}
		if (held[i].why.code != codes[i])
			fail_msg("%s: %s", names[i], held[i].why.text);
		assert_int_equal(held[i].state, codes[i] == CC_E_BUSY ? HELD_WAITS : HELD_FAILED);
	}
	unmake(held, n);
}

static void what_was_late_is_measured_in_the_next_pass_and_only_that(void **state)
{
	static const char *const names[] = {"a", "hangs", "b", NULL};
	struct held held[MAX];
	struct cc_error err;
	size_t n = make(held, names);

	(void)state;
	expect_ok(renew_measure(&measurer, &nobody, held, n, 300, LONG_MS, &err), &err);
	assert_int_equal(held[1].state, HELD_WAITS);
	held[0].m->pid = 77;
	snprintf(held[1].b.name, sizeof(held[1].b.name), "c");
	expect_ok(renew_measure(&measurer, &nobody, held, n, LONG_MS, LONG_MS, &err), &err);
	expect_measured(&held[1], 1);
	assert_int_equal(held[0].m->pid, 77);
	unmake(held, n);
}

/* Each of the processes may have asked before the first was told. */
static void an_engine_that_does_not_answer_is_not_asked_for_every_container(void **state)
{
	static const char *const names[] = {"!1",  "a",	  "!2",	 "!3",	"!4",  "!5",  "!6",  "!7",
					    "!8",  "!9",  "!10", "!11", "!12", "!13", "!14", "!15",
					    "!16", "!17", "!18", "!19", "!20", "!21", "b",   NULL};
	struct held held[MAX];
	struct cc_error err;
	size_t n = make(held, names), asked = 0;

	(void)state;
	expect_ok(renew_measure(&measurer, &nobody, held, n, LONG_MS, LONG_MS, &err), &err);
	expect_measured(&held[1], 1);
	expect_measured(&held[n - 1], n - 1);
	for (size_t i = 0; i < n; i++) {
		if (names[i][0] != '!')
			continue;
		assert_int_equal(held[i].state, HELD_FAILED);
		assert_int_equal(held[i].why.code, CC_E_UNREACHABLE);
		asked += strcmp(held[i].why.text, "silent was asked") == 0;
	}
	assert_true(asked >= 1 && asked <= 16);
	unmake(held, n);
}

/* One engine of two is down, one container hangs, one is hostile, one dies. */
static void of_five_hundred_all_are_measured_that_can_be(void **state)
{
	static struct held held[FLEET];
	size_t asked = 0, measured = 0;
	struct cc_error err;

	(void)state;
	for (size_t i = 0; i < FLEET; i++) {
		held[i] = (struct held){.b.pid = (uint32_t)i + 1};
		snprintf(held[i].b.name, sizeof(held[i].b.name), "%s",
			 i == 11   ? "hangs"
			 : i == 12 ? "long"
			 : i == 13 ? "dies"
				   : "a");
		held[i].b.engine = strdup(i % 5 ? "docker" : "silent");
	}
	expect_ok(renew_measure(&measurer, &nobody, held, FLEET, 2000, LONG_MS, &err), &err);
	for (size_t i = 0; i < FLEET; i++) {
		asked += held[i].why.code && strcmp(held[i].why.text, "silent was asked") == 0;
		measured += held[i].state == HELD_MEASURED;
		if (i % 5 && (i < 11 || i > 13))
			expect_measured(&held[i], i);
	}
	assert_int_equal(measured, FLEET - FLEET / 5 - 3);
	assert_true(asked >= 1 && asked <= 16);
	unmake(held, FLEET);
}

static void without_keyd_the_round_ends(void **state)
{
	static const char *const names[] = {"a", "keyd", "b", NULL};
	struct held held[MAX];
	struct cc_error err;
	size_t n = make(held, names);

	(void)state;
	assert_int_equal(renew_measure(&measurer, &nobody, held, n, LONG_MS, LONG_MS, &err), -1);
	expect_error(&err, CC_E_UNREACHABLE, "", "keyd does not answer");
	unmake(held, n);
}

static void those_there_was_no_time_for_say_so(void **state)
{
	static const char *const names[] = {"hangs", "hangs", "hangs", "hangs", "hangs", "hangs",
					    "hangs", "hangs", "hangs", "hangs", "hangs", "hangs",
					    "hangs", "hangs", "hangs", "hangs", "a",	 NULL};
	struct held held[MAX];
	uint64_t start = boottime_ms();
	struct cc_error err;
	size_t n = make(held, names);

	(void)state;
	expect_ok(renew_measure(&measurer, &nobody, held, n, 300, 100, &err), &err);
	assert_int_equal(held[n - 1].state, HELD_WAITS);
	expect_error(&held[n - 1].why, CC_E_BUSY, "", "no time to measure it");
	assert_true(boottime_ms() - start < 30000);
	unmake(held, n);
}

/* ---- when keyd is asked -------------------------------------------------------------------- */

/**
 * struct asked - what keyd is asked about.
 * @held, @n: all
 * @measured: those that were when it was asked first
 * @first, @at_ms: the name of the first, and when
 * @ends: the round is over then
 */
struct asked {
	struct held *held;
	size_t n, measured;
	const char *first;
	uint64_t at_ms;
	bool ends;
};

static int note(void *arg, bool last, struct cc_error *err)
{
	struct asked *a = arg;

	(void)last;
	for (size_t i = 0; i < a->n && !a->at_ms; i++)
		if (a->held[i].state == HELD_MEASURED)
			a->first = a->held[i].b.name;
	if (!a->first || a->at_ms)
		return 0;
	a->at_ms = boottime_ms();
	for (size_t i = 0; i < a->n; i++)
		a->measured += a->held[i].state == HELD_MEASURED;
	return a->ends ? cc_fail(err, CC_E_UNREACHABLE, "enough") : 0;
}

/* However near the others' leases are to their end. */
static void where_forty_hang_the_last_is_renewed_within_a_quarter_of_its_lease(void **state)
{
	const char *names[42] = {0};
	struct held held[MAX];
	struct asked a = {.held = held, .ends = true};
	const struct held_asker asker = {.ask = note, .arg = &a};
	uint64_t begin_ms = boottime_ms();
	struct cc_error err;

	(void)state;
	for (size_t i = 0; i < 41; i++)
		names[i] = i == 20 ? "alive" : "hangs";
	a.n = make(held, names);
	for (size_t i = 0; i < a.n; i++)
		held[i].left_ms = i == 20 ? 20000 : 1000;
	assert_int_equal(renew_round(&measurer, &asker, held, a.n, 30000, &err), -1);
	expect_error(&err, CC_E_UNREACHABLE, "", "enough");
	assert_non_null(a.first);
	assert_string_equal(a.first, "alive");
	assert_true(a.at_ms - begin_ms < 30000 / 4);
	unmake(held, a.n);
}

/* ---- those who cannot die ------------------------------------------------------------------ */

/*
 * Serves it: whoever asks it for anything waits, and cannot be killed, since his request has been
 * taken. @heard: a byte for each who asks.
 */
static _Noreturn void serve_deaf(int fuse, int heard)
{
	static char buf[FUSE_MIN_READ_BUFFER + 132000];
	const struct fuse_in_header *in = (const void *)buf;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(fuse, buf, sizeof(buf)) > 0) {
		struct {
			struct fuse_out_header head;
			struct fuse_init_out init;
		} out = {.head = {.len = sizeof(out), .unique = in->unique},
			 .init = {.major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = 4096}};

		if ((in->opcode == FUSE_INIT && write(fuse, &out, sizeof(out)) < 0) ||
		    (in->opcode == FUSE_GETATTR && write(heard, "x", 1) != 1))
			break;
	}
	_exit(1);
}

static pid_t mount_deaf(int *heard)
{
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC), fds[2];
	char options[96];
	pid_t pid;

	assert_true(fuse >= 0);
	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
	assert_int_equal(mount("deaf", deaf, "fuse", 0, options), 0);
	pid = fork();
	if (pid == 0)
		serve_deaf(fuse, fds[1]);
	close(fuse);
	close(fds[1]);
	*heard = fds[0];
	return pid;
}

static void who_cannot_be_ended_is_not_followed_by_another_one(void **state)
{
	static const char *const names[] = {"stuck", "a", NULL};
	static char locks[100];
	const struct held_measurer alone = {.measure = measure, .locks = locks};
	struct held held[MAX];
	size_t n = make(held, names);
	struct cc_error err;
	int heard;
	char bytes[16];
	pid_t server;

	(void)state;
	strcpy(deaf, "/tmp/test-deaf.XXXXXX");
	assert_non_null(mkdtemp(deaf));
	snprintf(locks, sizeof(locks), "%s.lock", deaf);
	server = mount_deaf(&heard);
	for (int round = 0; round < 4; round++) {
		held[0].state = held[1].state = HELD_WAITS;
		cc_measurement_free(cc_steal(held[1].m));
		expect_ok(renew_measure(&alone, &nobody, held, n, 600, LONG_MS, &err), &err);
		assert_int_equal(held[0].state, round ? HELD_FAILED : HELD_WAITS);
		expect_error(&held[0].why, CC_E_BUSY, "",
			     round ? "cannot be ended" : "takes longer");
		expect_measured(&held[1], 1);
	}
	/* one is there, and waits still */
	assert_int_equal(read(heard, bytes, sizeof(bytes)), 1);
	kill(server, SIGKILL); /* nobody serves it any more, which ends the waiting */
	while (waitpid(-1, NULL, 0) > 0)
		;
	held[0].state = held[1].state = HELD_WAITS;
	cc_measurement_free(cc_steal(held[1].m));
	assert_int_equal(umount2(deaf, MNT_DETACH), 0);
	expect_ok(renew_measure(&alone, &nobody, held, n, LONG_MS, LONG_MS, &err), &err);
	expect_measured(&held[0], 0);
	close(heard);
	rmdir(deaf);
	unlink(locks);
	unmake(held, n);
}

static void who_is_measured_does_not_wait_for_those_who_are_not(void **state)
{
	static const char *const names[] = {"hangs", "a", "b", "c", NULL};
	struct held held[MAX];
	struct asked a = {.held = held};
	const struct held_asker asker = {.ask = note, .arg = &a};
	uint64_t begin_ms = boottime_ms();
	struct cc_error err;

	(void)state;
	a.n = make(held, names);
	expect_ok(renew_measure(&measurer, &asker, held, a.n, 8000, LONG_MS, &err), &err);
	assert_true(boottime_ms() - begin_ms >= 8000);
	assert_true(a.at_ms - begin_ms < 6000);
	assert_int_equal(held[0].state, HELD_WAITS);
	unmake(held, a.n);
}

/* Whoever has no key any more cannot lose it. */
static void those_with_the_least_left_of_their_leases_are_first(void **state)
{
	static const char *const names[] = {"over", "much", "little", NULL};
	static const char *const order[] = {"little", "much", "over"};
	static const uint64_t left[] = {0, 5000, 1000};
	struct held held[MAX];
	struct cc_error err;
	size_t n = make(held, names);

	(void)state;
	for (size_t i = 0; i < n; i++)
		held[i].left_ms = left[i];
	expect_ok(renew_round(&measurer, &nobody, held, n, UINT64_MAX, &err), &err);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(held[i].b.name, order[i]);
		assert_int_equal(held[i].state, HELD_MEASURED);
	}
	unmake(held, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hosts_processes_are_looked_at_once_for_all_containers),
		cmocka_unit_test(each_gets_its_own_measurement),
		cmocka_unit_test(who_stood_while_it_was_measured_is_known),
		cmocka_unit_test(whatever_a_container_is_like_the_others_are_measured),
		cmocka_unit_test(what_was_late_is_measured_in_the_next_pass_and_only_that),
		cmocka_unit_test(an_engine_that_does_not_answer_is_not_asked_for_every_container),
		cmocka_unit_test(of_five_hundred_all_are_measured_that_can_be),
		cmocka_unit_test(without_keyd_the_round_ends),
		cmocka_unit_test(those_there_was_no_time_for_say_so),
		cmocka_unit_test(
			where_forty_hang_the_last_is_renewed_within_a_quarter_of_its_lease),
		cmocka_unit_test(who_cannot_be_ended_is_not_followed_by_another_one),
		cmocka_unit_test(who_is_measured_does_not_wait_for_those_who_are_not),
		cmocka_unit_test(those_with_the_least_left_of_their_leases_are_first),
	};

	agent_pid = getppid();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
