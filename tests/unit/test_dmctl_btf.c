// SPDX-License-Identifier: Apache-2.0
/* The reader of the kernel's type information, on one that is written here, whole and damaged. */
#include "lib_test.h"

#include <linux/btf.h>
#include <stdlib.h>

#include "dmctl/volume/gate_program.h"

/* Written word by word; the strings follow. */
static uint32_t words[262144];
static uint32_t n_words;
static char strings[65536];
static uint32_t n_strings;

static uint32_t string(const char *s)
{
	uint32_t at = n_strings;

	strcpy(strings + at, s);
	n_strings += (uint32_t)strlen(s) + 1;
	return at;
}

static void type(const char *name, uint32_t kind, uint32_t n, uint32_t size_or_type)
{
	words[n_words++] = name ? string(name) : 0;
	words[n_words++] = kind << 24 | n;
	words[n_words++] = size_or_type;
}

static void member(const char *name, uint32_t id, uint32_t bits)
{
	words[n_words++] = name ? string(name) : 0;
	words[n_words++] = id;
	words[n_words++] = bits;
}

static void parameter(const char *name, uint32_t id)
{
	words[n_words++] = string(name);
	words[n_words++] = id;
}

enum {
	T_INT = 1,
	T_SUPER_BLOCK,
	T_DENTRY,
	T_POINTER,
	T_CONST,
	T_UNION,
	T_FILE,
	T_CONST_POINTER,
	T_PROTO,
	T_HOOK,
};

static void write_types(void)
{
	n_words = 0;
	n_strings = 1;
	type("int", BTF_KIND_INT, 0, 4);
	words[n_words++] = 32;
	type("super_block", BTF_KIND_STRUCT, 1, 16);
	member("s_dev", T_INT, 64);
	type("dentry", BTF_KIND_STRUCT, 1, 8);
	member("d_sb", T_POINTER, 0);
	type(NULL, BTF_KIND_PTR, 0, T_SUPER_BLOCK);
	type(NULL, BTF_KIND_CONST, 0, T_DENTRY);
	type(NULL, BTF_KIND_UNION, 2, 8);
	member("f_first", T_INT, 0);
	member("f_inode", T_POINTER, 0);
	type("file", BTF_KIND_STRUCT, 2, 16);
	member("f_mode", T_INT, 0);
	member(NULL, T_UNION, 64);
	type(NULL, BTF_KIND_PTR, 0, T_CONST);
	type(NULL, BTF_KIND_FUNC_PROTO, 2, T_INT);
	parameter("flags", T_INT);
	parameter("dentry", T_CONST_POINTER);
	type("bpf_lsm_inode_readlink", BTF_KIND_FUNC, 1, T_PROTO);
}

/* Of kinds 0 to 32; only what the last one takes is filled in. */
struct layout {
	unsigned char once, each, flags[2];
};

/*
 * A file as kernels write it whose header has @hdr_len bytes, 24 before Linux 7.1, with a layout
 * of kinds before the strings where it has 32.
 */
static unsigned char *build_as(uint32_t hdr_len, struct layout last, size_t *len)
{
	struct layout layout[33] = {[32] = last};
	uint32_t header[10] = {
		BTF_VERSION << 16 | BTF_MAGIC, hdr_len, 0, n_words * 4, n_words * 4, n_strings};
	uint32_t more = hdr_len < 32 ? 0 : sizeof(layout);
	unsigned char *data;

	if (more) {
		header[4] += more;
		header[6] = n_words * 4;
		header[7] = more;
	}
	*len = hdr_len + n_words * 4 + more + n_strings;
	data = malloc(*len);
	assert_non_null(data);
	memcpy(data, header, hdr_len);
	memcpy(data + hdr_len, words, n_words * 4);
	memcpy(data + hdr_len + n_words * 4, layout, more);
	memcpy(data + hdr_len + n_words * 4 + more, strings, n_strings);
	return data;
}

static unsigned char *build(size_t *len)
{
	return build_as(24, (struct layout){0}, len);
}

static void members_are_found_also_in_what_has_no_name(void **state)
{
	cc_cleanup(btf_clear) struct btf b = {0};
	struct cc_error err;
	uint32_t at = 99;
	size_t len;

	(void)state;
	write_types();
	unsigned char *data = build(&len);
	expect_ok(btf_parse(data, len, &b, &err), &err);
	assert_int_equal(b.n, T_HOOK);
	assert_true(btf_offset(&b, "super_block", "s_dev", &at));
	assert_int_equal(at, 8);
	assert_true(btf_offset(&b, "file", "f_inode", &at));
	assert_int_equal(at, 8);
	assert_false(btf_offset(&b, "file", "f_nothing", &at));
	assert_false(btf_offset(&b, "inode", "i_sb", &at));
}

static void a_hook_is_judged_by_its_first_argument_that_leads_to_a_super_block(void **state)
{
	cc_cleanup(btf_clear) struct btf b = {0};
	enum gate_subject subject;
	unsigned int argument;
	struct cc_error err;
	uint32_t function;
	size_t len;

	(void)state;
	write_types();
	unsigned char *data = build(&len);
	expect_ok(btf_parse(data, len, &b, &err), &err);
	assert_true(gate_hook_find(&b, "inode_readlink", &function, &argument, &subject));
	assert_int_equal(function, T_HOOK);
	assert_int_equal(argument, 1);
	assert_int_equal(subject, GATE_DENTRY);
	assert_false(gate_hook_find(&b, "inode_getattr", &function, &argument, &subject));
}

static void what_is_cut_off_or_unknown_is_refused(void **state)
{
	struct cc_error err;
	struct btf b;
	size_t whole, len;

	(void)state;
	write_types();
	free(build(&whole));
	for (len = 0; len < whole; len++) {
		size_t ignored;
		unsigned char *data = build(&ignored);
		unsigned char *part = malloc(len + 1);

		memcpy(part, data, len);
		free(data);
		assert_int_equal(btf_parse(part, len, &b, &err), -1);
		expect_error(&err, CC_E_INVALID, "", "BTF");
	}
	type("new", 31, 0, 0);
	unsigned char *data = build(&len);
	assert_int_equal(btf_parse(data, len, &b, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "not known");
	write_types();
	type("far", BTF_KIND_STRUCT, 60000, 4);
	data = build(&len);
	assert_int_equal(btf_parse(data, len, &b, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "cut off");
}

/* Whatever the headers are that this was compiled with. */
static void kernels_before_and_after_the_layout_are_read(void **state)
{
	(void)state;
	for (uint32_t hdr_len = 24; hdr_len <= 40; hdr_len += 8) {
		cc_cleanup(btf_clear) struct btf b = {0};
		struct cc_error err;
		uint32_t at;
		size_t len;

		write_types();
		unsigned char *data = build_as(hdr_len, (struct layout){0}, &len);
		expect_ok(btf_parse(data, len, &b, &err), &err);
		assert_true(btf_offset(&b, "file", "f_inode", &at));
	}
}

static void a_kind_that_only_the_kernel_knows_is_passed_by_its_layout(void **state)
{
	struct cc_error err;
	struct btf b;
	size_t len;

	(void)state;
	write_types();
	type("new", 32, 2, 0);
	n_words += 5;
	type("after", BTF_KIND_FUNC, 0, T_PROTO);
	unsigned char *data = build_as(32, (struct layout){.once = 4, .each = 8}, &len);
	expect_ok(btf_parse(data, len, &b, &err), &err);
	assert_int_equal(b.n, T_HOOK + 2);
	assert_int_equal(btf_function(&b, "after"), T_HOOK + 2);
	btf_clear(&b);
	data = build_as(32, (struct layout){.once = 3, .each = 0}, &len);
	assert_int_equal(btf_parse(data, len, &b, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "not known");
	data = build_as(32, (struct layout){.once = 4, .each = 255}, &len);
	assert_int_equal(btf_parse(data, len, &b, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "cut off");
}

/* Since Linux 7.1 a kind may have more than 65535 members. */
static void a_type_with_a_hundred_thousand_members_is_passed(void **state)
{
	cc_cleanup(btf_clear) struct btf b = {0};
	struct cc_error err;
	size_t len;

	(void)state;
	write_types();
	type(NULL, BTF_KIND_ENUM, 100000, 4);
	n_words += 200000;
	type("after", BTF_KIND_FUNC, 0, T_PROTO);
	unsigned char *data = build(&len);
	expect_ok(btf_parse(data, len, &b, &err), &err);
	assert_int_equal(btf_function(&b, "after"), T_HOOK + 2);
}

/* A layout that is elsewhere is an error, not a guess. */
static void a_layout_outside_of_the_file_is_refused(void **state)
{
	static const uint32_t wrong[][2] = {{4000000000u, 4}, {2, 4}, {0, 4000000000u}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct cc_error err;
		struct btf b;
		size_t len;

		write_types();
		unsigned char *data = build_as(32, (struct layout){0}, &len);
		memcpy(data + 24, wrong[i], 8);
		assert_int_equal(btf_parse(data, len, &b, &err), -1);
		expect_error(&err, CC_E_INVALID, "", "where it says");
	}
}

/* Types that contain themselves, and ids and names that are nowhere. */
static void what_makes_no_sense_is_not_followed(void **state)
{
	cc_cleanup(btf_clear) struct btf b = {0};
	enum gate_subject subject;
	unsigned int argument;
	struct cc_error err;
	uint32_t function, at;
	size_t len;

	(void)state;
	write_types();
	type("loop", BTF_KIND_STRUCT, 1, 8);
	member(NULL, T_HOOK + 1, 8);
	type(NULL, BTF_KIND_TYPEDEF, 0, T_HOOK + 2);
	type("bpf_lsm_a", BTF_KIND_FUNC, 0, 4000000000u);
	type("bpf_lsm_b", BTF_KIND_FUNC, 0, T_INT);
	type(NULL, BTF_KIND_FUNC, 0, T_PROTO);
	words[n_words - 3] = 4000000000u; /* its name */
	unsigned char *data = build(&len);
	expect_ok(btf_parse(data, len, &b, &err), &err);
	assert_false(btf_offset(&b, "loop", "x", &at));
	assert_false(gate_hook_find(&b, "a", &function, &argument, &subject));
	assert_false(gate_hook_find(&b, "b", &function, &argument, &subject));
}

/* As many as fill and cross the places of a table; of those of one name the first. */
static void of_many_functions_each_is_found_by_its_name(void **state)
{
	enum { MANY = 5000 };
	cc_cleanup(btf_clear) struct btf b = {0};
	struct cc_error err;
	char name[32];
	size_t len;

	(void)state;
	write_types();
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		type(name, BTF_KIND_FUNC, 0, T_PROTO);
	}
	type("f7", BTF_KIND_FUNC, 0, T_PROTO);
	type("f8", BTF_KIND_STRUCT, 0, 0);
	unsigned char *data = build(&len);
	expect_ok(btf_parse(data, len, &b, &err), &err);
	for (uint32_t i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		assert_int_equal(btf_function(&b, name), T_HOOK + 1 + i);
	}
	assert_int_equal(btf_function(&b, "f5000"), 0);
	assert_int_equal(btf_function(&b, "file"), 0); /* a struct */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_many_functions_each_is_found_by_its_name),
		cmocka_unit_test(members_are_found_also_in_what_has_no_name),
		cmocka_unit_test(
			a_hook_is_judged_by_its_first_argument_that_leads_to_a_super_block),
		cmocka_unit_test(what_is_cut_off_or_unknown_is_refused),
		cmocka_unit_test(kernels_before_and_after_the_layout_are_read),
		cmocka_unit_test(a_kind_that_only_the_kernel_knows_is_passed_by_its_layout),
		cmocka_unit_test(a_type_with_a_hundred_thousand_members_is_passed),
		cmocka_unit_test(a_layout_outside_of_the_file_is_refused),
		cmocka_unit_test(what_makes_no_sense_is_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
