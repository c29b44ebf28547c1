/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf.h - bpf(2) as far as it is needed here: hash maps, programs that were put together by hand,
 * their attachment, and the file system that keeps all of it when its maker ends.
 *
 * Descriptors are close-on-exec. CAP_SYS_ADMIN is enough for everything.
 */
#ifndef CC_BPF_H
#define CC_BPF_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* Where that file system is. A name in it has no dots. */
#define BPF_FS "/sys/fs/bpf"

/* Mounts it where nobody has. */
int bpf_fs_mount(struct cc_error *err);

/**
 * struct bpf_map_shape - what a hash map holds.
 * @name: at most 15 characters, shown by bpftool(8)
 * @key_size, @value_size: bytes
 * @entries: at most
 */
struct bpf_map_shape {
	const char *name;
	uint32_t key_size, value_size, entries;
};

/**
 * bpf_map_pinned - the map that is kept as @path; made, and kept there, when there is none, or one
 * of another shape. Its programs may read it, not write.
 * Return: a descriptor, or -1.
 */
int bpf_map_pinned(const char *path, const struct bpf_map_shape *shape, struct cc_error *err);

/* What is kept as @path: map, program or link; -1 with errno. */
int bpf_open_pinned(const char *path);

/* Keeps @fd as @path; what was kept there before is let go in the same moment. */
int bpf_pin(int fd, const char *path, struct cc_error *err);

/* -1 with errno; ENOENT when there is no such key, or after the last one. */
int bpf_map_get(int map, const void *key, void *value);
int bpf_map_put(int map, const void *key, const void *value);
int bpf_map_delete(int map, const void *key);
/* @after: NULL for the first; may be where @key is. */
int bpf_map_next(int map, const void *after, void *key);

/**
 * struct bpf_program - a program to be loaded.
 * @name: as above
 * @license: what it says of itself; LSM programs are to be compatible with the GPL
 * @btf_id: of the function it is attached to, 0 where the type has none
 */
struct bpf_program {
	const char *name, *license;
	enum bpf_prog_type type;
	enum bpf_attach_type attach;
	uint32_t btf_id;
	const struct bpf_insn *insns;
	uint32_t n;
};

/* Return: a descriptor; -1, with what the kernel's verifier said last in the text. */
int bpf_load(const struct bpf_program *p, struct cc_error *err);

/**
 * bpf_link_cgroup - has the program run for all tasks of the group and of those below it, beside
 * what else does.
 * Return: descriptor of the link, which lasts as long as it is open or kept; -1.
 */
int bpf_link_cgroup(int program, int cgroup, enum bpf_attach_type attach, struct cc_error *err);

/* The same for a program that was loaded for a function of the kernel. */
int bpf_link_function(int program, struct cc_error *err);

/* The link is one of this type; -1 with errno, else fills @info. */
int bpf_link_info(int link, struct bpf_link_info *info);

#endif
