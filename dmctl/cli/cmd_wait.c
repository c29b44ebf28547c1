// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_wait.c - dmctl wait: until a container of this host has its volumes, or has none any more.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/agent_client.h"
#include "cli/cmd.h"
#include "cli/output.h"
#include "cli/rows.h"
#include "host/boottime.h"

/**
 * struct waiting - what is waited for.
 * @bound: until it is bound; otherwise until it is released
 * @seconds: for how long; -1: for ever
 * @bindings: of the container, as they were last looked at
 * @over: it is as it is waited for
 * @failed: @err says why that cannot be known
 */
struct waiting {
	const struct global_options *g;
	const char *container;
	bool bound;
	int64_t seconds;
	json_t *bindings;
	bool over, failed;
	struct cc_error err;
};

static void waiting_clear(struct waiting *w)
{
	json_decref(w->bindings);
}

static bool all_are_bound(const json_t *bindings)
{
	json_t *b;
	size_t i;

	json_array_foreach(bindings, i, b) {
		const char *state = json_string_value(json_object_get(b, "state"));

		if (!state || strcmp(state, "bound") != 0)
			return false;
	}
	return json_array_size(bindings) > 0;
}

/* Events say that something has changed; how it is now, the bindings say. */
static void look(struct waiting *w)
{
	json_decref(w->bindings);
	w->bindings = NULL;
	w->failed = agent_bindings(w->g->agent, &w->bindings, &w->err) != 0;
	for (size_t i = json_array_size(w->bindings); i > 0; i--)
		if (!agent_is_of_container(json_array_get(w->bindings, i - 1), w->container))
			json_array_remove(w->bindings, i - 1);
	w->over = !w->failed &&
		  (w->bound ? all_are_bound(w->bindings) : json_array_size(w->bindings) == 0);
}

/* The first message comes when nothing that happens from then on can be missed. */
static bool on_message(void *arg, const json_t *message)
{
	const json_t *event = json_object_get(message, "event");
	struct waiting *w = arg;

	if (!event || agent_is_of_container(event, w->container))
		look(w);
	return !w->over && !w->failed;
}

static int await_condition(struct waiting *w)
{
	cc_auto_json json_t *request = json_pack("{s:s}", "op", "events");
	uint64_t until = UINT64_MAX;
	int rc;

	if (!request)
		return cc_fail(&w->err, CC_E_NOMEM, "out of memory");
	if (w->seconds >= 0)
		until = boottime_ms() + (uint64_t)w->seconds * 1000;
	rc = agent_follow(w->g->agent, request, until, on_message, w, &w->err);
	if (rc < 0 || w->failed)
		return -1;
	if (rc == 1)
		look(w);
	if (w->failed)
		return -1;
	if (w->over)
		return 0;
	return cc_fail(&w->err, CC_E_BUSY, "container %.80s %s after %lld s; see \"dmctl ps\"",
		       w->container, w->bound ? "is not bound" : "still has its volume",
		       (long long)w->seconds);
}

static int take_wait(int argc, char **argv, struct waiting *w)
{
	static const struct option options[] = {
		{"condition", required_argument, NULL, 'c'},
		{"timeout", required_argument, NULL, 't'},
		{0},
	};
	static const char *const names[] = {"CONTAINER", NULL};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return cmd_bad_option(w->g, argv);
		if (c == 'c') {
			w->bound = strcmp(optarg, "bound") == 0;
			if (!w->bound && strcmp(optarg, "released") != 0)
				return cmd_usage(w->g, argv[0],
						 "--condition must be bound or released");
		} else if (row_span(optarg, &w->seconds)) {
			return cmd_usage(w->g, argv[0],
					 "--timeout must be a time like 30, 90s, 10m or 1h");
		}
	}
	if (cmd_arguments(w->g, argc, argv, names))
		return CC_E_USAGE;
	if (!argv[optind][0])
		return cmd_usage(w->g, argv[0], "a container's name or id must not be empty");
	w->container = argv[optind];
	return CC_OK;
}

int cmd_wait(int argc, char **argv, const struct global_options *g)
{
	cc_cleanup(waiting_clear) struct waiting w = {.g = g, .seconds = -1};
	cc_auto_json json_t *answer = NULL;
	int rc = take_wait(argc, argv, &w);

	if (rc)
		return rc;
	if (await_condition(&w))
		return cmd_fail(g, &w.err);
	if (!g->json)
		return CC_OK;
	answer = json_pack("{s:b, s:s, s:s, s:O}", "ok", 1, "container", w.container, "condition",
			   w.bound ? "bound" : "released", "bindings", w.bindings);
	output_json(answer);
	return CC_OK;
}
