// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_doctor.c - dmctl doctor.
 */
#include "cli/cmd.h"
#include "cli/doctor.h"
#include "cli/output.h"
#include "engine/engines.h"
#include "host/program.h"

static const struct {
	const char *name;
	check_fn *check;
} checks[] = {
	{"kernel", doctor_kernel},
	{"module", doctor_module},
	{"lockdown", doctor_lockdown},
	{"cgroups", doctor_cgroup},
	{"gate: open", doctor_gate_open},
	{"gate: look", doctor_gate_look},
	{"look at start", doctor_tracing},
	{"clock", doctor_clock},
	{"swap", doctor_swap},
	{"core files", doctor_core},
	{"crash dumps", doctor_kdump},
	{"keyd", doctor_keyd},
	{"agent", doctor_agent},
	{"enrolled", doctor_enrolled},
	{"hook", doctor_hook},
	{"CDI specs", doctor_specs},
	{"plugin", doctor_plugin},
	{"volumes", doctor_luns},
};

#define N_CHECKS (sizeof(checks) / sizeof(checks[0]))

static const char *const words[] = {
	[FINDING_OK] = "ok",
	[FINDING_WARN] = "warn",
	[FINDING_FAIL] = "FAIL",
	[FINDING_NONE] = "-",
};
static const char *const json_words[] = {
	[FINDING_OK] = "ok",
	[FINDING_WARN] = "warn",
	[FINDING_FAIL] = "fail",
	[FINDING_NONE] = "none",
};

static void print(const char *name, const struct finding *f)
{
	printf("%-4s  %-12s%s\n", words[f->state], name, f->text);
	if (f->advice[0])
		printf("      %-12s-> %s\n", "", f->advice);
}

static void check_engine(const struct engine *engine, struct finding *f)
{
	if (program_installed(engine->program))
		engine->check(f);
	else
		finding_none(f, "is not installed");
}

/**
 * struct summary - all findings so far.
 * @rc: code of the first that fails
 */
struct summary {
	json_t *list;
	unsigned int failed, warned;
	int rc;
};

static void summarize(struct summary *s, const struct global_options *g, const char *name,
		      const struct finding *f)
{
	s->failed += f->state == FINDING_FAIL;
	s->warned += f->state == FINDING_WARN;
	if (f->state == FINDING_FAIL && s->rc == CC_OK)
		s->rc = (int)f->code;
	if (!g->json)
		print(name, f);
	json_array_append_new(s->list, json_pack("{s:s, s:s, s:s, s:s}", "name", name, "state",
						 json_words[f->state], "text", f->text, "advice",
						 f->advice));
}

int cmd_doctor(int argc, char **argv, const struct global_options *g)
{
	static const char *const nothing[] = {NULL};
	cc_auto_json json_t *list = json_array(), *answer = NULL;
	struct summary s = {.list = list, .rc = CC_OK};

	if (cmd_only_arguments(g, argc, argv, nothing))
		return CC_E_USAGE;
	for (size_t i = 0; i < N_CHECKS; i++) {
		struct finding f = {.state = FINDING_OK};

		checks[i].check(g, &f);
		summarize(&s, g, checks[i].name, &f);
	}
	for (const struct engine *const *e = engines; *e; e++) {
		struct finding f = {.state = FINDING_OK};

		check_engine(*e, &f);
		summarize(&s, g, (*e)->name, &f);
	}
	answer = json_pack("{s:b, s:O}", "ok", s.failed == 0, "checks", list);
	if (g->json)
		output_json(answer);
	else if (s.failed || s.warned)
		printf("\n%u to repair, %u to consider.\n", s.failed, s.warned);
	else
		printf("\nAll is well.\n");
	return s.rc;
}
