// SPDX-License-Identifier: Apache-2.0
/* What a runtime has executed, seen before its first instruction, against config.json. */
#include "lib_test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dmctl/container/measure.h"
#include "dmctl/host/proc_exec.h"
#include "dmctl/host/tracee.h"

static char dir[] = "/tmp/cc-program.XXXXXX";

static char *at(const char *name)
{
	static char path[8][128];
	static unsigned int next;
	char *p = path[next++ % 8];

	snprintf(p, 128, "%s/%s", dir, name);
	return p;
}

static void write_script(const char *name, const char *line)
{
	FILE *f = fopen(at(name), "w");

	assert_non_null(f);
	fprintf(f, "%s\nexit 7\n", line);
	fclose(f);
	assert_int_equal(chmod(at(name), 0755), 0);
}

static int set_up(void **state)
{
	char line[160];

	(void)state;
	assert_non_null(mkdtemp(dir));
	write_script("plain", "#!/bin/sh");
	write_script("with-argument", "#! /bin/sh -e ");
	snprintf(line, sizeof(line), "#!%s", at("plain"));
	write_script("nested", line);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(at("plain"));
	unlink(at("with-argument"));
	unlink(at("nested"));
	return rmdir(dir);
}

/* Waits, as an event, for what there is to tell of @pid. */
static enum tracee_event wait_event(pid_t pid)
{
	enum tracee_event e;
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	while ((e = tracee_next(pid)) == TRACEE_NOTHING)
		assert_int_equal(sigwait(&set, &sig), 0);
	return e;
}

/* A child that is traced and then executes @file; it stands when this returns. */
static pid_t execute(const char *file, char *const argv[], char *const env[], const char *cwd)
{
	sigset_t set;
	struct cc_error err;
	int go[2];
	char byte;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (chdir(cwd) || read(go[0], &byte, 1) != 1)
			_exit(126);
		execve(file, argv, env);
		_exit(127);
	}
	expect_ok(tracee_seize(pid, &err), &err);
	assert_int_equal(write(go[1], "x", 1), 1);
	close(go[0]);
	close(go[1]);
	assert_int_equal(wait_event(pid), TRACEE_EXECUTED);
	return pid;
}

static int end_of(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void a_program_stands_before_its_first_instruction_and_then_goes_on(void **state)
{
	char *const argv[] = {"sh", "-c", "exit 7", NULL}, *const env[] = {NULL};
	pid_t pid = execute("/bin/sh", argv, env, "/");

	(void)state;
	assert_true(proc_stands_for(pid, getpid()));
	assert_false(proc_stands_for(pid, getpid() + 1));
	assert_false(proc_stands_for(getpid(), getpid()));
	tracee_leave(pid);
	assert_int_equal(end_of(pid), 7);
}

static void signals_reach_a_process_that_is_waited_for(void **state)
{
	char *const argv[] = {"sh", "-c", "trap 'exit 9' USR1; kill -USR1 $$; exit 1", NULL};
	char *const env[] = {NULL};
	pid_t pid = execute("/bin/sh", argv, env, "/");

	(void)state;
	tracee_go_on(pid); /* still ours */
	assert_int_equal(wait_event(pid), TRACEE_GONE);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), -1); /* waited for already */
}

static void one_that_is_left_before_it_executes_anything_runs_on(void **state)
{
	struct cc_error err;
	pid_t pid = fork();
	int pidfd;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		pause();
		_exit(1);
	}
	expect_ok(tracee_seize(pid, &err), &err);
	tracee_interrupt(pid);
	assert_int_equal(wait_event(pid), TRACEE_STANDS);
	tracee_leave(pid);
	assert_false(proc_stands_for(pid, getpid()));
	pidfd = pidfd_open(pid, 0);
	kill(pid, SIGKILL);
	assert_int_equal(poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, -1), 1);
	close(pidfd);
	assert_int_equal(end_of(pid), -SIGKILL);
}

#define MAX 6

/**
 * struct run - what config.json says, and what the runtime does instead where that is not NULL.
 * @fact: what is refused; NULL: nothing
 */
struct run {
	const char *what, *fact;
	const char *args[MAX], *env[MAX];
	const char *file; /* below dir, or absolute */
	const char *did[MAX], *gave[MAX], *cwd;
};

static const struct run runs[] = {
	{.what = "its own file and arguments",
	 .args = {"/bin/sh", "-c", "x"},
	 .env = {"A=b"},
	 .file = "/bin/sh"},
	{.what = "by its name", .args = {"sh", "-c", "x"}, .env = {"A=b"}, .file = "/bin/sh"},
	{.what = "by its name, in a PATH of its own",
	 .args = {"sh"},
	 .env = {"PATH=/nowhere:/bin"},
	 .file = "/bin/sh"},
	{.what = "not in its PATH",
	 .fact = "args",
	 .args = {"sh"},
	 .env = {"PATH=/nowhere"},
	 .file = "/bin/sh"},
	{.what = "empty arguments", .args = {"/bin/sh", "", ""}, .file = "/bin/sh"},
	{.what = "other arguments",
	 .fact = "args",
	 .args = {"/bin/sh", "-c", "x"},
	 .file = "/bin/sh",
	 .did = {"/bin/sh", "-c", "y"}},
	{.what = "fewer",
	 .fact = "args",
	 .args = {"/bin/sh", "-c", "x"},
	 .file = "/bin/sh",
	 .did = {"/bin/sh", "x"}},
	{.what = "more",
	 .fact = "args",
	 .args = {"/bin/sh", "x"},
	 .file = "/bin/sh",
	 .did = {"/bin/sh", "-c", "x"}},
	{.what = "another file under its name",
	 .fact = "args",
	 .args = {"/bin/sh", "x"},
	 .file = "/bin/cat"},
	{.what = "another name",
	 .fact = "args",
	 .args = {"/bin/sh", "x"},
	 .file = "/bin/sh",
	 .did = {"/bin/cat", "x"}},
	{.what = "a script", .args = {"./plain", "x"}, .file = "plain"},
	{.what = "a script with an argument",
	 .args = {"./with-argument", "x"},
	 .file = "with-argument"},
	{.what = "a script of a script", .args = {"./nested", "x"}, .file = "nested"},
	{.what = "a script by its name",
	 .args = {"plain", "x"},
	 .env = {"PATH=%"},
	 .file = "plain"},
	{.what = "another script", .fact = "args", .args = {"./plain", "x"}, .file = "nested"},
	{.what = "its interpreter, by hand, with another",
	 .fact = "args",
	 .args = {"./plain", "x"},
	 .file = "/bin/sh",
	 .did = {"/bin/sh", "./nested", "x"}},
	{.what = "an argument for its interpreter",
	 .fact = "args",
	 .args = {"./plain", "x"},
	 .file = "/bin/sh",
	 .did = {"/bin/sh", "-x", "./plain", "x"}},
	{.what = "another interpreter",
	 .fact = "args",
	 .args = {"./plain", "x"},
	 .file = "/bin/cat",
	 .did = {"/bin/sh", "./plain", "x"}},
	{.what = "a variable more",
	 .fact = "env",
	 .args = {"/bin/sh"},
	 .env = {"A=b"},
	 .file = "/bin/sh",
	 .gave = {"A=b", "LD_PRELOAD=/x"}},
	{.what = "another value",
	 .fact = "env",
	 .args = {"/bin/sh"},
	 .env = {"A=b"},
	 .file = "/bin/sh",
	 .gave = {"A=c"}},
	{.what = "a variable less",
	 .fact = "env",
	 .args = {"/bin/sh"},
	 .env = {"A=b", "TLS=1"},
	 .file = "/bin/sh",
	 .gave = {"A=b"}},
	{.what = "the last of two",
	 .args = {"/bin/sh"},
	 .env = {"A=b", "A=c"},
	 .file = "/bin/sh",
	 .gave = {"A=c"}},
	{.what = "both of two",
	 .args = {"/bin/sh"},
	 .env = {"A=b", "A=c"},
	 .file = "/bin/sh",
	 .gave = {"A=b", "A=c"}},
	{.what = "what runtimes add",
	 .args = {"/bin/sh"},
	 .env = {"A=b"},
	 .file = "/bin/sh",
	 .gave = {"A=b", "HOME=/root", "NOTIFY_SOCKET=/run/notify"}},
	{.what = "a home of somebody else",
	 .fact = "env",
	 .args = {"/bin/sh"},
	 .env = {"A=b"},
	 .file = "/bin/sh",
	 .gave = {"A=b", "HOME=/evil"}},
	{.what = "a home beside its own",
	 .fact = "env",
	 .args = {"/bin/sh"},
	 .env = {"HOME=/h"},
	 .file = "/bin/sh",
	 .gave = {"HOME=/h", "HOME=/root"}},
	{.what = "another directory",
	 .fact = "cwd",
	 .args = {"/bin/sh"},
	 .file = "/bin/sh",
	 .cwd = "/usr"},
};

static char path_here[64]; /* for PATH=% */

static size_t fill(char *v[MAX + 1], const char *const *from, const char *const *other)
{
	size_t n = 0;

	if (other[0])
		from = other;
	for (; n < MAX && from[n]; n++)
		v[n] = strcmp(from[n], "PATH=%") == 0 ? path_here : (char *)from[n];
	v[n] = NULL;
	return n;
}

static void each_way_to_execute_something(void **state)
{
	static const char *const none[MAX];
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char path[160];

	(void)state;
	snprintf(path_here, sizeof(path_here), "PATH=/nowhere:%s", dir);
	for (size_t i = 0; i < sizeof(runs) / sizeof(runs[0]); i++) {
		const struct run *r = &runs[i];
		cc_cleanup(program_seen_clear) struct program_seen p = {0};
		char *args[MAX + 1], *env[MAX + 1], *did[MAX + 1], *gave[MAX + 1];
		struct cc_measurement m = {.cwd = dir};
		struct cc_error err = {0};
		pid_t pid;

		m.args = (struct cc_strv){fill(args, r->args, none), args};
		m.env = (struct cc_strv){fill(env, r->env, none), env};
		fill(did, r->args, r->did);
		fill(gave, r->env, r->gave);
		print_message("# %s\n", r->what);
		/* as a runtime does: by what it is called, or where that was found */
		snprintf(path, sizeof(path), "%s/%s", strchr(args[0], '/') ? "." : dir, r->file);
		pid = execute(r->file[0] == '/' ? r->file : path, did, gave, r->cwd ? r->cwd : dir);
		expect_ok(program_see(pid, &p, &err), &err);
		tracee_leave(pid);
		kill(pid, SIGKILL);
		end_of(pid);
		if (!r->fact) {
			expect_ok(measure_program(&p, root, "/", &m, &err), &err);
			continue;
		}
		assert_int_equal(measure_program(&p, root, "/", &m, &err), -1);
		expect_error(&err, CC_E_REFUSED, r->fact, "");
	}
	close(root);
}

static void a_profile_that_is_not_the_one_of_config_json_or_not_enforced_is_refused(void **state)
{
	static const char *const others[] = {
		"unconfined",	  "docker-default (complain)",	"docker-default (unconfined)",
		"docker-default", "docker-default-2 (enforce)", "other (enforce)"};
	char unconfined[] = "unconfined";
	char *args[] = {"/bin/sh"}, *const argv[] = {"/bin/sh", NULL}, *const env[] = {NULL};
	struct cc_measurement m = {.cwd = "/", .args = {1, args}, .apparmor = "docker-default"};
	cc_cleanup(program_seen_clear) struct program_seen p = {0};
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	pid_t pid = execute("/bin/sh", argv, env, "/");
	struct cc_error err;

	(void)state;
	expect_ok(program_see(pid, &p, &err), &err);
	tracee_leave(pid);
	kill(pid, SIGKILL);
	end_of(pid);
	strcpy(p.profile, "docker-default (enforce)");
	expect_ok(measure_program(&p, root, "/", &m, &err), &err);
	strcpy(p.profile, ""); /* the kernel has none */
	expect_ok(measure_program(&p, root, "/", &m, &err), &err);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		strcpy(p.profile, others[i]);
		assert_int_equal(measure_program(&p, root, "/", &m, &err), -1);
		expect_error(&err, CC_E_REFUSED, "apparmor", "docker-default");
	}
	m.apparmor = unconfined; /* as an identity may have it */
	strcpy(p.profile, "unconfined");
	expect_ok(measure_program(&p, root, "/", &m, &err), &err);
	strcpy(p.profile, "docker-default (enforce)");
	assert_int_equal(measure_program(&p, root, "/", &m, &err), -1);
	close(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_stands_before_its_first_instruction_and_then_goes_on),
		cmocka_unit_test(signals_reach_a_process_that_is_waited_for),
		cmocka_unit_test(one_that_is_left_before_it_executes_anything_runs_on),
		cmocka_unit_test(each_way_to_execute_something),
		cmocka_unit_test(
			a_profile_that_is_not_the_one_of_config_json_or_not_enforced_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
