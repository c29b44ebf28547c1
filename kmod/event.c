// SPDX-License-Identifier: GPL-2.0-only
/*
 * What userspace is told: dm events and uevents when the state changes, and audit records.
 */
#include <linux/sched/mm.h>

#include "container-crypt.h"

static const char * const ccrypt_reason_names[] = {
	[CCRYPT_REASON_MESSAGE] = CONTAINER_CRYPT_REASON_MESSAGE,
	[CCRYPT_REASON_LEASE] = CONTAINER_CRYPT_REASON_LEASE,
	[CCRYPT_REASON_GATE] = CONTAINER_CRYPT_REASON_GATE,
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

void ccrypt_event_init(struct ccrypt_state *state)
{
	mutex_init(&state->targets_lock);
	INIT_LIST_HEAD(&state->targets);
	INIT_WORK(&state->event_work, ccrypt_event_work);
}

void ccrypt_event_exit(struct ccrypt_state *state)
{
	cancel_work_sync(&state->event_work);
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
 * ccrypt_audit_denied() - record a read that the gate refused
 * @cc: the target
 * @bio: the read, not yet redirected
 *
 * Context: process, in the I/O path.
 */
void ccrypt_audit_denied(struct ccrypt_target *cc, struct bio *bio)
{
	unsigned int noio = memalloc_noio_save();

	dm_audit_log_bio(DM_MSG_PREFIX, "read-denied", bio, bio->bi_iter.bi_sector, 0);
	memalloc_noio_restore(noio);
}
