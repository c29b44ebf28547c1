// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mover gives one window after the other the new key: docs/rekey.md has the protocol,
 * tests/model/rekey.pml its model, whose steps have the same names. One run of its work is one
 * window, so that a suspend waits for no more than that.
 *
 * Before each write it looks whether its key is still in use. If not, it stops where it is and the
 * window stays locked; the next unlock reads the headers anew.
 */
#include "rekey.h"

/* How long to wait after a failure, and how often bios for the window wait with us. */
#define CCRYPT_RETRY_DELAY	HZ
#define CCRYPT_RETRIES		3

/* A window that was late lets so much be made up for. */
#define CCRYPT_RATE_BURST	(100 * NSEC_PER_MSEC)

static int ccrypt_mover_io(struct ccrypt_rekey *rk, blk_opf_t opf, sector_t sector)
{
	int r;

	if (!ccrypt_rekey_has_key(rk))
		return -ENOKEY;
	r = ccrypt_rekey_transfer(rk, rk->cc, opf, sector, rk->pages,
				  to_bytes(ccrypt_rekey_len(rk)));
	if (r)
		WRITE_ONCE(rk->error_sector, sector);
	return r;
}

static sector_t ccrypt_mover_home(struct ccrypt_rekey *rk)
{
	return rk->state->id.start + rk->begin;
}

/* Some sectors of the window, each decrypted and encrypted. The caller keeps the key. */
static int ccrypt_recrypt(struct ccrypt_rekey *rk, struct ccrypt_key *key, unsigned int at,
			  unsigned int bytes)
{
	const unsigned int size = rk->state->id.sector_size;
	const unsigned int new = ccrypt_rekey_new_slot(rk);
	u64 sector = rk->state->id.iv_offset + rk->begin + (at >> SECTOR_SHIFT);
	struct scatterlist sg;
	__le64 iv[2];
	int r;

	sg_init_table(&sg, 1);
	skcipher_request_set_callback(rk->request, CRYPTO_TFM_REQ_MAY_BACKLOG, crypto_req_done,
				      &rk->crypto);
	for (; bytes; bytes -= size, at += size, sector += size >> SECTOR_SHIFT) {
		sg_set_page(&sg, rk->pages[at / PAGE_SIZE], size, at % PAGE_SIZE);
		skcipher_request_set_crypt(rk->request, &sg, &sg, size, iv);

		iv[0] = cpu_to_le64(sector);
		iv[1] = 0;
		skcipher_request_set_tfm(rk->request, key->tfm[!new]);
		r = crypto_wait_req(crypto_skcipher_decrypt(rk->request), &rk->crypto);
		if (r)
			return r;
		iv[0] = cpu_to_le64(sector);
		iv[1] = 0;
		skcipher_request_set_tfm(rk->request, key->tfm[new]);
		r = crypto_wait_req(crypto_skcipher_encrypt(rk->request), &rk->crypto);
		if (r)
			return r;
	}
	return 0;
}

/*
 * The window gets the new key, in sections: a wipe waits for one of them at most. No cgroup limits
 * this thread's processor time, so it need not keep the processor.
 */
static int ccrypt_mover_crypt(struct ccrypt_rekey *rk)
{
	const unsigned int bytes = to_bytes(ccrypt_rekey_len(rk));
	struct ccrypt_state *state = rk->state;
	unsigned int at, section;
	int idx, r = 0;

	for (at = 0; at < bytes && !r; at += section) {
		section = min(bytes - at, CCRYPT_SECTION);
		idx = ccrypt_srcu_begin(&state->srcu);
		if (ccrypt_rekey_has_key(rk)) {
			struct ccrypt_key *key = rcu_dereference_raw(state->key);

			r = key && key->id == rk->key_id ?
			    ccrypt_recrypt(rk, key, at, section) : -ENOKEY;
		} else {
			r = -ENOKEY;
		}
		ccrypt_srcu_end(&state->srcu, idx);
		cond_resched();
	}
	return r;
}

/* A header that says so: all before @begin is done, and with a payload more of it is under way. */
static void ccrypt_mover_put_header(struct ccrypt_rekey *rk, bool payload, u64 begin,
				    enum ccrypt_rekey_step back, enum ccrypt_rekey_step next)
{
	rk->header_payload = payload;
	rk->header_begin = begin;
	rk->header_back = back;
	rk->header_next = next;
	rk->step = CCRYPT_STEP_HEADER;
}

static int ccrypt_step_number(struct ccrypt_rekey *rk)
{
	if (!rk->valid[rk->block])
		ccrypt_mover_put_header(rk, false, rk->begin, CCRYPT_STEP_NUMBER,
					CCRYPT_STEP_NUMBER);
	else
		rk->step = rk->begin < rk->end ? CCRYPT_STEP_LOCK : CCRYPT_STEP_DONE;
	return 0;
}

static unsigned long ccrypt_mover_word(struct ccrypt_rekey *rk)
{
	return ccrypt_rekey_position(rk->begin) << 1 | ccrypt_rekey_new_slot(rk);
}

/* Nothing has been written to the window: bios go on with the old key, for now. */
static void ccrypt_mover_let_go(struct ccrypt_rekey *rk)
{
	rk->step = CCRYPT_STEP_LOCK;
	ccrypt_window_free(rk, ccrypt_mover_word(rk));
}

/* Where exactly the window cannot be read. */
static sector_t ccrypt_mover_find_bad(struct ccrypt_rekey *rk)
{
	const unsigned int size = rk->state->id.sector_size >> SECTOR_SHIFT;
	const sector_t home = ccrypt_mover_home(rk);
	sector_t at;

	for (at = 0; at < ccrypt_rekey_len(rk) && ccrypt_rekey_has_key(rk); at += size) {
		if (ccrypt_rekey_transfer(rk, rk->cc, REQ_OP_READ, home + at, rk->pages,
					  to_bytes(size)))
			return home + at;
	}
	return home;
}

static int ccrypt_step_read(struct ccrypt_rekey *rk)
{
	int r;

	r = ccrypt_window_drain(rk);
	if (!r)
		r = ccrypt_mover_io(rk, REQ_OP_READ, ccrypt_mover_home(rk));
	if (r && r != -ENOKEY) {
		WRITE_ONCE(rk->error_sector, ccrypt_mover_find_bad(rk));
		ccrypt_mover_let_go(rk);
		/* What cannot be read stays so, most likely. */
		WRITE_ONCE(rk->paused, true);
	}
	if (r)
		return r;
	r = ccrypt_mover_crypt(rk);
	if (!r)
		r = ccrypt_rekey_digest(rk, to_bytes(ccrypt_rekey_len(rk)), rk->digest);
	if (r && r != -ENOKEY)
		ccrypt_mover_let_go(rk);
	if (!r)
		rk->step = CCRYPT_STEP_PAYLOAD;
	return r;
}

static int ccrypt_step_payload(struct ccrypt_rekey *rk)
{
	int r = ccrypt_mover_io(rk, REQ_OP_WRITE, rk->cc->area + CONTAINER_CRYPT_REKEY_PAYLOAD);

	/* No header speaks of it. */
	if (r && r != -ENOKEY)
		ccrypt_mover_let_go(rk);
	if (!r)
		ccrypt_mover_put_header(rk, true, rk->begin, CCRYPT_STEP_PAYLOAD,
					CCRYPT_STEP_HOME);
	return r;
}

static int ccrypt_step_home(struct ccrypt_rekey *rk)
{
	int r;

	/* After an unlock this is the first step: bios of the time before may be on their way. */
	r = ccrypt_window_drain(rk);
	if (!r)
		r = ccrypt_mover_io(rk, REQ_OP_WRITE, ccrypt_mover_home(rk));
	if (!r)
		ccrypt_mover_put_header(rk, false, rk->begin + ccrypt_rekey_len(rk),
					CCRYPT_STEP_HOME, CCRYPT_STEP_FREE);
	return r;
}

/*
 * After an error the header is there, or not, or torn, and what it speaks of may be lost. So its
 * block first gets what is true in either case, and then its step is done again.
 */
static void ccrypt_mover_restate(struct ccrypt_rekey *rk)
{
	if (rk->header_next == rk->header_back)
		return;
	ccrypt_mover_put_header(rk, !rk->header_payload, rk->begin, rk->header_back,
				rk->header_back);
}

static int ccrypt_step_header(struct ccrypt_rekey *rk)
{
	struct ccrypt_state *state = rk->state;
	int idx, r = -ENOKEY;

	idx = ccrypt_srcu_begin(&state->srcu);
	if (ccrypt_rekey_has_key(rk)) {
		struct ccrypt_key *key = rcu_dereference_raw(state->key);

		if (key && key->id == rk->key_id)
			r = ccrypt_rekey_make_header(rk, key->mac);
	}
	ccrypt_srcu_end(&state->srcu, idx);
	if (r)
		return r;
	/* Making it took no time to speak of, but waiting for the processor may have. */
	if (!ccrypt_rekey_has_key(rk))
		return -ENOKEY;
	r = ccrypt_rekey_write_header(rk, rk->cc);
	if (r) {
		ccrypt_mover_restate(rk);
		return r;
	}
	WRITE_ONCE(rk->seq, rk->seq + 1);
	rk->valid[rk->block] = true;
	rk->block = !rk->block;
	rk->step = rk->header_next;
	return 0;
}

static int ccrypt_step_free(struct ccrypt_rekey *rk)
{
	rk->begin += ccrypt_rekey_len(rk);
	rk->step = CCRYPT_STEP_NUMBER;
	ccrypt_window_free(rk, ccrypt_mover_word(rk));
	return 0;
}

static int ccrypt_mover_step(struct ccrypt_rekey *rk)
{
	switch (rk->step) {
	case CCRYPT_STEP_NUMBER:
		return ccrypt_step_number(rk);
	case CCRYPT_STEP_LOCK:
		ccrypt_window_lock(rk, ccrypt_rekey_position(rk->begin));
		rk->step = CCRYPT_STEP_READ;
		return 0;
	case CCRYPT_STEP_READ:
		return ccrypt_step_read(rk);
	case CCRYPT_STEP_PAYLOAD:
		return ccrypt_step_payload(rk);
	case CCRYPT_STEP_HEADER:
		return ccrypt_step_header(rk);
	case CCRYPT_STEP_HOME:
		return ccrypt_step_home(rk);
	case CCRYPT_STEP_FREE:
		return ccrypt_step_free(rk);
	case CCRYPT_STEP_DONE:
		break;
	}
	return 0;
}

/* Up to the next moment with no window locked. */
static int ccrypt_mover_run(struct ccrypt_rekey *rk)
{
	int r;

	do {
		r = ccrypt_rekey_has_key(rk) ? ccrypt_mover_step(rk) : -ENOKEY;
	} while (!r && rk->step != CCRYPT_STEP_LOCK && rk->step != CCRYPT_STEP_DONE);
	return r;
}

/* When the next window may begin, by the rate. Return: jiffies from now. */
static unsigned long ccrypt_mover_delay(struct ccrypt_rekey *rk)
{
	const unsigned int rate = READ_ONCE(rk->rate);
	const ktime_t now = ktime_get();
	s64 left;

	if (!rate)
		return 0;
	rk->due = ktime_add_ns(max(rk->due, ktime_sub_ns(now, CCRYPT_RATE_BURST)),
			       NSEC_PER_SEC / rate);
	left = ktime_to_ns(ktime_sub(rk->due, now));
	return left > 0 ? nsecs_to_jiffies(left) : 0;
}

static void ccrypt_mover_failed(struct ccrypt_rekey *rk, int r)
{
	const char *name = dm_device_name(rk->state->id.md);

	if (++rk->failures == CCRYPT_RETRIES)
		ccrypt_window_break(rk);
	if (READ_ONCE(rk->error) != r || READ_ONCE(rk->paused)) {
		WRITE_ONCE(rk->error, r);
		DMERR_LIMIT("%s: rekey: error %d at sector %llu of %pg", name, r,
			    rk->error_sector, rk->cc->dev->bdev);
		ccrypt_rekey_changed(rk);
	}
	if (!READ_ONCE(rk->paused) || rk->step != CCRYPT_STEP_LOCK)
		queue_delayed_work(rk->wq, &rk->mover, CCRYPT_RETRY_DELAY);
}

static void ccrypt_mover_succeeded(struct ccrypt_rekey *rk)
{
	const bool healed = READ_ONCE(rk->error);

	rk->failures = 0;
	WRITE_ONCE(rk->error, 0);
	if (rk->step == CCRYPT_STEP_DONE) {
		/* Nobody is noted any more, and nobody uses the old key. */
		WRITE_ONCE(rk->untracked, true);
		ccrypt_window_free(rk, CCRYPT_EVERYWHERE << 1 | ccrypt_rekey_new_slot(rk));
	} else {
		queue_delayed_work(rk->wq, &rk->mover, ccrypt_mover_delay(rk));
	}
	if (healed || rk->step == CCRYPT_STEP_DONE)
		ccrypt_rekey_changed(rk);
}

/**
 * ccrypt_mover_work() - move one window
 * @work: of the rekey
 */
void ccrypt_mover_work(struct work_struct *work)
{
	struct ccrypt_rekey *rk = container_of(to_delayed_work(work), struct ccrypt_rekey, mover);
	int r;

	if (!ccrypt_rekey_has_key(rk)) {
		ccrypt_window_lose(rk);
		return;
	}
	if (!rk->cc || rk->step == CCRYPT_STEP_DONE ||
	    (rk->step == CCRYPT_STEP_LOCK && READ_ONCE(rk->paused)))
		return;
	r = ccrypt_mover_run(rk);
	if (r == -ENOKEY)
		ccrypt_window_lose(rk);
	else if (r)
		ccrypt_mover_failed(rk, r);
	else
		ccrypt_mover_succeeded(rk);
}
