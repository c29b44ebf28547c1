/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_test.h - seccomp filters as runtimes make them of config.json, with libseccomp.
 */
#ifndef CC_FILTER_TEST_H
#define CC_FILTER_TEST_H

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib_test.h"

#define FILTER_LEN 8192

/**
 * struct made - a program.
 */
struct made {
	size_t n;
	struct sock_filter p[FILTER_LEN];
};

static inline uint32_t scmp_action(const json_t *action, const json_t *number)
{
	const char *name = json_string_value(action);
	uint32_t e = json_is_integer(number) ? (uint32_t)json_integer_value(number) : EPERM;

	if (strcmp(name, "SCMP_ACT_ALLOW") == 0)
		return SCMP_ACT_ALLOW;
	if (strcmp(name, "SCMP_ACT_KILL") == 0)
		return SCMP_ACT_KILL_THREAD;
	if (strcmp(name, "SCMP_ACT_LOG") == 0)
		return SCMP_ACT_LOG;
	assert_string_equal(name, "SCMP_ACT_ERRNO");
	return SCMP_ACT_ERRNO(e);
}

static inline enum scmp_compare scmp_op(const char *op)
{
	static const char *const names[] = {"", "NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"};

	for (int i = 1; i < 8; i++)
		if (strcmp(op + strlen("SCMP_CMP_"), names[i]) == 0)
			return (enum scmp_compare)i;
	fail_msg("%s", op);
	return SCMP_CMP_EQ;
}

/* As runc and crun: each condition by itself where two are of one argument. */
static inline void add_rule(scmp_filter_ctx ctx, uint32_t action, int nr, const json_t *args)
{
	struct scmp_arg_cmp cmp[256];
	unsigned int n = 0, seen = 0;
	bool again = false;
	const json_t *a;
	size_t i;

	assert_true(json_array_size(args) <= 256);
	json_array_foreach(args, i, a) {
		unsigned int index = (unsigned int)json_integer_value(json_object_get(a, "index"));

		cmp[n++] = (struct scmp_arg_cmp){
			.arg = index,
			.op = scmp_op(json_string_value(json_object_get(a, "op"))),
			.datum_a = (uint64_t)json_integer_value(json_object_get(a, "value")),
			.datum_b = (uint64_t)json_integer_value(json_object_get(a, "valueTwo"))};
		again = again || seen & 1u << index;
		seen |= 1u << index;
	}
	if (!again) {
		seccomp_rule_add_array(ctx, action, nr, n, cmp);
		return;
	}
	for (i = 0; i < n; i++)
		seccomp_rule_add_array(ctx, action, nr, 1, &cmp[i]);
}

static inline void add_rules(scmp_filter_ctx ctx, const json_t *filter, uint32_t otherwise)
{
	const json_t *rule, *name;
	size_t i, k;

	json_array_foreach(json_object_get(filter, "syscalls"), i, rule) {
		uint32_t action = scmp_action(json_object_get(rule, "action"),
					      json_object_get(rule, "errnoRet"));

		if (action == otherwise)
			continue;
		json_array_foreach(json_object_get(rule, "names"), k, name) {
			int nr = seccomp_syscall_resolve_name(json_string_value(name));

			if (nr != __NR_SCMP_ERROR)
				add_rule(ctx, action, nr, json_object_get(rule, "args"));
		}
	}
}

static inline void add_arches(scmp_filter_ctx ctx, const json_t *filter)
{
	static const struct {
		const char *name;
		uint32_t arch;
	} known[] = {{"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64},
		     {"SCMP_ARCH_X86", SCMP_ARCH_X86},
		     {"SCMP_ARCH_X32", SCMP_ARCH_X32},
		     {"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64},
		     {"SCMP_ARCH_ARM", SCMP_ARCH_ARM}};
	const json_t *arch;
	size_t i, k;

	json_array_foreach(json_object_get(filter, "architectures"), i, arch)
		for (k = 0; k < sizeof(known) / sizeof(known[0]); k++)
			if (strcmp(known[k].name, json_string_value(arch)) == 0)
				seccomp_arch_add(ctx, known[k].arch);
}

/* @level: of libseccomp's optimisation, 2: a binary tree */
static inline void make_filter(const json_t *filter, unsigned int level, struct made *out)
{
	uint32_t otherwise = scmp_action(json_object_get(filter, "defaultAction"),
					 json_object_get(filter, "defaultErrnoRet"));
	scmp_filter_ctx ctx = seccomp_init(otherwise);
	int fd = memfd_create("filter", 0);
	ssize_t len;

	assert_non_null(ctx);
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, level);
	add_arches(ctx, filter);
	add_rules(ctx, filter, otherwise);
	assert_int_equal(seccomp_export_bpf(ctx, fd), 0);
	seccomp_release(ctx);
	len = pread(fd, out->p, sizeof(out->p), 0);
	close(fd);
	assert_true(len > 0 && (size_t)len < sizeof(out->p));
	out->n = (size_t)len / sizeof(out->p[0]);
}

static const char *const configs[] = {"tests/fixtures/oci/docker.json",
				      "tests/fixtures/oci/podman.json"};

static inline json_t *filter_of(const char *path)
{
	cc_auto_json json_t *config = json_load_file(path, 0, NULL);
	json_t *filter = json_object_get(json_object_get(config, "linux"), "seccomp");

	assert_non_null(filter);
	return json_incref(filter);
}

/* @filter without one call in all of its rules: as a libseccomp makes it that does not know it. */
static inline json_t *without(const json_t *filter, const char *call)
{
	json_t *other = json_deep_copy(filter), *rule, *name;
	size_t i, k;

	json_array_foreach(json_object_get(other, "syscalls"), i, rule)
		json_array_foreach(json_object_get(rule, "names"), k, name)
			if (strcmp(json_string_value(name), call) == 0)
				json_array_remove(json_object_get(rule, "names"), k--);
	return other;
}

#endif
