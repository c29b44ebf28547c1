// SPDX-License-Identifier: Apache-2.0
/*
 * measure_program.c - what a runtime has executed, against config.json: file, arguments,
 * environment, working directory, AppArmor profile. Of a process that stands before its first
 * instruction: later a program may change most of that.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "container/image_config.h"
#include "container/measure.h"
#include "container/measure_filter.h"
#include "container/script.h"
#include "host/first_line.h"
#include "host/open_in_root.h"
#include "host/proc_exec.h"

#define SCRIPTS_MAX 5 /* that interpret each other, as for the kernel */
#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* ---- files of the container ---------------------------------------------------------------- */

/* @file, seen from @dir of the container. -1 with errno. */
static int open_there(int root, const char *dir, const char *file, int flags)
{
	char path[PROC_PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s", file[0] == '/' ? "" : dir, file) >=
	    (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return open_in_root(root, path, flags | O_CLOEXEC, 0);
}

static bool is_same(int root, const char *dir, const char *file, const struct stat *wanted)
{
	cc_auto_close int fd = open_there(root, dir, file, O_PATH);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == wanted->st_dev &&
	       st.st_ino == wanted->st_ino;
}

/* The variable's value; of several the last. NULL without one. */
static const char *value_of(const struct cc_strv *env, const char *name)
{
	size_t len = strlen(name);
	const char *value = NULL;

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], name, len) == 0 && env->v[i][len] == '=')
			value = env->v[i] + len + 1;
	return value;
}

/* What a runtime executes for @name is @wanted. */
static bool is_program(int root, const struct cc_measurement *m, const char *name,
		       const struct stat *wanted)
{
	const char *dirs = value_of(&m->env, "PATH");
	cc_auto_free char *path = strdup(dirs ? dirs : PATH_DEFAULT);
	char *dir, *rest = path;

	if (strchr(name, '/'))
		return is_same(root, m->cwd, name, wanted);
	while ((dir = strsep(&rest, ":")))
		if (is_same(root, dir[0] == '/' ? dir : m->cwd, name, wanted))
			return true;
	return false;
}

/* ---- arguments ----------------------------------------------------------------------------- */

static bool read_script(int root, const char *dir, const char *path, struct script *s)
{
	cc_auto_close int fd = open_there(root, dir, path, O_RDONLY | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : read(fd, s->line, SCRIPT_LINE);

	return n > 0 && script_parse(s, (size_t)n);
}

/* How a runtime names the file that it executes for @name. */
static bool names(const char *path, const char *name)
{
	const char *base = strrchr(path, '/');

	return strcmp(path, name) == 0 ||
	       (!strchr(name, '/') && base && strcmp(base + 1, name) == 0);
}

/*
 * The kernel puts a script's interpreter, its argument and the script in place of argv[0].
 * @head: how many elements of @argv stand for args[0]
 */
static bool is_script_of(int root, const struct cc_measurement *m, const struct cc_strv *argv,
			 size_t head, const struct stat *exe)
{
	const char *path = argv->v[head - 1];
	struct script s;
	struct stat st;
	size_t words;

	cc_auto_close int fd = open_there(root, m->cwd, path, O_PATH);
	if (fd < 0 || fstat(fd, &st) || !names(path, m->args.v[0]) ||
	    !is_program(root, m, m->args.v[0], &st))
		return false;
	for (int i = 0; i < SCRIPTS_MAX && read_script(root, m->cwd, path, &s); i++) {
		words = s.argument ? 2 : 1;
		if (head <= words || strcmp(argv->v[head - 1 - words], s.interpreter) != 0 ||
		    (s.argument && strcmp(argv->v[head - 2], s.argument) != 0))
			return false;
		head -= words;
		path = argv->v[head - 1];
		if (head == 1)
			return is_same(root, m->cwd, path, exe);
	}
	return false;
}

/* As config.json has them, behind what stands for args[0]. */
static bool has_tail(const struct cc_strv *argv, const struct cc_strv *args)
{
	for (size_t i = 1; i < args->n; i++)
		if (strcmp(argv->v[argv->n - i], args->v[args->n - i]) != 0)
			return false;
	return true;
}

static int check_args(int root, const struct program_seen *p, const struct cc_measurement *m,
		      struct cc_error *err)
{
	size_t head = p->argv.n - m->args.n + 1;

	if (m->args.n == 0 || p->argv.n < m->args.n || !has_tail(&p->argv, &m->args))
		return cc_refuse(err, "args",
				 "args: the runtime has executed other arguments than "
				 "config.json's");
	if (head == 1 ? strcmp(p->argv.v[0], m->args.v[0]) == 0 &&
				is_program(root, m, m->args.v[0], &p->exe)
		      : is_script_of(root, m, &p->argv, head, &p->exe))
		return 0;
	return cc_refuse(err, "args",
			 "args: the runtime has executed another program than the \"%.100s\" of "
			 "config.json",
			 m->args.v[0]);
}

/* ---- environment --------------------------------------------------------------------------- */

/* Runtimes take one without a value for none. */
static bool has_home(const struct cc_measurement *m)
{
	const char *home = value_of(&m->env, "HOME");

	return home && *home;
}

/* What runtimes add: HOME where there is none, and what they were given for sd_listen_fds(3). */
static bool is_runtimes(const char *var, const struct cc_measurement *m, const char *host_root)
{
	static const char *const own[] = {
		"LISTEN_PID=", "LISTEN_FDS=", "LISTEN_FDNAMES=", "NOTIFY_SOCKET="};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strncmp(var, own[i], strlen(own[i])) == 0)
			return true;
	return strncmp(var, "HOME=", 5) == 0 && !has_home(m) &&
	       image_home_is(var + 5, m->user.uid, m->cwd, host_root);
}

/* A name that is given again later; runtimes keep the last, or all. */
static bool is_again(const struct cc_strv *env, size_t at)
{
	size_t len = strcspn(env->v[at], "=") + 1;

	for (size_t i = at + 1; i < env->n; i++)
		if (strncmp(env->v[i], env->v[at], len) == 0)
			return true;
	return false;
}

static bool is_kept(const struct cc_measurement *m, size_t at)
{
	const char *var = m->env.v[at];

	return strchr(var, '=') && !is_again(&m->env, at) &&
	       (strncmp(var, "HOME=", 5) != 0 || has_home(m));
}

static int name_len(const char *var)
{
	size_t len = strcspn(var, "=");

	return len < 100 ? (int)len : 100;
}

/* Of a variable its name only: values are secrets. */
static int check_env(const struct program_seen *p, const struct cc_measurement *m,
		     const char *host_root, struct cc_error *err)
{
	for (size_t i = 0; i < p->env.n; i++)
		if (!cc_strv_has(&m->env, p->env.v[i]) && !is_runtimes(p->env.v[i], m, host_root))
			return cc_refuse(err, "env",
					 "env: config.json does not have \"%.*s\" as the runtime "
					 "has given it to the program",
					 name_len(p->env.v[i]), p->env.v[i]);
	for (size_t i = 0; i < m->env.n; i++)
		if (is_kept(m, i) && !cc_strv_has(&p->env, m->env.v[i]))
			return cc_refuse(
				err, "env",
				"env: the program does not have the \"%.*s\" of config.json",
				name_len(m->env.v[i]), m->env.v[i]);
	return 0;
}

/* ---- all of it ----------------------------------------------------------------------------- */

void program_seen_clear(struct program_seen *p)
{
	cc_strv_clear(&p->argv);
	cc_strv_clear(&p->env);
}

/* As the kernel says it, "docker-default (enforce)"; "" where the kernel has no such module. */
static void read_profile(pid_t pid, char out[static PROFILE_LEN])
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/attr/apparmor/current", (int)pid);
	first_line(path, out, PROFILE_LEN);
}

/* One that complains, or is loaded and confines nothing, has the same name. */
static bool is_profile(const char *label, const char *wanted)
{
	size_t len = strlen(wanted);

	if (strcmp(wanted, "unconfined") == 0)
		return strcmp(label, wanted) == 0;
	return strncmp(label, wanted, len) == 0 && strcmp(label + len, " (enforce)") == 0;
}

int program_see(pid_t pid, struct program_seen *p, struct cc_error *err)
{
	char exe[64], cwd[64];

	snprintf(exe, sizeof(exe), "/proc/%d/exe", (int)pid);
	snprintf(cwd, sizeof(cwd), "/proc/%d/cwd", (int)pid);
	if (stat(exe, &p->exe) || stat(cwd, &p->cwd))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", exe);
	read_profile(pid, p->profile);
	return proc_strings(pid, "cmdline", &p->argv, err) ||
			       proc_strings(pid, "environ", &p->env, err)
		       ? -1
		       : 0;
}

int measure_program(const struct program_seen *p, int root, const char *host_root,
		    const struct cc_measurement *m, struct cc_error *err)
{
	if (check_args(root, p, m, err) || check_env(p, m, host_root, err))
		return -1;
	if (!is_same(root, "/", m->cwd, &p->cwd))
		return cc_refuse(
			err, "cwd",
			"cwd: the program was not started in the \"%.100s\" of config.json",
			m->cwd);
	if (p->profile[0] && m->apparmor && m->apparmor[0] && !is_profile(p->profile, m->apparmor))
		return cc_refuse(err, "apparmor",
				 "apparmor: config.json says %.100s, the program was started under "
				 "%s",
				 m->apparmor, p->profile);
	return 0;
}

/* That there is one at all was compared with what config.json says (measure_confined()). */
static int check_filter(const struct measured *s, const struct seccomp_seen *filter,
			struct cc_error *err)
{
	return filter && filter->read && filter->n && s->seccomp
		       ? measure_filter(s->seccomp, filter->p, filter->n, err)
		       : 0;
}

int measure_standing(const struct measured *s, pid_t tracer, const struct seccomp_seen *filter,
		     bool *stood, struct cc_error *err)
{
	cc_cleanup(program_seen_clear) struct program_seen p = {0};
	cc_auto_close int root = -1;
	pid_t pid = s->proc.pid;
	char path[64];

	*stood = false;
	if (!proc_stands_for(pid, tracer))
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	if (program_see(pid, &p, err))
		return -1;
	/* it was let go on meanwhile: what was seen may be the program's own doing */
	if (!proc_stands_for(pid, tracer))
		return 0;
	if (measure_program(&p, root, s->host_root, s->m, err) || check_filter(s, filter, err))
		return -1;
	/* files that it compares with are looked up while it stands */
	*stood = proc_stands_for(pid, tracer);
	return 0;
}
