// SPDX-License-Identifier: Apache-2.0
/*
 * gates.c - raises the lines "open" and "look" and keeps their table.
 */
#include "volume/gates.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "host/bpf.h"
#include "host/cgroup.h"
#include "host/first_line.h"
#include "paths.h"
#include "volume/gate_program.h"

#define TABLE_NAME "table"
#define TABLE GATES_DIR "/" TABLE_NAME
#define OPEN_NAME "open"
#define OPEN_LINK GATES_DIR "/" OPEN_NAME
#define LOOK_PREFIX "look-%u-" /* of the names of its links; device-mapper's major number */
#define LINK_MAX_LEN 128
#define LICENSE "Dual MIT/GPL" /* LSM programs have to say so; Apache-2.0 is not known to it */
#define LSM_LIST "/sys/kernel/security/lsm"
#define ENTRIES 4096

static unsigned int demanded;

static const struct {
	enum gate_line line;
	const char *name;
} lines[] = {
	{GATE_OPEN, "open"},
	{GATE_LOOK, "look"},
};
#define N_LINES (sizeof(lines) / sizeof(lines[0]))

/*
 * All ways into a file system that do not start from a file that is open already. A walk asks
 * inode_permission for the directory it looks into, an open for the file; what works on the last
 * component alone has a hook of its own. Those of super blocks refuse what asks how full it is,
 * what would mount it a second time, which since Linux 6.5 opens no device, and what changes how it
 * is mounted, or ends that. Not quotactl: that hook is asked without a super block, too, which a
 * program cannot tell.
 */
static const struct {
	const char *name;
	bool later; /* not in all kernels that we support */
} hooks[] = {
	{"inode_permission", false}, {"inode_getattr", false},	   {"inode_readlink", false},
	{"inode_setattr", false},    {"inode_getxattr", false},	   {"inode_listxattr", false},
	{"inode_setxattr", false},   {"inode_removexattr", false}, {"inode_get_acl", true},
	{"inode_set_acl", true},     {"inode_remove_acl", true},   {"file_receive", false},
	{"sb_set_mnt_opts", false},  {"sb_remount", false},	   {"sb_statfs", false},
	{"sb_umount", false},	     {"inode_file_getattr", true}, {"inode_file_setattr", true},
};
#define N_HOOKS (sizeof(hooks) / sizeof(hooks[0]))

const char *gate_line_name(enum gate_line line)
{
	for (size_t i = 0; i < N_LINES; i++)
		if (lines[i].line == line)
			return lines[i].name;
	return "";
}

const char *gate_lines_text(unsigned int which, char out[static GATE_LINES_TEXT])
{
	size_t len = 0;

	snprintf(out, GATE_LINES_TEXT, "none");
	for (size_t i = 0; i < N_LINES; i++)
		if (which & (unsigned int)lines[i].line)
			len += (size_t)snprintf(out + len, GATE_LINES_TEXT - len, "%s%s",
						len ? "," : "", lines[i].name);
	return out;
}

bool gate_line_parse(const char *name, enum gate_line *line)
{
	for (size_t i = 0; i < N_LINES; i++) {
		if (strcmp(lines[i].name, name) != 0)
			continue;
		*line = lines[i].line;
		return true;
	}
	return false;
}

void gates_demand(unsigned int wanted)
{
	demanded = wanted;
}

/* ---- what the host has --------------------------------------------------------------------- */

/* Device-mapper's major number; false while it is not loaded. */
static bool dm_major(unsigned int *major)
{
	cc_auto_fclose FILE *f = fopen("/proc/devices", "re");
	char line[128], name[64];
	bool block = false;

	while (f && fgets(line, sizeof(line), f)) {
		if (strncmp(line, "Block", 5) == 0)
			block = true;
		else if (block && sscanf(line, "%u %63s", major, name) == 2 &&
			 strcmp(name, "device-mapper") == 0)
			return true;
	}
	return false;
}

/* BPF is one of the security modules that the kernel asks. */
static bool asks_bpf(void)
{
	char text[512], *word, *rest = text;

	first_line(LSM_LIST, text, sizeof(text));
	while ((word = strsep(&rest, ",")))
		if (strcmp(word, "bpf") == 0)
			return true;
	return false;
}

const char *gate_line_obstacle(enum gate_line line)
{
	unsigned int major;

	if (line != GATE_LOOK)
		return "";
	if (!dm_major(&major))
		return "device-mapper is not loaded";
	if (!asks_bpf())
		return "\"bpf\" is not in " LSM_LIST;
	return access(BTF_VMLINUX, R_OK) ? "there is no " BTF_VMLINUX : "";
}

static void look_link(char path[static LINK_MAX_LEN], unsigned int major, const char *hook)
{
	snprintf(path, LINK_MAX_LEN, GATES_DIR "/" LOOK_PREFIX "%s", major, hook);
}

static int root_cgroup(void)
{
	return cgroup_open("", 0, ".", O_RDONLY | O_DIRECTORY);
}

static bool open_stands(void)
{
	cc_auto_close int link = bpf_open_pinned(OPEN_LINK);
	struct bpf_link_info info;
	struct cc_error ignored;
	uint64_t root;

	return link >= 0 && bpf_link_info(link, &info) == 0 && info.type == BPF_LINK_TYPE_CGROUP &&
	       info.cgroup.attach_type == BPF_CGROUP_DEVICE &&
	       cgroup_id("", 0, &root, &ignored) == 0 && info.cgroup.cgroup_id == root;
}

static bool look_stands(void)
{
	unsigned int major;
	char path[LINK_MAX_LEN];

	if (!asks_bpf() || !dm_major(&major))
		return false;
	for (size_t i = 0; i < N_HOOKS; i++) {
		look_link(path, major, hooks[i].name);
		if (!hooks[i].later && access(path, F_OK))
			return false;
	}
	return true;
}

unsigned int gates_standing(void)
{
	if (access(TABLE, F_OK))
		return 0;
	return (open_stands() ? GATE_OPEN : 0u) | (look_stands() ? GATE_LOOK : 0u);
}

/* ---- raising them -------------------------------------------------------------------------- */

/* Held by whoever raises, or adds to and takes from the table what may be in another's hands. */
static int lock_all(void)
{
	int fd = open(GATES_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int make_table(struct cc_error *err)
{
	static const struct bpf_map_shape shape = {.name = "cc_gates",
						   .key_size = sizeof(struct gate_key),
						   .value_size = sizeof(struct gate_entry),
						   .entries = ENTRIES};

	return bpf_map_pinned(TABLE, &shape, err);
}

static int raise_open(int table, struct cc_error *err)
{
	struct bpf_program program = {.name = "cc_gate_open",
				      .license = LICENSE,
				      .type = BPF_PROG_TYPE_CGROUP_DEVICE,
				      .attach = BPF_CGROUP_DEVICE};
	cc_auto_close int root = root_cgroup();
	cc_auto_close int fd = -1, link = -1;
	struct gate_program code;

	if (root < 0)
		return cc_fail_errno(err, CC_E_DEVICE, "no version 2 hierarchy of cgroups");
	gate_program_open(&code, table);
	program.insns = code.insn;
	program.n = code.n;
	fd = bpf_load(&program, err);
	link = fd < 0 ? -1 : bpf_link_cgroup(fd, root, BPF_CGROUP_DEVICE, err);
	return link < 0 ? -1 : bpf_pin(link, OPEN_LINK, err);
}

/**
 * struct look - what the programs of the line "look" have in common.
 * @major: device-mapper's
 */
struct look {
	int table;
	unsigned int major;
	struct btf btf;
	struct gate_offsets at;
};

static void look_clear(struct look *look)
{
	btf_clear(&look->btf);
}

static int raise_hook(const struct look *look, const char *hook, bool later, struct cc_error *err)
{
	struct bpf_program program = {.name = "cc_gate_look",
				      .license = LICENSE,
				      .type = BPF_PROG_TYPE_LSM,
				      .attach = BPF_LSM_MAC};
	cc_auto_close int fd = -1, link = -1;
	enum gate_subject subject;
	struct gate_program code;
	unsigned int argument;
	char path[LINK_MAX_LEN];

	if (!gate_hook_find(&look->btf, hook, &program.btf_id, &argument, &subject))
		return later ? 0
			     : cc_fail(err, CC_E_DEVICE, "this kernel has no LSM hook %s", hook);
	gate_program_look(&code, look->table, look->major, &look->at, argument, subject);
	program.insns = code.insn;
	program.n = code.n;
	fd = bpf_load(&program, err);
	link = fd < 0 ? -1 : bpf_link_function(fd, err);
	if (link < 0)
		return cc_prefix(err, "%s", hook);
	look_link(path, look->major, hook);
	return bpf_pin(link, path, err);
}

static int raise_look(int table, struct cc_error *err)
{
	cc_cleanup(look_clear) struct look look = {.table = table};
	const char *obstacle = gate_line_obstacle(GATE_LOOK);
	int rc = 0;

	if (obstacle[0] || !dm_major(&look.major))
		return cc_fail(err, CC_E_DEVICE, "%s", obstacle);
	if (btf_read(BTF_VMLINUX, &look.btf, err) || gate_offsets_find(&look.btf, &look.at, err))
		return -1;
	for (size_t i = 0; i < N_HOOKS && rc == 0; i++)
		rc = raise_hook(&look, hooks[i].name, hooks[i].later, err);
	return rc;
}

/* @name, in GATES_DIR, is a link of a line that is demanded. */
static bool is_demanded(const char *name, unsigned int major)
{
	char prefix[32];
	size_t len = (size_t)snprintf(prefix, sizeof(prefix), LOOK_PREFIX, major);

	if (strcmp(name, OPEN_NAME) == 0)
		return demanded & GATE_OPEN;
	if (!(demanded & GATE_LOOK) || strncmp(name, prefix, len) != 0)
		return false;
	for (size_t i = 0; i < N_HOOKS; i++)
		if (strcmp(name + len, hooks[i].name) == 0)
			return true;
	return false;
}

/* Also those that another version had, or for another major number of device-mapper. */
static void take_down_others(void)
{
	cc_auto_closedir DIR *dir = opendir(GATES_DIR);
	char path[sizeof(GATES_DIR "/") + NAME_MAX];
	unsigned int major = 0;
	struct dirent *e;

	dm_major(&major);
	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == '.' || strcmp(e->d_name, TABLE_NAME) == 0 ||
		    is_demanded(e->d_name, major))
			continue;
		snprintf(path, sizeof(path), GATES_DIR "/%s", e->d_name);
		unlink(path);
	}
}

static void waiver_path(char path[static LINK_MAX_LEN], enum gate_line line)
{
	snprintf(path, LINK_MAX_LEN, CC_RUN_DIR "/without-gate-%s", gate_line_name(line));
}

static void touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0)
		close(fd);
}

/* For "dmctl doctor", which is another process. */
static void note_waivers(void)
{
	char path[LINK_MAX_LEN];

	for (size_t i = 0; i < N_LINES; i++) {
		waiver_path(path, lines[i].line);
		if (demanded & (unsigned int)lines[i].line)
			unlink(path);
		else
			touch(path);
	}
}

bool gate_line_waived(enum gate_line line)
{
	char path[LINK_MAX_LEN];

	waiver_path(path, line);
	return access(path, F_OK) == 0;
}

static int raise_lines(int table, struct cc_error *err)
{
	if ((demanded & GATE_OPEN) && raise_open(table, err))
		return cc_prefix(err, "the gate's line \"open\" cannot be raised");
	if ((demanded & GATE_LOOK) && raise_look(table, err))
		return cc_prefix(err, "the gate's line \"look\" cannot be raised");
	take_down_others();
	return 0;
}

static int raise_locked(struct cc_error *err)
{
	cc_auto_close int table = -1;

	table = make_table(err);
	return table < 0 ? -1 : raise_lines(table, err);
}

int gates_raise(struct cc_error *err)
{
	cc_auto_close int lock = -1;

	note_waivers();
	if (!demanded) {
		take_down_others();
		return 0;
	}
	if (bpf_fs_mount(err))
		return -1;
	if (mkdir(GATES_DIR, 0700) && errno != EEXIST)
		return cc_fail_errno(err, CC_E_INTERNAL, GATES_DIR);
	lock = lock_all();
	return lock < 0 ? cc_fail_errno(err, CC_E_INTERNAL, GATES_DIR) : raise_locked(err);
}

bool gates_stand(void)
{
	return (gates_standing() & demanded) == demanded;
}

int gates_require(struct cc_error *err)
{
	if (gates_stand() || gates_raise(err) == 0)
		return 0;
	return cc_prefix(err, "this host cannot keep others from the volume (\"dmctl doctor\" says "
			      "more; \"dmctl agent --without-gate\" does without)");
}

/* ---- the table ----------------------------------------------------------------------------- */

static struct gate_key key_of(dev_t dev)
{
	return (struct gate_key){.major = major(dev), .minor = minor(dev)};
}

int gates_set(dev_t dev, uint64_t reader, unsigned int level, struct cc_error *err)
{
	struct gate_entry entry = {.reader = reader, .reader_level = level};
	cc_auto_close int table = bpf_open_pinned(TABLE);
	const struct gate_key key = key_of(dev);
	cc_auto_close int lock = -1;

	if (table < 0 && !demanded)
		return 0;
	lock = lock_all();
	if (table < 0 || lock < 0)
		return cc_fail_errno(err, CC_E_DEVICE, TABLE);
	if (cgroup_own(&entry.opener, err))
		return -1;
	if (bpf_map_put(table, &key, &entry))
		return cc_fail_errno(err, CC_E_INTERNAL, TABLE);
	return 0;
}

void gates_drop(dev_t dev)
{
	cc_auto_close int table = bpf_open_pinned(TABLE);
	const struct gate_key key = key_of(dev);

	if (table >= 0)
		bpf_map_delete(table, &key);
}

unsigned int gates_guarding(dev_t dev)
{
	cc_auto_close int table = bpf_open_pinned(TABLE);
	const struct gate_key key = key_of(dev);
	struct gate_entry entry;

	return table >= 0 && bpf_map_get(table, &key, &entry) == 0 ? gates_standing() : 0;
}

static bool is_ours(const struct gate_key *key)
{
	char path[64], uuid[sizeof(CC_DM_UUID_PREFIX)];

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/dm/uuid", key->major, key->minor);
	first_line(path, uuid, sizeof(uuid));
	return strcmp(uuid, CC_DM_UUID_PREFIX) == 0;
}

/*
 * Under the lock: between the look and the removal nobody adds a new mapping of that number, which
 * is there before it is added.
 */
void gates_prune(void)
{
	cc_auto_close int lock = lock_all();
	cc_auto_close int table = lock < 0 ? -1 : bpf_open_pinned(TABLE);
	struct gate_key key, next;
	bool more;

	more = table >= 0 && bpf_map_next(table, NULL, &next) == 0;
	while (more) {
		key = next;
		more = bpf_map_next(table, &key, &next) == 0;
		if (!is_ours(&key))
			bpf_map_delete(table, &key);
	}
}
