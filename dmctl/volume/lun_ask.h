/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lun_ask.h - asks the block devices of the host which of them carry a volume, without waiting for
 * one that does not answer: a multipath device without paths queues what is read from it for as
 * long as it likes, and whoever reads cannot be killed.
 *
 * What says of itself in sysfs that it would not answer is not asked. The others are, several at
 * once, each by a process of its own, of which there is never more than one for a device, over all
 * that look for volumes at one time. Where that one has had no answer for a second, the others do
 * not wait for it.
 */
#ifndef CC_LUN_ASK_H
#define CC_LUN_ASK_H

#include <stdint.h>

#include "strv.h"

#define LUN_SYS_BLOCK "/sys/class/block"

/**
 * struct lun_asker - how it is done. All borrowed.
 * @sys: LUN_SYS_BLOCK
 * @locks: directory where the processes' locks are; made where it is missing
 * @claims: whether @device, a node, carries @uuid; may take for ever
 * @each_ms: how long one device is waited for
 */
struct lun_asker {
	const char *sys, *locks;
	bool (*claims)(const char *device, const char *uuid);
	uint64_t each_ms;
};

/**
 * lun_ask - asks them all.
 * @first: name of the device that is asked first, as sysfs has it, or NULL
 * @found: names of those that carry @uuid are added, as sysfs has them
 * @silent: those that were not asked, or did not answer, each with the reason, are added: "sdc (no
 *          answer)". One that did not answer this process before is not asked again.
 */
int lun_ask(const struct lun_asker *by, const char *uuid, const char *first, struct cc_strv *found,
	    struct cc_strv *silent, struct cc_error *err);

/**
 * lun_excuse - why the device should not be asked, by what sysfs says of it.
 * Return: a word or two; "" when it should be; NULL when it cannot carry a volume: it is too small,
 * or a mapping of ours, which carries none and parks reads while it is locked.
 */
const char *lun_excuse(const char *sys, const char *name);

/* Device node of sysfs name @name, where a slash is written '!'. */
void lun_node(const char *name, char out[static 300]);

#endif
