// SPDX-License-Identifier: Apache-2.0
/*
 * An agent that starts on a host with hundreds of bindings: their real files in a /run of this
 * test's own, the real queue, watches and leases; a runner that only writes down what it is given.
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

#include "dmctl/agent/adopt.h"
#include "dmctl/agent/agent_lease.h"
#include "dmctl/agent/agent_look.h"
#include "dmctl/agent/agent_watch.h"
#include "dmctl/agent/sweep.h"
#include "dmctl/host/proc.h"
#include "log.h"
#include "paths.h"

#define LIVING 300
#define DEAD 200
#define LEASE "3f2b8c1e-5d4a-4b6f-9c7d-8e1f0a2b3c4d"

/**
 * struct world - an agent that starts.
 * @begun: how many jobs of each operation, @running: of all that are not ended
 * @renewed_first: the first job of all was a round of renewals
 * @recovered: it would listen from now on
 * @pid: of all containers that live
 */
struct world {
	struct event_base *base;
	struct queue *queue;
	struct leases *leases;
	struct looks *looks;
	struct watches *watches;
	unsigned int begun[AGENT_OPS];
	struct job *running[64];
	size_t n;
	bool renewed_first, recovered;
	pid_t pid;
};

static int run(void *arg, struct job *j, struct cc_error *err)
{
	struct world *w = arg;

	(void)err;
	if (!w->n)
		w->renewed_first = j->m.op == AGENT_RENEW;
	w->begun[j->m.op]++;
	assert_true(w->n < sizeof(w->running) / sizeof(w->running[0]));
	w->running[w->n++] = j;
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

static bool on_recovered(void *arg, const struct job_end *end)
{
	struct world *w = arg;

	w->recovered = !end->err;
	return true;
}

static void end_first(struct world *w, enum agent_op op)
{
	cc_auto_json json_t *answer = json_of("{'ok':true,'renewed':0,'failed':0}");

	for (size_t i = 0; i < w->n; i++) {
		struct job *j = w->running[i];
		struct cc_error err;

		if (j->m.op != op)
			continue;
		if (op == AGENT_REAP)
			expect_ok(binding_remove(j->m.binding, &err), &err);
		w->running[i] = w->running[--w->n];
		queue_ended(j, &(struct job_end){.text = "{}", .answer = answer});
		return;
	}
	fail_msg("%s is not being done", agent_op_name(op));
}

static void turn(struct world *w)
{
	event_base_loop(w->base, EVLOOP_NONBLOCK);
}

static void bind_one(const struct world *w, unsigned int i, bool lives)
{
	struct binding b = {.uuid = LEASE,
			    .device = "/dev/sda",
			    .engine = "docker",
			    .container_name = "app",
			    .mount_point = "/data",
			    .pid = (uint32_t)w->pid,
			    .looked = true,
			    .fence = 3,
			    .lease = LEASE,
			    .lease_ms = 600000,
			    .terms = {.lease_ms = 600000},
			    .state = BINDING_BOUND};
	proc_auto_ref struct proc_ref p = PROC_REF_NONE;
	struct cc_error err;

	memset(b.container, 'a', CONTAINER_ID_LEN);
	snprintf(b.volume, sizeof(b.volume), "v%03u", i);
	expect_ok(proc_open(&p, w->pid, &err), &err);
	b.start_time = p.start_time + !lives; /* a number that somebody else has now */
	binding_set_name(&b);
	expect_ok(binding_save(&b, &err), &err);
}

static int start(void **state)
{
	static struct world w;
	struct cc_error err;

	w = (struct world){.base = event_base_new()};
	w.pid = fork();
	if (w.pid == 0) {
		pause();
		_exit(0);
	}
	w.queue = queue_new(&hooks, &w, &err);
	w.leases = leases_new(w.base, w.queue, NULL, &err);
	w.looks = looks_new(w.base, w.queue, w.leases, NULL, &err);
	w.watches = watches_new(w.base, w.queue, w.leases, w.looks, NULL, &err);
	/* the dead are met first */
	for (unsigned int i = 0; i < DEAD + LIVING; i++)
		bind_one(&w, i, i >= DEAD);
	adopt_all(w.watches, w.leases, w.queue, on_recovered, &w);
	*state = &w;
	return 0;
}

static int stop(void **state)
{
	struct world *w = *state;

	watches_free(w->watches);
	looks_free(w->looks);
	leases_free(w->leases);
	queue_free(w->queue);
	event_base_free(w->base);
	kill(w->pid, SIGKILL);
	waitpid(w->pid, NULL, 0);
	return 0;
}

static void the_living_are_renewed_before_anything_is_done_for_the_dead(void **state)
{
	struct world *w = *state;

	assert_true(w->renewed_first);
	assert_int_equal(w->begun[AGENT_RENEW], 1); /* one round for all of them */
	assert_int_equal(w->begun[AGENT_RECOVER], 1);
	assert_int_equal(w->n, 2);
}

static void listening_waits_for_none_of_the_dead(void **state)
{
	struct world *w = *state;

	turn(w);
	assert_true(w->begun[AGENT_REAP] > 0);
	end_first(w, AGENT_RECOVER);
	assert_true(w->recovered);
	assert_true(w->begun[AGENT_REAP] <= job_lane_places(JOB_LANE_UNDO));
}

static void all_that_are_dead_are_undone_a_few_at_a_time_and_none_that_lives(void **state)
{
	struct world *w = *state;

	turn(w);
	end_first(w, AGENT_RECOVER);
	for (unsigned int i = 0; i < DEAD; i++) {
		assert_true(w->n <= 1 + job_lane_places(JOB_LANE_UNDO));
		end_first(w, AGENT_REAP);
		turn(w);
	}
	assert_int_equal(w->begun[AGENT_REAP], DEAD);
	assert_int_equal(w->n, 1); /* the round of renewals, which is still under way */
	assert_int_equal(w->begun[AGENT_RENEW], 1);
}

/* In a storm of starts each is looked at: what that costs does not grow with what is bound. */
static void a_look_at_one_container_is_none_at_the_others(void **state)
{
	cc_auto_json json_t *answer = json_of("{'ok':true,'renewed':1,'failed':0}");
	static const char *const names[] = {"v000", "v001"}; /* nobody holds those */
	struct world *w = *state;
	struct lease l[2] = {0};
	struct cc_error err;

	for (int i = 0; i < 2; i++) {
		binding_auto struct binding b = {0};

		strcpy(l[i].name, names[i]);
		expect_ok(binding_load(names[i], &b, &err), &err);
		lease_hold(w->leases, &l[i], &b);
		assert_true(l[i].held);
		b.state = BINDING_REVOKED;
		expect_ok(binding_save(&b, &err), &err);
	}
	leases_take_look(w->leases, names[0], answer);
	assert_false(l[0].held);
	assert_true(l[1].held);
	lease_release(&l[0]);
	lease_release(&l[1]);
}

static void however_many_containers_end_all_are_asked_about_once_in_a_while(void **state)
{
	static const char file[] = CC_RUN_DIR "/swept";
	unsigned int due = 0;

	(void)state;
	for (time_t now = 1000000; now < 1000000 + SWEEP_SECONDS; now++)
		due += sweep_is_due(file, now);
	assert_int_equal(due, 1);
	assert_true(sweep_is_due(file, 1000000 + SWEEP_SECONDS));
	assert_true(sweep_is_due(file, 5)); /* the clock was set back */
	assert_false(sweep_is_due(file, 6));
}

/* A /run of our own, which is gone with us. */
static int private_run(void)
{
	return unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	       mount("none", "/run", "tmpfs", 0, NULL) || mkdir(CC_RUN_DIR, 0755);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			the_living_are_renewed_before_anything_is_done_for_the_dead, start, stop),
		cmocka_unit_test_setup_teardown(listening_waits_for_none_of_the_dead, start, stop),
		cmocka_unit_test_setup_teardown(
			all_that_are_dead_are_undone_a_few_at_a_time_and_none_that_lives, start,
			stop),
		cmocka_unit_test_setup_teardown(a_look_at_one_container_is_none_at_the_others,
						start, stop),
		cmocka_unit_test(however_many_containers_end_all_are_asked_about_once_in_a_while),
	};

	cc_log_init("test", LOG_EMERG);
	return private_run() ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
