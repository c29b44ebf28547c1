// SPDX-License-Identifier: Apache-2.0
/*
 * program.c - fork, exec and wait.
 */
#include "host/program.h"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/stop_signals.h"

#define EXEC_FAILED 127

static void __attribute__((noreturn)) become(const char *const *argv, int out, pid_t parent)
{
	static char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
					    NULL};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* the parent may have died before it was watched */
	if (getppid() != parent)
		_exit(EXEC_FAILED);
	stop_signals_unblock();
	if (dup2(out, STDOUT_FILENO) >= 0 && dup2(out, STDERR_FILENO) >= 0)
		execve(argv[0], (char *const *)argv, environment);
	_exit(EXEC_FAILED);
}

int program_start(const char *const *argv, int out, pid_t *child, struct cc_error *err)
{
	pid_t parent = getpid();

	*child = fork();
	if (*child < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "fork");
	if (*child == 0)
		become(argv, out, parent);
	return 0;
}

int program_run_within(const char *const *argv, unsigned int limit_ms, int out, int *status,
		       struct cc_error *err)
{
	pid_t child;

	return program_start(argv, out, &child, err)
		       ? -1
		       : stop_signals_wait(child, limit_ms, status, err);
}

int program_run(const char *const *argv, int out, int *status, struct cc_error *err)
{
	return program_run_within(argv, 0, out, status, err);
}

int program_check(const char *name, int status, enum cc_code code, struct cc_error *err)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXEC_FAILED)
		return cc_fail(err, CC_E_NOTFOUND, "%s cannot be run; is it installed?", name);
	return cc_fail(err, code, "%s failed (%s %d)", name,
		       WIFEXITED(status) ? "exit status" : "signal",
		       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

bool program_installed(const char *name)
{
	static const char *const dirs[] = {"/usr/bin", "/usr/sbin", "/usr/local/bin",
					   "/usr/local/sbin"};
	char path[128];

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dirs[i], name);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}
