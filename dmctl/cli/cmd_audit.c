// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_audit.c - dmctl audit ls, verify: keyd's decisions, and that nobody changed them.
 */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "audit_chain.h"
#include "audit_head.h"
#include "cli/cmd.h"
#include "cli/rows.h"
#include "client/keyd_client.h"
#include "file.h"
#include "hex.h"
#include "cli/output.h"
#include "timestamp.h"

#define HASH_LEN 32
#define KEY_HEX (2 * CC_AUDIT_KEY)

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

/* ---- ls ------------------------------------------------------------------------------------ */

/* enum of getopt_long(3): behind these the index of a key. */
enum { OPT_AFTER = 256, OPT_SINCE, OPT_UNTIL, OPT_KEY };

static const struct row_key keys[] = {
	{"volume", "volume", false},
	{"event", "event", false},
	{"outcome", "outcome", false},
	{"fact", "fact", false},
	{0},
};

/**
 * struct ls_options - which rows dmctl audit ls shows.
 * @since, @until: seconds since the epoch, the first inclusive
 */
struct ls_options {
	struct row_filter filter;
	uint64_t after;
	int64_t since, until;
};

static int take_filter(struct ls_options *o, int key, const char *value, struct cc_error *err)
{
	if (o->filter.n == ROW_FILTERS_MAX)
		return cc_fail(err, CC_E_USAGE, "more than %d filters", ROW_FILTERS_MAX);
	o->filter.one[o->filter.n].key = &keys[key];
	o->filter.one[o->filter.n++].value = value;
	return 0;
}

static int take_option(struct ls_options *o, int c, const char *value, struct cc_error *err)
{
	switch (c) {
	case OPT_AFTER:
		return cmd_number(value, 0, INT64_MAX / 10, &o->after)
			       ? 0
			       : cc_fail(err, CC_E_USAGE, "--after must be the number of a row");
	case OPT_SINCE:
	case OPT_UNTIL:
		return row_moment(value, time(NULL), c == OPT_SINCE ? &o->since : &o->until)
			       ? cc_fail(err, CC_E_USAGE,
					 "\"%.40s\" is not a time: 2026-11-28T12:00:00Z, or 10m for "
					 "ten minutes ago",
					 value)
			       : 0;
	default:
		return take_filter(o, c - OPT_KEY, value, err);
	}
}

static int take_options(int argc, char **argv, struct ls_options *o, const struct global_options *g)
{
	static const struct option options[] = {
		{"after", required_argument, NULL, OPT_AFTER},
		{"since", required_argument, NULL, OPT_SINCE},
		{"until", required_argument, NULL, OPT_UNTIL},
		{"volume", required_argument, NULL, OPT_KEY},
		{"event", required_argument, NULL, OPT_KEY + 1},
		{"outcome", required_argument, NULL, OPT_KEY + 2},
		{"fact", required_argument, NULL, OPT_KEY + 3},
		{0},
	};
	static const char *const nothing[] = {NULL};
	struct cc_error err;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return cmd_bad_option(g, argv);
		if (take_option(o, c, optarg, &err))
			return cmd_usage(g, argv[0], "%s", err.text);
	}
	return cmd_arguments(g, argc, argv, nothing);
}

static void keep_time(json_t *rows, const struct ls_options *o)
{
	for (size_t i = json_array_size(rows); i > 0; i--) {
		const json_t *row = json_array_get(rows, i - 1);
		const char *time = json_string_value(json_object_get(row, "time"));
		int64_t t;

		if (time && cc_time_parse(time, &t) == 0 && (t < o->since || t >= o->until))
			json_array_remove(rows, i - 1);
	}
}

int cmd_audit_ls(int argc, char **argv, const struct global_options *g)
{
	static const struct column columns[] = {
		{"SEQ", "seq"},		{"TIME", "time"},     {"EVENT", "event"},
		{"OUTCOME", "outcome"}, {"VOLUME", "volume"}, {"AGENT", "agent"},
		{"FACT", "fact"},	{NULL, NULL},
	};
	struct ls_options o = {.since = INT64_MIN, .until = INT64_MAX};
	cc_auto_json json_t *rows = NULL;
	cc_auto_json json_t *out = NULL;
	struct cc_error err;

	if (take_options(argc, argv, &o, g))
		return CC_E_USAGE;
	rows = fetch_all(o.after, &err);
	if (!rows)
		return cmd_fail(g, &err);
	keep_time(rows, &o);
	row_filter_apply(&o.filter, rows);
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
 * @seq, @hash: the last row seen
 * @rows: how many were
 * @head: what keyd signed; of the last page it was asked for
 * @key: hex digits of the key that must have signed it, NULL for whichever
 * @kept: a head of before, which must be on the chain; NULL for none
 * @found: it is
 */
struct chain {
	uint64_t seq, rows;
	unsigned char hash[HASH_LEN];
	struct cc_audit_head head;
	const char *key;
	const struct cc_audit_head *kept;
	bool begun, found;
};

static int broken(uint64_t seq, const char *what, struct cc_error *err)
{
	cc_fail(err, CC_E_INVALID,
		"the audit log was changed: row %" PRIu64 " %s; compare it with a copy of the log",
		seq, what);
	return cc_set_fact(err, "audit");
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

/* A head of before may be of a row that has been pruned since, but for the last of those. */
static int compare_kept(struct chain *chain, struct cc_error *err)
{
	const struct cc_audit_head *kept = chain->kept;

	if (!kept || chain->seq != kept->seq)
		return 0;
	if (memcmp(chain->hash, kept->hash, HASH_LEN) != 0)
		return broken(kept->seq, "is not what it was when the head of --head was signed",
			      err);
	chain->found = true;
	return 0;
}

static int check_key(const struct chain *chain, const struct cc_audit_head *head,
		     struct cc_error *err)
{
	char key[KEY_HEX + 1];

	cc_hex_encode(head->key, sizeof(head->key), key);
	if (chain->key && strcmp(chain->key, key) != 0) {
		cc_fail(err, CC_E_INVALID, "the audit log is signed by key %s, not %s", key,
			chain->key);
		return cc_set_fact(err, "audit");
	}
	return 0;
}

/* The first one says where the log begins. */
static int take_head(struct chain *chain, const json_t *answer, struct cc_error *err)
{
	struct cc_audit_head *head = &chain->head;

	if (cc_audit_head_from_json(head, json_object_get(answer, "head"), err) ||
	    check_key(chain, head, err))
		return -1;
	if (chain->begun)
		return 0;
	chain->begun = true;
	chain->seq = head->start_seq;
	memcpy(chain->hash, head->start_hash, HASH_LEN);
	if (chain->kept && chain->kept->seq < chain->seq)
		return cc_fail(err, CC_E_NOTFOUND,
			       "row %" PRIu64
			       ", which --head is about, has been pruned: keep a newer "
			       "head",
			       chain->kept->seq);
	return compare_kept(chain, err);
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
	char hex[CC_HEX_32];

	if (row_seq(obj, &row.seq, err))
		return -1;
	if (row.seq != chain->seq + 1)
		return broken(chain->seq + 1, "is missing", err);
	cc_hex_encode(chain->hash, HASH_LEN, hex);
	if (!says(obj, "prev", hex))
		return broken(row.seq, "does not follow the row before it", err);
	if (cc_audit_hash(chain->hash, &row, chain->hash, err))
		return -1;
	cc_hex_encode(chain->hash, HASH_LEN, hex);
	if (!says(obj, "hash", hex))
		return broken(row.seq, "does not match its hash", err);
	if (!json_is_true(json_object_get(obj, "sealed")))
		return broken(row.seq, "was not written by keyd", err);
	chain->seq = row.seq;
	chain->rows++;
	return compare_kept(chain, err);
}

/* keyd reads the head before the rows of a page: when there are no more, it is of the last one. */
static int check_end(const struct chain *chain, struct cc_error *err)
{
	const struct cc_audit_head *head = &chain->head;

	if (head->seq > chain->seq)
		return broken(chain->seq + 1, "is missing", err);
	if (head->seq < chain->seq || memcmp(head->hash, chain->hash, HASH_LEN) != 0)
		return broken(chain->seq, "is not the last one that keyd signed", err);
	if (chain->kept && !chain->found)
		return broken(chain->kept->seq,
			      "has been removed since the head of --head was signed", err);
	return 0;
}

static int follow_all(struct chain *chain, struct cc_error *err)
{
	for (;;) {
		cc_auto_json json_t *answer = NULL;
		const json_t *row;
		json_t *rows;
		size_t i;

		if (fetch(chain->seq, &answer, &rows, err) || take_head(chain, answer, err))
			return -1;
		if (json_array_size(rows) == 0)
			return check_end(chain, err);
		json_array_foreach(rows, i, row)
			if (follow(chain, row, err))
				return -1;
	}
}

/* What verify --json has printed, or the head in it. */
static int read_kept(const char *path, struct cc_audit_head *kept, struct cc_error *err)
{
	cc_auto_json json_t *obj = NULL;
	cc_auto_free char *buf = NULL;
	const json_t *head;
	size_t len;

	if (cc_read_file(path, &buf, &len, err))
		return -1;
	obj = cc_json_parse(buf, len, path, err);
	if (!obj)
		return -1;
	head = json_object_get(obj, "signed");
	return cc_audit_head_from_json(kept, head ? head : obj, err) ? cc_prefix(err, "%s", path)
								     : 0;
}

static bool is_key(const char *s)
{
	unsigned char key[CC_AUDIT_KEY];

	return cc_hex_decode(s, key, sizeof(key)) == 0;
}

static int report(const struct chain *chain, const struct global_options *g)
{
	cc_auto_json json_t *out = NULL;
	char head[CC_HEX_32], key[KEY_HEX + 1];

	cc_hex_encode(chain->hash, HASH_LEN, head);
	cc_hex_encode(chain->head.key, sizeof(chain->head.key), key);
	if (!g->json) {
		printf("%" PRIu64 " rows, the chain is intact, last hash %s, signed by key %s\n",
		       chain->rows, head, key);
		return CC_OK;
	}
	out = json_pack("{s:I, s:s, s:o}", "rows", (json_int_t)chain->rows, "head", head, "signed",
			cc_audit_head_to_json(&chain->head));
	output_json(out);
	return CC_OK;
}

int cmd_audit_verify(int argc, char **argv, const struct global_options *g)
{
	static const struct option options[] = {
		{"key", required_argument, NULL, 'k'},
		{"head", required_argument, NULL, 'h'},
		{0},
	};
	static const char *const nothing[] = {NULL};
	struct cc_audit_head kept;
	struct chain chain = {0};
	const char *path = NULL;
	struct cc_error err;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == '?')
			return cmd_bad_option(g, argv);
		if (c == 'h')
			path = optarg;
		else
			chain.key = optarg;
	}
	if (chain.key && !is_key(chain.key))
		return cmd_usage(g, argv[0], "--key must be %d lower-case hex digits", KEY_HEX);
	if (cmd_arguments(g, argc, argv, nothing))
		return CC_E_USAGE;
	if (path) {
		chain.kept = &kept;
		if (read_kept(path, &kept, &err) || check_key(&chain, &kept, &err))
			return cmd_fail(g, &err);
	}
	return follow_all(&chain, &err) ? cmd_fail(g, &err) : report(&chain, g);
}
