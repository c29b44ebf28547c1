// SPDX-License-Identifier: Apache-2.0
/*
 * filter_rules.c - the rules of a seccomp filter in config.json.
 */
#include "container/filter_rules.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <string.h>

#define WHAT "seccomp: the filter of config.json cannot be compared with a program's"

#define NEW_FROM 436u /* close_range(2), Linux 5.9, which libseccomp 2.5.1 does not know */

void filter_rules_clear(struct filter_rules *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->rule[i].on);
	free(r->rule);
	*r = (struct filter_rules){0};
}

/* ---- reading ------------------------------------------------------------------------------- */

/* Runtimes keep 16 bits of the number, and take EPERM where there is none. */
static uint32_t with_errno(uint32_t action, const json_t *number)
{
	return action |
	       (json_is_integer(number) ? (uint32_t)json_integer_value(number) & SECCOMP_RET_DATA
					: EPERM);
}

static int answer_of(const char *action, const json_t *number, uint32_t *answer,
		     struct cc_error *err)
{
	static const struct {
		const char *name;
		uint32_t action;
	} known[] = {
		{"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW},
		{"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO},
		{"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD},
		{"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD},
		{"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS},
		{"SCMP_ACT_TRAP", SECCOMP_RET_TRAP},
		{"SCMP_ACT_TRACE", SECCOMP_RET_TRACE},
		{"SCMP_ACT_LOG", SECCOMP_RET_LOG},
		{"SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF},
	};

	for (size_t i = 0; action && i < sizeof(known) / sizeof(known[0]); i++) {
		if (strcmp(known[i].name, action) != 0)
			continue;
		*answer = known[i].action;
		if (*answer == SECCOMP_RET_ERRNO || *answer == SECCOMP_RET_TRACE)
			*answer = with_errno(*answer, number);
		return 0;
	}
	return cc_refuse(err, "seccomp", WHAT ": unknown action \"%.64s\"", action ? action : "");
}

static int parse_condition(const json_t *obj, struct filter_condition *c, struct cc_error *err)
{
	static const char *const ops[] = {
		[SCMP_CMP_NE] = "SCMP_CMP_NE",
		[SCMP_CMP_LT] = "SCMP_CMP_LT",
		[SCMP_CMP_LE] = "SCMP_CMP_LE",
		[SCMP_CMP_EQ] = "SCMP_CMP_EQ",
		[SCMP_CMP_GE] = "SCMP_CMP_GE",
		[SCMP_CMP_GT] = "SCMP_CMP_GT",
		[SCMP_CMP_MASKED_EQ] = "SCMP_CMP_MASKED_EQ",
	};
	const char *op = json_string_value(json_object_get(obj, "op"));
	json_int_t index = json_integer_value(json_object_get(obj, "index"));

	for (unsigned int i = 0; op && i < sizeof(ops) / sizeof(ops[0]); i++)
		if (ops[i] && strcmp(ops[i], op) == 0)
			c->op = i;
	if (!c->op || index < 0 || index > 5)
		return cc_refuse(err, "seccomp",
				 WHAT ": a rule has a condition that cannot be read");
	c->index = (unsigned int)index;
	c->value = (uint64_t)json_integer_value(json_object_get(obj, "value"));
	c->two = (uint64_t)json_integer_value(json_object_get(obj, "valueTwo"));
	return 0;
}

static int parse_conditions(const json_t *list, struct filter_rule *rule, struct cc_error *err)
{
	unsigned int seen = 0;
	const json_t *obj;
	size_t i;

	if (json_array_size(list) > FILTER_CONDITIONS_MAX)
		return cc_refuse(err, "seccomp", WHAT ": a rule has more than %d conditions",
				 FILTER_CONDITIONS_MAX);
	rule->on = calloc(json_array_size(list) + 1, sizeof(*rule->on));
	if (!rule->on)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	json_array_foreach(list, i, obj) {
		if (parse_condition(obj, &rule->on[i], err))
			return -1;
		rule->again = rule->again || seen & 1u << rule->on[i].index;
		seen |= 1u << rule->on[i].index;
		rule->n++;
	}
	return 0;
}

int filter_rules_parse(const json_t *filter, struct filter_rules *r, struct cc_error *err)
{
	const json_t *obj;
	size_t i;

	r->all = json_object_get(filter, "syscalls");
	r->arches = json_object_get(filter, "architectures");
	if (answer_of(json_string_value(json_object_get(filter, "defaultAction")),
		      json_object_get(filter, "defaultErrnoRet"), &r->otherwise, err))
		return -1;
	r->rule = calloc(json_array_size(r->all) + 1, sizeof(*r->rule));
	if (!r->rule)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	json_array_foreach(r->all, i, obj) {
		struct filter_rule *rule = &r->rule[r->n++];

		*rule = (struct filter_rule){.names = json_object_get(obj, "names")};
		if (answer_of(json_string_value(json_object_get(obj, "action")),
			      json_object_get(obj, "errnoRet"), &rule->answer, err) ||
		    parse_conditions(json_object_get(obj, "args"), rule, err))
			return -1;
		if (rule->answer == r->otherwise)
			free(r->rule[--r->n].on);
	}
	return 0;
}

int filter_rules_check(const json_t *filter, struct cc_error *err)
{
	cc_cleanup(filter_rules_clear) struct filter_rules ignored = {0};

	return filter_rules_parse(filter, &ignored, err);
}

/* ---- answers ------------------------------------------------------------------------------- */

bool filter_answers_has(const struct filter_answers *a, uint32_t answer)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->answer[i] == answer)
			return true;
	return false;
}

void filter_answers_add(struct filter_answers *a, uint32_t answer)
{
	if (a->n < FILTER_ANSWERS_MAX && !filter_answers_has(a, answer))
		a->answer[a->n++] = answer;
}

/* @call has no name here; a later libseccomp may know one of the rule's that we do not know. */
static bool may_name(const struct filter_rule *r, uint32_t arch)
{
	const json_t *name;
	size_t i;

	json_array_foreach(r->names, i, name)
		if (json_is_string(name) &&
		    seccomp_syscall_resolve_name_arch(arch, json_string_value(name)) ==
			    __NR_SCMP_ERROR)
			return true;
	return false;
}

/* The rule is of that call. */
static bool is_of(const struct filter_rule *r, const struct filter_call *call)
{
	const json_t *name;
	size_t i;

	json_array_foreach(r->names, i, name)
		if (call->name && json_is_string(name) &&
		    strcmp(json_string_value(name), call->name) == 0)
			return true;
	return false;
}

static bool holds(const struct filter_condition *c, uint64_t arg)
{
	switch (c->op) {
	case SCMP_CMP_NE:
		return arg != c->value;
	case SCMP_CMP_LT:
		return arg < c->value;
	case SCMP_CMP_LE:
		return arg <= c->value;
	case SCMP_CMP_EQ:
		return arg == c->value;
	case SCMP_CMP_GE:
		return arg >= c->value;
	case SCMP_CMP_GT:
		return arg > c->value;
	default: /* SCMP_CMP_MASKED_EQ */
		return (arg & c->value) == (c->two & c->value);
	}
}

/* How many of its conditions hold. */
static size_t holding(const struct filter_rule *r, const uint64_t *args)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		n += holds(&r->on[i], args[r->on[i].index]);
	return n;
}

/* A runtime's libseccomp may not know its name. Numbers below 403 are the architecture's own. */
static bool is_new(const struct filter_call *call)
{
	static const struct {
		uint32_t arch, nr;
	} late[] = {
		{SCMP_ARCH_X86_64, 335},  /* uretprobe, libseccomp 2.5.6 and 2.6.0 */
		{SCMP_ARCH_X86_64, 336},  /* uprobe, 2.6.1 */
		{SCMP_ARCH_RISCV64, 258}, /* riscv_hwprobe */
	};

	for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++)
		if (late[i].arch == call->arch && late[i].nr == call->nr)
			return true;
	return call->nr >= NEW_FROM;
}

/* What runc answers with ENOSYS before it asks the filter. */
static bool may_be_enosys(const struct filter_call *call)
{
	return is_new(call) || call->last || (call->arch == SCMP_ARCH_S390X && call->nr == 0);
}

/* Those of runtimes and libraries that are older, or newer, than ours. */
static void add_of_versions(const struct filter_rules *r, const struct filter_call *call,
			    struct filter_answers *out)
{
	if (is_new(call))
		filter_answers_add(out, r->otherwise);
	if (may_be_enosys(call))
		filter_answers_add(out, SECCOMP_RET_ERRNO | ENOSYS);
	for (size_t i = 0; !call->name && i < r->n; i++)
		if (may_name(&r->rule[i], call->arch))
			filter_answers_add(out, r->rule[i].answer);
}

void filter_call_rules_clear(struct filter_call_rules *c)
{
	free(c->rule);
	*c = (struct filter_call_rules){0};
}

int filter_rules_collect(const struct filter_rules *r, const struct filter_call *call,
			 struct filter_call_rules *out, struct cc_error *err)
{
	size_t n = 0;

	*out = (struct filter_call_rules){.otherwise = r->otherwise};
	out->rule = calloc(r->n + 1, sizeof(*out->rule));
	if (!out->rule)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	for (size_t i = 0; i < r->n; i++) {
		if (!is_of(&r->rule[i], call))
			continue;
		out->rule[out->n++] = &r->rule[i];
		out->plain = out->plain || !r->rule[i].n;
	}
	for (size_t i = 0; i < out->n; i++)
		if (!out->plain || !out->rule[i]->n)
			out->rule[n++] = out->rule[i];
	out->n = n;
	add_of_versions(r, call, &out->late);
	return 0;
}

bool filter_rules_ask(const struct filter_call_rules *c)
{
	return c->n && !c->plain;
}

void filter_rules_answers(const struct filter_call_rules *c, const uint64_t *args,
			  struct filter_answers *out)
{
	bool sure = c->plain;

	*out = c->late;
	for (size_t i = 0; i < c->n; i++) {
		const struct filter_rule *rule = c->rule[i];
		size_t n = args ? holding(rule, args) : rule->n;

		if (n == rule->n || (rule->again && n))
			filter_answers_add(out, rule->answer);
		sure = sure || (args && n == rule->n);
	}
	if (!sure)
		filter_answers_add(out, c->otherwise);
}
