// SPDX-License-Identifier: Apache-2.0
/*
 * The look at what a runtime has executed: the real one, with a real queue, on real processes; a
 * runner that ends its jobs when it is told to.
 */
#include "lib_test.h"

#include <fcntl.h>
#include <signal.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "dmctl/agent/agent_lease.h"
#include "dmctl/agent/agent_look.h"
#include "dmctl/agent/queue.h"
#include "dmctl/host/proc.h"
#include "dmctl/host/proc_exec.h"
#include "dmctl/host/tracee.h"
#include "log.h"

/**
 * struct world - an agent without anything but looks.
 * @job: being done; @ops: names of all that were begun
 * @cannot: none is begun
 * @frozen: the container is, or was left so by a former agent; @froze: how often it was
 * @pid: a runtime's process: executes a program at the first line that is written to @in, which
 *       exits with 7 at the second
 */
struct world {
	struct event_base *base;
	struct queue *queue;
	struct leases *leases;
	struct looks *looks;
	struct job *job;
	char ops[64];
	bool cannot, frozen;
	unsigned int froze;
	pid_t pid;
	int in;
	struct binding b;
};

static int run(void *arg, struct job *j, struct cc_error *err)
{
	struct world *w = arg;

	if (w->cannot)
		return cc_fail(err, CC_E_INTERNAL, "fork: no more processes");
	w->job = j;
	strcat(strcat(w->ops, w->ops[0] ? " " : ""), agent_op_name(j->m.op));
	return 0;
}

static void changed(void *arg, const struct job *j, const struct job_end *end, bool told)
{
	(void)arg;
	(void)j;
	(void)end;
	(void)told;
}

static void ready(void *arg, const struct job *j)
{
	struct world *w = arg;

	assert_string_equal(j->m.volume, "vol");
	looks_await(w->looks, &w->b);
}

static void idle(void *arg)
{
	(void)arg;
}

static const struct queue_hooks hooks = {.run = run,
					 .ready = ready,
					 .changed = changed,
					 .idle = idle};

/* The looks of these tests have one world each. */
static struct world *frozen_world;

static int freeze(const char *name, pid_t pid, enum freezer_reason why, bool *paused,
		  struct cc_error *err)
{
	(void)err;
	assert_string_equal(name, "vol");
	assert_int_equal(pid, frozen_world->pid);
	assert_int_equal(why, FREEZER_LOOK);
	*paused = false;
	frozen_world->frozen = true;
	frozen_world->froze++;
	return 0;
}

static int thaw(const char *name, enum freezer_reason why, struct cc_error *err)
{
	(void)err;
	assert_string_equal(name, "vol");
	assert_int_equal(why, FREEZER_LOOK);
	frozen_world->frozen = false;
	return 0;
}

static bool holds(const char *name, pid_t pid, enum freezer_reason why)
{
	return strcmp(name, "vol") == 0 && pid == frozen_world->pid && why == FREEZER_LOOK &&
	       frozen_world->frozen;
}

static const struct look_freezer freezer = {.freeze = freeze,
					    .thaw = thaw,
					    .holds = holds,
					    .after_ms = 300};

/* As a runtime gives it to the program that it executes. */
static const struct sock_filter filter[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 54321, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

static void set_filter(void)
{
	struct sock_fprog prog = {.len = 4, .filter = (struct sock_filter *)(uintptr_t)filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		_exit(126);
}

/* As a runtime's: executed from memory, so from no mount of its own. */
static void start_runtime(struct world *w, const char *executed)
{
	char script[128];
	char *const argv[] = {"runtime", "-c", script, NULL}, *const env[] = {NULL};
	int copy = memfd_create("runtime", 0), program = open("/bin/sh", O_RDONLY), in[2], ready[2];
	char buf[65536];
	ssize_t n;

	snprintf(script, sizeof(script), "read x; exec %s -c 'read y; exit 7'", executed);
	while ((n = read(program, buf, sizeof(buf))) > 0)
		assert_int_equal(write(copy, buf, (size_t)n), n);
	close(program);
	assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(ready, O_CLOEXEC), 0);
	w->pid = fork();
	assert_true(w->pid >= 0);
	if (w->pid == 0) {
		set_filter();
		dup2(in[0], STDIN_FILENO);
		fexecve(copy, argv, env);
		_exit(127);
	}
	close(copy);
	close(in[0]);
	close(ready[1]);
	assert_int_equal(read(ready[0], buf, 1), 0); /* the exec closed it */
	close(ready[0]);
	w->in = in[1];
}

static int set_up_with(void **state, const char *executed)
{
	struct world *w = calloc(1, sizeof(*w));
	proc_auto_ref struct proc_ref p = PROC_REF_NONE;
	struct cc_error err;

	*state = frozen_world = w;
	cc_log_init("test", LOG_EMERG);
	w->base = event_base_new();
	w->queue = queue_new(&hooks, w, &err);
	w->leases = leases_new(w->base, w->queue, NULL, &err);
	w->looks = looks_new(w->base, w->queue, w->leases, &freezer, &err);
	start_runtime(w, executed);
	expect_ok(proc_open(&p, w->pid, &err), &err);
	strcpy(w->b.name, "vol");
	w->b.pid = (uint32_t)w->pid;
	w->b.start_time = p.start_time;
	expect_ok(proc_exe_id(w->pid, w->b.runtime, &err), &err);
	return w->looks ? 0 : -1;
}

static int set_up(void **state)
{
	return set_up_with(state, "/bin/sh");
}

static int set_up_self(void **state)
{
	return set_up_with(state, "/proc/self/exe");
}

static int tear_down(void **state)
{
	struct world *w = *state;

	looks_free(w->looks);
	leases_free(w->leases);
	queue_free(w->queue);
	event_base_free(w->base);
	kill(w->pid, SIGKILL);
	waitpid(w->pid, NULL, 0);
	close(w->in);
	free(w);
	return 0;
}

static void line(struct world *w)
{
	assert_int_equal(write(w->in, "\n", 1), 1);
}

static void end(struct world *w, const char *answer)
{
	cc_auto_json json_t *json = answer ? json_of(answer) : NULL;
	struct cc_error err = {.code = CC_E_INTERNAL, .text = "the worker died"};
	struct job *j = w->job;

	w->job = NULL;
	queue_ended(j, answer ? &(struct job_end){.answer = json} : &(struct job_end){.err = &err});
}

static void wait_job(struct world *w)
{
	while (!w->job)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
}

static bool is_traced(pid_t pid)
{
	char path[64], text[256];
	int by = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	while (f && fgets(text, sizeof(text), f))
		sscanf(text, "TracerPid: %d", &by);
	if (f)
		fclose(f);
	return by != 0;
}

static int end_of(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#define RENEWED "{'ok':true,'renewed':1,'failed':0,'failures':[],'refused':[]}"
#define REFUSED \
	"{'ok':true,'renewed':0,'failed':0,'failures':[],'refused':[{'binding':'vol','text':'user'}]}"

static void a_program_stands_until_it_was_looked_at_and_then_begins(void **state)
{
	struct world *w = *state;

	looks_await(w->looks, &w->b);
	looks_await(w->looks, &w->b); /* again is once */
	assert_true(is_traced(w->pid));
	assert_string_equal(w->ops, "");
	line(w);
	wait_job(w);
	assert_true(proc_stands_for(w->pid, getpid()));
	assert_string_equal(w->ops, "look");
	end(w, RENEWED);
	assert_false(is_traced(w->pid));
	line(w);
	assert_int_equal(end_of(w->pid), 7);
}

static void execute_alone(struct world *w)
{
	struct cc_error err;
	bool yes = false;

	line(w);
	while (!yes)
		expect_ok(proc_executed(w->pid, w->b.runtime, &yes, &err), &err);
}

/* CAP_SYS_ADMIN, and no filter of our own, are what it takes. */
static void the_filter_of_a_program_that_stands_is_sent_with_its_look(void **state)
{
	agent_auto_message struct agent_message m = {0};
	struct world *w = *state;
	struct cc_error err;

	looks_await(w->looks, &w->b);
	line(w);
	wait_job(w);
	expect_ok(agent_message_parse(w->job->m.text, strlen(w->job->m.text), true, &m, &err),
		  &err);
	assert_true(m.filter.read);
	assert_int_equal(m.filter.n, 4);
	assert_memory_equal(m.filter.p, filter, sizeof(filter));
	end(w, RENEWED);
	line(w);
	assert_int_equal(end_of(w->pid), 7);
}

/* The filter of one that stands is not given up because there are no files to open just now. */
static void a_filter_that_cannot_be_read_yet_is_waited_for(void **state)
{
	agent_auto_message struct agent_message m = {0};
	struct rlimit before, none;
	struct world *w = *state;
	struct cc_error err;

	looks_await(w->looks, &w->b);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	line(w);
	while (!w->froze && !w->job)
		event_base_loop(w->base, EVLOOP_ONCE);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_null(w->job);
	looks_hurry(w->looks);
	assert_non_null(w->job);
	expect_ok(agent_message_parse(w->job->m.text, strlen(w->job->m.text), true, &m, &err),
		  &err);
	assert_true(m.filter.read);
	assert_int_equal(m.filter.n, 4);
	end(w, RENEWED);
	line(w);
	assert_int_equal(end_of(w->pid), 7);
}

static void what_does_not_stand_is_looked_at_without_its_filter(void **state)
{
	agent_auto_message struct agent_message m = {0};
	struct world *w = *state;
	struct cc_error err;

	execute_alone(w);
	looks_await(w->looks, &w->b);
	expect_ok(agent_message_parse(w->job->m.text, strlen(w->job->m.text), true, &m, &err),
		  &err);
	assert_false(m.filter.read);
	end(w, RENEWED);
	line(w);
	assert_int_equal(end_of(w->pid), 7);
}

static bool executes_at_once(void *arg, const struct job_end *how)
{
	struct world *w = arg;
	struct cc_error err;
	bool yes = false;

	assert_null(how->err);
	line(w);
	while (!yes)
		expect_ok(proc_executed(w->pid, w->b.runtime, &yes, &err), &err);
	return true;
}

static void a_program_that_is_executed_as_soon_as_its_hook_is_told_stands(void **state)
{
	struct agent_message m = {.op = AGENT_HOOK, .volume = "vol"};
	struct world *w = *state;
	struct cc_error err;

	expect_ok(queue_submit(w->queue, &m, executes_at_once, w, &err), &err);
	end(w, "{'ok':true}");
	wait_job(w);
	assert_string_equal(w->ops, "hook look");
	assert_true(proc_stands_for(w->pid, getpid()));
	end(w, RENEWED);
	line(w);
	assert_int_equal(end_of(w->pid), 7);
}

static void a_program_that_is_refused_never_begins(void **state)
{
	struct world *w = *state;

	looks_await(w->looks, &w->b);
	line(w);
	line(w);
	wait_job(w);
	end(w, REFUSED);
	assert_string_equal(w->ops, "look revoke");
	end(w, "{'ok':true}");
	assert_true(proc_stands_for(w->pid, getpid()));
	kill(w->pid, SIGKILL);
	while (kill(w->pid, 0) == 0) /* waited for by the look */
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	looks_forget(w->looks, "vol");
	assert_string_equal(w->ops, "look revoke");
}

/* Else its parent does not hear of its end as long as there is an agent. */
static void a_program_that_was_killed_and_is_forgotten_at_once_is_waited_for(void **state)
{
	struct world *w = *state;

	looks_await(w->looks, &w->b);
	line(w);
	line(w);
	wait_job(w);
	end(w, REFUSED);
	end(w, "{'ok':true}");
	kill(w->pid, SIGKILL);
	looks_forget(w->looks, "vol"); /* before the loop hears of the signal */
	while (kill(w->pid, 0) == 0)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	assert_int_equal(event_base_loop(w->base, EVLOOP_NONBLOCK), 0);
}

#define FAILED                                                                                      \
	"{'ok':true,'renewed':0,'failed':1,'failures':[{'binding':'vol','text':'no config.json'}]," \
	"'refused':[]}"
#define NOTHING "{'ok':true,'renewed':0,'failed':0,'failures':[],'refused':[]}"

static void a_program_stands_as_long_as_the_look_cannot_be_done(void **state)
{
	static const char *const answers[] = {NULL, FAILED, NOTHING};
	struct world *w = *state;

	looks_await(w->looks, &w->b);
	line(w);
	line(w);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		wait_job(w);
		end(w, answers[i]);
		assert_true(proc_stands_for(w->pid, getpid()));
		looks_hurry(w->looks);
	}
	wait_job(w);
	end(w, RENEWED);
	assert_false(is_traced(w->pid));
	assert_int_equal(end_of(w->pid), 7);
	assert_string_equal(w->ops, "look look look look");
}

static void a_look_that_cannot_be_done_is_asked_for_again_by_itself(void **state)
{
	struct world *w = *state;

	looks_await(w->looks, &w->b);
	line(w);
	wait_job(w);
	end(w, FAILED);
	assert_null(w->job);
	wait_job(w);
	end(w, RENEWED);
	line(w);
	assert_int_equal(end_of(w->pid), 7);
}

static void a_program_stands_when_no_look_can_be_begun(void **state)
{
	struct world *w = *state;

	w->cannot = true;
	looks_await(w->looks, &w->b);
	line(w);
	line(w);
	while (!proc_stands_for(w->pid, getpid()))
		assert_int_equal(event_base_loop(w->base, EVLOOP_NONBLOCK), 0);
	while (!w->froze)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	assert_true(proc_stands_for(w->pid, getpid()));
	w->cannot = false;
	looks_hurry(w->looks);
	wait_job(w);
	end(w, RENEWED);
	assert_int_equal(end_of(w->pid), 7);
}

static void a_program_that_waits_long_for_its_look_is_frozen_until_it_was_looked_at(void **state)
{
	struct world *w = *state;

	looks_await(w->looks, &w->b);
	line(w);
	line(w);
	wait_job(w);
	while (!w->frozen)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	end(w, FAILED);
	assert_true(w->frozen);
	looks_hurry(w->looks);
	wait_job(w);
	end(w, RENEWED);
	assert_false(w->frozen);
	assert_int_equal(w->froze, 1);
	assert_int_equal(end_of(w->pid), 7);
}

static void a_program_that_stands_is_frozen_when_the_agent_ends(void **state)
{
	struct world *w = *state;

	looks_await(w->looks, &w->b);
	line(w);
	wait_job(w);
	looks_free(w->looks);
	w->looks = NULL;
	assert_true(w->frozen);
}

static void a_program_that_a_former_agent_froze_stands_until_it_was_looked_at(void **state)
{
	struct world *w = *state;

	execute_alone(w);
	w->frozen = true;
	looks_await(w->looks, &w->b);
	wait_job(w);
	assert_true(proc_stands_for(w->pid, getpid()));
	end(w, FAILED);
	assert_true(proc_stands_for(w->pid, getpid()));
	assert_true(w->frozen);
	looks_hurry(w->looks);
	end(w, RENEWED);
	assert_false(w->frozen);
	line(w);
	assert_int_equal(end_of(w->pid), 7);
}

static void what_a_former_agent_froze_goes_on_when_it_needs_no_look(void **state)
{
	struct world *w = *state;

	w->frozen = true;
	looks_forget(w->looks, "vol");
	assert_false(w->frozen);
}

static void a_program_that_cannot_be_made_to_stand_is_frozen_without_a_look(void **state)
{
	struct world *w = *state;

	execute_alone(w);
	looks_await(w->looks, &w->b);
	end(w, FAILED);
	while (!w->frozen)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	wait_job(w);
	end(w, RENEWED);
	assert_false(w->frozen);
}

static void a_runtime_that_is_forgotten_goes_on_by_itself(void **state)
{
	struct world *w = *state;

	looks_await(w->looks, &w->b);
	looks_forget(w->looks, "vol");
	looks_forget(w->looks, "vol");
	while (is_traced(w->pid))
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	line(w);
	line(w);
	assert_int_equal(end_of(w->pid), 7);
	assert_string_equal(w->ops, "");
}

static void a_program_that_stands_and_is_forgotten_begins(void **state)
{
	struct world *w = *state;

	looks_await(w->looks, &w->b);
	line(w);
	wait_job(w);
	looks_forget(w->looks, "vol");
	line(w);
	assert_int_equal(end_of(w->pid), 7);
	end(w, RENEWED); /* nobody is told */
}

static void a_program_that_was_executed_before_is_looked_at_at_once_and_does_not_stand(void **state)
{
	struct world *w = *state;

	execute_alone(w);
	looks_await(w->looks, &w->b);
	assert_string_equal(w->ops, "look");
	assert_false(is_traced(w->pid));
	end(w, RENEWED);
	line(w);
	assert_int_equal(end_of(w->pid), 7);
}

static void a_process_that_somebody_else_traces_is_looked_at_later(void **state)
{
	struct world *w = *state;
	int ready[2];
	pid_t tracer;
	char byte;

	assert_int_equal(pipe(ready), 0);
	tracer = fork();
	if (tracer == 0) {
		struct cc_error err;

		if (tracee_seize(w->pid, &err) || write(ready[1], "x", 1) != 1)
			_exit(1);
		while (tracee_next(w->pid) != TRACEE_EXECUTED)
			;
		tracee_leave(w->pid);
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	looks_await(w->looks, &w->b);
	assert_string_equal(w->ops, "");
	line(w);
	wait_job(w);
	assert_string_equal(w->ops, "look");
	end(w, RENEWED);
	assert_int_equal(end_of(tracer), 0);
	line(w);
	assert_int_equal(end_of(w->pid), 7);
	close(ready[0]);
	close(ready[1]);
}

/* So that it is the runtime's file to the kernel, in memory. */
#define self_test(f) cmocka_unit_test_setup_teardown(f, set_up_self, tear_down)
#define look_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		look_test(a_program_stands_until_it_was_looked_at_and_then_begins),
		self_test(a_program_stands_until_it_was_looked_at_and_then_begins),
		self_test(
			a_program_that_was_executed_before_is_looked_at_at_once_and_does_not_stand),
		look_test(a_program_that_is_executed_as_soon_as_its_hook_is_told_stands),
		look_test(the_filter_of_a_program_that_stands_is_sent_with_its_look),
		look_test(a_filter_that_cannot_be_read_yet_is_waited_for),
		look_test(what_does_not_stand_is_looked_at_without_its_filter),
		look_test(a_program_that_is_refused_never_begins),
		look_test(a_program_that_was_killed_and_is_forgotten_at_once_is_waited_for),
		look_test(a_program_stands_as_long_as_the_look_cannot_be_done),
		look_test(a_look_that_cannot_be_done_is_asked_for_again_by_itself),
		look_test(a_program_stands_when_no_look_can_be_begun),
		look_test(a_program_that_waits_long_for_its_look_is_frozen_until_it_was_looked_at),
		look_test(a_program_that_stands_is_frozen_when_the_agent_ends),
		look_test(a_program_that_a_former_agent_froze_stands_until_it_was_looked_at),
		look_test(what_a_former_agent_froze_goes_on_when_it_needs_no_look),
		look_test(a_program_that_cannot_be_made_to_stand_is_frozen_without_a_look),
		look_test(a_runtime_that_is_forgotten_goes_on_by_itself),
		look_test(a_program_that_stands_and_is_forgotten_begins),
		look_test(
			a_program_that_was_executed_before_is_looked_at_at_once_and_does_not_stand),
		look_test(a_process_that_somebody_else_traces_is_looked_at_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
