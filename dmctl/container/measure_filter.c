// SPDX-License-Identifier: Apache-2.0
/*
 * measure_filter.c - a seccomp filter's program against the rules of config.json.
 */
#include "container/measure_filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#include "container/filter_rules.h"
#include "host/seccomp_program.h"

#define CALLS 600u		     /* numbers that are looked at; Linux 6.18 has less than 470 */
#define X32 0x40000000u		     /* __X32_SYSCALL_BIT */
#define HALVES 12		     /* of the arguments */
#define VALUES_MAX 1024		     /* of a half of an argument */
#define TRIES_MAX 300000u	     /* combinations of values */
#define COST_MAX (UINT64_C(1) << 28) /* of it all, in instructions: some seconds at most */
#define COST_OF_CONDITION 256u	     /* of taking its values */

/**
 * struct comparing - one comparison.
 * @arch: SCMP_ARCH_… of the calls; @audit: what the kernel calls it; @bit: in all their numbers
 * @native: it is this machine's own
 * @listed: the filter of config.json is for it
 * @left: of COST_MAX
 */
struct comparing {
	const struct filter_rules *rules;
	const struct sock_filter *p;
	size_t n;
	uint32_t arch, audit, bit;
	bool native, listed;
	uint64_t *left;
};

void measure_filter_count(const json_t *filter, unsigned int *least, unsigned int *most)
{
	const char *action = json_string_value(json_object_get(filter, "defaultAction"));
	bool open = !action || (strcmp(action, "SCMP_ACT_ALLOW") == 0 &&
				json_array_size(json_object_get(filter, "syscalls")) == 0);

	*most = filter ? 1 : 0;
	*least = filter && !open ? 1 : 0;
}

/* ---- refusing ------------------------------------------------------------------------------ */

static const char *answer_text(uint32_t answer, char text[static 32])
{
	static const struct {
		uint32_t action;
		const char *text;
	} known[] = {
		{SECCOMP_RET_KILL_PROCESS, "kill"}, {SECCOMP_RET_KILL_THREAD, "kill"},
		{SECCOMP_RET_TRAP, "trap"},	    {SECCOMP_RET_TRACE, "trace"},
		{SECCOMP_RET_USER_NOTIF, "notify"}, {SECCOMP_RET_LOG, "log"},
		{SECCOMP_RET_ALLOW, "allow"},
	};

	if ((answer & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO) {
		snprintf(text, 32, "errno %u", answer & SECCOMP_RET_DATA);
		return text;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].action == (answer & SECCOMP_RET_ACTION_FULL))
			return known[i].text;
	snprintf(text, 32, "0x%08x", answer);
	return text;
}

static int differs(const struct filter_call *call, uint32_t answer,
		   const struct filter_answers *wanted, struct cc_error *err)
{
	char is[32], should[32], number[32];

	snprintf(number, sizeof(number), "system call %u", call->nr & ~X32);
	return cc_refuse(err, "seccomp",
			 "seccomp: the program's filter answers %s with \"%s\", config.json says "
			 "\"%s\"",
			 call->name ? call->name : number, answer_text(answer, is),
			 wanted->n ? answer_text(wanted->answer[0], should) : "kill");
}

static int too_involved(const struct filter_call *call, struct cc_error *err)
{
	return cc_refuse(err, "seccomp",
			 "seccomp: what the program's filter answers %s cannot be told; no runtime "
			 "makes such a filter of config.json's",
			 call->name ? call->name : "a system call");
}

/* -1: more than all may cost. */
static int spend(const struct comparing *g, uint64_t cost)
{
	if (cost > *g->left)
		return -1;
	*g->left -= cost;
	return 0;
}

/* ---- arguments ----------------------------------------------------------------------------- */

/**
 * struct values - those of half an argument that are tried, halves as of struct seccomp_answers.
 * @over: there are more
 */
struct values {
	size_t n;
	bool over;
	uint32_t v[VALUES_MAX];
};

static void add_value(struct values *all, uint32_t v)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i] == v)
			return;
	if (all->n == VALUES_MAX)
		all->over = true;
	else
		all->v[all->n++] = v;
}

/*
 * Where it is compared with @v. Of what lies between two such values one is enough: all of it is
 * answered alike.
 */
static void add_around(struct values *all, uint32_t v)
{
	add_value(all, v);
	if (v > 0)
		add_value(all, v - 1);
	if (v < UINT32_MAX)
		add_value(all, v + 1);
}

/* Where its bits of @mask are compared with @v. */
static void add_masked(struct values *all, uint32_t mask, uint32_t v)
{
	if (mask == UINT32_MAX) {
		add_around(all, v);
		return;
	}
	add_value(all, v);
	add_value(all, v | ~mask);
	for (unsigned int bit = 0; mask && bit < 32; bit++) {
		add_value(all, v ^ UINT32_C(1) << bit);
		add_value(all, (v | ~mask) ^ UINT32_C(1) << bit);
	}
}

static void add_of_condition(struct values all[static HALVES], const struct filter_condition *c)
{
	bool masked = c->op == SCMP_CMP_MASKED_EQ;
	uint64_t mask = masked ? c->value : UINT64_MAX, v = masked ? c->two : c->value;

	add_masked(&all[c->index * 2], (uint32_t)mask, (uint32_t)v);
	add_masked(&all[c->index * 2 + 1], (uint32_t)(mask >> 32), (uint32_t)(v >> 32));
}

/* The @k-th combination. */
static void combine(const struct values all[static HALVES], uint64_t k, uint64_t args[static 6])
{
	memset(args, 0, 6 * sizeof(*args));
	for (size_t i = 0; i < HALVES; i++) {
		args[i / 2] |= (uint64_t)all[i].v[k % all[i].n] << (i % 2 * 32);
		k /= all[i].n;
	}
}

/* -1: more than can be tried. */
static int combinations(const struct values all[static HALVES], uint64_t *n)
{
	*n = 1;
	for (size_t i = 0; i < HALVES; i++) {
		*n *= all[i].n;
		if (all[i].over || *n > TRIES_MAX)
			return -1;
	}
	return 0;
}

static int try_one(const struct comparing *g, const struct filter_call *call,
		   const struct filter_call_rules *rules, const uint64_t args[static 6],
		   struct cc_error *err)
{
	struct seccomp_data d = {.nr = (int)call->nr, .arch = g->audit};
	struct filter_answers wanted;
	uint32_t answer;

	memcpy(d.args, args, sizeof(d.args));
	answer = seccomp_program_run(g->p, g->n, &d);
	filter_rules_answers(rules, args, &wanted);
	return filter_answers_has(&wanted, answer) ? 0 : differs(call, answer, &wanted, err);
}

/* All values that decide. @conditions: out, their number. -1: too many. */
static int gather(const struct comparing *g, const struct filter_call_rules *rules,
		  const struct seccomp_answers *reached, struct values all[static HALVES],
		  uint64_t *conditions)
{
	*conditions = 0;
	for (size_t i = 0; i < HALVES; i++)
		add_value(&all[i], 0);
	for (size_t i = 0; i < reached->n_words; i++)
		add_masked(&all[reached->word[i].at % HALVES], reached->word[i].mask,
			   reached->word[i].value);
	for (size_t i = 0; i < rules->n; i++) {
		*conditions += rules->rule[i]->n;
		if (spend(g, rules->rule[i]->n * COST_OF_CONDITION))
			return -1;
		for (size_t k = 0; k < rules->rule[i]->n; k++)
			add_of_condition(all, &rules->rule[i]->on[k]);
	}
	return reached->more ? -1 : 0;
}

static int try_arguments(const struct comparing *g, const struct filter_call *call,
			 const struct filter_call_rules *rules,
			 const struct seccomp_answers *reached, struct cc_error *err)
{
	struct values all[HALVES] = {0};
	uint64_t args[6], n, conditions;

	if (gather(g, rules, reached, all, &conditions) || combinations(all, &n) ||
	    spend(g, n * (g->n + conditions)))
		return too_involved(call, err);
	for (uint64_t i = 0; i < n; i++) {
		combine(all, i, args);
		if (try_one(g, call, rules, args, err))
			return -1;
	}
	return 0;
}

/* ---- calls --------------------------------------------------------------------------------- */

/* One of the machine's others. What makes several calls of one (i386) has the answers of all. */
static int compare_other(const struct comparing *g, const struct filter_call *call,
			 const struct filter_call_rules *rules,
			 const struct seccomp_answers *reached, struct cc_error *err)
{
	static const uint32_t kills[] = {SECCOMP_RET_KILL_THREAD, SECCOMP_RET_KILL_PROCESS};
	bool many = call->name &&
		    (strcmp(call->name, "socketcall") == 0 || strcmp(call->name, "ipc") == 0);
	struct filter_answers wanted = {0};

	if (g->listed)
		filter_rules_answers(rules, NULL, &wanted);
	for (size_t i = 0; g->listed && many && i < g->rules->n; i++)
		filter_answers_add(&wanted, g->rules->rule[i].answer);
	filter_answers_add(&wanted, g->rules->otherwise);
	filter_answers_add(&wanted, SECCOMP_RET_ERRNO | ENOSYS);
	for (size_t i = 0; i < 2; i++)
		filter_answers_add(&wanted, kills[i]);
	for (size_t i = 0; i < reached->n; i++)
		if (!filter_answers_has(&wanted, reached->answer[i]))
			return differs(call, reached->answer[i], &wanted, err);
	return 0;
}

static int compare_call(const struct comparing *g, const struct filter_call *call,
			struct cc_error *err)
{
	cc_cleanup(filter_call_rules_clear) struct filter_call_rules rules = {0};
	struct seccomp_answers reached;
	struct filter_answers wanted;

	if (seccomp_program_answers(g->p, g->n, g->audit, call->nr, &reached) ||
	    spend(g, reached.cost))
		return too_involved(call, err);
	if (filter_rules_collect(g->rules, call, &rules, err))
		return -1;
	if (!g->native)
		return compare_other(g, call, &rules, &reached, err);
	filter_rules_answers(&rules, NULL, &wanted);
	for (size_t i = 0; i < reached.n; i++)
		if (!filter_answers_has(&wanted, reached.answer[i]))
			return differs(call, reached.answer[i], &wanted, err);
	return filter_rules_ask(&rules) ? try_arguments(g, call, &rules, &reached, err) : 0;
}

/* The greatest number that the filter of config.json names, whatever it says of it. */
static uint32_t last_named(const struct comparing *g)
{
	const json_t *rule, *name;
	uint32_t last = 0;
	size_t i, k;

	json_array_foreach(g->rules->all, i, rule)
		json_array_foreach(json_object_get(rule, "names"), k, name) {
			int nr = json_is_string(name) ? seccomp_syscall_resolve_name_arch(
								g->arch, json_string_value(name))
						      : -1;

			if (nr > 0 && (uint32_t)nr > last)
				last = (uint32_t)nr;
		}
	return last;
}

static int compare_arch(const struct comparing *g, struct cc_error *err)
{
	uint32_t last = last_named(g);

	for (uint32_t i = 0; i < CALLS; i++) {
		uint32_t nr = i | g->bit;
		cc_auto_free char *name = seccomp_syscall_resolve_num_arch(g->arch, (int)nr);
		const struct filter_call call = {
			.arch = g->arch, .nr = nr, .name = name, .last = nr > last};

		if (compare_call(g, &call, err))
			return -1;
	}
	return 0;
}

static bool is_listed(const json_t *arches, const char *name)
{
	const json_t *arch;
	size_t i;

	json_array_foreach(arches, i, arch)
		if (json_is_string(arch) && strcmp(json_string_value(arch), name) == 0)
			return true;
	return false;
}

int measure_filter(const json_t *filter, const struct sock_filter *p, size_t n,
		   struct cc_error *err)
{
	/* what else programs of a machine may be of */
	static const struct {
		uint32_t of, arch, audit, bit;
		const char *name;
	} others[] = {
		{SCMP_ARCH_X86_64, SCMP_ARCH_X86, AUDIT_ARCH_I386, 0, "SCMP_ARCH_X86"},
		{SCMP_ARCH_X86_64, SCMP_ARCH_X32, AUDIT_ARCH_X86_64, X32, "SCMP_ARCH_X32"},
		{SCMP_ARCH_AARCH64, SCMP_ARCH_ARM, AUDIT_ARCH_ARM, 0, "SCMP_ARCH_ARM"},
		{SCMP_ARCH_S390X, SCMP_ARCH_S390, AUDIT_ARCH_S390, 0, "SCMP_ARCH_S390"},
	};
	cc_cleanup(filter_rules_clear) struct filter_rules rules = {0};
	uint64_t left = COST_MAX;
	struct comparing g = {
		.rules = &rules, .p = p, .n = n, .native = true, .listed = true, .left = &left};

	if (filter_rules_parse(filter, &rules, err) || seccomp_program_check(p, n, err))
		return -1;
	g.arch = g.audit = seccomp_arch_native();
	if (compare_arch(&g, err))
		return -1;
	g.native = false;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (others[i].of != seccomp_arch_native())
			continue;
		g.arch = others[i].arch;
		g.audit = others[i].audit;
		g.bit = others[i].bit;
		g.listed = is_listed(rules.arches, others[i].name);
		if (compare_arch(&g, err))
			return -1;
	}
	return 0;
}
