/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gate_program.h - the two kinds of BPF programs that guard mappings (gates.h), put together here,
 * instruction by instruction. Pure.
 *
 * Both look the device up in the table of gates. One that is not in it is none of ours, and let
 * through. The table:
 *
 *	open	a cgroup device program. A block device in the table is opened only by tasks of the
 *		control group that is its opener. A node may be made by everybody: runtimes make
 *		nodes of all of the host's devices for a privileged container, and what is not
 *		opened shows nothing.
 *	look	BPF LSM programs, one a hook, all the same but for how they get from the hook's
 *		argument to the super block. A file system on a device in the table is looked into
 *		by the opener, by the reader and those below it, and by kernel threads.
 */
#ifndef CC_GATE_PROGRAM_H
#define CC_GATE_PROGRAM_H

#include <linux/bpf.h>

#include "host/btf.h"

/* Key of the table. */
struct gate_key {
	uint32_t major, minor;
};

/**
 * struct gate_entry - value of the table.
 * @opener: id of the control group, that one alone, that may open it and look into it
 * @reader: id of that whose tasks, and those of groups below it, may look into it; 0: none yet
 * @reader_level: depth of the reader in the hierarchy, the root's is 0
 */
struct gate_entry {
	uint64_t opener, reader;
	uint32_t reader_level, unused;
};

#define GATE_PROGRAM_MAX 48

struct gate_program {
	struct bpf_insn insn[GATE_PROGRAM_MAX];
	uint32_t n;
};

/* @table: descriptor of the map */
void gate_program_open(struct gate_program *p, int table);

/* Where the running kernel has what a look program reads, in bytes. */
struct gate_offsets {
	uint32_t s_dev, d_sb, i_sb, mnt_sb, path_dentry, f_inode, task_flags;
};

int gate_offsets_find(const struct btf *btf, struct gate_offsets *at, struct cc_error *err);

/* From which argument of a hook the super block is reached. */
enum gate_subject {
	GATE_SUPER_BLOCK,
	GATE_INODE,
	GATE_DENTRY,
	GATE_PATH,
	GATE_FILE,
	GATE_MOUNT,
};

/**
 * gate_hook_find - how hook @name of this kernel is judged.
 * @function: out, its BTF id
 * @argument: out, number of the first argument that leads to a super block
 * Return: false when the kernel has no such hook, or it has no such argument.
 */
bool gate_hook_find(const struct btf *btf, const char *name, uint32_t *function,
		    unsigned int *argument, enum gate_subject *subject);

/* @major: of device-mapper; file systems on other devices are let through without a look-up */
void gate_program_look(struct gate_program *p, int table, uint32_t major,
		       const struct gate_offsets *at, unsigned int argument,
		       enum gate_subject subject);

#endif
