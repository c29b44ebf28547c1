// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rekey of a mapping: what begins, stops and ends it. The windows themselves are the mover's.
 *
 * All of this takes ccrypt_state.mutex, and stops the mover before it changes what is the mover's.
 */
#include <crypto/hash.h>

#include "rekey.h"

/**
 * ccrypt_rekey_has_key() - whether the key that the rekey is done with is in use
 * @rk: the rekey
 *
 * Context: any.
 */
bool ccrypt_rekey_has_key(struct ccrypt_rekey *rk)
{
	return !ccrypt_is_locked(rk->state) && READ_ONCE(rk->state->key_id) == rk->key_id;
}

static void ccrypt_rekey_event_work(struct work_struct *work)
{
	struct ccrypt_rekey *rk = container_of(work, struct ccrypt_rekey, event_work);

	ccrypt_event_rekey(rk->state);
}

/**
 * ccrypt_rekey_changed() - say so soon
 * @rk: the rekey
 *
 * Context: any.
 */
void ccrypt_rekey_changed(struct ccrypt_rekey *rk)
{
	schedule_work(&rk->event_work);
}

/**
 * ccrypt_rekey_init() - get ready for a rekey, if there is room for one
 * @state: the state, with @state->id set
 *
 * Return: 0 or a negative error.
 */
int ccrypt_rekey_init(struct ccrypt_state *state)
{
	struct ccrypt_rekey *rk;

	if (!state->id.area_len)
		return 0;
	rk = kzalloc(sizeof(*rk), GFP_KERNEL);
	if (!rk)
		return -ENOMEM;
	rk->header = alloc_page(GFP_KERNEL);
	if (!rk->header)
		goto free_rekey;
	rk->wq = alloc_ordered_workqueue("ccrypt_rekey", WQ_MEM_RECLAIM);
	if (!rk->wq)
		goto free_header;
	rk->state = state;
	/* A new table is of a device that has no bio on its way to it. */
	rk->stopped = true;
	ccrypt_window_init(rk);
	INIT_DELAYED_WORK(&rk->mover, ccrypt_mover_work);
	INIT_WORK(&rk->event_work, ccrypt_rekey_event_work);
	crypto_init_wait(&rk->crypto);
	state->rekey = rk;
	return 0;

free_header:
	__free_page(rk->header);
free_rekey:
	kfree(rk);
	return -ENOMEM;
}

/* What a rekey needs besides, so that it allocates nothing on its way. */
static int ccrypt_rekey_reserve(struct ccrypt_rekey *rk)
{
	unsigned int i;

	for (i = 0; i < CCRYPT_WINDOW_PAGES; i++) {
		if (!rk->pages[i])
			rk->pages[i] = alloc_page(GFP_KERNEL);
		if (!rk->pages[i])
			return -ENOMEM;
	}
	if (!rk->request)
		rk->request = skcipher_request_alloc(rk->state->prototype, GFP_KERNEL);
	if (!rk->request)
		return -ENOMEM;
	if (!rk->sha) {
		struct crypto_shash *sha = crypto_alloc_shash("sha256", 0, 0);

		if (IS_ERR(sha))
			return PTR_ERR(sha);
		rk->sha = sha;
	}
	return 0;
}

/* There is no rekey. The mover is stopped. */
static void ccrypt_rekey_forget(struct ccrypt_rekey *rk)
{
	unsigned int i;

	WRITE_ONCE(rk->under_way, false);
	for (i = 0; i < CCRYPT_WINDOW_PAGES; i++) {
		if (rk->pages[i])
			__free_page(rk->pages[i]);
		rk->pages[i] = NULL;
	}
	skcipher_request_free(rk->request);
	rk->request = NULL;
	crypto_free_shash(rk->sha);
	rk->sha = NULL;
	rk->uuid = uuid_null;
	WRITE_ONCE(rk->seq, 0);
	WRITE_ONCE(rk->error, 0);
}

/**
 * ccrypt_rekey_exit() - undo ccrypt_rekey_init()
 * @state: a state that is LOCKED and has no bios
 */
void ccrypt_rekey_exit(struct ccrypt_state *state)
{
	struct ccrypt_rekey *rk = state->rekey;

	if (!rk)
		return;
	cancel_delayed_work_sync(&rk->mover);
	destroy_workqueue(rk->wq);
	cancel_work_sync(&rk->event_work);
	WARN_ON_ONCE(!list_empty(&rk->parked));
	ccrypt_rekey_forget(rk);
	__free_page(rk->header);
	kfree(rk);
	state->rekey = NULL;
}

/**
 * ccrypt_rekey_kick() - have the mover look what is to be done
 * @rk: the rekey
 *
 * Context: process, with ccrypt_state.mutex held.
 */
void ccrypt_rekey_kick(struct ccrypt_rekey *rk)
{
	if (rk->cc && rk->under_way)
		mod_delayed_work(rk->wq, &rk->mover, 0);
}

/* A rekey from @begin on, with the mover at @step. */
static void ccrypt_rekey_set(struct ccrypt_rekey *rk, u64 key_id, u64 begin, u64 end,
			     unsigned int new_slot)
{
	rk->key_id = key_id;
	rk->begin = begin;
	WRITE_ONCE(rk->end, end);
	WRITE_ONCE(rk->end_window, ccrypt_rekey_position(end));
	ccrypt_window_free(rk, ccrypt_rekey_position(begin) << 1 | new_slot);
	rk->step = CCRYPT_STEP_NUMBER;
	rk->failures = 0;
	WRITE_ONCE(rk->error, 0);
	WRITE_ONCE(rk->paused, false);
	WRITE_ONCE(rk->under_way, true);
}

static void ccrypt_rekey_begin(struct ccrypt_rekey *rk, u64 key_id, u64 end, unsigned int new_slot)
{
	uuid_gen(&rk->uuid);
	WRITE_ONCE(rk->seq, 0);
	rk->block = 0;
	rk->valid[0] = false;
	rk->valid[1] = false;
	ccrypt_rekey_set(rk, key_id, 0, end, new_slot);
}

/* Bios may be on their way that the rekey, as the header has it, does not know. */
static bool ccrypt_rekey_has_strangers(struct ccrypt_rekey *rk, const uuid_t *uuid, u64 begin,
				       u64 end)
{
	/* Nobody is, or no window is moved any more. */
	if (rk->stopped || begin == end)
		return false;
	if (READ_ONCE(rk->untracked) || (!uuid_is_null(&rk->uuid) && !uuid_equal(&rk->uuid, uuid)))
		return true;
	return !ccrypt_window_is_passed(rk, ccrypt_rekey_position(begin));
}

static int ccrypt_rekey_go_on(struct ccrypt_rekey *rk, struct ccrypt_target *cc, u64 key_id,
			      const struct ccrypt_rekey_found *found, u64 min_seq)
{
	const struct container_crypt_rekey_header *header = ccrypt_rekey_newest(found);
	u64 begin = 0, end = cc->ti->len;
	uuid_t uuid;
	int r;

	uuid = uuid_null;
	if (header) {
		begin = le64_to_cpu(header->begin);
		end = le64_to_cpu(header->end);
		import_uuid(&uuid, header->rekey);
	} else if (!found->zero[0] && !found->zero[1]) {
		return -EUCLEAN;
	}
	if ((header ? le64_to_cpu(header->seq) : 0) < min_seq)
		return -ERANGE;
	if (!ccrypt_rekey_end_fits(end, cc->ti->len))
		return -EFBIG;
	if (ccrypt_rekey_has_strangers(rk, &uuid, begin, end))
		return -ETXTBSY;
	if (!header) {
		ccrypt_rekey_begin(rk, key_id, end, CCRYPT_SLOT_NEW);
		return 0;
	}
	if (header->len) {
		r = ccrypt_rekey_read_payload(rk, cc, header);
		if (r)
			return r;
	}
	ccrypt_rekey_set(rk, key_id, begin, end, CCRYPT_SLOT_NEW);
	rk->uuid = uuid;
	WRITE_ONCE(rk->seq, le64_to_cpu(header->seq));
	rk->block = header == &found->header[0];
	rk->valid[0] = found->valid[0];
	rk->valid[1] = found->valid[1];
	if (header->len) {
		ccrypt_window_lock(rk, ccrypt_rekey_position(begin));
		rk->step = CCRYPT_STEP_HOME;
	}
	return 0;
}

static struct crypto_shash *ccrypt_rekey_alloc_mac(void)
{
	return crypto_alloc_shash("hmac(sha256)", 0, 0);
}

static int ccrypt_rekey_unlock_both(struct ccrypt_rekey *rk, struct ccrypt_target *cc,
				    struct ccrypt_key *key, u64 min_seq,
				    struct ccrypt_rekey_found *found)
{
	struct crypto_shash *mac;
	int r;

	r = ccrypt_rekey_reserve(rk);
	if (r)
		return r;
	mac = ccrypt_rekey_alloc_mac();
	if (IS_ERR(mac))
		return PTR_ERR(mac);
	key->mac = mac;
	r = ccrypt_rekey_key_mac(mac, key->tfm[CCRYPT_SLOT_OLD], key->tfm[CCRYPT_SLOT_NEW],
				 rk->request);
	if (!r)
		r = ccrypt_rekey_find(rk, cc, mac, found);
	if (!r)
		r = ccrypt_rekey_go_on(rk, cc, key->id, found, min_seq);
	return r;
}

static int ccrypt_rekey_unlock_one(struct ccrypt_rekey *rk, struct ccrypt_target *cc,
				   struct ccrypt_rekey_found *found)
{
	int r = ccrypt_rekey_find(rk, cc, NULL, found);

	if (r)
		return r;
	if (!found->zero[0] && !found->zero[1])
		return -EALREADY;
	ccrypt_window_free(rk, CCRYPT_EVERYWHERE << 1);
	ccrypt_rekey_forget(rk);
	return 0;
}

/**
 * ccrypt_rekey_unlock() - find out where a rekey is, before a key comes into use
 * @cc: the table in use; its state is LOCKED
 * @key: the key or keys; gets the MAC
 * @unlock: what the message says
 *
 * The headers are read anew each time: another host may have gone on meanwhile.
 *
 * Context: process, with ccrypt_state.mutex held; reads from the device.
 * Return: 0; -ENXIO for two keys without a rekey area; -EALREADY for one key while a rekey is under
 * way; -EKEYREJECTED for twice the same key; -EUCLEAN where there are headers and none is valid;
 * -ERANGE for older ones than allowed; -EFBIG where the table's length is not the rekey's;
 * -ETXTBSY where bios may be on their way that nobody waits for; -EBADMSG for a damaged payload;
 * an error of the device or the crypto API. After an error no bio gets a key.
 */
int ccrypt_rekey_unlock(struct ccrypt_target *cc, struct ccrypt_key *key,
			const struct ccrypt_unlock *unlock)
{
	struct ccrypt_rekey *rk = cc->state->rekey;
	struct ccrypt_rekey_found *found;
	int r;

	if (!rk)
		return unlock->old_size ? -ENXIO : 0;
	cancel_delayed_work_sync(&rk->mover);
	ccrypt_window_lose(rk);
	found = kmalloc(sizeof(*found), GFP_KERNEL);
	if (!found)
		return -ENOMEM;
	if (unlock->old_size)
		r = ccrypt_rekey_unlock_both(rk, cc, key, unlock->min_seq, found);
	else
		r = ccrypt_rekey_unlock_one(rk, cc, found);
	kfree(found);
	return r;
}

/**
 * ccrypt_rekey_unlocked() - the key is in use
 * @cc: the table in use
 *
 * Context: process, with ccrypt_state.mutex held.
 */
void ccrypt_rekey_unlocked(struct ccrypt_target *cc)
{
	struct ccrypt_rekey *rk = cc->state->rekey;

	if (!rk)
		return;
	if (!rk->under_way)
		WRITE_ONCE(rk->untracked, true);
	ccrypt_rekey_kick(rk);
}

/**
 * ccrypt_rekey_lost() - the key has gone: whoever waits for the rekey shall see it
 * @state: the state
 *
 * Context: any.
 */
void ccrypt_rekey_lost(struct ccrypt_state *state)
{
	struct ccrypt_rekey *rk = state->rekey;

	if (!rk)
		return;
	wake_up(&rk->wait);
	if (READ_ONCE(rk->window) != CCRYPT_NO_WINDOW)
		mod_delayed_work(rk->wq, &rk->mover, 0);
}

/* Both keys are in use from now on: @tfm has the new one. Caller has stopped all bios. */
static int ccrypt_rekey_add_key(struct ccrypt_rekey *rk, struct ccrypt_target *cc,
				struct crypto_skcipher *tfm, struct crypto_shash *mac)
{
	const unsigned int new = !ccrypt_rekey_new_slot(rk);
	struct ccrypt_state *state = rk->state;
	struct ccrypt_key *key;
	int idx, r = -ENOKEY;

	/* Who wipes the key waits for us, and then wipes both. */
	idx = ccrypt_srcu_begin(&state->srcu);
	key = rcu_dereference_raw(state->key);
	if (key && !ccrypt_is_locked(state))
		r = ccrypt_rekey_key_mac(mac, key->tfm[!new], tfm, rk->request);
	if (!r) {
		key->tfm[new] = tfm;
		key->mac = mac;
		ccrypt_rekey_begin(rk, key->id, cc->ti->len, new);
	}
	ccrypt_srcu_end(&state->srcu, idx);
	return r;
}

static int ccrypt_rekey_try_start(struct ccrypt_rekey *rk, struct ccrypt_target *cc,
				  const u8 *raw, unsigned int size,
				  struct ccrypt_rekey_found *found)
{
	struct crypto_skcipher *tfm;
	struct crypto_shash *mac;
	int r;

	if (ccrypt_is_locked(rk->state))
		return -ENOKEY;
	if (rk->under_way)
		return -EALREADY;
	if (!rk->stopped)
		return -ETXTBSY;
	r = ccrypt_rekey_find(rk, cc, NULL, found);
	if (r)
		return r;
	if (!found->zero[0] || !found->zero[1])
		return -EEXIST;
	r = ccrypt_rekey_reserve(rk);
	if (r)
		goto forget;
	tfm = ccrypt_cipher_create(raw, size, rk->state->prototype);
	if (IS_ERR(tfm)) {
		r = PTR_ERR(tfm);
		goto forget;
	}
	mac = ccrypt_rekey_alloc_mac();
	if (IS_ERR(mac)) {
		r = PTR_ERR(mac);
		goto free_tfm;
	}
	r = ccrypt_rekey_add_key(rk, cc, tfm, mac);
	if (!r)
		return 0;

	crypto_free_shash(mac);
free_tfm:
	crypto_free_skcipher(tfm);
forget:
	ccrypt_rekey_forget(rk);
	return r;
}

/**
 * ccrypt_rekey_start() - have the volume get a new key
 * @cc: the table in use
 * @raw: the key; the caller wipes it
 * @size: its size in bytes
 *
 * The headers are written, and the windows moved, after the device has been resumed.
 *
 * Context: process.
 * Return: 0; -ENXIO without a rekey area; -ENOKEY while LOCKED; -EALREADY while a rekey is under
 * way; -ETXTBSY for a device that is not suspended; -EEXIST where headers of one are; -EKEYREJECTED
 * for the key in use, or equal halves; an error of the device or the crypto API. After an error
 * nothing has changed.
 */
int ccrypt_rekey_start(struct ccrypt_target *cc, const u8 *raw, unsigned int size)
{
	struct ccrypt_state *state = cc->state;
	struct ccrypt_rekey *rk = state->rekey;
	struct ccrypt_rekey_found *found;
	int r;

	if (!rk)
		return -ENXIO;
	found = kmalloc(sizeof(*found), GFP_KERNEL);
	if (!found)
		return -ENOMEM;
	mutex_lock(&state->mutex);
	r = ccrypt_rekey_try_start(rk, cc, raw, size, found);
	mutex_unlock(&state->mutex);
	kfree(found);
	if (!r)
		ccrypt_rekey_changed(rk);
	return r;
}

/**
 * ccrypt_rekey_pause() - begin no further window, or go on
 * @cc: the table in use
 * @pause: which of the two
 *
 * A window that has begun is finished.
 *
 * Context: process.
 * Return: 0; -ENXIO without a rekey area; -ESRCH without a rekey.
 */
int ccrypt_rekey_pause(struct ccrypt_target *cc, bool pause)
{
	struct ccrypt_rekey *rk = cc->state->rekey;
	int r = -ESRCH;

	if (!rk)
		return -ENXIO;
	mutex_lock(&cc->state->mutex);
	if (rk->under_way) {
		WRITE_ONCE(rk->paused, pause);
		if (!pause)
			ccrypt_rekey_kick(rk);
		r = 0;
	}
	mutex_unlock(&cc->state->mutex);
	if (!r)
		ccrypt_rekey_changed(rk);
	return r;
}

/**
 * ccrypt_rekey_rate() - limit how much is moved
 * @cc: the table in use
 * @rate: MiB a second, 0 for as much as can be
 *
 * Context: process.
 * Return: 0; -ENXIO without a rekey area.
 */
int ccrypt_rekey_rate(struct ccrypt_target *cc, unsigned int rate)
{
	struct ccrypt_rekey *rk = cc->state->rekey;

	if (!rk)
		return -ENXIO;
	mutex_lock(&cc->state->mutex);
	WRITE_ONCE(rk->rate, rate);
	ccrypt_rekey_kick(rk);
	mutex_unlock(&cc->state->mutex);
	return 0;
}

/* The old key goes. Nobody uses it any more; but the whole key may go at the same time. */
static void ccrypt_rekey_drop_key(struct ccrypt_rekey *rk)
{
	const unsigned int old = !ccrypt_rekey_new_slot(rk);
	struct ccrypt_state *state = rk->state;
	struct crypto_skcipher *tfm = NULL;
	struct crypto_shash *mac = NULL;
	struct ccrypt_key *key;
	int idx;

	idx = ccrypt_srcu_begin(&state->srcu);
	key = rcu_dereference_raw(state->key);
	if (key && key->id == rk->key_id) {
		tfm = key->tfm[old];
		mac = key->mac;
		key->tfm[old] = NULL;
		key->mac = NULL;
	}
	ccrypt_srcu_end(&state->srcu, idx);
	synchronize_srcu_expedited(&state->srcu);
	crypto_free_skcipher(tfm);
	crypto_free_shash(mac);
}

static int ccrypt_rekey_try_clear(struct ccrypt_rekey *rk, struct ccrypt_target *cc,
				  struct ccrypt_rekey_found *found)
{
	const bool active = !ccrypt_is_locked(rk->state);
	int r;

	if (active && rk->under_way && rk->word >> 1 != CCRYPT_EVERYWHERE)
		return -EALREADY;
	cancel_delayed_work_sync(&rk->mover);
	r = ccrypt_rekey_find(rk, cc, NULL, found);
	if (r)
		return r;
	if (!ccrypt_rekey_may_clear(found))
		return -EALREADY;
	r = ccrypt_rekey_zero_headers(rk, cc);
	if (r)
		return r;
	ccrypt_rekey_drop_key(rk);
	ccrypt_rekey_forget(rk);
	return 0;
}

/**
 * ccrypt_rekey_clear() - a rekey that is done is forgotten, on the device, too
 * @cc: the table in use
 *
 * Who sends this has recorded before that the new key alone is used.
 *
 * Context: process; writes to the device.
 * Return: 0; -ENXIO without a rekey area; -EALREADY for a rekey that is not done; an error of the
 * device, after which it may be tried again.
 */
int ccrypt_rekey_clear(struct ccrypt_target *cc)
{
	struct ccrypt_state *state = cc->state;
	struct ccrypt_rekey *rk = state->rekey;
	struct ccrypt_rekey_found *found;
	int r;

	if (!rk)
		return -ENXIO;
	found = kmalloc(sizeof(*found), GFP_KERNEL);
	if (!found)
		return -ENOMEM;
	mutex_lock(&state->mutex);
	r = ccrypt_rekey_try_clear(rk, cc, found);
	mutex_unlock(&state->mutex);
	kfree(found);
	if (!r)
		ccrypt_rekey_changed(rk);
	return r;
}
