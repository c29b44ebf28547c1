// SPDX-License-Identifier: GPL-2.0-only
/*
 * The gate: with a cgroup bound, data is read by tasks in that cgroup or below it, and by kernel
 * threads (writeback, readahead on their behalf, journals); by nobody else.
 *
 * What counts is the cgroup v2 membership of the task that submits the bio. The bio's own block
 * cgroup is no substitute: without the io controller enabled all the way down it names an ancestor.
 *
 * The gate fails closed: when its cgroup is removed the mapping locks itself, and the gate stays
 * until it is set anew, even though no task can pass it.
 */
#include <linux/rcupdate.h>

#include "container-crypt.h"

/* How often to look whether the cgroup still exists: modules are not told when one is removed. */
#define CCRYPT_GATE_WATCH	msecs_to_jiffies(250)

/**
 * ccrypt_gate_is_gone() - whether a cgroup is bound that has been removed
 * @state: the state
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
 * ccrypt_gate_admits() - whether the current task may read
 * @state: the state
 *
 * Context: that of the submitter.
 */
bool ccrypt_gate_admits(struct ccrypt_state *state)
{
	struct cgroup *gate;
	bool admit;

	if (likely(!rcu_access_pointer(state->gate)) || (current->flags & PF_KTHREAD))
		return true;
	rcu_read_lock();
	gate = rcu_dereference(state->gate);
	admit = !gate || cgroup_is_descendant(task_dfl_cgroup(current), gate);
	rcu_read_unlock();
	return admit;
}

static void ccrypt_gate_work(struct work_struct *work)
{
	struct ccrypt_state *state = container_of(to_delayed_work(work), struct ccrypt_state,
						  gate_work);

	if (ccrypt_gate_is_gone(state))
		ccrypt_lock_nowait(state, CCRYPT_REASON_GATE);
	else if (rcu_access_pointer(state->gate))
		ccrypt_queue_state_work(&state->gate_work, CCRYPT_GATE_WATCH);
}

void ccrypt_gate_init(struct ccrypt_state *state)
{
	INIT_DELAYED_WORK(&state->gate_work, ccrypt_gate_work);
}

void ccrypt_gate_exit(struct ccrypt_state *state)
{
	struct cgroup *gate = rcu_dereference_protected(state->gate, true);

	cancel_delayed_work_sync(&state->gate_work);
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

/**
 * ccrypt_gate_set() - bind the mapping to a cgroup
 * @state: the state, LOCKED or ACTIVE
 * @id: cgroup v2 id (inode number of its directory), 0 to let everybody read
 *
 * Context: process. When it returns no read passes by the former rule.
 * Return: 0, or -ENOENT where the caller sees no such cgroup.
 */
int ccrypt_gate_set(struct ccrypt_state *state, u64 id)
{
	struct cgroup *gate = ccrypt_find_cgroup(id);
	struct cgroup *old;

	if (IS_ERR(gate))
		return PTR_ERR(gate);

	mutex_lock(&state->mutex);
	old = rcu_replace_pointer(state->gate, gate, lockdep_is_held(&state->mutex));
	WRITE_ONCE(state->gate_id, id);
	mutex_unlock(&state->mutex);

	synchronize_rcu();
	if (old)
		cgroup_put(old);
	if (gate)
		ccrypt_queue_state_work(&state->gate_work, 0);
	return 0;
}
