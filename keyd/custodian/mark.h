/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mark.h - the high-water mark: how far the database had come, kept outside of it (store/slots.h),
 * so that an older copy that is put back is noticed.
 *
 * It is the number and the hash of the last audit row: whatever matters has one, and the hash is of
 * one history only; and the version of all rows, which grows with what has none as well. The row of
 * the mark is in the database before the mark is written, and the mark
 * is written before the answer leaves; so a database that lacks the row is older than something
 * that somebody was told, or is another one. So is one that has the row, but a log that does not
 * lead from there to its head, row by row: rows of two copies that both went on fit in one another.
 * Therefore nothing prunes a row that is later than the mark's.
 *
 * Written without a sync, at no cost to the disk, but for once a second: it then outlives keyd, and
 * power that is cut takes away no more than what was in memory. What a power cut may hide is a copy
 * that was made in the last half minute before it.
 */
#ifndef KEYD_MARK_H
#define KEYD_MARK_H

#include "store/slots.h"
#include "store/store.h"

#define MARK_FILE "mark"

/**
 * struct mark - what is in the file.
 * @seq, @hash: the audit row; 0 while there is none
 * @ver: of the rows, struct store_audit_head
 * @longest_ms: no lease that may still run is longer
 * @quarantine_boot: boot id of this host when it began or was begun again; "" for none
 * @quarantine_end_ms: by CLOCK_BOOTTIME of that boot; INT64_MAX: until it is accepted
 */
struct mark {
	uint64_t seq;
	unsigned char hash[32];
	uint64_t longest_ms;
	char quarantine_boot[CC_UUID_LEN];
	int64_t quarantine_end_ms;
	uint64_t ver;
};

/**
 * struct mark_file - the mark and its file.
 * @there: something was read, or written since
 * @synced_ms: CLOCK_BOOTTIME of the last sync
 * @unsynced: something was written since
 * @was_counted: of mark_judge(): the database is one of before rows were counted, but a keyd that
 *               counts had served it: which rows there were is not known, whatever any keyd has
 *               made of it since
 */
struct mark_file {
	struct slots slots;
	struct mark mark;
	bool there, unsynced, was_counted;
	int64_t synced_ms;
};

/**
 * enum mark_fit - what the database is to the mark.
 * @MARK_NONE: neither knows of the other: a database of a keyd that had no mark, or a new one
 * @MARK_FITS: it is the one, or newer
 * @MARK_OLDER: it ends before the mark; or was opened as one of before rows had MACs: its log is
 *              anybody's, and a keyd that writes marks had given it some; or @was_counted
 * @MARK_OTHER: it has another row there, or its log does not lead from there to where it ends: an
 *              older one that went on, also with rows of the newer one, or another database
 * @MARK_LOST: it once had a mark, which is missing or damaged
 * @MARK_ROWS: it is, but not all of its rows (store_rows_misfit()); mark_judge() does not look
 */
enum mark_fit { MARK_NONE, MARK_FITS, MARK_OLDER, MARK_OTHER, MARK_LOST, MARK_ROWS };

/* Words for a log; "" for the first two. */
const char *mark_fit_text(enum mark_fit fit);

/*
 * Directory of what is kept outside of the database in @state_dir: @dir, or where it is NULL,
 * @state_dir and "-anchor". Malloced; NULL is out of memory.
 */
char *anchor_dir(const char *state_dir, const char *dir);
/* Makes it when it is missing; it must be ours and closed to all others. */
int anchor_make(const char *dir, struct cc_error *err);

/**
 * mark_open - opens the mark in @dir and reads it.
 * @create: makes an empty file when there is none; without it that is success, too, and @f->there
 *          is false
 * Close with mark_close(), also after an error.
 */
int mark_open(struct mark_file *f, const char *dir, bool create, struct cc_error *err);
void mark_close(struct mark_file *f);
static inline void mark_clear(struct mark_file *f)
{
	mark_close(f);
}
#define mark_auto cc_cleanup(mark_clear)

/* Where the bytes are no mark, that is CC_E_INVALID. Pure. */
int mark_parse(struct mark *m, const unsigned char *bytes, size_t len, struct cc_error *err);

/* @f is to be read before the database is: it is behind a keyd that serves, never before it. */
int mark_judge(struct store *st, struct mark_file *f, enum mark_fit *fit, struct cc_error *err);

/*
 * The database was held against the mark: from now on it is one whose rows are counted. Before the
 * mark is written where it had not been counted, as the mark then says that it is; else after the
 * mark has what follows from it. Idempotent.
 */
int mark_settle(struct store *st, struct cc_error *err);

/* Writes @f->mark. @now_ms: CLOCK_BOOTTIME, for when it is synced next */
int mark_write(struct mark_file *f, bool sync, int64_t now_ms, struct cc_error *err);

/* Puts the last row of the database into @f->mark; nothing is written. */
int mark_take_head(struct mark_file *f, struct store *st, struct cc_error *err);

/* Says in the database that it has a mark, so that a missing one is noticed. Idempotent. */
int mark_record(struct store *st, struct cc_error *err);

/* The longest lease that this database knows of. */
int mark_longest(struct store *st, uint64_t *ms, struct cc_error *err);

#endif
