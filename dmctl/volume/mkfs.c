// SPDX-License-Identifier: Apache-2.0
/*
 * mkfs.c - file systems of a volume.
 */
#include "volume/mkfs.h"

#include <string.h>
#include <sys/mman.h>

#include "cleanup.h"
#include "host/program.h"

#define MIB_SECTORS 2048u
#define OPTIONS_MAX 8
#define ARGS_MAX (OPTIONS_MAX + 5) /* the program, -L and a label, the node, NULL */

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
	const char *options[OPTIONS_MAX];
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

static const struct fs *fs_find(const char *name)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].name, name) == 0)
			return &table[i];
	return NULL;
}

uint64_t mkfs_min_sectors(const char *fs)
{
	const struct fs *f = fs_find(fs);

	return f ? f->min : 0;
}

int mkfs_check(const char *fs, const char *label, struct cc_error *err)
{
	const struct fs *f = fs_find(fs);

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

/* The command line, in the caller's array. */
static void command(const struct fs *f, const char *label, const char *node,
		    const char *argv[static ARGS_MAX])
{
	size_t n = 0;

	argv[n++] = f->program;
	for (size_t i = 0; f->options[i]; i++)
		argv[n++] = f->options[i];
	if (label) {
		argv[n++] = "-L";
		argv[n++] = label;
	}
	argv[n++] = node;
	argv[n] = NULL;
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
	const struct fs *f = fs_find(fs);
	cc_auto_close int out = -1;
	const char *argv[ARGS_MAX];
	int status = 0;

	if (mkfs_check(fs, label, err))
		return -1;
	if (!f->program)
		return 0;
	out = memfd_create("mkfs", MFD_CLOEXEC);
	if (out < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "memfd_create");
	command(f, label, node, argv);
	if (program_run(argv, out, &status, err))
		return -1;
	if (program_check(f->program, status, CC_E_DEVICE, err) == 0)
		return 0;
	show(out);
	return cc_prefix(err, "%s", node);
}
