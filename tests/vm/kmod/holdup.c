// SPDX-License-Identifier: GPL-2.0-only
/*
 * holdup - lets a processor stand still at a function of the kernel, to make what is rare certain.
 * A kernel module, for the guest only.
 *
 *	modprobe holdup symbol=NAME [comm=TASK] ms=MS
 *
 * Once "armed" (a parameter in sysfs) is 1, the next call of the function, by a task of that name
 * if one is given, waits for MS ms in the place, with preemption off. "holding" is 1 meanwhile.
 */
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched.h>

static char *symbol = "";
module_param(symbol, charp, 0400);
static char *comm = "";
module_param(comm, charp, 0400);
static unsigned int ms;
module_param(ms, uint, 0400);
static unsigned int armed;
module_param(armed, uint, 0600);
static unsigned int holding;
module_param(holding, uint, 0400);

static int holdup_enter(struct kprobe *probe, struct pt_regs *regs)
{
	if ((*comm && strcmp(comm, current->comm)) || !xchg(&armed, 0))
		return 0;
	WRITE_ONCE(holding, 1);
	mdelay(ms);
	WRITE_ONCE(holding, 0);
	return 0;
}

static struct kprobe holdup_probe = {
	.pre_handler = holdup_enter,
};

static int __init holdup_init(void)
{
	holdup_probe.symbol_name = symbol;
	return register_kprobe(&holdup_probe);
}

static void __exit holdup_exit(void)
{
	unregister_kprobe(&holdup_probe);
}

module_init(holdup_init);
module_exit(holdup_exit);

MODULE_DESCRIPTION("holds a processor up at a function, for tests");
MODULE_LICENSE("GPL");
