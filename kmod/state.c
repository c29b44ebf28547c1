// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life cycle: LOCKED without a key, ACTIVE with one and perhaps with a lease.
 *
 * The key pointer is the state. Whoever sets or clears it holds state->lock, which is taken in the
 * lease timer's interrupt too: from the moment it is cleared no encryption or decryption starts.
 * Those in flight hold state->srcu; the worker waits for them, for nothing else, and frees the
 * cipher handle.
 *
 * Nor does one start after the lease's end when the timer is late, because its processor has
 * interrupts off or is not run by its hypervisor: who takes the key looks at the clock, too, and so
 * does every message: they all say the same of a lease that is over. And who has encrypted a write
 * looks again before it is sent, for that may have taken long: another host may have the volume
 * now, or had it and gave it back. So it must be the key of the same unlock, by its id; the same
 * bytes unlocked anew are another key.
 */
#include "container-crypt.h"

static LIST_HEAD(ccrypt_states);
static DEFINE_MUTEX(ccrypt_states_mutex);

static atomic64_t ccrypt_last_key_id;

/* No mapping becomes ACTIVE; read under ccrypt_state.mutex. */
static bool ccrypt_unlock_forbidden;

/* Wipes and time limits of all mappings; nothing on it waits for I/O or memory. */
static struct workqueue_struct *ccrypt_wq;

int ccrypt_state_module_init(void)
{
	ccrypt_wq = alloc_workqueue("container-crypt", WQ_MEM_RECLAIM | WQ_UNBOUND | WQ_HIGHPRI, 0);
	return ccrypt_wq ? 0 : -ENOMEM;
}

void ccrypt_state_module_exit(void)
{
	ccrypt_gate_module_exit();
	destroy_workqueue(ccrypt_wq);
}

/**
 * ccrypt_queue_state_work() - run work of a state that waits neither for I/O nor for memory
 * @work: the work
 * @delay: in jiffies; replaces the delay of work that is pending
 *
 * Context: any.
 */
void ccrypt_queue_state_work(struct delayed_work *work, unsigned long delay)
{
	mod_delayed_work(ccrypt_wq, work, delay);
}

static void ccrypt_wipe_work(struct work_struct *work)
{
	struct ccrypt_state *state = container_of(work, struct ccrypt_state, wipe_work);
	struct llist_node *doomed = llist_del_all(&state->doomed);
	struct ccrypt_key *key, *next;

	if (!doomed)
		return;
	synchronize_srcu_expedited(&state->srcu);
	llist_for_each_entry_safe(key, next, doomed, doomed) {
		enum ccrypt_reason reason = key->reason;

		ccrypt_key_free(key);
		spin_lock_irq(&state->lock);
		state->ended[reason]++;
		spin_unlock_irq(&state->lock);
	}
	ccrypt_event(state);
}

/* Caller holds state->lock. */
static void ccrypt_doom_key(struct ccrypt_state *state, enum ccrypt_reason reason)
{
	struct ccrypt_key *key = rcu_dereference_protected(state->key,
							   lockdep_is_held(&state->lock));

	if (!key)
		return;
	RCU_INIT_POINTER(state->key, NULL);
	state->locks++;
	state->reason = reason;
	key->reason = reason;
	llist_add(&key->doomed, &state->doomed);
	queue_work(ccrypt_wq, &state->wipe_work);
	ccrypt_rekey_lost(state);
}

static bool ccrypt_lease_is_over(struct ccrypt_state *state)
{
	ktime_t end = READ_ONCE(state->lease_end);

	return end && ktime_compare(ccrypt_lease_now(), end) >= 0;
}

/* The key of a lease that is over, by the clock. Caller holds state->lock. */
static void ccrypt_expire(struct ccrypt_state *state)
{
	if (ccrypt_lease_is_over(state))
		ccrypt_doom_key(state, CCRYPT_REASON_LEASE);
}

/**
 * ccrypt_lock_if_gate_is_gone() - ACTIVE becomes LOCKED if the bound cgroup has been removed
 * @state: the state; the wipe follows
 *
 * Context: any.
 */
void ccrypt_lock_if_gate_is_gone(struct ccrypt_state *state)
{
	unsigned long flags;

	/* Under the lock: what is gone may be replaced, and a key come that is not meant. */
	spin_lock_irqsave(&state->lock, flags);
	ccrypt_expire(state);
	if (ccrypt_gate_is_gone(state))
		ccrypt_doom_key(state, CCRYPT_REASON_GATE);
	spin_unlock_irqrestore(&state->lock, flags);
}

/**
 * ccrypt_lock() - ACTIVE becomes LOCKED, and the key is wiped when this returns
 * @state: the state; if it is LOCKED already, this waits for a wipe that is under way
 *
 * Context: process.
 */
void ccrypt_lock(struct ccrypt_state *state)
{
	spin_lock_irq(&state->lock);
	/* A lease that is over has ended the key, whoever comes first. */
	ccrypt_expire(state);
	ccrypt_doom_key(state, CCRYPT_REASON_MESSAGE);
	spin_unlock_irq(&state->lock);
	flush_work(&state->wipe_work);
}

static enum hrtimer_restart ccrypt_lease_end(struct hrtimer *timer)
{
	struct ccrypt_state *state = container_of(timer, struct ccrypt_state, lease_timer);
	unsigned long flags;

	/* The lease this timer was set for may have been renewed or be gone. */
	spin_lock_irqsave(&state->lock, flags);
	ccrypt_expire(state);
	if (ccrypt_is_active(state) && state->lease_end)
		ccrypt_lease_timer_start(timer, state->lease_end);
	spin_unlock_irqrestore(&state->lock, flags);
	return HRTIMER_NORESTART;
}

/**
 * ccrypt_is_locked() - whether there is no key, or one whose lease is over though its timer is late
 * @state: the state; it is LOCKED when this says so
 *
 * Context: any.
 */
bool ccrypt_is_locked(struct ccrypt_state *state)
{
	unsigned long flags;

	if (unlikely(ccrypt_lease_is_over(state))) {
		spin_lock_irqsave(&state->lock, flags);
		ccrypt_expire(state);
		spin_unlock_irqrestore(&state->lock, flags);
	}
	return !ccrypt_is_active(state);
}

/**
 * ccrypt_key_get() - pin the key for an encryption or decryption
 * @io: remembers the read section; may end it in another context than this
 *
 * Context: any.
 * Return: the key, to be given back with ccrypt_key_put(); NULL while LOCKED.
 */
struct ccrypt_key *ccrypt_key_get(struct ccrypt_io *io)
{
	struct ccrypt_state *state = io->cc->state;
	struct ccrypt_key *key;

	io->srcu_idx = ccrypt_srcu_begin(&state->srcu);
	/* The section has no owner that lockdep could know; it does pin the key. */
	key = rcu_dereference_raw(state->key);
	if (likely(key && !ccrypt_is_locked(state))) {
		io->key_id = key->id;
		return key;
	}
	ccrypt_srcu_end(&state->srcu, io->srcu_idx);
	return NULL;
}

void ccrypt_key_put(struct ccrypt_io *io)
{
	ccrypt_srcu_end(&io->cc->state->srcu, io->srcu_idx);
}

/**
 * ccrypt_key_is_current() - whether the key that @io was encrypted with is still in use
 * @io: after ccrypt_key_get()
 *
 * Context: any.
 */
bool ccrypt_key_is_current(struct ccrypt_io *io)
{
	struct ccrypt_state *state = io->cc->state;

	return !ccrypt_is_locked(state) && READ_ONCE(state->key_id) == io->key_id;
}

/* Caller holds state->lock. */
static void ccrypt_set_lease(struct ccrypt_state *state, ktime_t end)
{
	WRITE_ONCE(state->lease_end, end);
	if (end)
		ccrypt_lease_timer_start(&state->lease_timer, end);
}

/**
 * ccrypt_lease_left_ms() - how long the key stays
 * @state: the state
 *
 * Return: milliseconds, rounded up; -1 where no lease limits it.
 */
s64 ccrypt_lease_left_ms(struct ccrypt_state *state)
{
	ktime_t end, now;

	spin_lock_irq(&state->lock);
	end = state->lease_end;
	spin_unlock_irq(&state->lock);
	if (!end)
		return -1;
	now = ccrypt_lease_now();
	return ktime_after(end, now) ? ktime_to_ms(ktime_sub(end, now)) + 1 : 0;
}

static int ccrypt_activate(struct ccrypt_target *cc, const struct ccrypt_unlock *unlock)
{
	struct ccrypt_state *state = cc->state;
	struct ccrypt_key *key;
	LIST_HEAD(parked);
	ktime_t end;
	int r;

	if (READ_ONCE(ccrypt_unlock_forbidden))
		return -EAGAIN;
	if (!ccrypt_is_locked(state))
		return -EBUSY;
	/* It would be locked again at once. */
	if (ccrypt_gate_is_gone(state))
		return -ESTALE;

	key = ccrypt_key_create(unlock, state->prototype);
	if (IS_ERR(key))
		return PTR_ERR(key);
	key->id = atomic64_inc_return(&ccrypt_last_key_id);
	r = ccrypt_rekey_unlock(cc, key, unlock);
	if (!r)
		r = ccrypt_lease_resolve(&unlock->lease, &end);
	if (r) {
		ccrypt_key_free(key);
		return r;
	}

	spin_lock_irq(&state->lock);
	/* Who sees the key must see its lease, and who sees its id where its rekey is. */
	ccrypt_set_lease(state, end);
	smp_store_release(&state->key_id, key->id); /* in ccrypt_window_enter() */
	rcu_assign_pointer(state->key, key);
	list_splice_init(&state->parked, &parked);
	spin_unlock_irq(&state->lock);

	ccrypt_rekey_unlocked(cc);
	ccrypt_unpark(&parked);
	ccrypt_event(state);
	return 0;
}

/**
 * ccrypt_unlock() - LOCKED becomes ACTIVE
 * @cc: the table in use
 * @unlock: the key or keys, and their lease
 *
 * Context: process; must not wait for I/O that waits for the unlock.
 * Return: 0; -EBUSY while ACTIVE; -EAGAIN after ccrypt_forbid_unlock(); -ESTALE where the bound
 * cgroup is gone; -EKEYREJECTED for equal halves; -ENOPKG where the cipher's implementation is
 * gone; -ETIME for a lease that has ended; -EINVAL for one that is too long; an error of
 * ccrypt_rekey_unlock(); other errors of the crypto API. After an error nothing has changed.
 */
int ccrypt_unlock(struct ccrypt_target *cc, const struct ccrypt_unlock *unlock)
{
	int r;

	mutex_lock(&cc->state->mutex);
	r = ccrypt_activate(cc, unlock);
	mutex_unlock(&cc->state->mutex);
	return r;
}

/**
 * ccrypt_renew() - the lease ends at another time
 * @state: the state
 * @lease: one that ends
 *
 * Return: 0; -ENOKEY while LOCKED: a lease that has ended cannot be renewed, only granted again;
 * -ETIME and -EINVAL as for ccrypt_unlock(). After an error nothing has changed.
 */
int ccrypt_renew(struct ccrypt_state *state, const struct ccrypt_lease *lease)
{
	ktime_t end;
	int r;

	spin_lock_irq(&state->lock);
	ccrypt_expire(state);
	r = ccrypt_is_active(state) ? ccrypt_lease_resolve(lease, &end) : -ENOKEY;
	if (!r)
		ccrypt_set_lease(state, end);
	spin_unlock_irq(&state->lock);
	return r;
}

static struct ccrypt_state *ccrypt_state_create(const struct ccrypt_data_id *id)
{
	struct ccrypt_state *state;
	int r = -ENOMEM;

	state = kzalloc(sizeof(*state), GFP_KERNEL);
	if (!state)
		return ERR_PTR(-ENOMEM);
	state->stats = alloc_percpu(struct ccrypt_stats);
	if (!state->stats)
		goto free_state;
	r = init_srcu_struct(&state->srcu);
	if (r)
		goto free_stats;
	state->prototype = ccrypt_prototype_alloc();
	if (IS_ERR(state->prototype)) {
		r = PTR_ERR(state->prototype);
		goto cleanup_srcu;
	}

	state->id = *id;
	state->ref = 1;
	mutex_init(&state->mutex);
	spin_lock_init(&state->lock);
	init_llist_head(&state->doomed);
	INIT_WORK(&state->wipe_work, ccrypt_wipe_work);
	hrtimer_setup(&state->lease_timer, ccrypt_lease_end, CLOCK_BOOTTIME, HRTIMER_MODE_REL);
	ccrypt_park_init(state);
	ccrypt_gate_init(state);
	ccrypt_event_init(state);
	r = ccrypt_rekey_init(state);
	if (r)
		goto free_prototype;
	return state;

free_prototype:
	crypto_free_skcipher(state->prototype);
cleanup_srcu:
	cleanup_srcu_struct(&state->srcu);
free_stats:
	free_percpu(state->stats);
free_state:
	kfree(state);
	return ERR_PTR(r);
}

/* No table uses it any more: no I/O, no message. What remains are its own timer and workers. */
static void ccrypt_state_destroy(struct ccrypt_state *state)
{
	ccrypt_gate_exit(state);
	hrtimer_cancel(&state->lease_timer);
	ccrypt_lock(state);
	ccrypt_rekey_exit(state);
	ccrypt_park_exit(state);
	ccrypt_event_exit(state);
	crypto_free_skcipher(state->prototype);
	cleanup_srcu_struct(&state->srcu);
	free_percpu(state->stats);
	mutex_destroy(&state->mutex);
	kfree(state);
}

/**
 * ccrypt_forbid_unlock() - keep every mapping LOCKED
 *
 * Context: process.
 * Return: 0 when there is no key in memory, and will be none until ccrypt_allow_unlock(); -EBUSY
 * when there is one, and nothing has changed.
 */
int ccrypt_forbid_unlock(void)
{
	struct ccrypt_state *state;
	int r = 0;

	mutex_lock(&ccrypt_states_mutex);
	WRITE_ONCE(ccrypt_unlock_forbidden, true);
	list_for_each_entry(state, &ccrypt_states, link) {
		/* An unlock that has not seen it ends first. */
		mutex_lock(&state->mutex);
		if (!ccrypt_is_locked(state))
			r = -EBUSY;
		mutex_unlock(&state->mutex);
		if (r) {
			WRITE_ONCE(ccrypt_unlock_forbidden, false);
			DMWARN("%s is active and hibernation would store its key, lock it first",
			       dm_device_name(state->id.md));
			break;
		}
		flush_work(&state->wipe_work);
	}
	mutex_unlock(&ccrypt_states_mutex);
	return r;
}

/**
 * ccrypt_allow_unlock() - undo ccrypt_forbid_unlock()
 */
void ccrypt_allow_unlock(void)
{
	WRITE_ONCE(ccrypt_unlock_forbidden, false);
}

static struct ccrypt_state *ccrypt_state_find(const struct ccrypt_data_id *id)
{
	struct ccrypt_state *state;

	list_for_each_entry(state, &ccrypt_states, link) {
		if (!memcmp(&state->id, id, sizeof(*id)))
			return state;
	}
	return NULL;
}

/**
 * ccrypt_state_get() - the state for the data that a table describes
 * @id: which data
 *
 * Context: process.
 * Return: the one in use by another table for the same data on the same mapped device, or else a
 * new one, LOCKED; to be given back with ccrypt_state_put(). A negative error pointer if the cipher
 * is not available or memory is short.
 */
struct ccrypt_state *ccrypt_state_get(const struct ccrypt_data_id *id)
{
	struct ccrypt_state *fresh, *state;

	fresh = ccrypt_state_create(id);
	if (IS_ERR(fresh))
		return fresh;

	mutex_lock(&ccrypt_states_mutex);
	state = ccrypt_state_find(id);
	if (state)
		state->ref++;
	else
		list_add(&fresh->link, &ccrypt_states);
	mutex_unlock(&ccrypt_states_mutex);

	if (!state)
		return fresh;
	ccrypt_state_destroy(fresh);
	return state;
}

/**
 * ccrypt_state_put() - a table no longer uses a state
 * @state: wiped and freed if it was the last
 *
 * Context: process.
 */
void ccrypt_state_put(struct ccrypt_state *state)
{
	bool last;

	mutex_lock(&ccrypt_states_mutex);
	last = !--state->ref;
	if (last)
		list_del(&state->link);
	mutex_unlock(&ccrypt_states_mutex);

	if (last)
		ccrypt_state_destroy(state);
}
