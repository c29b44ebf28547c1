// SPDX-License-Identifier: Apache-2.0
#include "upkeep.h"

#include <inttypes.h>
#include <stdio.h>

#include "custodian/start.h"
#include "lock.h"

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
