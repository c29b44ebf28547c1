// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gate: with a cgroup bound, data is read by tasks in that cgroup or below it, and by nobody
 * else.
 *
 * A read is judged once, when it is submitted, by the cgroup v2 membership of the task that submits
 * it. The answer stays with the bio: who passes while the mapping is ACTIVE may read what it holds
 * then. An answer is void when the gate has changed while LOCKED before the read got the key.
 *
 * Kernel threads submit for others: bios that were throttled (io.max) or waited for a suspended
 * mapping come from one, and so does what a loop device reads. Whom such a read is for says its
 * block cgroup, as far as the io controller is enabled: a cgroup inside the bound one passes, one
 * that is neither inside nor above does not. One above says nothing, for without the controller all
 * the way down it is the bound cgroup's own, too; what then comes from a kernel thread passes, or
 * writeback and journals would fail.
 *
 * Metadata that a file system reads for itself (REQ_META) passes: the file system is the bound
 * cgroup's, and who sets off the read may be a neighbour with a path to it. It would take a refusal
 * for a broken device. No read of the block device itself carries that flag, whoever opens it.
 *
 * The gate fails closed: when its cgroup is removed the mapping locks itself, and the gate stays
 * until it is set anew, even though no task can pass it.
 */
#include <linux/blk-cgroup.h>
#include <linux/rcupdate.h>

#include "container-crypt.h"

/* How often to look whether the cgroups still exist: modules are not told when one is removed. */
#define CCRYPT_GATE_WATCH	msecs_to_jiffies(250)

/* All states with a gate, ACTIVE or not, so that no unlock can slip past the watch. */
static LIST_HEAD(ccrypt_gated);
static DEFINE_SPINLOCK(ccrypt_gated_lock);

static void ccrypt_gate_watch(struct work_struct *work);
static DECLARE_DELAYED_WORK(ccrypt_gate_watch_work, ccrypt_gate_watch);

static void ccrypt_gate_watch(struct work_struct *work)
{
	struct ccrypt_state *state;
	bool again;

	spin_lock(&ccrypt_gated_lock);
	list_for_each_entry(state, &ccrypt_gated, gated)
		ccrypt_lock_if_gate_is_gone(state);
	again = !list_empty(&ccrypt_gated);
	spin_unlock(&ccrypt_gated_lock);

	if (again)
		ccrypt_queue_state_work(&ccrypt_gate_watch_work, CCRYPT_GATE_WATCH);
}

/**
 * ccrypt_gate_module_exit() - end the watch; there is no state any more
 */
void ccrypt_gate_module_exit(void)
{
	cancel_delayed_work_sync(&ccrypt_gate_watch_work);
}

/**
 * ccrypt_gate_is_gone() - whether a cgroup is bound that has been removed
 * @state: the state
 *
 * Context: any.
 */
bool ccrypt_gate_is_gone(struct ccrypt_state *state)
{
	struct cgroup *gate;
	bool gone;

	rcu_read_lock();
	gate = rcu_dereference(state->gate);
	gone = gate && !(READ_ONCE(gate->self.flags) & CSS_ONLINE);
	rcu_read_unlock();
	return gone;
}

/**
 * ccrypt_gate_admits() - whether a read passes, as far as its submitter tells
 * @io: the read, with @io->gate_seq set
 *
 * Context: that of the submitter.
 * Return: false when it is refused. When true with @io->judge_bio set, ccrypt_gate_admits_bio() has
 * the last word.
 */
bool ccrypt_gate_admits(struct ccrypt_io *io)
{
	struct ccrypt_state *state = io->cc->state;
	struct cgroup *gate;
	bool admit;

	if (likely(!rcu_access_pointer(state->gate)) || (io->bio->bi_opf & REQ_META))
		return true;
	if (current->flags & PF_KTHREAD) {
		io->judge_bio = true;
		return true;
	}

	rcu_read_lock();
	gate = rcu_dereference(state->gate);
	admit = !gate || cgroup_is_descendant(task_dfl_cgroup(current), gate);
	if (unlikely(!admit))
		ccrypt_denied(io, task_dfl_cgroup(current), current);
	rcu_read_unlock();
	return admit;
}

/**
 * ccrypt_gate_admits_bio() - whether a kernel thread's read passes, by its block cgroup
 * @io: a read with @io->judge_bio set, whose bio has the block cgroup of dm core's original bio and
 *	has not ended
 *
 * Context: process.
 */
bool ccrypt_gate_admits_bio(struct ccrypt_io *io)
{
	struct ccrypt_state *state = io->cc->state;
	struct cgroup_subsys_state *css;
	struct cgroup *gate, *owner;
	bool admit;

	io->gate_seq = ccrypt_gate_seq(state);
	rcu_read_lock();
	gate = rcu_dereference(state->gate);
	css = bio_blkcg_css(io->bio);
	owner = css ? css->cgroup : NULL;
	/* A controller of cgroup v1 knows other groups, and says nothing about ours. */
	admit = !gate || !owner || owner->root != gate->root ||
		cgroup_is_descendant(owner, gate) || cgroup_is_descendant(gate, owner);
	if (unlikely(!admit))
		ccrypt_denied(io, owner, NULL);
	rcu_read_unlock();
	return admit;
}

/**
 * ccrypt_gate_admits_stale() - whether a bio passes that was admitted by another gate than today's
 * @io: the bio
 *
 * Context: any.
 */
bool ccrypt_gate_admits_stale(struct ccrypt_io *io)
{
	/* Neither writes nor metadata are asked about. */
	if (bio_op(io->bio) != REQ_OP_READ || (io->bio->bi_opf & REQ_META))
		return true;
	ccrypt_denied(io, NULL, NULL);
	return false;
}

void ccrypt_gate_init(struct ccrypt_state *state)
{
	INIT_LIST_HEAD(&state->gated);
}

void ccrypt_gate_exit(struct ccrypt_state *state)
{
	struct cgroup *gate = rcu_dereference_protected(state->gate, true);

	spin_lock(&ccrypt_gated_lock);
	list_del_init(&state->gated);
	spin_unlock(&ccrypt_gated_lock);
	if (gate)
		cgroup_put(gate);
}

static struct cgroup *ccrypt_find_cgroup(u64 id)
{
	struct cgroup *cgroup;

	if (!id)
		return NULL;
	cgroup = cgroup_get_from_id(id);
	/* Some kernels say -EINVAL for an id that belongs to no directory. */
	return IS_ERR(cgroup) ? ERR_PTR(-ENOENT) : cgroup;
}

/* Whether the calling task may change the gate. Caller holds state->mutex. */
static int ccrypt_gate_may_change(struct ccrypt_state *state, struct cgroup *old,
				  struct cgroup *gate)
{
	bool inside;

	/* No unlock comes in between, for it takes the mutex. */
	if (ccrypt_is_locked(state) || !old || gate == old)
		return 0;

	rcu_read_lock();
	inside = cgroup_is_descendant(task_dfl_cgroup(current), old);
	rcu_read_unlock();
	if (!inside)
		return -EPERM;
	return !gate || cgroup_is_descendant(old, gate) ? -EBUSY : 0;
}

/* Caller holds state->mutex. */
static void ccrypt_gate_replace(struct ccrypt_state *state, struct cgroup *gate, u64 id)
{
	spin_lock_irq(&state->lock);
	rcu_assign_pointer(state->gate, gate);
	if (!ccrypt_is_active(state)) {
		/* Who sees the number sees the gate, and who gets the next key sees the number. */
		smp_store_release(&state->gate_seq, state->gate_seq + 1);
	}
	WRITE_ONCE(state->gate_id, id);
	spin_unlock_irq(&state->lock);

	spin_lock(&ccrypt_gated_lock);
	list_del_init(&state->gated);
	if (gate)
		list_add(&state->gated, &ccrypt_gated);
	spin_unlock(&ccrypt_gated_lock);
	if (gate)
		ccrypt_queue_state_work(&ccrypt_gate_watch_work, 0);
}

/**
 * ccrypt_gate_set() - bind the mapping to a cgroup
 * @state: the state
 * @id: cgroup v2 id (inode number of its directory), 0 to let everybody read
 *
 * Context: process. When it returns no read is admitted by the former rule.
 * Return: 0; -ENOENT where the caller sees no such cgroup; while ACTIVE with a gate -EPERM for a
 * caller outside the bound cgroup, and -EBUSY for one inside who would open it to everybody or to a
 * cgroup above.
 */
int ccrypt_gate_set(struct ccrypt_state *state, u64 id)
{
	struct cgroup *gate = ccrypt_find_cgroup(id);
	struct cgroup *old;
	int r;

	if (IS_ERR(gate))
		return PTR_ERR(gate);

	mutex_lock(&state->mutex);
	old = rcu_dereference_protected(state->gate, lockdep_is_held(&state->mutex));
	r = ccrypt_gate_may_change(state, old, gate);
	if (!r && gate != old)
		ccrypt_gate_replace(state, gate, id);
	mutex_unlock(&state->mutex);

	/* What is not bound now, the former cgroup or the one asked for, is let go. */
	if (r || gate == old)
		old = gate;
	else
		synchronize_rcu();
	if (old)
		cgroup_put(old);
	return r;
}
