// SPDX-License-Identifier: Apache-2.0
/*
 * The gate's BPF programs, run here instruction by instruction, with a table of one mapping: who
 * opens it, who looks into it, from whatever a hook is given.
 */
#include "lib_test.h"

#include <errno.h>
#include <stdlib.h>

#include "dmctl/volume/gate_program.h"

#define TABLE 7
#define DM 254
#define OPENER 100
#define READER 200
#define STEPS_MAX 100

/* What the kernel would say. */
static struct {
	uint64_t cgroup;
	uint64_t ancestors[4];
	uint32_t task_flags;
	struct gate_key key;
	struct gate_entry entry;
} world;

static uint64_t address(const void *p)
{
	return (uint64_t)(uintptr_t)p;
}

static const void *memory(uint64_t p)
{
	return (const void *)(uintptr_t)p; /* NOLINT(performance-no-int-to-ptr) */
}

static uint64_t helper(int id, uint64_t r1, uint64_t r2)
{
	switch (id) {
	case BPF_FUNC_map_lookup_elem:
		assert_int_equal(r1, TABLE);
		return memcmp(memory(r2), &world.key, sizeof(world.key)) ? 0
									 : address(&world.entry);
	case BPF_FUNC_get_current_cgroup_id:
		return world.cgroup;
	case BPF_FUNC_get_current_ancestor_cgroup_id:
		return r1 < 4 ? world.ancestors[r1] : 0;
	case BPF_FUNC_get_current_task_btf:
		return address(&world.task_flags);
	}
	fail_msg("helper %d is not expected", id);
	return 0;
}

static uint64_t loaded(const struct bpf_insn *i, uint64_t base)
{
	uint64_t wide;
	uint32_t word;

	if (BPF_SIZE(i->code) == BPF_DW) {
		memcpy(&wide, memory(base + (uint64_t)i->off), sizeof(wide));
		return wide;
	}
	assert_int_equal(BPF_SIZE(i->code), BPF_W);
	memcpy(&word, memory(base + (uint64_t)i->off), sizeof(word));
	return word;
}

static bool jumps(const struct bpf_insn *i, const uint64_t *r)
{
	uint64_t a = r[i->dst_reg];
	uint64_t b = BPF_SRC(i->code) == BPF_X ? r[i->src_reg] : (uint64_t)(int64_t)i->imm;

	switch (BPF_OP(i->code)) {
	case BPF_JEQ:
		return a == b;
	case BPF_JNE:
		return a != b;
	case BPF_JSET:
		return a & b;
	}
	fail_msg("jump %#x is not expected", i->code);
	return false;
}

static uint64_t computed(const struct bpf_insn *i, const uint64_t *r)
{
	uint64_t b = BPF_SRC(i->code) == BPF_X ? r[i->src_reg] : (uint64_t)(int64_t)i->imm;

	switch (BPF_OP(i->code)) {
	case BPF_MOV:
		return b;
	case BPF_ADD:
		return r[i->dst_reg] + b;
	case BPF_AND:
		return r[i->dst_reg] & b;
	case BPF_RSH:
		return r[i->dst_reg] >> b;
	}
	fail_msg("operation %#x is not expected", i->code);
	return 0;
}

/* What a call leaves in the registers that it may change is nothing to rely on. */
static void call(uint64_t *r, int id)
{
	r[0] = helper(id, r[1], r[2]);
	for (int n = 1; n <= 5; n++)
		r[n] = 0xdeadbeefdeadbeef;
}

static int run(const struct gate_program *p, const void *context)
{
	uint64_t stack[64] = {0}, r[11] = {0};
	uint32_t at = 0;

	r[1] = address(context);
	r[10] = address(stack + 64);
	for (int step = 0; step < STEPS_MAX; step++) {
		const struct bpf_insn *i = &p->insn[at++];
		uint32_t word = (uint32_t)r[i->src_reg];

		assert_true(at <= p->n);
		switch (BPF_CLASS(i->code)) {
		case BPF_LD:
			r[i->dst_reg] = (uint32_t)i->imm;
			at++;
			break;
		case BPF_LDX:
			r[i->dst_reg] = loaded(i, r[i->src_reg]);
			break;
		case BPF_STX:
			memcpy((char *)stack + sizeof(stack) + i->off, &word, sizeof(word));
			break;
		case BPF_ALU64:
			r[i->dst_reg] = computed(i, r);
			break;
		case BPF_JMP:
			if (BPF_OP(i->code) == BPF_EXIT)
				return (int)r[0];
			if (BPF_OP(i->code) == BPF_CALL)
				call(r, i->imm);
			else if (jumps(i, r))
				at = (uint32_t)((int)at + i->off);
			break;
		default:
			fail_msg("instruction %#x is not expected", i->code);
		}
	}
	fail_msg("it does not end");
	return 0;
}

static int a_mapping(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	world.key = (struct gate_key){.major = DM, .minor = 3};
	world.entry = (struct gate_entry){.opener = OPENER, .reader = READER, .reader_level = 2};
	world.ancestors[0] = 1;
	world.ancestors[1] = 20;
	return 0;
}

/* In group @id, which is below group @parent at level 2. */
static void in_group(uint64_t id, uint64_t parent)
{
	world.cgroup = id;
	world.ancestors[2] = parent;
}

/* ---- open ---------------------------------------------------------------------------------- */

static int opens(uint32_t type, uint32_t access, uint32_t minor)
{
	struct bpf_cgroup_dev_ctx ctx = {
		.access_type = access << 16 | type, .major = DM, .minor = minor};
	struct gate_program p;

	gate_program_open(&p, TABLE);
	return run(&p, &ctx);
}

static void a_mapping_is_opened_by_its_opener_alone(void **state)
{
	static const uint32_t ways[] = {BPF_DEVCG_ACC_READ, BPF_DEVCG_ACC_WRITE,
					BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		in_group(OPENER, OPENER);
		assert_int_equal(opens(BPF_DEVCG_DEV_BLOCK, ways[i], 3), 1);
		in_group(READER, READER);
		assert_int_equal(opens(BPF_DEVCG_DEV_BLOCK, ways[i], 3), 0);
		in_group(OPENER + 1, OPENER);
		assert_int_equal(opens(BPF_DEVCG_DEV_BLOCK, ways[i], 3), 0);
	}
	world.task_flags = 0x200000;
	assert_int_equal(opens(BPF_DEVCG_DEV_BLOCK, BPF_DEVCG_ACC_READ, 3), 0);
}

static void other_devices_and_nodes_are_let_through(void **state)
{
	(void)state;
	in_group(1, 0);
	assert_int_equal(opens(BPF_DEVCG_DEV_BLOCK, BPF_DEVCG_ACC_READ, 4), 1);
	assert_int_equal(opens(BPF_DEVCG_DEV_CHAR, BPF_DEVCG_ACC_READ, 3), 1);
	assert_int_equal(opens(BPF_DEVCG_DEV_BLOCK, BPF_DEVCG_ACC_MKNOD, 3), 1);
	assert_int_equal(opens(BPF_DEVCG_DEV_BLOCK, BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_WRITE, 3),
			 0);
}

/* ---- look ---------------------------------------------------------------------------------- */

/* A kernel's structs, with everything at places of their own. */
struct super_block {
	char other[12];
	uint32_t s_dev;
};
struct inode {
	char other[40];
	const struct super_block *i_sb;
};
struct dentry {
	char other[104];
	const struct super_block *d_sb;
};
struct path {
	const void *mnt;
	const struct dentry *dentry;
};
struct file {
	char other[32];
	const struct inode *f_inode;
};

struct vfsmount {
	const void *mnt_root;
	const struct super_block *mnt_sb;
};

static const struct gate_offsets places = {
	.s_dev = offsetof(struct super_block, s_dev),
	.d_sb = offsetof(struct dentry, d_sb),
	.i_sb = offsetof(struct inode, i_sb),
	.path_dentry = offsetof(struct path, dentry),
	.f_inode = offsetof(struct file, f_inode),
	.mnt_sb = offsetof(struct vfsmount, mnt_sb),
};

static int looks_from(enum gate_subject subject, unsigned int argument, uint32_t device)
{
	const struct super_block sb = {.s_dev = device};
	const struct inode inode = {.i_sb = &sb};
	const struct dentry dentry = {.d_sb = &sb};
	const struct path path = {.dentry = &dentry};
	const struct file file = {.f_inode = &inode};
	const struct vfsmount mount = {.mnt_sb = &sb};
	const void *const subjects[] = {
		[GATE_SUPER_BLOCK] = &sb, [GATE_INODE] = &inode, [GATE_DENTRY] = &dentry,
		[GATE_PATH] = &path,	  [GATE_FILE] = &file,	 [GATE_MOUNT] = &mount,
	};
	uint64_t arguments[3] = {0};
	struct gate_program p;

	arguments[argument] = address(subjects[subject]);
	gate_program_look(&p, TABLE, DM, &places, argument, subject);
	return run(&p, arguments);
}

static int looks(void)
{
	return looks_from(GATE_INODE, 0, DM << 20 | 3);
}

static void opener_reader_and_kernel_look_into_it_nobody_else(void **state)
{
	(void)state;
	in_group(OPENER, OPENER);
	assert_int_equal(looks(), 0);
	in_group(READER, READER);
	assert_int_equal(looks(), 0);
	in_group(201, READER);
	assert_int_equal(looks(), 0);
	in_group(201, 201);
	assert_int_equal(looks(), -EACCES);
	in_group(OPENER + 1, OPENER);
	assert_int_equal(looks(), -EACCES);
	in_group(1, 0);
	assert_int_equal(looks(), -EACCES);
	world.task_flags = 0x200000;
	assert_int_equal(looks(), 0);
}

static void without_a_reader_only_the_opener(void **state)
{
	(void)state;
	world.entry.reader = 0;
	world.entry.reader_level = 0;
	in_group(OPENER, OPENER);
	assert_int_equal(looks(), 0);
	in_group(READER, 0);
	world.ancestors[0] = 0;
	assert_int_equal(looks(), -EACCES);
}

static void every_subject_leads_to_the_super_block(void **state)
{
	(void)state;
	in_group(1, 0);
	for (int s = GATE_SUPER_BLOCK; s <= GATE_MOUNT; s++)
		for (unsigned int argument = 0; argument < 3; argument++)
			assert_int_equal(looks_from((enum gate_subject)s, argument, DM << 20 | 3),
					 -EACCES);
}

static void other_file_systems_are_let_through(void **state)
{
	(void)state;
	in_group(1, 0);
	assert_int_equal(looks_from(GATE_INODE, 0, DM << 20 | 4), 0);
	assert_int_equal(looks_from(GATE_INODE, 0, (DM - 1) << 20 | 3), 0);
	assert_int_equal(looks_from(GATE_INODE, 0, 3), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_mapping_is_opened_by_its_opener_alone, a_mapping),
		cmocka_unit_test_setup(other_devices_and_nodes_are_let_through, a_mapping),
		cmocka_unit_test_setup(opener_reader_and_kernel_look_into_it_nobody_else,
				       a_mapping),
		cmocka_unit_test_setup(without_a_reader_only_the_opener, a_mapping),
		cmocka_unit_test_setup(every_subject_leads_to_the_super_block, a_mapping),
		cmocka_unit_test_setup(other_file_systems_are_let_through, a_mapping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
