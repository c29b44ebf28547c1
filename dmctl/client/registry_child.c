// SPDX-License-Identifier: Apache-2.0
#include "client/registry_child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cleanup.h"
#include "client/registry_http.h"
#include "client/registry_walk.h"
#include "file.h"
#include "host/crew.h"

#define CHILD_FD 3
#define NOBODY 65534
#define MEMORY_MAX (512UL * 1024 * 1024)
#define CPU_SECONDS 60

/* Which argument of clone(2) they are. */
#if defined(__s390__)
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define MEMORY_IS_BOUNDED false /* its shadow alone is larger */
#else
#define MEMORY_IS_BOUNDED true
#endif

/* ---- what it gives up ---------------------------------------------------------------------- */

static int drop_user(struct cc_error *err)
{
	const struct passwd *pw;
	uid_t uid = NOBODY;
	gid_t gid = NOBODY;

	if (geteuid() != 0)
		return 0;
	pw = getpwnam("nobody");
	if (pw) {
		uid = pw->pw_uid;
		gid = pw->pw_gid;
	}
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		return cc_fail_errno(err, CC_E_INTERNAL, "cannot become nobody");
	return 0;
}

static void limit(__rlimit_resource_t what, rlim_t max)
{
	const struct rlimit rl = {max, max};

	setrlimit(what, &rl);
}

/*
 * Threads look names up; a process would outlive this one. What clone3(2) is for stands in memory,
 * which no filter reads: the C library takes clone(2) instead.
 */
static int forbid_processes(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp no_thread =
		SCMP_CMP(CLONE_FLAGS, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0);
	int rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);

	return rc ?: seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1, no_thread);
}

/* What nobody needs who asks a registry. */
static int forbid_calls(struct cc_error *err)
{
	static const int calls[] = {
		SCMP_SYS(execve),
		SCMP_SYS(execveat),
		SCMP_SYS(fork),
		SCMP_SYS(vfork),
		SCMP_SYS(ptrace),
		SCMP_SYS(process_vm_readv),
		SCMP_SYS(process_vm_writev),
		SCMP_SYS(kill),
		SCMP_SYS(tkill),
		SCMP_SYS(pidfd_open),
		SCMP_SYS(add_key),
		SCMP_SYS(keyctl),
		SCMP_SYS(request_key),
		SCMP_SYS(bpf),
		SCMP_SYS(perf_event_open),
		SCMP_SYS(userfaultfd),
		SCMP_SYS(unshare),
		SCMP_SYS(setns),
		SCMP_SYS(mount),
		SCMP_SYS(io_uring_setup),
	};
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int rc = filter ? 0 : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < sizeof(calls) / sizeof(calls[0]); i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 0);
	rc = rc ?: forbid_processes(filter);
	rc = rc ?: seccomp_load(filter);
	seccomp_release(filter);
	if (!rc)
		return 0;
	errno = -rc;
	return cc_fail_errno(err, CC_E_INTERNAL, "cannot confine the process that asks a registry");
}

int registry_give_up_rights(struct cc_error *err)
{
	if (drop_user(err))
		return -1;
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_CPU, CPU_SECONDS);
	if (MEMORY_IS_BOUNDED)
		limit(RLIMIT_AS, MEMORY_MAX);
	/* a change of user takes the parent's death off */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || prctl(PR_SET_DUMPABLE, 0) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return cc_fail_errno(err, CC_E_INTERNAL, "prctl");
	return forbid_calls(err);
}

/* ---- what it logs in with ------------------------------------------------------------------ */

/* Malloced; NULL: none, also where a file cannot be read that nobody named. */
static char *credentials_in(const char *path, const struct registry_name *name,
			    struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	cc_auto_json json_t *doc = NULL;
	size_t len;

	if (cc_read_file(path, &text, &len, err))
		return NULL;
	doc = cc_json_parse(text, len, path, err);
	explicit_bzero(text, len);
	return doc ? registry_credentials(doc, name) : NULL;
}

static char *credentials_below(const char *dir, const char *file, const struct registry_name *name)
{
	cc_auto_free char *path = NULL;
	struct cc_error none;

	if (!dir)
		return NULL;
	if (asprintf(&path, "%s/%s", dir, file) < 0) {
		path = NULL;
		return NULL;
	}
	return credentials_in(path, name, &none);
}

/* As the engines look for them: Podman's login, Docker's config. */
static int find_credentials(const struct registry_ask *ask, char **basic, struct cc_error *err)
{
	const struct registry_name *name = ask->name;
	const char *home = getenv("HOME");

	*err = (struct cc_error){0};
	if (ask->auth_file) {
		*basic = credentials_in(ask->auth_file, name, err);
		return !*basic && err->code ? -1 : 0;
	}
	*basic = credentials_below(getenv("DOCKER_CONFIG"), "config.json", name);
	*basic = *basic ?: credentials_below(home, ".docker/config.json", name);
	*basic = *basic ?: credentials_below("/run/containers/0", "auth.json", name);
	*basic = *basic ?: credentials_below(home, ".config/containers/auth.json", name);
	return 0;
}

/* ---- what it does -------------------------------------------------------------------------- */

static int send_all(const struct pull_head *head, const void *text, struct cc_error *err)
{
	if (cc_write_all(CHILD_FD, head, sizeof(*head)) || cc_write_all(CHILD_FD, text, head->len))
		return cc_fail_errno(err, CC_E_INTERNAL, "cannot hand out what was fetched");
	return 0;
}

static int send_document(void *arg, const struct registry_document *d, struct cc_error *err)
{
	struct pull_head head = {
		.end = PULL_MORE, .kind = d->kind, .named = d->named, .len = (uint32_t)d->len};

	(void)arg;
	snprintf(head.digest, sizeof(head.digest), "%s", d->digest);
	return send_all(&head, d->text, err);
}

static int fetch_all(const struct registry_ask *ask, pid_t parent, struct cc_error *err)
{
	cc_auto_free char *basic = NULL;
	cc_cleanup(registry_close) struct registry r = {.name = ask->name,
							.ca = ask->ca,
							.plain = ask->plain,
							.plain_said = ask->plain_said};
	const struct registry_source source = {registry_get, &r};

	if (find_credentials(ask, &basic, err) || registry_give_up_rights(err))
		return -1;
	if (getppid() != parent) /* it died before its death was of interest again */
		_exit(1);
	r.basic = basic;
	return registry_walk(&source, ask->name, send_document, NULL, err);
}

/*
 * Only the way to the parent is left, and no terminal: who has one may type into it (ioctl_tty(2),
 * TIOCSTI). @fd may be one of the standard three, where these were not open.
 */
static void keep_descriptors(int fd)
{
	int null;

	if (dup2(fd, CHILD_FD) < 0)
		_exit(1);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		_exit(1);
	for (int std = STDIN_FILENO; std <= STDERR_FILENO; std++)
		if (dup2(null, std) < 0)
			_exit(1);
	crew_alone(CHILD_FD + 1);
	setsid();
}

_Noreturn void registry_child(const struct registry_ask *ask, int fd, int parent)
{
	struct pull_head end = {.end = PULL_DONE};
	struct cc_error err = {0}, none;

	keep_descriptors(fd);
	if (getppid() != parent)
		_exit(1);
	if (fetch_all(ask, parent, &err)) {
		end = (struct pull_head){
			.end = PULL_FAILED, .code = err.code, .len = (uint32_t)strlen(err.text)};
		send_all(&end, err.text, &none);
		_exit(1);
	}
	_exit(send_all(&end, "", &none) ? 1 : 0);
}
