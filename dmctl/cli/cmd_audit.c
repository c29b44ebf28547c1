// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_audit.c - dmctl audit ls, verify: keyd's decisions, and that nobody changed them.
 */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "audit_chain.h"
#include "cli/cmd.h"
#include "client/keyd_client.h"
#include "cli/output.h"

#define HASH_LEN 32

/* The rows behind @after, one page; *rows is borrowed from *answer. */
static int fetch(uint64_t after, json_t **answer, json_t **rows, struct cc_error *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/v1/audit?after=%" PRIu64, after);
	if (keyd_request("GET", path, NULL, answer, err))
		return -1;
	return cc_json_arr(*answer, "answer of keyd", "rows", true, rows, err);
}

static int row_seq(const json_t *row, uint64_t *seq, struct cc_error *err)
{
	return cc_json_u64(row, "audit row", "seq", true, seq, err);
}

/* All rows behind @after in one array, new reference. */
static json_t *fetch_all(uint64_t after, struct cc_error *err)
{
	cc_auto_json json_t *all = json_array();

	while (all) {
		cc_auto_json json_t *answer = NULL;
		json_t *rows;
		uint64_t last;

		if (fetch(after, &answer, &rows, err))
			return NULL;
		if (json_array_size(rows) == 0)
			return cc_steal(all);
		if (row_seq(json_array_get(rows, json_array_size(rows) - 1), &last, err))
			return NULL;
		if (last <= after) {
			cc_fail(err, CC_E_INVALID, "keyd's audit pages do not advance");
			return NULL;
		}
		after = last;
		json_array_extend(all, rows);
	}
	cc_fail(err, CC_E_NOMEM, "out of memory");
	return NULL;
}

int cmd_audit_ls(int argc, char **argv, const struct global_options *g)
{
	static const struct option options[] = {
		{"after", required_argument, NULL, 'a'},
		{0},
	};
	static const struct column columns[] = {
		{"SEQ", "seq"},		{"TIME", "time"},     {"EVENT", "event"},
		{"OUTCOME", "outcome"}, {"VOLUME", "volume"}, {"AGENT", "agent"},
		{"FACT", "fact"},	{NULL, NULL},
	};
	static const char *const nothing[] = {NULL};
	cc_auto_json json_t *rows = NULL;
	cc_auto_json json_t *out = NULL;
	struct cc_error err;
	uint64_t after = 0;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return cmd_bad_option(g, argv);
		if (!cmd_number(optarg, 0, INT64_MAX / 10, &after))
			return cmd_usage(g, argv[0], "--after must be the number of a row");
	}
	if (cmd_arguments(g, argc, argv, nothing))
		return CC_E_USAGE;
	rows = fetch_all(after, &err);
	if (!rows)
		return cmd_fail(g, &err);
	if (!g->json) {
		output_rows(rows, columns);
		return CC_OK;
	}
	out = json_pack("{s:O}", "rows", rows);
	output_json(out);
	return CC_OK;
}

/* ---- verify -------------------------------------------------------------------------------- */

/**
 * struct chain - how far the chain has been followed.
 * @rows: rows seen, which is the sequence number of the last one
 * @hash: hash of the last one
 */
struct chain {
	uint64_t rows;
	unsigned char hash[HASH_LEN];
};

static void to_hex(const unsigned char hash[static HASH_LEN], char out[static 2 * HASH_LEN + 1])
{
	for (size_t i = 0; i < HASH_LEN; i++)
		snprintf(out + 2 * i, 3, "%02x", hash[i]);
}

static int broken(const struct chain *chain, const char *what, struct cc_error *err)
{
	cc_fail(err, CC_E_INVALID,
		"the audit log was changed: row %" PRIu64 " %s; compare it with a copy of the log",
		chain->rows + 1, what);
	snprintf(err->fact, sizeof(err->fact), "audit");
	return -1;
}

static bool says(const json_t *row, const char *key, const char *want)
{
	const char *s = json_string_value(json_object_get(row, key));

	return s && strcmp(s, want) == 0;
}

static const char *text(const json_t *row, const char *key)
{
	return json_string_value(json_object_get(row, key)) ?: "";
}

static int follow(struct chain *chain, const json_t *obj, struct cc_error *err)
{
	struct cc_audit_row row = {
		.time = text(obj, "time"),
		.event = text(obj, "event"),
		.outcome = text(obj, "outcome"),
		.agent = text(obj, "agent"),
		.volume = text(obj, "volume"),
		.container = text(obj, "container"),
		.fact = text(obj, "fact"),
		.detail = text(obj, "detail"),
	};
	char hex[2 * HASH_LEN + 1];

	if (row_seq(obj, &row.seq, err))
		return -1;
	if (row.seq != chain->rows + 1)
		return broken(chain, "is missing", err);
	to_hex(chain->hash, hex);
	if (!says(obj, "prev", hex))
		return broken(chain, "does not follow the row before it", err);
	if (cc_audit_hash(chain->hash, &row, chain->hash, err))
		return -1;
	to_hex(chain->hash, hex);
	if (!says(obj, "hash", hex))
		return broken(chain, "does not match its hash", err);
	chain->rows++;
	return 0;
}

static int follow_all(struct chain *chain, struct cc_error *err)
{
	for (;;) {
		cc_auto_json json_t *answer = NULL;
		const json_t *row;
		json_t *rows;
		size_t i;

		if (fetch(chain->rows, &answer, &rows, err))
			return -1;
		if (json_array_size(rows) == 0)
			return 0;
		json_array_foreach(rows, i, row)
			if (follow(chain, row, err))
				return -1;
	}
}

int cmd_audit_verify(int argc, char **argv, const struct global_options *g)
{
	static const char *const nothing[] = {NULL};
	cc_auto_json json_t *out = NULL;
	char head[2 * HASH_LEN + 1];
	struct chain chain = {0};
	struct cc_error err;

	if (cmd_only_arguments(g, argc, argv, nothing))
		return CC_E_USAGE;
	if (follow_all(&chain, &err))
		return cmd_fail(g, &err);
	to_hex(chain.hash, head);
	if (!g->json) {
		printf("%" PRIu64 " rows, the chain is intact, last hash %s\n", chain.rows, head);
		return CC_OK;
	}
	out = json_pack("{s:I, s:s}", "rows", (json_int_t)chain.rows, "head", head);
	output_json(out);
	return CC_OK;
}
