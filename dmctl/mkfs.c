// SPDX-License-Identifier: Apache-2.0
/*
 * mkfs.c - fork and exec of mkfs, without a shell.
 */
#include "mkfs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "cleanup.h"
#include "interrupt.h"

#define MIB_SECTORS 2048u

/**
 * struct fs - what we know about a file system.
 * @program: absolute path, NULL for no file system
 * @min: smallest device in sectors
 * @label_max: characters of a label
 * @options: before the node. No discard: the target passes none down unless told to. Forced:
 *           the device is ours and what it decrypts to means nothing.
 */
struct fs {
	const char *name;
	const char *program;
	uint64_t min;
	size_t label_max;
	const char *options[8];
};

static const struct fs table[] = {
	{"none", NULL, 8, 0, {NULL}},
	{"ext4",
	 "/sbin/mkfs.ext4",
	 16 * MIB_SECTORS,
	 16,
	 {"-q", "-F", "-b", "4096", "-E", "nodiscard"}},
	{"xfs", "/sbin/mkfs.xfs", 300 * MIB_SECTORS, 12, {"-q", "-f", "-K"}},
};

static const struct fs *find(const char *name)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

uint64_t mkfs_min_sectors(const char *fs)
{
	const struct fs *f = find(fs);

	return f ? f->min : 0;
}

int mkfs_check(const char *fs, const char *label, struct cc_error *err)
{
	const struct fs *f = find(fs);

	if (!f)
		return cc_fail(err, CC_E_USAGE, "file system \"%s\" is not ext4, xfs or none", fs);
	if (label && strlen(label) > f->label_max)
		return cc_fail(err, CC_E_USAGE, "a label for %s has at most %zu characters", fs,
			       f->label_max);
	if (f->program && access(f->program, X_OK))
		return cc_fail(err, CC_E_NOTFOUND, "%s is not installed; install %s", f->program,
			       strcmp(fs, "xfs") == 0 ? "xfsprogs" : "e2fsprogs");
	return 0;
}

/* Runs in the child. */
static void __attribute__((noreturn))
exec_mkfs(const struct fs *f, const char *label, const char *node, int out)
{
	static char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
					    NULL};
	const char *argv[16];
	size_t n = 0;

	/* nobody may write to the mapping when dmctl is gone */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	interrupt_end();
	argv[n++] = f->program;
	for (size_t i = 0; f->options[i]; i++)
		argv[n++] = f->options[i];
	if (label) {
		argv[n++] = "-L";
		argv[n++] = label;
	}
	argv[n++] = node;
	argv[n] = NULL;
	if (dup2(out, STDOUT_FILENO) >= 0 && dup2(out, STDERR_FILENO) >= 0)
		execve(f->program, (char *const *)argv, environment);
	_exit(127);
}

/* Shows on stderr what the program said. */
static void show(int out)
{
	char buf[4096];
	ssize_t n;

	lseek(out, 0, SEEK_SET);
	while ((n = read(out, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, (size_t)n, stderr);
}

int mkfs_run(const char *fs, const char *label, const char *node, struct cc_error *err)
{
	const struct fs *f = find(fs);
	cc_auto_close int out = -1;
	int status = 0;
	pid_t child;

	if (mkfs_check(fs, label, err))
		return -1;
	if (!f->program)
		return 0;
	out = memfd_create("mkfs", MFD_CLOEXEC);
	if (out < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "memfd_create");
	child = fork();
	if (child < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "fork");
	if (child == 0)
		exec_mkfs(f, label, node, out);
	if (interrupt_wait(child, &status, err))
		return -1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	show(out);
	return cc_fail(err, CC_E_DEVICE, "%s failed on %s (%s %d)", f->program, node,
		       WIFEXITED(status) ? "exit status" : "signal",
		       WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}
