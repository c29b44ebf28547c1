// SPDX-License-Identifier: Apache-2.0
/*
 * seccomp_read.c - reading a traced process's seccomp filter.
 */
#include "host/seccomp_read.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "host/proc.h"
#include "host/seccomp_program.h"

static int refused(pid_t pid, struct cc_error *err)
{
	switch (errno) {
	case EACCES:
	case EPERM:
		return cc_fail(err, CC_E_PERM,
			       "the kernel gives no filter to whoever has one itself, or does not "
			       "have CAP_SYS_ADMIN; the agent's unit must not have options that "
			       "make one (SystemCallFilter=, RestrictRealtime= …)");
	case ESRCH:
		return cc_fail(err, CC_E_NOTFOUND, "process %d is gone, or runs", (int)pid);
	case EINVAL:
	case EIO:
		return cc_fail(err, CC_E_DEVICE,
			       "this kernel gives no filter: it was built without "
			       "CONFIG_CHECKPOINT_RESTORE");
	default:
		return cc_fail_errno(err, CC_E_INTERNAL, "the filter of process %d", (int)pid);
	}
}

void seccomp_seen_clear(struct seccomp_seen *s)
{
	free(s->p);
	*s = (struct seccomp_seen){0};
}

int seccomp_read(pid_t pid, struct seccomp_seen *s, struct cc_error *err)
{
	cc_auto_free struct sock_filter *all = NULL;
	struct proc_status st;
	long len;

	if (proc_status(pid, &st, err))
		return -1;
	if (st.seccomp != SECCOMP_MODE_FILTER) {
		s->read = true;
		return 0;
	}
	len = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, (void *)0, NULL);
	if (len < 0)
		return refused(pid, err);
	if (len == 0 || len > SECCOMP_PROGRAM_MAX)
		return cc_fail(err, CC_E_INTERNAL, "the filter of process %d has %ld instructions",
			       (int)pid, len);
	all = calloc((size_t)len, sizeof(*all));
	if (!all)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (ptrace(PTRACE_SECCOMP_GET_FILTER, pid, (void *)0, all) != len)
		return refused(pid, err);
	s->n = (size_t)len;
	s->p = cc_steal(all);
	s->read = true;
	return 0;
}

/* In the child. */
static _Noreturn void stand_with_filter(void)
{
	struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog prog = {.len = 1, .filter = &all};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) ||
	    ptrace(PTRACE_TRACEME, 0, NULL, NULL) || raise(SIGSTOP))
		_exit(1);
	_exit(0);
}

int seccomp_read_probe(struct cc_error *err)
{
	cc_cleanup(seccomp_seen_clear) struct seccomp_seen seen = {0};
	int status = 0, rc;
	pid_t pid = fork();

	if (pid < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "fork");
	if (pid == 0)
		stand_with_filter();
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	rc = WIFSTOPPED(status) ? seccomp_read(pid, &seen, err)
				: cc_fail(err, CC_E_PERM, "a process cannot be traced here");
	if (!WIFSTOPPED(status))
		return rc;
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return rc;
}
