// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_apply.c - dmctl apply, export: what keyd has, as one document.
 */
#include <getopt.h>
#include <string.h>

#include "cli/agent_client.h"
#include "cli/cmd.h"
#include "cli/output.h"
#include "host/stop_signals.h"
#include "state/carry_out.h"
#include "state/document.h"
#include "state/present.h"

#define DIFFERS 1 /* exit status of --diff when something would change, as of diff(1) */

/**
 * struct apply_options - what was asked for.
 */
struct apply_options {
	const char *file;
	bool diff, prune, create_volumes;
};

/* ---- what is shown ------------------------------------------------------------------------- */

/* Malloced, fit for a terminal; "?" without memory. */
static char *shown_value(const json_t *value)
{
	char *text = json_is_string(value) ? strdup(json_string_value(value))
					   : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

	if (text)
		cc_text_clean(text);
	return text;
}

static void print_member(FILE *f, const char *name, const json_t *change)
{
	const json_t *from = json_object_get(change, "from");
	cc_auto_free char *was = from ? shown_value(from) : NULL;
	cc_auto_free char *is = shown_value(json_object_get(change, "to"));

	fprintf(f, " %s %s%s%s", name, was ?: "", from ? " -> " : "", is ?: "?");
}

/* "~ volume pgdata: leaseMs 600000 -> 120000" */
static void print_step(FILE *f, const struct state_step *s)
{
	const char *sign = s->action[0] == 's' ? "~" : s->action[0] == 'r' ? "-" : "+";
	const char *separator = ":", *name;
	json_t *change;

	fprintf(f, "%s %s %s", sign, state_noun(s->kind), s->name);
	json_object_foreach(s->members, name, change) {
		fputs(separator, f);
		print_member(f, name, change);
		separator = ",";
	}
	fputc('\n', f);
}

static void show_step(const struct state_step *s)
{
	print_step(stdout, s);
	fflush(stdout);
}

static json_t *steps_json(const struct state_plan *plan, bool with_done)
{
	cc_auto_json json_t *list = json_array();

	for (size_t i = 0; i < plan->n; i++) {
		const struct state_step *s = &plan->v[i];
		json_t *obj =
			json_pack("{s:s, s:s, s:s, s:O}", "action", s->action, "kind",
				  state_noun(s->kind), "name", s->name, "members", s->members);

		if (with_done)
			json_object_set_new(obj, "done", json_boolean(s->done));
		if (json_array_append_new(list, obj))
			return NULL;
	}
	return cc_steal(list);
}

static void print_json(const struct state_plan *plan, bool with_done)
{
	cc_auto_json json_t *obj = json_pack("{s:b, s:o}", "changed", plan->n > 0, "changes",
					     steps_json(plan, with_done));

	if (obj)
		output_json(obj);
}

/* ---- apply --------------------------------------------------------------------------------- */

/* Nothing was begun that needs somebody's word. */
static int check_creations_allowed(const struct state_plan *plan, const struct apply_options *o,
				   struct cc_error *err)
{
	for (size_t i = 0; !o->create_volumes && i < plan->n; i++)
		if (plan->v[i].create)
			return cc_fail(
				err, CC_E_NOTFOUND,
				"there is no volume %s; add --create-volumes to create it on "
				"%s",
				plan->v[i].name, plan->v[i].create->lun);
	return 0;
}

/* What was done and what was not, besides the error. */
static int report_failure(const struct global_options *g, const struct state_plan *plan,
			  const struct cc_error *err)
{
	cc_auto_json json_t *obj = cc_error_to_json(err);
	size_t n_done = 0;

	for (size_t i = 0; i < plan->n; i++)
		n_done += plan->v[i].done;
	fprintf(stderr, "dmctl: %s\n", err->text);
	fprintf(stderr, "dmctl: %zu of %zu changes were made; the same command makes the rest%s\n",
		n_done, plan->n, n_done < plan->n ? ", which is:" : "");
	for (size_t i = 0; i < plan->n; i++) {
		if (plan->v[i].done)
			continue;
		fputs("dmctl:   ", stderr);
		print_step(stderr, &plan->v[i]);
	}
	if (g->json && obj) {
		json_object_set_new(obj, "changed", json_boolean(n_done > 0));
		json_object_set_new(obj, "changes", steps_json(plan, true));
		output_json(obj);
	}
	return (int)err->code;
}

static int carry_out(const struct global_options *g, const struct apply_options *o,
		     struct state_plan *plan)
{
	struct cc_error err;
	int rc = CC_OK;

	if (check_creations_allowed(plan, o, &err))
		return cmd_fail(g, &err);
	if (o->create_volumes)
		stop_signals_block();
	if (state_carry_out(plan, g->json ? NULL : show_step, &err))
		rc = report_failure(g, plan, &err);
	else if (g->json)
		print_json(plan, true);
	if (plan->n)
		agent_refresh(g->agent);
	else
		fprintf(stderr, "dmctl: nothing to change\n");
	return rc;
}

static int show_diff(const struct global_options *g, const struct state_plan *plan)
{
	if (g->json)
		print_json(plan, false);
	for (size_t i = 0; !g->json && i < plan->n; i++)
		print_step(stdout, &plan->v[i]);
	return plan->n ? DIFFERS : CC_OK;
}

static int apply(const struct global_options *g, const struct apply_options *o)
{
	cc_cleanup(state_plan_clear) struct state_plan plan = {0};
	cc_cleanup(state_clear) struct state wanted = {0}, present = {0};
	struct cc_error err;

	if (state_document_read(o->file, &wanted, &err) ||
	    state_present_read(&present, &wanted, &err) ||
	    state_plan_make(&wanted, &present, o->prune, &plan, &err))
		return cmd_fail(g, &err);
	return o->diff ? show_diff(g, &plan) : carry_out(g, o, &plan);
}

int cmd_apply(int argc, char **argv, const struct global_options *g)
{
	static const struct option options[] = {
		{"file", required_argument, NULL, 'f'},
		{"diff", no_argument, NULL, 'd'},
		{"prune", no_argument, NULL, 'p'},
		{"create-volumes", no_argument, NULL, 'c'},
		{0},
	};
	static const char *const nothing[] = {NULL};
	struct apply_options o = {0};
	int c;

	while ((c = getopt_long(argc, argv, "f:", options, NULL)) != -1) {
		if (c == '?')
			return cmd_bad_option(g, argv);
		if (c == 'f')
			o.file = optarg;
		o.diff |= c == 'd';
		o.prune |= c == 'p';
		o.create_volumes |= c == 'c';
	}
	if (cmd_arguments(g, argc, argv, nothing))
		return CC_E_USAGE;
	if (!o.file)
		return cmd_usage(g, argv[0], "-f FILE is missing");
	return apply(g, &o);
}

/* ---- export -------------------------------------------------------------------------------- */

/* Half a volume is nobody's state. */
static void leave_out_unready(struct state *s)
{
	for (size_t i = 0; i < s->n_volumes;) {
		struct state_volume half = s->volumes[i];

		if (half.ready) {
			i++;
			continue;
		}
		fprintf(stderr, "dmctl: left out: volume %s, whose creation was broken off\n",
			half.name);
		json_decref(half.terms);
		json_decref(half.made);
		memmove(&s->volumes[i], &s->volumes[i + 1],
			(--s->n_volumes - i) * sizeof(s->volumes[0]));
	}
}

int cmd_export(int argc, char **argv, const struct global_options *g)
{
	static const char *const nothing[] = {NULL};
	cc_cleanup(state_clear) struct state present = {0};
	cc_auto_json json_t *doc = NULL;
	struct cc_error err;

	if (cmd_only_arguments(g, argc, argv, nothing))
		return CC_E_USAGE;
	if (state_present_read(&present, NULL, &err))
		return cmd_fail(g, &err);
	leave_out_unready(&present);
	doc = state_to_json(&present);
	if (!doc) {
		cc_fail(&err, CC_E_NOMEM, "out of memory");
		return cmd_fail(g, &err);
	}
	output_json(doc);
	return CC_OK;
}
