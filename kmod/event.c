// SPDX-License-Identifier: GPL-2.0-only
/*
 * What userspace is told: dm events and uevents when the state changes, and audit records.
 */
#include "container-crypt.h"

/* Of the reads that the gate refuses so many get an audit record in so long, for each mapping. */
#define CCRYPT_DENIAL_BURST	10
#define CCRYPT_DENIAL_INTERVAL	(5 * HZ)

static const char * const ccrypt_reason_names[] = {
	[CCRYPT_REASON_MESSAGE] = CONTAINER_CRYPT_REASON_MESSAGE,
	[CCRYPT_REASON_LEASE] = CONTAINER_CRYPT_REASON_LEASE,
	[CCRYPT_REASON_GATE] = CONTAINER_CRYPT_REASON_GATE,
	[CCRYPT_REASON_REKEY] = CONTAINER_CRYPT_REASON_REKEY,
};

/**
 * ccrypt_reason_name() - the word for a reason
 * @reason: the reason
 */
const char *ccrypt_reason_name(enum ccrypt_reason reason)
{
	return ccrypt_reason_names[reason];
}

static void ccrypt_uevent(struct ccrypt_state *state, enum ccrypt_reason reason, bool active)
{
	char state_var[40], reason_var[40], volume_var[24 + UUID_STRING_LEN + 1];
	char target_var[] = "DM_TARGET=" CONTAINER_CRYPT_TARGET;
	char *env[5];

	snprintf(state_var, sizeof(state_var), CONTAINER_CRYPT_UEVENT_STATE "=%s",
		 active ? CONTAINER_CRYPT_STATE_ACTIVE : CONTAINER_CRYPT_STATE_LOCKED);
	snprintf(reason_var, sizeof(reason_var), CONTAINER_CRYPT_UEVENT_REASON "=%s",
		 ccrypt_reason_names[reason]);
	snprintf(volume_var, sizeof(volume_var), CONTAINER_CRYPT_UEVENT_VOLUME "=%s",
		 state->id.volume);
	env[0] = target_var;
	env[1] = state_var;
	env[2] = reason_var;
	env[3] = *state->id.volume ? volume_var : NULL;
	env[4] = NULL;
	kobject_uevent_env(&disk_to_dev(dm_disk(state->id.md))->kobj, KOBJ_CHANGE, env);
}

/* Caller holds state->targets_lock. A table in use keeps the device. */
static void ccrypt_report(struct ccrypt_state *state, enum ccrypt_reason reason, bool active)
{
	struct ccrypt_target *cc;

	/* dm core knows which table is live. */
	list_for_each_entry(cc, &state->targets, link) {
		dm_table_event(cc->ti->table);
		/* Messages have their own record, with the process that sent them. */
		if (reason != CCRYPT_REASON_MESSAGE)
			dm_audit_log_ti(AUDIT_DM_EVENT, DM_MSG_PREFIX, ccrypt_reason_names[reason],
					cc->ti, 1);
	}
	if (!list_empty(&state->targets))
		ccrypt_uevent(state, reason, active);
}

/* Each key that came to its end is told of, also when the next one is in use already. */
static void ccrypt_event_work(struct work_struct *work)
{
	struct ccrypt_state *state = container_of(work, struct ccrypt_state, event_work);
	unsigned int ended[CCRYPT_REASONS];
	enum ccrypt_reason reason;
	bool active;

	spin_lock_irq(&state->lock);
	active = ccrypt_is_active(state);
	memcpy(ended, state->ended, sizeof(ended));
	memset(state->ended, 0, sizeof(ended));
	spin_unlock_irq(&state->lock);

	mutex_lock(&state->targets_lock);
	for (reason = 0; reason < CCRYPT_REASONS; reason++) {
		while (ended[reason]--)
			ccrypt_report(state, reason, false);
	}
	if (active)
		ccrypt_report(state, CCRYPT_REASON_MESSAGE, true);
	mutex_unlock(&state->targets_lock);
}

/**
 * ccrypt_event_rekey() - tell userspace at once that the rekey started, ended, failed or goes on
 * @state: the state
 *
 * Context: process; may wait for memory.
 */
void ccrypt_event_rekey(struct ccrypt_state *state)
{
	mutex_lock(&state->targets_lock);
	ccrypt_report(state, CCRYPT_REASON_REKEY, ccrypt_is_active(state));
	mutex_unlock(&state->targets_lock);
}

/* Of the process that was refused, which is not the one that writes the record. */
static void ccrypt_audit_denial(struct ccrypt_state *state, const struct ccrypt_denial *denial)
{
	const dev_t dev = disk_devt(dm_disk(state->id.md));
	struct audit_buffer *ab = audit_log_start(NULL, GFP_KERNEL, AUDIT_DM_EVENT);

	if (!ab)
		return;
	audit_log_format(ab, "module=" DM_MSG_PREFIX " op=read-denied dev=%d:%d sector=%llu",
			 MAJOR(dev), MINOR(dev), (unsigned long long)denial->sector);
	audit_log_format(ab, " cgroup=%llu pid=%d res=0", denial->cgroup, denial->pid);
	audit_log_end(ab);
}

static void ccrypt_denial_work(struct work_struct *work)
{
	struct ccrypt_state *state = container_of(work, struct ccrypt_state, denial_work);
	struct ccrypt_denial denial;

	while (kfifo_get(&state->denials, &denial))
		ccrypt_audit_denial(state, &denial);
}

void ccrypt_event_init(struct ccrypt_state *state)
{
	mutex_init(&state->targets_lock);
	INIT_LIST_HEAD(&state->targets);
	INIT_WORK(&state->event_work, ccrypt_event_work);
	INIT_KFIFO(state->denials);
	INIT_WORK(&state->denial_work, ccrypt_denial_work);
	ratelimit_state_init(&state->denial_limit, CCRYPT_DENIAL_INTERVAL, CCRYPT_DENIAL_BURST);
	/* Its own word in the kernel log would say nothing that the counter does not. */
	ratelimit_set_flags(&state->denial_limit, RATELIMIT_MSG_ON_RELEASE);
}

void ccrypt_event_exit(struct ccrypt_state *state)
{
	cancel_work_sync(&state->event_work);
	flush_work(&state->denial_work);
	mutex_destroy(&state->targets_lock);
}

void ccrypt_event_attach(struct ccrypt_target *cc)
{
	mutex_lock(&cc->state->targets_lock);
	list_add(&cc->link, &cc->state->targets);
	mutex_unlock(&cc->state->targets_lock);
}

void ccrypt_event_detach(struct ccrypt_target *cc)
{
	/* With its table there is nothing left that could be told. */
	flush_work(&cc->state->wipe_work);
	flush_work(&cc->state->event_work);
	mutex_lock(&cc->state->targets_lock);
	list_del(&cc->link);
	mutex_unlock(&cc->state->targets_lock);
}

/**
 * ccrypt_event() - the state has changed; say so soon
 * @state: the state
 *
 * Not on the queue of the wipes: this allocates memory, and they must not wait for it.
 */
void ccrypt_event(struct ccrypt_state *state)
{
	schedule_work(&state->event_work);
}

/**
 * ccrypt_audit_ctrl() - record that somebody used or tried to use a control of the target
 * @ti: the target; after a failure ti->error says why
 * @op: ctr, dtr or the word of a message
 * @success: the outcome
 *
 * Context: process.
 */
void ccrypt_audit_ctrl(struct dm_target *ti, const char *op, bool success)
{
	dm_audit_log_ti(AUDIT_DM_CTRL, DM_MSG_PREFIX, op, ti, success);
}

/**
 * ccrypt_denied() - count a read that the gate refuses, and have it recorded
 * @io: the read, not yet redirected or with @io->fetched not yet set
 * @cgroup: to whom it is refused, or NULL where that is not known
 * @task: the process that submits it, or NULL
 *
 * Every denial is counted, some are recorded: a reader that tries again and again must fill neither
 * the audit log nor the memory. A worker writes the record, for that may sleep.
 *
 * Context: any.
 */
void ccrypt_denied(struct ccrypt_io *io, struct cgroup *cgroup, struct task_struct *task)
{
	struct ccrypt_state *state = io->cc->state;
	struct ccrypt_denial denial = {
		.sector = io->sector - io->cc->iv_offset + io->cc->ti->begin,
		.cgroup = cgroup ? cgroup_id(cgroup) : 0,
		.pid = task ? task_tgid_nr(task) : 0,
	};

	this_cpu_inc(state->stats->denied);
	if (!__ratelimit(&state->denial_limit))
		return;
	kfifo_in_spinlocked(&state->denials, &denial, 1, &state->lock);
	schedule_work(&state->denial_work);
}
