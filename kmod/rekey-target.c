// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rekey as dm core sees it: tables that come and go, suspend and resume, status.
 */
#include "rekey.h"

/**
 * ccrypt_rekey_end_fits() - whether a mapping has a length that its rekey allows
 * @end: of the rekey, in sectors
 * @len: of the mapping, in sectors
 *
 * From its end on a volume has the new key. It may grow from there, but not in a window: half of
 * that would have the new key before its time.
 */
bool ccrypt_rekey_end_fits(u64 end, u64 len)
{
	return len == end || (len > end && !(end % CCRYPT_WINDOW_SECTORS));
}

/**
 * ccrypt_rekey_fits() - whether a table is as long as the rekey allows
 * @cc: a table that may come into use
 *
 * Context: process.
 */
bool ccrypt_rekey_fits(struct ccrypt_target *cc)
{
	struct ccrypt_state *state = cc->state;
	struct ccrypt_rekey *rk = state->rekey;
	bool fits;

	if (!rk)
		return true;
	mutex_lock(&state->mutex);
	fits = !rk->under_way || ccrypt_rekey_end_fits(rk->end, cc->ti->len);
	mutex_unlock(&state->mutex);
	return fits;
}

/**
 * ccrypt_rekey_presuspend() - finish the window and begin no other
 * @cc: the table in use
 *
 * A window that cannot be finished would hold the suspend up: its bios fail, or go back to dm core.
 *
 * Context: process.
 */
void ccrypt_rekey_presuspend(struct ccrypt_target *cc)
{
	struct ccrypt_rekey *rk = cc->state->rekey;

	if (!rk)
		return;
	mutex_lock(&cc->state->mutex);
	/* It may have been locked by an unlock, and not been looked at yet. */
	if (READ_ONCE(rk->window) != CCRYPT_NO_WINDOW && !rk->failures)
		flush_delayed_work(&rk->mover);
	cancel_delayed_work_sync(&rk->mover);
	if (rk->window != CCRYPT_NO_WINDOW && rk->window_state == CCRYPT_WINDOW_LOCKED)
		ccrypt_window_break(rk);
	rk->cc = NULL;
	mutex_unlock(&cc->state->mutex);
}

/**
 * ccrypt_rekey_postsuspend() - no bio is on its way
 * @cc: the table in use
 *
 * Context: process.
 */
void ccrypt_rekey_postsuspend(struct ccrypt_target *cc)
{
	struct ccrypt_rekey *rk = cc->state->rekey;

	if (!rk)
		return;
	mutex_lock(&cc->state->mutex);
	rk->stopped = true;
	WRITE_ONCE(rk->untracked, false);
	mutex_unlock(&cc->state->mutex);
}

/**
 * ccrypt_rekey_preresume() - bios will come
 * @cc: the table that comes into use
 *
 * Context: process.
 * Return: 0; -EBUSY for a table that is not as long as the rekey allows.
 */
int ccrypt_rekey_preresume(struct ccrypt_target *cc)
{
	struct ccrypt_state *state = cc->state;
	struct ccrypt_rekey *rk = state->rekey;
	int r = 0;

	if (!rk)
		return 0;
	mutex_lock(&state->mutex);
	if (rk->under_way && !ccrypt_rekey_end_fits(rk->end, cc->ti->len)) {
		DMERR("%s: during a rekey a mapping can only grow, and not in a window",
		      dm_device_name(state->id.md));
		r = -EBUSY;
		goto unlock;
	}
	rk->stopped = false;
	if (!rk->under_way && ccrypt_is_active(state))
		WRITE_ONCE(rk->untracked, true);
unlock:
	mutex_unlock(&state->mutex);
	return r;
}

/**
 * ccrypt_rekey_resume() - windows are moved again
 * @cc: the table in use
 *
 * Context: process.
 */
void ccrypt_rekey_resume(struct ccrypt_target *cc)
{
	struct ccrypt_rekey *rk = cc->state->rekey;

	if (!rk)
		return;
	mutex_lock(&cc->state->mutex);
	rk->cc = cc;
	ccrypt_rekey_kick(rk);
	mutex_unlock(&cc->state->mutex);
}

static const char *ccrypt_rekey_word(struct ccrypt_rekey *rk)
{
	if (!READ_ONCE(rk->under_way))
		return CONTAINER_CRYPT_STATUS_REKEY_NONE;
	if (ccrypt_is_locked(rk->state))
		return CONTAINER_CRYPT_REKEY_LOCKED;
	if (READ_ONCE(rk->word) >> 1 == CCRYPT_EVERYWHERE)
		return CONTAINER_CRYPT_REKEY_DONE;
	return READ_ONCE(rk->paused) ? CONTAINER_CRYPT_REKEY_PAUSED : CONTAINER_CRYPT_REKEY_RUNNING;
}

/**
 * ccrypt_rekey_emit() - print how far the rekey is
 * @state: the state
 * @result: buffer
 * @maxlen: its size
 */
void ccrypt_rekey_emit(struct ccrypt_state *state, char *result, unsigned int maxlen)
{
	struct ccrypt_rekey *rk = state->rekey;
	u64 pos = 0, end = 0;
	unsigned int sz = 0;
	int error;

	if (!rk)
		return;
	if (READ_ONCE(rk->under_way)) {
		end = READ_ONCE(rk->end);
		pos = min_t(u64, end, (u64)(READ_ONCE(rk->word) >> 1) << CCRYPT_WINDOW_SHIFT);
	}
	DMEMIT(" " CONTAINER_CRYPT_STATUS_REKEY "%s", ccrypt_rekey_word(rk));
	DMEMIT(" " CONTAINER_CRYPT_STATUS_REKEY_POS "%llu", pos);
	DMEMIT(" " CONTAINER_CRYPT_STATUS_REKEY_END "%llu", end);
	DMEMIT(" " CONTAINER_CRYPT_STATUS_REKEY_SEQ "%llu", READ_ONCE(rk->seq));
	DMEMIT(" " CONTAINER_CRYPT_STATUS_REKEY_RATE "%u", READ_ONCE(rk->rate));
	error = READ_ONCE(rk->error);
	if (error)
		DMEMIT(" " CONTAINER_CRYPT_STATUS_REKEY_ERROR "%d@%llu", -error,
		       READ_ONCE(rk->error_sector));
	else
		DMEMIT(" " CONTAINER_CRYPT_STATUS_REKEY_ERROR CONTAINER_CRYPT_STATUS_REKEY_NONE);
}
