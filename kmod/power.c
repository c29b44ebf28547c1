// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hibernation writes memory to a disk, keys and all, where no lease ends. It is refused while a
 * mapping has a key, and no mapping gets one from then on until it is over.
 *
 * Suspend to RAM is no such thing: the memory stays memory, and the time suspended counts, so that
 * a lease that ended meanwhile ends at resume.
 */
#include <linux/suspend.h>

#include "container-crypt.h"

static int ccrypt_power_notify(struct notifier_block *nb, unsigned long event, void *unused)
{
	switch (event) {
	case PM_HIBERNATION_PREPARE:
		return notifier_from_errno(ccrypt_forbid_unlock());
	case PM_POST_HIBERNATION:
		ccrypt_allow_unlock();
		return NOTIFY_OK;
	default:
		return NOTIFY_DONE;
	}
}

static struct notifier_block ccrypt_power_nb = {
	.notifier_call = ccrypt_power_notify,
};

/**
 * ccrypt_power_init() - be asked before the host hibernates
 *
 * Return: 0 or a negative error.
 */
int ccrypt_power_init(void)
{
	return register_pm_notifier(&ccrypt_power_nb);
}

/**
 * ccrypt_power_exit() - undo ccrypt_power_init()
 */
void ccrypt_power_exit(void)
{
	unregister_pm_notifier(&ccrypt_power_nb);
}
