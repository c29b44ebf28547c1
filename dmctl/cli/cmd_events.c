// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_events.c - dmctl events: what happens to this host's containers and their volumes.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/agent_client.h"
#include "cli/cmd.h"
#include "cli/output.h"
#include "cli/rows.h"
#include "host/boottime.h"

#define SHORT_ID 12 /* digits */

static const struct row_key keys[] = {
	{"event", "event", false},
	{"volume", "volume", false},
	{"name", "containerName", false},
	{"id", "container", true},
	{"engine", "engine", false},
	{"fact", "fact", false},
	{0},
};

/**
 * struct events_options - what was asked.
 * @since: seconds since the epoch; -1: new ones only
 * @until: the same; INT64_MAX: without an end
 * @format: NULL: a line of text each
 * @failed: @err says why no more was wanted
 */
struct events_options {
	const struct global_options *g;
	struct row_filter filter;
	int64_t since, until;
	bool once, failed;
	const char *format;
	struct cc_error err;
};

/* Of what is to come "10m" is in ten minutes. */
static int until_moment(const char *text, int64_t now, int64_t *t)
{
	bool has_unit = text[0] && strchr("smhd", text[strlen(text) - 1]);

	if (!has_unit)
		return row_moment(text, now, t);
	if (row_span(text, t))
		return -1;
	*t += now;
	return 0;
}

static int take_options(int argc, char **argv, struct events_options *o)
{
	static const struct option options[] = {
		{"filter", required_argument, NULL, 'f'}, {"since", required_argument, NULL, 's'},
		{"until", required_argument, NULL, 'u'},  {"once", no_argument, NULL, 'o'},
		{"format", required_argument, NULL, 'F'}, {0},
	};
	static const char *const nothing[] = {NULL};
	int64_t now = (int64_t)time(NULL);
	struct cc_error err;
	int c;

	while ((c = getopt_long(argc, argv, "f:", options, NULL)) != -1) {
		if (c == '?')
			return cmd_bad_option(o->g, argv);
		if (c == 'f' && row_filter_add(&o->filter, keys, optarg, &err))
			return cmd_fail(o->g, &err);
		if ((c == 's' && row_moment(optarg, now, &o->since)) ||
		    (c == 'u' && until_moment(optarg, now, &o->until)))
			return cmd_usage(o->g, argv[0],
					 "--%s must be a time like 2026-11-28T12:00:00Z, or 10m",
					 c == 's' ? "since" : "until");
		if (c == 'F')
			o->format = optarg;
		o->once |= c == 'o';
	}
	if (o->since < 0 && (o->once || o->until <= now))
		o->since = 0;
	o->once |= o->until <= now;
	return cmd_arguments(o->g, argc, argv, nothing);
}

static const char *event_text(const json_t *event, const char *key)
{
	return json_string_value(json_object_get(event, key)) ?: "";
}

/* "TIME EVENT VOLUME CONTAINER MORE" */
static void print_text(json_t *event)
{
	const char *name = event_text(event, "containerName");
	const char *id = event_text(event, "container");
	const char *fact = event_text(event, "fact");
	char line[2048];

	output_add_time(event, "leftMs", "left");
	snprintf(line, sizeof(line), "%s %-8s %s %.*s %s%s%s%s", event_text(event, "time"),
		 event_text(event, "event"),
		 *event_text(event, "volume") ? event_text(event, "volume") : "-",
		 *name ? 256 : SHORT_ID,
		 *name ? name
		 : *id ? id
		       : "-",
		 fact, *fact ? ": " : "", event_text(event, "text"),
		 event_text(event, "mountPoint"));
	cc_text_clean(line);
	for (size_t len = strlen(line); len && line[len - 1] == ' '; len--)
		line[len - 1] = '\0';
	printf("%s%s%s\n", line, *event_text(event, "left") ? " left " : "",
	       event_text(event, "left"));
}

static int print_formatted(json_t *event, const char *format, struct cc_error *err)
{
	cc_auto_json json_t *rows = json_pack("[O]", event);

	return rows ? row_format(stdout, rows, format, err)
		    : cc_fail(err, CC_E_NOMEM, "out of memory");
}

static void print_json(const json_t *obj)
{
	json_dumpf(obj, stdout, JSON_COMPACT);
	putchar('\n');
}

static void print_lost(const struct events_options *o, const json_t *message)
{
	if (o->g->json)
		print_json(message);
	else
		fprintf(stderr,
			"dmctl: %lld events were lost: they came faster than they were read\n",
			(long long)json_integer_value(json_object_get(message, "lost")));
}

/* What is shown comes out at once. Whoever reads it no longer is noticed. */
static bool on_message(void *arg, const json_t *message)
{
	json_t *event = json_object_get(message, "event");
	struct events_options *o = arg;
	bool as_json = o->g->json || (o->format && strcmp(o->format, "json") == 0);

	if (json_object_get(message, "lost"))
		print_lost(o, message);
	else if (!event || !row_filter_fits(&o->filter, event))
		return true;
	else if (as_json)
		print_json(event);
	else if (!o->format)
		print_text(event);
	else
		o->failed = print_formatted(event, o->format, &o->err) != 0;
	return !o->failed && !fflush(stdout) && !ferror(stdout);
}

/* By the clock that time is told by, as a moment of the one that nobody sets. */
static uint64_t end_ms(const struct events_options *o)
{
	int64_t now = (int64_t)time(NULL);

	if (o->once || o->until == INT64_MAX)
		return UINT64_MAX;
	return boottime_ms() + (o->until > now ? (uint64_t)(o->until - now) * 1000 : 0);
}

static bool is_before_end(const json_t *event, int64_t until)
{
	int64_t t;

	return !row_moment(event_text(event, "time"), 0, &t) && t < until;
}

static bool on_message_until(void *arg, const json_t *message)
{
	const struct events_options *o = arg;
	const json_t *event = json_object_get(message, "event");

	return event && !is_before_end(event, o->until) ? false : on_message(arg, message);
}

int cmd_events(int argc, char **argv, const struct global_options *g)
{
	struct events_options o = {.g = g, .since = -1, .until = INT64_MAX};
	cc_auto_json json_t *request = NULL;
	struct cc_error err;
	int rc = take_options(argc, argv, &o);

	if (rc)
		return rc;
	request = json_pack("{s:s, s:b, s:o*}", "op", "events", "follow", !o.once, "since",
			    o.since < 0 ? NULL : json_integer(o.since));
	if (!request) {
		cc_fail(&err, CC_E_NOMEM, "out of memory");
		return cmd_fail(g, &err);
	}
	if (agent_follow(g->agent, request, end_ms(&o), on_message_until, &o, &err) < 0)
		return cmd_fail(g, &err);
	return o.failed ? cmd_fail(g, &o.err) : CC_OK;
}
