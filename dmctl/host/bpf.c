// SPDX-License-Identifier: Apache-2.0
/*
 * bpf.c - bpf(2): maps, programs, links, and the file system that keeps them.
 */
#include "host/bpf.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"

#define LOG_SIZE 65536u
#define PATH_SIZE 256u

static int bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static uint64_t address(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

/* ---- what is kept -------------------------------------------------------------------------- */

static bool is_mounted(void)
{
	struct statfs fs;

	return statfs(BPF_FS, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

int bpf_fs_mount(struct cc_error *err)
{
	if (is_mounted())
		return 0;
	if (mount("bpf", BPF_FS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME, "mode=700"))
		return cc_fail_errno(err, CC_E_DEVICE,
				     "the kernel has no BPF, or " BPF_FS " cannot be mounted");
	return 0;
}

int bpf_open_pinned(const char *path)
{
	union bpf_attr attr = {.pathname = address(path)};

	return bpf(BPF_OBJ_GET, &attr);
}

int bpf_pin(int fd, const char *path, struct cc_error *err)
{
	union bpf_attr attr = {.bpf_fd = (uint32_t)fd};
	char other[PATH_SIZE];

	if (snprintf(other, sizeof(other), "%s-new", path) >= (int)sizeof(other))
		return cc_fail(err, CC_E_INTERNAL, "%s is too long", path);
	attr.pathname = address(other);
	if (unlink(other) && errno != ENOENT)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", other);
	if (bpf(BPF_OBJ_PIN, &attr) || rename(other, path))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", other);
	return 0;
}

/* ---- maps ---------------------------------------------------------------------------------- */

static bool has_shape(int map, const struct bpf_map_shape *shape)
{
	struct bpf_map_info info = {0};
	union bpf_attr attr = {.info = {.bpf_fd = (uint32_t)map,
					.info_len = sizeof(info),
					.info = address(&info)}};

	return bpf(BPF_OBJ_GET_INFO_BY_FD, &attr) == 0 && info.type == BPF_MAP_TYPE_HASH &&
	       info.key_size == shape->key_size && info.value_size == shape->value_size &&
	       info.max_entries == shape->entries && (info.map_flags & BPF_F_RDONLY_PROG);
}

int bpf_map_pinned(const char *path, const struct bpf_map_shape *shape, struct cc_error *err)
{
	union bpf_attr attr = {.map_type = BPF_MAP_TYPE_HASH,
			       .key_size = shape->key_size,
			       .value_size = shape->value_size,
			       .max_entries = shape->entries,
			       .map_flags = BPF_F_RDONLY_PROG};
	cc_auto_close int map = bpf_open_pinned(path);

	if (map >= 0 && has_shape(map, shape))
		return cc_steal_fd(&map);
	if (map >= 0)
		close(cc_steal_fd(&map));
	snprintf(attr.map_name, sizeof(attr.map_name), "%s", shape->name);
	map = bpf(BPF_MAP_CREATE, &attr);
	if (map < 0)
		return cc_fail_errno(err, CC_E_DEVICE, "the kernel makes no BPF map");
	return bpf_pin(map, path, err) ? -1 : cc_steal_fd(&map);
}

static int map_call(enum bpf_cmd cmd, int map, const void *key, const void *value)
{
	union bpf_attr attr = {
		.map_fd = (uint32_t)map, .key = address(key), .value = address(value)};

	return bpf(cmd, &attr);
}

int bpf_map_get(int map, const void *key, void *value)
{
	return map_call(BPF_MAP_LOOKUP_ELEM, map, key, value);
}

int bpf_map_put(int map, const void *key, const void *value)
{
	return map_call(BPF_MAP_UPDATE_ELEM, map, key, value);
}

int bpf_map_delete(int map, const void *key)
{
	return map_call(BPF_MAP_DELETE_ELEM, map, key, NULL);
}

int bpf_map_next(int map, const void *after, void *key)
{
	return map_call(BPF_MAP_GET_NEXT_KEY, map, after, key);
}

/* ---- programs ------------------------------------------------------------------------------ */

/* The last line that says something, but for the verifier's statistics. */
static const char *last_line(char *log)
{
	char *line = strtok(log, "\n"), *last = NULL;

	for (; line; line = strtok(NULL, "\n"))
		if (strncmp(line, "processed ", 10) != 0)
			last = line;
	return last ? last : "no reason given";
}

/* Once more, for the verifier's reason. */
static int load_fail(union bpf_attr *attr, const char *name, struct cc_error *err)
{
	cc_auto_free char *log = calloc(1, LOG_SIZE);
	int saved = errno;

	if (!log)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	attr->log_level = 1;
	attr->log_size = LOG_SIZE;
	attr->log_buf = address(log);
	if (bpf(BPF_PROG_LOAD, attr) >= 0)
		saved = EAGAIN;
	log[LOG_SIZE - 1] = '\0';
	errno = saved;
	return cc_fail_errno(err, CC_E_DEVICE, "the kernel refuses the BPF program %s (%s)", name,
			     last_line(log));
}

int bpf_load(const struct bpf_program *p, struct cc_error *err)
{
	union bpf_attr attr = {.prog_type = p->type,
			       .expected_attach_type = p->attach,
			       .attach_btf_id = p->btf_id,
			       .insns = address(p->insns),
			       .insn_cnt = p->n,
			       .license = address(p->license)};
	int fd;

	snprintf(attr.prog_name, sizeof(attr.prog_name), "%s", p->name);
	fd = bpf(BPF_PROG_LOAD, &attr);
	return fd >= 0 ? fd : load_fail(&attr, p->name, err);
}

int bpf_link_cgroup(int program, int cgroup, enum bpf_attach_type attach, struct cc_error *err)
{
	union bpf_attr attr = {.link_create = {.prog_fd = (uint32_t)program,
					       .target_fd = (uint32_t)cgroup,
					       .attach_type = attach}};
	int fd = bpf(BPF_LINK_CREATE, &attr);

	return fd >= 0 ? fd
		       : cc_fail_errno(err, CC_E_DEVICE,
				       "a BPF program cannot be attached to the root cgroup");
}

int bpf_link_function(int program, struct cc_error *err)
{
	union bpf_attr attr = {.raw_tracepoint = {.prog_fd = (uint32_t)program}};
	int fd = bpf(BPF_RAW_TRACEPOINT_OPEN, &attr);

	return fd >= 0 ? fd
		       : cc_fail_errno(err, CC_E_DEVICE, "a BPF LSM program cannot be attached");
}

int bpf_link_info(int link, struct bpf_link_info *info)
{
	union bpf_attr attr = {.info = {.bpf_fd = (uint32_t)link,
					.info_len = sizeof(*info),
					.info = address(info)}};

	memset(info, 0, sizeof(*info));
	return bpf(BPF_OBJ_GET_INFO_BY_FD, &attr);
}
