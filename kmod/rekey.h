/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The online rekey: what its files share. docs/rekey.md describes the protocol.
 *
 * Two kinds of code run at the same time: bios, which know only the position and the window that is
 * locked; and one of the mover or a message, which know all the rest. A message stops the mover
 * before it changes any of that.
 */
#ifndef CCRYPT_REKEY_H
#define CCRYPT_REKEY_H

#include <linux/sizes.h>

#include <container-crypt/rekey.h>

#include "container-crypt.h"

#define CCRYPT_WINDOW_SECTORS	CONTAINER_CRYPT_REKEY_WINDOW
#define CCRYPT_WINDOW_SHIFT	11
#define CCRYPT_WINDOW_BYTES	SZ_1M
#define CCRYPT_WINDOW_PAGES	(CCRYPT_WINDOW_BYTES / PAGE_SIZE)

/* No window; and the position of a volume that has one key everywhere. */
#define CCRYPT_NO_WINDOW	ULONG_MAX
#define CCRYPT_EVERYWHERE	(ULONG_MAX >> 1)

/* Bios ahead of the position are spread over so many lists; a power of two. */
#define CCRYPT_BUCKETS		64

/* Which of a key's ciphers a rekey goes from and to when it is unlocked. */
#define CCRYPT_SLOT_OLD		0
#define CCRYPT_SLOT_NEW		1

/**
 * enum ccrypt_window_state - what becomes of bios that come for the locked window
 * @CCRYPT_WINDOW_LOCKED: they wait
 * @CCRYPT_WINDOW_BROKEN: they fail, for it cannot be written
 * @CCRYPT_WINDOW_LOST: there is no key any more, which is what they are told
 */
enum ccrypt_window_state {
	CCRYPT_WINDOW_LOCKED,
	CCRYPT_WINDOW_BROKEN,
	CCRYPT_WINDOW_LOST,
};

/* What the mover does next, as in tests/model/rekey.pml. */
enum ccrypt_rekey_step {
	CCRYPT_STEP_NUMBER,	/* both headers must be valid before anything moves */
	CCRYPT_STEP_LOCK,	/* the next window */
	CCRYPT_STEP_READ,	/* it, when nothing is on its way to it, and give it the new key */
	CCRYPT_STEP_PAYLOAD,	/* write the payload */
	CCRYPT_STEP_HEADER,	/* any header */
	CCRYPT_STEP_HOME,	/* write the payload home */
	CCRYPT_STEP_FREE,	/* the window */
	CCRYPT_STEP_DONE,
};

/**
 * struct ccrypt_bucket - bios on their way to some of the windows
 * @lock: protects @on_way; and what struct ccrypt_rekey says of the locked window, if that is one
 *	  of them; taken in any context
 * @on_way: bios (struct ccrypt_io.parked)
 */
struct ccrypt_bucket {
	spinlock_t lock;	/* see above */
	struct list_head on_way;
};

/**
 * struct ccrypt_rekey - a volume with a rekey area, and the rekey under way
 * @state: the life cycle it belongs to
 * @word: twice the position, in windows, plus the slot of the key before it
 * @end_window: this one and those after it have the key before the position, too
 * @window: the one that is locked, or CCRYPT_NO_WINDOW
 * @window_state: what is with it
 * @parked: bios that wait for it
 * @buckets: bios ahead of the position
 * @wait: for a bucket to have no bio of the locked window; woken when the key goes, too
 * @cc: the table in use, which the mover works for; NULL while that is not to run
 * @stopped: the device is suspended, no bio is on its way
 * @untracked: bios may be on their way that are in no bucket
 * @under_way: there is a rekey: ciphers of two keys, and what follows
 * @wq: runs @mover
 * @mover: one window
 * @event_work: tells userspace about a change
 * @pages: the window
 * @header: a header's block
 * @vecs: of the bio that carries either
 * @request: to the ciphers
 * @crypto: waits for it
 * @sha: digest of the payload
 * @key_id: the key it is done with
 * @uuid: of the rekey
 * @step: what is next
 * @end: sectors that the rekey is of
 * @begin: sectors before it have the new key
 * @seq: of the newest header
 * @block: where the next header goes, 0 or 1
 * @valid: whether there is a valid header, in either block
 * @header_payload: the header to be written has a payload
 * @header_begin: what it says is done
 * @header_back: the step to go back to when it cannot be written
 * @header_next: the step after it
 * @digest: of the payload
 * @paused: no window is begun
 * @rate: MiB a second at most, 0 for as fast as it goes
 * @due: when the next window may be begun
 * @failures: in a row
 * @error: of the last failure, 0 after a success
 * @error_sector: where it was, on the device
 *
 * @window, @window_state and @parked are protected by the lock of the window's bucket; @window is
 * read without it. @cc, @stopped, @untracked and @under_way are protected by ccrypt_state.mutex.
 * All from @pages on belongs to the mover, or to who has stopped it; @step, @seq, @paused, @rate,
 * @error and @error_sector are read by others, and @paused and @rate written.
 */
struct ccrypt_rekey {
	struct ccrypt_state *state;
	unsigned long word;
	unsigned long end_window;
	unsigned long window;
	enum ccrypt_window_state window_state;
	struct list_head parked;
	struct ccrypt_bucket buckets[CCRYPT_BUCKETS];
	wait_queue_head_t wait;
	struct ccrypt_target *cc;
	bool stopped;
	bool untracked;
	bool under_way;
	struct workqueue_struct *wq;
	struct delayed_work mover;
	struct work_struct event_work;
	struct page *pages[CCRYPT_WINDOW_PAGES];
	struct page *header;
	struct bio_vec vecs[CCRYPT_WINDOW_PAGES];
	struct skcipher_request *request;
	struct crypto_wait crypto;
	struct crypto_shash *sha;
	u64 key_id;
	uuid_t uuid;
	enum ccrypt_rekey_step step;
	u64 end;
	u64 begin;
	u64 seq;
	unsigned int block;
	bool valid[2];
	bool header_payload;
	u64 header_begin;
	enum ccrypt_rekey_step header_back;
	enum ccrypt_rekey_step header_next;
	u8 digest[CONTAINER_CRYPT_REKEY_HASH_SIZE];
	bool paused;
	unsigned int rate;
	ktime_t due;
	unsigned int failures;
	int error;
	u64 error_sector;
};

/* What the header blocks are found to be. */
struct ccrypt_rekey_found {
	bool zero[2];
	bool valid[2];
	struct container_crypt_rekey_header header[2];
};

/* window.c: the locked window, and bios on their way to it */
void ccrypt_window_init(struct ccrypt_rekey *rk);
void ccrypt_window_lock(struct ccrypt_rekey *rk, unsigned long window);
bool ccrypt_window_is_passed(struct ccrypt_rekey *rk, unsigned long window);
int ccrypt_window_drain(struct ccrypt_rekey *rk);
void ccrypt_window_free(struct ccrypt_rekey *rk, unsigned long word);
void ccrypt_window_break(struct ccrypt_rekey *rk);
void ccrypt_window_lose(struct ccrypt_rekey *rk);

/* rekey.c: the rekey of a mapping, from its start to its end */
bool ccrypt_rekey_has_key(struct ccrypt_rekey *rk);
void ccrypt_rekey_changed(struct ccrypt_rekey *rk);
void ccrypt_rekey_kick(struct ccrypt_rekey *rk);

/* rekey-target.c */
bool ccrypt_rekey_end_fits(u64 end, u64 len);

/* mover.c: window after window */
void ccrypt_mover_work(struct work_struct *work);

/* rekey-disk.c: headers and payload */
int ccrypt_rekey_key_mac(struct crypto_shash *mac, struct crypto_skcipher *old,
			 struct crypto_skcipher *new, struct skcipher_request *request);
int ccrypt_rekey_transfer(struct ccrypt_rekey *rk, struct ccrypt_target *cc, blk_opf_t opf,
			  sector_t sector, struct page **pages, unsigned int bytes);
int ccrypt_rekey_find(struct ccrypt_rekey *rk, struct ccrypt_target *cc, struct crypto_shash *mac,
		      struct ccrypt_rekey_found *found);
const struct container_crypt_rekey_header *
ccrypt_rekey_newest(const struct ccrypt_rekey_found *found);
bool ccrypt_rekey_may_clear(const struct ccrypt_rekey_found *found);
int ccrypt_rekey_digest(struct ccrypt_rekey *rk, unsigned int bytes, u8 *digest);
int ccrypt_rekey_read_payload(struct ccrypt_rekey *rk, struct ccrypt_target *cc,
			      const struct container_crypt_rekey_header *header);
int ccrypt_rekey_make_header(struct ccrypt_rekey *rk, struct crypto_shash *mac);
int ccrypt_rekey_write_header(struct ccrypt_rekey *rk, struct ccrypt_target *cc);
int ccrypt_rekey_zero_headers(struct ccrypt_rekey *rk, struct ccrypt_target *cc);

static inline unsigned int ccrypt_rekey_new_slot(struct ccrypt_rekey *rk)
{
	return READ_ONCE(rk->word) & 1;
}

/*
 * The position as a window: the end of a volume is that of its last window, which may be smaller,
 * and is behind it then as a whole.
 */
static inline unsigned long ccrypt_rekey_position(u64 begin)
{
	return DIV_ROUND_UP_ULL(begin, CCRYPT_WINDOW_SECTORS);
}

/* Sectors of the window that is next. */
static inline unsigned int ccrypt_rekey_len(struct ccrypt_rekey *rk)
{
	return min_t(u64, CCRYPT_WINDOW_SECTORS, rk->end - rk->begin);
}

#endif /* CCRYPT_REKEY_H */
