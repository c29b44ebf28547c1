// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_doctor.c - dmctl doctor.
 */
#include <getopt.h>
#include <stdarg.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/doctor.h"
#include "cli/output.h"

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
	{"docker", doctor_docker},
	{"podman", doctor_podman},
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

static void fill(struct finding *f, enum finding_state state, const char *advice, const char *fmt,
		 va_list ap)
{
	f->state = state;
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	snprintf(f->advice, sizeof(f->advice), "%s", advice);
	cc_text_clean(f->text);
}

void finding_ok(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(f, FINDING_OK, "", fmt, ap);
	va_end(ap);
}

void finding_warn(struct finding *f, const char *advice, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(f, FINDING_WARN, advice, fmt, ap);
	va_end(ap);
}

void finding_fail(struct finding *f, enum cc_code code, const char *advice, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fill(f, FINDING_FAIL, advice, fmt, ap);
	va_end(ap);
	f->code = code;
}

static void print(const char *name, const struct finding *f)
{
	printf("%-4s  %-12s%s\n", words[f->state], name, f->text);
	if (f->advice[0])
		printf("      %-12s-> %s\n", "", f->advice);
}

int cmd_doctor(int argc, char **argv, const struct global_options *g)
{
	static const char *const nothing[] = {NULL};
	cc_auto_json json_t *list = json_array(), *answer = NULL;
	unsigned int failed = 0, warned = 0;
	int rc = CC_OK;

	if (cmd_only_arguments(g, argc, argv, nothing))
		return CC_E_USAGE;
	for (size_t i = 0; i < N_CHECKS; i++) {
		struct finding f = {.state = FINDING_OK};

		checks[i].check(g, &f);
		failed += f.state == FINDING_FAIL;
		warned += f.state == FINDING_WARN;
		if (f.state == FINDING_FAIL && rc == CC_OK)
			rc = (int)f.code;
		if (!g->json)
			print(checks[i].name, &f);
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "name",
						      checks[i].name, "state", json_words[f.state],
						      "text", f.text, "advice", f.advice));
	}
	answer = json_pack("{s:b, s:O}", "ok", failed == 0, "checks", list);
	if (g->json)
		output_json(answer);
	else if (failed || warned)
		printf("\n%u to mend, %u to consider.\n", failed, warned);
	else
		printf("\nAll is well.\n");
	return rc;
}
