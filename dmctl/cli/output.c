// SPDX-License-Identifier: Apache-2.0
/*
 * output.c - results on stdout.
 */
#include "cli/output.h"

#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>

#define CELL_MAX 512
#define NARROWEST 8u /* characters a cut column keeps */

void output_json(const json_t *obj)
{
	json_dumpf(obj, stdout, JSON_INDENT(2));
	putchar('\n');
}

/* Characters, not bytes, of valid UTF-8. */
static unsigned int characters(const char *s)
{
	unsigned int n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

/* Cuts @s after @n characters. */
static void cut(char *s, unsigned int n)
{
	for (; *s; s++)
		if (((unsigned char)*s & 0xc0) != 0x80 && n-- == 0)
			break;
	*s = '\0';
}

static const json_t *member(const json_t *obj, const char *key)
{
	const char *dot = strchr(key, '.');

	if (!dot)
		return json_object_get(obj, key);
	return json_object_get(json_object_getn(obj, key, (size_t)(dot - key)), dot + 1);
}

/* Names may come from containers and engines: nothing in them may steer the terminal. */
static void cell(const json_t *obj, const char *key, char out[static CELL_MAX])
{
	const json_t *v = member(obj, key);

	switch (v ? json_typeof(v) : JSON_NULL) {
	case JSON_STRING:
		snprintf(out, CELL_MAX, "%s", json_string_value(v)[0] ? json_string_value(v) : "-");
		break;
	case JSON_INTEGER:
		snprintf(out, CELL_MAX, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
		break;
	case JSON_TRUE:
		snprintf(out, CELL_MAX, "yes");
		break;
	case JSON_FALSE:
		snprintf(out, CELL_MAX, "no");
		break;
	default:
		snprintf(out, CELL_MAX, "-");
	}
	cc_text_clean(out);
}

/* Narrows the widest columns until the row fits. The widths include no gap. */
static void fit(unsigned int *widths, size_t n, unsigned int width)
{
	unsigned int total = 2 * (unsigned int)(n - 1);

	for (size_t i = 0; i < n; i++)
		total += widths[i];
	while (width && total > width) {
		size_t widest = 0;

		for (size_t i = 1; i < n; i++)
			if (widths[i] > widths[widest])
				widest = i;
		if (widths[widest] <= NARROWEST)
			return;
		widths[widest]--;
		total--;
	}
}

static void put_cell(FILE *f, char *text, unsigned int width, bool last)
{
	cut(text, width);
	fputs(text, f);
	if (last)
		fputc('\n', f);
	else
		fprintf(f, "%*s", (int)(width - characters(text) + 2), "");
}

void output_table(FILE *f, const json_t *rows, const struct column *columns, unsigned int width)
{
	unsigned int widths[TABLE_COLUMNS_MAX] = {0};
	char text[CELL_MAX];
	const json_t *row;
	size_t n = 0, i;

	for (; n < TABLE_COLUMNS_MAX && columns[n].title; n++) {
		widths[n] = characters(columns[n].title);
		json_array_foreach(rows, i, row) {
			cell(row, columns[n].key, text);
			if (characters(text) > widths[n])
				widths[n] = characters(text);
		}
	}
	fit(widths, n, width);
	for (i = 0; i < n; i++) {
		snprintf(text, sizeof(text), "%s", columns[i].title);
		put_cell(f, text, widths[i], i == n - 1);
	}
	json_array_foreach(rows, i, row) {
		for (size_t j = 0; j < n; j++) {
			cell(row, columns[j].key, text);
			put_cell(f, text, widths[j], j == n - 1);
		}
	}
}

void output_rows(const json_t *rows, const struct column *columns)
{
	struct winsize ws = {0};

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws))
		ws.ws_col = 0;
	output_table(stdout, rows, columns, ws.ws_col);
}

void output_record(FILE *f, const json_t *obj, const struct column *fields)
{
	unsigned int width = 0;
	char text[CELL_MAX];

	for (const struct column *c = fields; c->title; c++)
		if (characters(c->title) > width)
			width = characters(c->title);
	for (const struct column *c = fields; c->title; c++) {
		cell(obj, c->key, text);
		fprintf(f, "%s:%*s %s\n", c->title, (int)(width - characters(c->title)), "", text);
	}
}

void output_add_time(json_t *obj, const char *key, const char *as)
{
	const json_t *ms = json_object_get(obj, key);
	long long s = json_integer_value(ms) / 1000;
	char text[40];

	if (!json_is_integer(ms))
		return;
	if (s >= 3600)
		snprintf(text, sizeof(text), "%lldh %lldm", s / 3600, s / 60 % 60);
	else if (s >= 60)
		snprintf(text, sizeof(text), "%lldm %llds", s / 60, s % 60);
	else
		snprintf(text, sizeof(text), "%llds", s);
	json_object_set_new(obj, as, json_string(text));
}
