/* SPDX-License-Identifier: Apache-2.0 */
/*
 * look_world.h - an agent without anything but looks at what a runtime has executed: the real ones,
 * with a real queue, on real processes; a runner that ends its jobs when it is told to.
 */
#ifndef TEST_LOOK_WORLD_H
#define TEST_LOOK_WORLD_H

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

static inline int run(void *arg, struct job *j, struct cc_error *err)
{
	struct world *w = arg;

	if (w->cannot)
		return cc_fail(err, CC_E_INTERNAL, "fork: no more processes");
	w->job = j;
	strcat(strcat(w->ops, w->ops[0] ? " " : ""), agent_op_name(j->m.op));
	return 0;
}

static inline void changed(void *arg, const struct job *j, const struct job_end *end, bool told)
{
	(void)arg;
	(void)j;
	(void)end;
	(void)told;
}

static inline void ready(void *arg, const struct job *j)
{
	struct world *w = arg;

	assert_string_equal(j->m.volume, "vol");
	looks_await(w->looks, &w->b);
}

static inline void idle(void *arg)
{
	(void)arg;
}

static const struct queue_hooks hooks = {.run = run,
					 .ready = ready,
					 .changed = changed,
					 .idle = idle};

/* The looks of these tests have one world each. */
static struct world *frozen_world;

static inline int freeze(const char *name, pid_t pid, enum freezer_reason why, bool *paused,
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

static inline int thaw(const char *name, enum freezer_reason why, struct cc_error *err)
{
	(void)err;
	assert_string_equal(name, "vol");
	assert_int_equal(why, FREEZER_LOOK);
	frozen_world->frozen = false;
	return 0;
}

static inline bool holds(const char *name, pid_t pid, enum freezer_reason why)
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

static inline void set_filter(void)
{
	struct sock_fprog prog = {.len = 4, .filter = (struct sock_filter *)(uintptr_t)filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		_exit(126);
}

/* As a runtime's: executed from memory, so from no mount of its own. */
static inline void start_runtime(struct world *w, const char *executed)
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

static inline int set_up_with(void **state, const char *executed)
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

static inline int set_up(void **state)
{
	return set_up_with(state, "/bin/sh");
}

static inline int set_up_self(void **state)
{
	return set_up_with(state, "/proc/self/exe");
}

static inline int tear_down(void **state)
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

static inline void line(struct world *w)
{
	assert_int_equal(write(w->in, "\n", 1), 1);
}

static inline void end(struct world *w, const char *answer)
{
	cc_auto_json json_t *json = answer ? json_of(answer) : NULL;
	struct cc_error err = {.code = CC_E_INTERNAL, .text = "the worker died"};
	struct job *j = w->job;

	w->job = NULL;
	queue_ended(j, answer ? &(struct job_end){.answer = json} : &(struct job_end){.err = &err});
}

static inline void wait_job(struct world *w)
{
	while (!w->job)
		assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
}

static inline bool is_traced(pid_t pid)
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

static inline int end_of(pid_t pid)
{
	int status = 0;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

#define RENEWED "{'ok':true,'renewed':1,'failed':0,'failures':[],'refused':[]}"
#define REFUSED \
	"{'ok':true,'renewed':0,'failed':0,'failures':[],'refused':[{'binding':'vol','text':'user'}]}"

#define FAILED                                                                                      \
	"{'ok':true,'renewed':0,'failed':1,'failures':[{'binding':'vol','text':'no config.json'}]," \
	"'refused':[]}"

static inline void execute_alone(struct world *w)
{
	struct cc_error err;
	bool yes = false;

	line(w);
	while (!yes)
		expect_ok(proc_executed(w->pid, w->b.runtime, &yes, &err), &err);
}

/* So that it is the runtime's file to the kernel, in memory. */
#define self_test(f) cmocka_unit_test_setup_teardown(f, set_up_self, tear_down)
#define look_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif
