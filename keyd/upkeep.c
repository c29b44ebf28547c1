// SPDX-License-Identifier: Apache-2.0
#include "upkeep.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "custodian/start.h"
#include "lock.h"

/* The mark first: a keyd that serves writes it after the database. */
static int read_mark(const char *state_dir, const char *anchor, struct mark_file *mark,
		     struct cc_error *err)
{
	cc_auto_free char *dir = anchor_dir(state_dir, anchor);

	return dir ? mark_open(mark, dir, false, err) : cc_fail(err, CC_E_NOMEM, "out of memory");
}

static int check_mark(struct store *st, const struct mark_file *mark, struct cc_error *err)
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

int keyd_check(const char *state_dir, const char *anchor, struct cc_error *err)
{
	mark_auto struct mark_file mark = {.slots.fd = -1};
	store_auto struct store *st = NULL;
	uint64_t rows;

	if (read_mark(state_dir, anchor, &mark, err))
		return -1;
	st = store_open(state_dir, STORE_LOOK, err);
	if (!st || store_check(st, err) || store_audit_verify(st, &rows, err))
		return -1;
	printf("database is sound, audit log is unbroken: %" PRIu64 " rows\n", rows);
	return check_mark(st, &mark, err);
}

int keyd_backup(const char *state_dir, const char *path, struct cc_error *err)
{
	store_auto struct store *st = store_open(state_dir, STORE_LOOK, err);
	uint64_t rows;

	if (!st || store_backup(st, path, &rows, err))
		return -1;
	printf("made %s: sound, %" PRIu64 " audit rows\n", path, rows);
	return 0;
}

int keyd_accept(const char *state_dir, const char *anchor, const char *kek, bool yes,
		struct cc_error *err)
{
	cc_cleanup(custodian_close) struct custodian c = {0};
	cc_auto_close int lock = -1;
	bool was;

	if (!yes)
		return cc_fail(err, CC_E_USAGE,
			       "make sure first that no host has a volume from the database that "
			       "is lost, then say --yes: see keyd(8)");
	lock = lock_dir(state_dir, err);
	if (lock < 0 || custodian_accept(&c, state_dir, anchor, kek, &was, err))
		return -1;
	puts(was ? "accepted: the database counts from now on, there is no quarantine"
		 : "nothing to do: it is the database that keyd served last");
	return 0;
}
