// SPDX-License-Identifier: Apache-2.0
#include "maintain.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "custodian/kek.h"
#include "custodian/mark.h"
#include "custodian/seal.h"
#include "store/store.h"
#include "timestamp.h"

/* A database and the keys for it. */
struct opened {
	struct kek kek;
	struct seal seal;
	struct store *store;
};

static void opened_clear(struct opened *o)
{
	store_close(o->store);
	seal_clear(&o->seal);
	kek_clear(&o->kek);
}
#define auto_opened cc_cleanup(opened_clear)

static int open_with(struct opened *o, const char *dir, enum store_mode mode, const char *kek,
		     struct cc_error *err)
{
	o->store = store_open(dir, mode, err);
	if (!o->store)
		return -1;
	if (kek_load(kek, &o->kek, err) || seal_check_kek(o->store, &o->kek, err) ||
	    seal_derive(&o->seal, &o->kek, err))
		return -1;
	return store_start(o->store, &o->seal.ops, (int64_t)time(NULL), err);
}

/* ---- check ---- */

/* What fits of it. */
static void append_names(char *names, size_t size, const struct bad_names *bad)
{
	size_t at = strlen(names);

	for (size_t i = 0; i < bad->n && at < size; i++)
		at += (size_t)snprintf(names + at, size - at, "%s%s", at ? ", " : "", bad->at[i]);
}

static int check_rows(struct opened *o, struct cc_error *err)
{
	char names[512] = "";
	size_t bad;

	if (store_check_rows(o->store, &bad, err))
		return -1;
	append_names(names, sizeof(names), &o->seal.bad.ours);
	append_names(names, sizeof(names), &o->seal.bad.others);
	if (bad) {
		cc_fail(err, CC_E_INVALID,
			"%zu rows of the database were not written by keyd: %s; restore a backup, "
			"and find out who wrote to it",
			bad, names);
		return cc_set_fact(err, STORE_FACT_ROW);
	}
	if (store_rows_load(o->store, err))
		return -1;
	if (store_rows_misfit(o->store)[0]) {
		cc_fail(err, CC_E_INVALID,
			"rows of the database were removed, or older ones put in their place: %s; "
			"keyd serve begins a quarantine, see keyd(8)",
			store_rows_misfit(o->store));
		return cc_set_fact(err, STORE_FACT_ROW);
	}
	printf("all rows were written by keyd, and none is missing\n");
	return 0;
}

static int check_audit(struct store *st, struct cc_error *err)
{
	uint64_t rows;

	if (store_audit_verify(st, &rows, err))
		return -1;
	printf("database is sound, audit log is unbroken: %" PRIu64 " rows\n", rows);
	return 0;
}

/* The mark first: a keyd that serves writes it after the database. */
static int read_mark(const char *state_dir, const char *anchor, struct mark_file *mark,
		     struct cc_error *err)
{
	cc_auto_free char *dir = anchor_dir(state_dir, anchor);

	return dir ? mark_open(mark, dir, false, err) : cc_fail(err, CC_E_NOMEM, "out of memory");
}

static int check_mark(struct store *st, struct mark_file *mark, struct cc_error *err)
{
	enum mark_fit fit;

	if (mark_judge(st, mark, &fit, err))
		return -1;
	switch (fit) {
	case MARK_NONE:
		printf("there is no high-water mark yet: keyd serve makes it\n");
		return 0;
	case MARK_FITS:
		printf("it is the one that keyd served last%s\n",
		       mark->mark.quarantine_boot[0] ? "; keyd is in quarantine" : "");
		return 0;
	default:
		return cc_fail(err, CC_E_INVALID,
			       "the database: %s; keyd serve begins a quarantine, see keyd(8)",
			       mark_fit_text(fit));
	}
}

static int check_all(struct opened *o, const char *state_dir, const char *kek, struct cc_error *err)
{
	o->store = store_open(state_dir, STORE_LOOK, err);
	if (!o->store || store_check(o->store, err))
		return -1;
	if (!kek || !store_has_macs(o->store)) {
		printf(kek ? "rows have no MACs yet: \"dmctl init\" gives them some\n"
			   : "without the key-encryption key nobody can say who wrote the rows\n");
		return check_audit(o->store, err);
	}
	store_close(cc_steal(o->store));
	if (open_with(o, state_dir, STORE_LOOK, kek, err) || check_audit(o->store, err))
		return -1;
	return check_rows(o, err);
}

int keyd_check(const char *state_dir, const char *anchor, const char *kek, struct cc_error *err)
{
	mark_auto struct mark_file mark = {.slots.fd = -1};
	auto_opened struct opened o = {0};

	if (read_mark(state_dir, anchor, &mark, err) || check_all(&o, state_dir, kek, err))
		return -1;
	return check_mark(o.store, &mark, err);
}

/* ---- prune ---- */

static int parse_before(const char *text, int64_t *t, struct cc_error *err)
{
	char day[CC_TIME_LEN];

	if (cc_time_parse(text, t) == 0)
		return 0;
	snprintf(day, sizeof(day), "%.10sT00:00:00Z", text);
	if (strlen(text) == 10 && cc_time_parse(day, t) == 0)
		return 0;
	return cc_fail(
		err, CC_E_USAGE,
		"--before must be a date (2026-11-22) or a time in UTC (2026-11-22T23:58:27Z), "
		"not \"%s\"",
		text);
}

/* By what is not removed alone: a setting that says that there is a mark might be, too. */
static int refuse_misfit(struct store *st, struct cc_error *err)
{
	if (store_rows_load(st, err))
		return -1;
	if (!store_rows_misfit(st)[0])
		return 0;
	cc_fail(err, CC_E_INVALID,
		"rows of the database were removed, or older ones put in their place: %s; nothing is "
		"pruned before keyd accept, see keyd(8)",
		store_rows_misfit(st));
	return cc_set_fact(err, STORE_FACT_ROW);
}

/* What the next start holds against the mark must be there: up to which row it may be pruned. */
static int find_keep(struct store *st, struct mark_file *mark, uint64_t *keep, struct cc_error *err)
{
	enum mark_fit fit;

	*keep = 0;
	if (mark_judge(st, mark, &fit, err))
		return -1;
	switch (fit) {
	case MARK_NONE:
		*keep = UINT64_MAX;
		return refuse_misfit(st, err);
	case MARK_FITS:
		*keep = mark->mark.seq;
		return 0;
	case MARK_LOST:
		cc_fail(err, CC_E_NOTFOUND,
			"keyd serves this database with a high-water mark, and there is none to be "
			"read where it should be: give --anchor as keyd serve gets it");
		return cc_set_fact(err, "mark");
	default:
		cc_fail(err, CC_E_INVALID,
			"the database: %s; nothing of it is pruned, keyd serve begins a quarantine, "
			"see keyd(8)",
			mark_fit_text(fit));
		return cc_set_fact(err, "mark");
	}
}

int keyd_prune(const char *state_dir, const char *anchor, const char *kek, const char *before,
	       struct cc_error *err)
{
	mark_auto struct mark_file mark = {.slots.fd = -1};
	auto_opened struct opened o = {0};
	int64_t limit, now = (int64_t)time(NULL), last;
	uint64_t rows, keep;

	if (parse_before(before, &limit, err) || read_mark(state_dir, anchor, &mark, err) ||
	    open_with(&o, state_dir, STORE_SERVE, kek, err) ||
	    find_keep(o.store, &mark, &keep, err) || store_audit_last_time(o.store, &last, err))
		return -1;
	if (store_audit_prune(o.store, limit, keep, now > last ? now : last, &rows, err))
		return -1;
	printf(rows ? "%" PRIu64 " rows of the audit log removed\n" : "nothing to do\n", rows);
	return 0;
}
