// SPDX-License-Identifier: Apache-2.0
#include "confine.h"

#include <pwd.h>
#include <signal.h>
#include <unistd.h>
#include <cap-ng.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "cleanup.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* What each of the processes needs to run, to log over a socket it has, and to end. */
static const int common_calls[] = {
	SCMP_SYS(brk),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(close),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(fcntl),
	SCMP_SYS(fstat),
	SCMP_SYS(futex),
	SCMP_SYS(getpid),
	SCMP_SYS(getrandom),
	SCMP_SYS(gettid),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(lseek),
	SCMP_SYS(madvise),
	SCMP_SYS(mremap),
	SCMP_SYS(munmap),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(tgkill),
	SCMP_SYS(write),
	SCMP_SYS(writev),
};

static const int front_calls[] = {
	SCMP_SYS(epoll_ctl),  SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_pwait2),
	SCMP_SYS(epoll_wait), SCMP_SYS(shutdown),
};

/*
 * SQLite's files and the checks it makes on them, locked memory, waiting for the fronts, and taking
 * connections for them.
 */
static const int custodian_calls[] = {
	SCMP_SYS(accept4),    SCMP_SYS(access),	  SCMP_SYS(faccessat),	SCMP_SYS(faccessat2),
	SCMP_SYS(fchmod),     SCMP_SYS(fchown),	  SCMP_SYS(fdatasync),	SCMP_SYS(fsync),
	SCMP_SYS(ftruncate),  SCMP_SYS(getcwd),	  SCMP_SYS(geteuid),	SCMP_SYS(getuid),
	SCMP_SYS(lstat),      SCMP_SYS(mlock),	  SCMP_SYS(mlock2),	SCMP_SYS(munlock),
	SCMP_SYS(newfstatat), SCMP_SYS(open),	  SCMP_SYS(openat),	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),   SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(stat),
	SCMP_SYS(unlink),     SCMP_SYS(unlinkat), SCMP_SYS(wait4),
};

/* ---- who ---- */

static int lookup(const char *name, struct confine_user *user)
{
	const struct passwd *pw = getpwnam(name);

	if (!pw)
		return -1;
	user->uid = pw->pw_uid;
	user->gid = pw->pw_gid;
	return 0;
}

int confine_find_user(const char *name, struct confine_user *user, struct cc_error *err)
{
	*user = (struct confine_user){0};
	if (name && lookup(name, user))
		return cc_fail(err, CC_E_USAGE, "user %s does not exist: name another with --user",
			       name);
	if (!name && lookup(CONFINE_USER, user)) {
		user->fallback = true;
		if (lookup(CONFINE_FALLBACK_USER, user))
			return cc_fail(err, CC_E_USAGE, "there is neither a user %s nor a user %s",
				       CONFINE_USER, CONFINE_FALLBACK_USER);
	}
	if (user->uid == 0 || user->gid == 0)
		return cc_fail(err, CC_E_USAGE,
			       "the front must not be root: name another user with --user");
	return 0;
}

/* ---- seccomp ---- */

static void release(scmp_filter_ctx *ctx)
{
	seccomp_release(*ctx);
}

static int allow(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0))
			return -1;
	return 0;
}

/* Memory may be mapped, but never made executable; of ioctl only what libevent and stdio ask. */
static int allow_checked(scmp_filter_ctx ctx)
{
	static const int memory[] = {SCMP_SYS(mmap), SCMP_SYS(mprotect)};
	static const unsigned long ioctls[] = {FIONREAD, TCGETS};

	for (size_t i = 0; i < N(memory); i++)
		if (seccomp_rule_add(ctx, SCMP_ACT_ALLOW, memory[i], 1,
				     SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)))
			return -1;
	for (size_t i = 0; i < N(ioctls); i++)
		if (seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				     SCMP_A1(SCMP_CMP_EQ, ioctls[i])))
			return -1;
	return 0;
}

/* Of a socket's options the custodian asks who is at the other end, the front none. */
static int allow_peercred(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(getsockopt), 2,
				SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET),
				SCMP_A2(SCMP_CMP_EQ, SO_PEERCRED));
}

static int load_filter(const int *calls, size_t n, bool peercred, struct cc_error *err)
{
	cc_cleanup(release) scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);

	if (!ctx || allow(ctx, common_calls, N(common_calls)) || allow_checked(ctx) ||
	    allow(ctx, calls, n) || (peercred && allow_peercred(ctx)))
		return cc_fail(err, CC_E_INTERNAL, "the seccomp filter cannot be made");
	if (seccomp_load(ctx))
		return cc_fail(err, CC_E_INTERNAL, "the kernel does not take the seccomp filter");
	return 0;
}

/* ---- the processes ---- */

int confine_front(const struct confine_user *user, struct cc_error *err)
{
	capng_clear(CAPNG_SELECT_ALL);
	if (capng_change_id((int)user->uid, (int)user->gid,
			    CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT))
		return cc_fail_errno(err, CC_E_INTERNAL, "cannot become user %u", user->uid);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
		return cc_fail_errno(err, CC_E_INTERNAL, "cannot give up privileges");
	return load_filter(front_calls, N(front_calls), false, err);
}

int confine_custodian(struct cc_error *err)
{
	capng_clear(CAPNG_SELECT_ALL);
	if (capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_IPC_LOCK) ||
	    capng_apply(CAPNG_SELECT_ALL))
		return cc_fail_errno(err, CC_E_INTERNAL, "cannot give up capabilities");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return cc_fail_errno(err, CC_E_INTERNAL, "cannot give up privileges");
	return load_filter(custodian_calls, N(custodian_calls), true, err);
}
