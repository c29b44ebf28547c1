// SPDX-License-Identifier: Apache-2.0
/*
 * gate_program.c - the BPF programs of the gate's lines "open" and "look".
 */
#include "volume/gate_program.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define MINOR_BITS 20	       /* of the kernel's dev_t */
#define KERNEL_THREAD 0x200000 /* PF_KTHREAD in task_struct.flags */

/* Registers 6 to 9 keep their values over calls; 10 is the stack. */
#define R0 BPF_REG_0
#define R1 BPF_REG_1
#define R2 BPF_REG_2
#define R6 BPF_REG_6
#define R7 BPF_REG_7
#define R8 BPF_REG_8
#define STACK BPF_REG_10

#define KEY (-8)	   /* on the stack: struct gate_key */
#define TO_ALLOW INT16_MAX /* offset of a jump that allow() settles */

/* ---- instructions -------------------------------------------------------------------------- */

static void emit(struct gate_program *p, unsigned int code, unsigned int dst, unsigned int src,
		 int off, int imm)
{
	p->insn[p->n++] = (struct bpf_insn){.code = (__u8)code,
					    .dst_reg = dst & 0xf,
					    .src_reg = src & 0xf,
					    .off = (__s16)off,
					    .imm = imm};
}

static void load(struct gate_program *p, unsigned int size, unsigned int dst, unsigned int src,
		 uint32_t off)
{
	emit(p, BPF_LDX | BPF_MEM | size, dst, src, (int)off, 0);
}

static void store(struct gate_program *p, int off, unsigned int src)
{
	emit(p, BPF_STX | BPF_MEM | BPF_W, STACK, src, off, 0);
}

static void move(struct gate_program *p, unsigned int dst, unsigned int src)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static void call(struct gate_program *p, enum bpf_func_id helper)
{
	emit(p, BPF_JMP | BPF_CALL, 0, 0, 0, (int)helper);
}

static void allow_if(struct gate_program *p, unsigned int op, unsigned int dst, int imm)
{
	emit(p, BPF_JMP | op | BPF_K, dst, 0, TO_ALLOW, imm);
}

static void allow_if_equal(struct gate_program *p, unsigned int a, unsigned int b)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_X, a, b, TO_ALLOW, 0);
}

static void program_answer(struct gate_program *p, int value)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, R0, 0, 0, value);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* The end: @no for what came here, @yes for those that jumped. */
static void program_finish(struct gate_program *p, int no, int yes)
{
	uint32_t allow;

	program_answer(p, no);
	allow = p->n;
	program_answer(p, yes);
	for (uint32_t i = 0; i < allow; i++)
		if (BPF_CLASS(p->insn[i].code) == BPF_JMP && p->insn[i].off == TO_ALLOW)
			p->insn[i].off = (__s16)(allow - i - 1);
}

/* r8: the entry of the key on the stack; what has none is let through. */
static void look_up(struct gate_program *p, int table)
{
	emit(p, BPF_LD | BPF_DW, R1, BPF_PSEUDO_MAP_FD, 0, table); /* BPF_IMM is 0, */
	emit(p, 0, 0, 0, 0, 0);
	move(p, R2, STACK);
	emit(p, BPF_ALU64 | BPF_ADD, R2, 0, 0, KEY); /* and so is BPF_K */
	call(p, BPF_FUNC_map_lookup_elem);
	allow_if(p, BPF_JEQ, R0, 0);
	move(p, R8, R0);
}

static void allow_opener(struct gate_program *p)
{
	call(p, BPF_FUNC_get_current_cgroup_id);
	load(p, BPF_DW, R7, R8, offsetof(struct gate_entry, opener));
	allow_if_equal(p, R0, R7);
}

/* ---- open ---------------------------------------------------------------------------------- */

#define TYPE_MASK 0xffff

void gate_program_open(struct gate_program *p, int table)
{
	const int access = BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;

	p->n = 0;
	/* type and access are in one number */
	load(p, BPF_W, R6, R1, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	move(p, R7, R6);
	emit(p, BPF_ALU64 | BPF_AND | BPF_K, R7, 0, 0, TYPE_MASK);
	allow_if(p, BPF_JNE, R7, BPF_DEVCG_DEV_BLOCK);
	emit(p, BPF_ALU64 | BPF_RSH | BPF_K, R6, 0, 0, 16);
	emit(p, BPF_ALU64 | BPF_AND | BPF_K, R6, 0, 0, access);
	allow_if(p, BPF_JEQ, R6, 0);
	load(p, BPF_W, R2, R1, offsetof(struct bpf_cgroup_dev_ctx, major));
	store(p, KEY + (int)offsetof(struct gate_key, major), R2);
	load(p, BPF_W, R2, R1, offsetof(struct bpf_cgroup_dev_ctx, minor));
	store(p, KEY + (int)offsetof(struct gate_key, minor), R2);
	look_up(p, table);
	allow_opener(p);
	program_finish(p, 0, 1);
}

/* ---- look ---------------------------------------------------------------------------------- */

int gate_offsets_find(const struct btf *btf, struct gate_offsets *at, struct cc_error *err)
{
	const struct {
		const char *type, *member;
		uint32_t *offset;
	} wanted[] = {
		{"super_block", "s_dev", &at->s_dev}, {"dentry", "d_sb", &at->d_sb},
		{"inode", "i_sb", &at->i_sb},	      {"path", "dentry", &at->path_dentry},
		{"file", "f_inode", &at->f_inode},    {"task_struct", "flags", &at->task_flags},
		{"vfsmount", "mnt_sb", &at->mnt_sb},
	};

	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (!btf_offset(btf, wanted[i].type, wanted[i].member, wanted[i].offset) ||
		    *wanted[i].offset > INT16_MAX)
			return cc_fail(err, CC_E_DEVICE,
				       "this kernel's struct %s has no %s that could be found",
				       wanted[i].type, wanted[i].member);
	return 0;
}

bool gate_hook_find(const struct btf *btf, const char *name, uint32_t *function,
		    unsigned int *argument, enum gate_subject *subject)
{
	static const char *const subjects[] = {
		[GATE_SUPER_BLOCK] = "super_block",
		[GATE_INODE] = "inode",
		[GATE_DENTRY] = "dentry",
		[GATE_PATH] = "path",
		[GATE_FILE] = "file",
		[GATE_MOUNT] = "vfsmount",
	};
	char symbol[64];
	const char *type;

	snprintf(symbol, sizeof(symbol), "bpf_lsm_%s", name);
	*function = btf_function(btf, symbol);
	for (*argument = 0; (type = btf_argument(btf, *function, *argument)); ++*argument)
		for (size_t s = 0; s < sizeof(subjects) / sizeof(subjects[0]); s++)
			if (strcmp(type, subjects[s]) == 0) {
				*subject = (enum gate_subject)s;
				return true;
			}
	return false;
}

/* r6: from the subject to its super block. */
static void reach_super_block(struct gate_program *p, const struct gate_offsets *at,
			      enum gate_subject subject)
{
	switch (subject) {
	case GATE_FILE:
		load(p, BPF_DW, R6, R6, at->f_inode);
		load(p, BPF_DW, R6, R6, at->i_sb);
		break;
	case GATE_INODE:
		load(p, BPF_DW, R6, R6, at->i_sb);
		break;
	case GATE_PATH:
		load(p, BPF_DW, R6, R6, at->path_dentry);
		load(p, BPF_DW, R6, R6, at->d_sb);
		break;
	case GATE_DENTRY:
		load(p, BPF_DW, R6, R6, at->d_sb);
		break;
	case GATE_MOUNT:
		load(p, BPF_DW, R6, R6, at->mnt_sb);
		break;
	case GATE_SUPER_BLOCK:
		break;
	}
}

/* The key of s_dev in r6; devices of another @major are let through. */
static void key_of_device(struct gate_program *p, uint32_t major)
{
	move(p, R7, R6);
	emit(p, BPF_ALU64 | BPF_RSH | BPF_K, R7, 0, 0, MINOR_BITS);
	allow_if(p, BPF_JNE, R7, (int)major);
	store(p, KEY + (int)offsetof(struct gate_key, major), R7);
	emit(p, BPF_ALU64 | BPF_AND | BPF_K, R6, 0, 0, (1 << MINOR_BITS) - 1);
	store(p, KEY + (int)offsetof(struct gate_key, minor), R6);
}

static void allow_reader(struct gate_program *p)
{
	load(p, BPF_DW, R7, R8, offsetof(struct gate_entry, reader));
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, R7, 0, 3, 0); /* over what follows */
	load(p, BPF_W, R1, R8, offsetof(struct gate_entry, reader_level));
	call(p, BPF_FUNC_get_current_ancestor_cgroup_id);
	allow_if_equal(p, R0, R7);
}

static void allow_kernel_thread(struct gate_program *p, const struct gate_offsets *at)
{
	call(p, BPF_FUNC_get_current_task_btf);
	load(p, BPF_W, R1, R0, at->task_flags);
	allow_if(p, BPF_JSET, R1, KERNEL_THREAD);
}

void gate_program_look(struct gate_program *p, int table, uint32_t major,
		       const struct gate_offsets *at, unsigned int argument,
		       enum gate_subject subject)
{
	p->n = 0;
	load(p, BPF_DW, R6, R1, argument * (uint32_t)sizeof(uint64_t));
	reach_super_block(p, at, subject);
	load(p, BPF_W, R6, R6, at->s_dev);
	key_of_device(p, major);
	look_up(p, table);
	allow_opener(p);
	allow_reader(p);
	allow_kernel_thread(p, at);
	program_finish(p, -EACCES, 0);
}
