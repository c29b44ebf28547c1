// SPDX-License-Identifier: GPL-2.0-only
/*
 * Device-mapper target "container-crypt": AES-XTS encryption with a key that comes after the
 * mapping is made, can be taken away while it is in use, and leaves by itself when its lease ends.
 * See docs/container-crypt.rst.
 */
#include <linux/module.h>

#include "container-crypt.h"
#include "page-cache.h"

static void ccrypt_dtr(struct dm_target *ti)
{
	struct ccrypt_target *cc = ti->private;

	ti->private = NULL;
	/* No bio is left; a worker may still be returning from the last one. */
	if (cc->restart_wq)
		destroy_workqueue(cc->restart_wq);
	if (cc->crypt_wq)
		destroy_workqueue(cc->crypt_wq);
	if (cc->state) {
		ccrypt_event_detach(cc);
		ccrypt_state_put(cc->state);
	}
	ccrypt_offload_exit(cc);
	ccrypt_bounce_exit(cc);
	if (cc->dev)
		dm_put_device(ti, cc->dev);
	kfree(cc);
}

static int ccrypt_init_state(struct ccrypt_target *cc)
{
	struct ccrypt_state *state;
	struct ccrypt_data_id id;

	memset(&id, 0, sizeof(id));
	id.md = dm_table_get_md(cc->ti->table);
	id.begin = cc->ti->begin;
	id.dev = cc->dev->bdev->bd_dev;
	id.start = cc->start;
	id.iv_offset = cc->iv_offset;
	id.sector_size = cc->sector_size;
	memcpy(id.volume, cc->volume, sizeof(id.volume));
	id.area = cc->area;
	id.area_len = cc->area_len;

	state = ccrypt_state_get(&id);
	if (IS_ERR(state)) {
		cc->ti->error = "Cannot set up the cipher";
		return PTR_ERR(state);
	}
	cc->state = state;
	ccrypt_event_attach(cc);
	if (!ccrypt_rekey_fits(cc)) {
		cc->ti->error = "During a rekey a mapping can only grow, and not in a window";
		return -EBUSY;
	}

	cc->io_size = ALIGN(sizeof(struct ccrypt_io) + sizeof(struct skcipher_request) +
			    crypto_skcipher_reqsize(state->prototype), ARCH_DMA_MINALIGN);
	return 0;
}

static int ccrypt_init_queues(struct ccrypt_target *cc)
{
	const char *name = dm_table_device_name(cc->ti->table);

	cc->crypt_wq = alloc_workqueue("ccrypt-%s", WQ_MEM_RECLAIM | WQ_UNBOUND, 0, name);
	cc->restart_wq = alloc_workqueue("ccrypt_restart-%s", WQ_MEM_RECLAIM | WQ_UNBOUND, 0, name);
	if (!cc->crypt_wq || !cc->restart_wq) {
		cc->ti->error = "Cannot create workqueues";
		return -ENOMEM;
	}
	return 0;
}

/* <cipher> <iv_offset> <device> <offset> [<#opts> <opts>] */
static int ccrypt_ctr(struct dm_target *ti, unsigned int argc, char **argv)
{
	struct ccrypt_target *cc;
	int r;

	cc = kzalloc(sizeof(*cc), GFP_KERNEL);
	if (!cc) {
		ti->error = "Cannot allocate the target";
		return -ENOMEM;
	}
	cc->ti = ti;
	ti->private = cc;

	/* First, because ccrypt_dtr() undoes it in any case. */
	r = ccrypt_bounce_init(cc);
	if (!r)
		r = ccrypt_offload_init(cc);
	if (r) {
		ti->error = "Cannot reserve memory";
		goto bad;
	}
	r = ccrypt_parse_table(cc, argc, argv);
	if (r)
		goto bad;
	r = ccrypt_init_queues(cc);
	if (r)
		goto bad;
	r = ccrypt_init_state(cc);
	if (r)
		goto bad;

	ti->per_io_data_size = cc->io_size;
	ti->num_flush_bios = 1;
	ti->limit_swap_bios = true;
	ti->accounts_remapped_io = true;
	ccrypt_audit_ctrl(ti, "ctr", true);
	return 0;

bad:
	ccrypt_audit_ctrl(ti, "ctr", false);
	ccrypt_dtr(ti);
	return r;
}

static void ccrypt_removed(struct dm_target *ti)
{
	ccrypt_audit_ctrl(ti, "dtr", true);
	ccrypt_dtr(ti);
}

static void ccrypt_presuspend(struct dm_target *ti)
{
	struct ccrypt_target *cc = ti->private;

	/* With a flush, parked bios keep their time limit and the suspend waits for them. */
	if (dm_noflush_suspending(ti))
		ccrypt_park_requeue(cc->state);
	ccrypt_rekey_presuspend(cc);
}

static void ccrypt_presuspend_undo(struct dm_target *ti)
{
	ccrypt_rekey_resume(ti->private);
}

static void ccrypt_postsuspend(struct dm_target *ti)
{
	ccrypt_rekey_postsuspend(ti->private);
}

static int ccrypt_preresume(struct dm_target *ti)
{
	return ccrypt_rekey_preresume(ti->private);
}

static void ccrypt_resume(struct dm_target *ti)
{
	ccrypt_rekey_resume(ti->private);
}

static void ccrypt_emit_info(struct ccrypt_target *cc, char *result, unsigned int maxlen)
{
	struct ccrypt_state *state = cc->state;
	struct ccrypt_stats sum = {};
	unsigned int sz = 0;
	enum ccrypt_reason reason;
	s64 lease_ms;
	bool active;
	u64 locks;
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct ccrypt_stats *stats = per_cpu_ptr(state->stats, cpu);

		sum.reads += READ_ONCE(stats->reads);
		sum.writes += READ_ONCE(stats->writes);
		sum.denied += READ_ONCE(stats->denied);
	}
	active = !ccrypt_is_locked(state);
	lease_ms = ccrypt_lease_left_ms(state);
	spin_lock_irq(&state->lock);
	locks = state->locks;
	reason = state->reason;
	spin_unlock_irq(&state->lock);

	DMEMIT("%s ", active ? CONTAINER_CRYPT_STATE_ACTIVE : CONTAINER_CRYPT_STATE_LOCKED);
	if (active && lease_ms >= 0)
		DMEMIT(CONTAINER_CRYPT_STATUS_LEASE "%lld", lease_ms);
	else
		DMEMIT(CONTAINER_CRYPT_STATUS_LEASE CONTAINER_CRYPT_STATUS_LEASE_NONE);
	DMEMIT(" " CONTAINER_CRYPT_STATUS_GATE "%llu", READ_ONCE(state->gate_id));
	DMEMIT(" " CONTAINER_CRYPT_STATUS_READS "%lu", sum.reads);
	DMEMIT(" " CONTAINER_CRYPT_STATUS_WRITES "%lu", sum.writes);
	DMEMIT(" " CONTAINER_CRYPT_STATUS_DENIED "%lu", sum.denied);
	DMEMIT(" " CONTAINER_CRYPT_STATUS_LOCKS "%llu", locks);
	DMEMIT(" " CONTAINER_CRYPT_STATUS_LAST_LOCK "%s",
	       locks ? ccrypt_reason_name(reason) : CONTAINER_CRYPT_STATUS_LAST_LOCK_NONE);
	ccrypt_rekey_emit(state, result + sz, maxlen - sz);
}

static void ccrypt_status(struct dm_target *ti, status_type_t type, unsigned int status_flags,
			  char *result, unsigned int maxlen)
{
	switch (type) {
	case STATUSTYPE_INFO:
		ccrypt_emit_info(ti->private, result, maxlen);
		break;
	case STATUSTYPE_TABLE:
		ccrypt_emit_table(ti->private, result, maxlen);
		break;
	case STATUSTYPE_IMA:
		ccrypt_emit_ima(ti->private, result, maxlen);
		break;
	}
}

static int ccrypt_iterate_devices(struct dm_target *ti, iterate_devices_callout_fn fn, void *data)
{
	struct ccrypt_target *cc = ti->private;

	return fn(ti, cc->dev, cc->start, ti->len, data);
}

static void ccrypt_io_hints(struct dm_target *ti, struct queue_limits *limits)
{
	struct ccrypt_target *cc = ti->private;

	limits->logical_block_size = max(limits->logical_block_size, cc->sector_size);
	limits->physical_block_size = max(limits->physical_block_size, cc->sector_size);
	limits->io_min = max(limits->io_min, cc->sector_size);
	limits->dma_alignment = max_t(unsigned int, limits->dma_alignment, CCRYPT_SEGMENT_MIN - 1);
}

static struct target_type ccrypt_target_type = {
	.name = CONTAINER_CRYPT_TARGET,
	.version = {
		CONTAINER_CRYPT_VERSION_MAJOR,
		CONTAINER_CRYPT_VERSION_MINOR,
		CONTAINER_CRYPT_VERSION_PATCH,
	},
	.features = DM_TARGET_NOWAIT,
	.module = THIS_MODULE,
	.ctr = ccrypt_ctr,
	.dtr = ccrypt_removed,
	.map = ccrypt_map,
	.presuspend = ccrypt_presuspend,
	.presuspend_undo = ccrypt_presuspend_undo,
	.postsuspend = ccrypt_postsuspend,
	.preresume = ccrypt_preresume,
	.resume = ccrypt_resume,
	.status = ccrypt_status,
	.message = ccrypt_message,
	.iterate_devices = ccrypt_iterate_devices,
	.io_hints = ccrypt_io_hints,
};

static int __init ccrypt_module_init(void)
{
	int r = ccrypt_state_module_init();

	if (r)
		return r;
	r = ccrypt_page_cache_init();
	if (r)
		goto exit_state;
	r = ccrypt_power_init();
	if (r)
		goto exit_page_cache;
	r = dm_register_target(&ccrypt_target_type);
	if (r)
		goto exit_power;
	return 0;

exit_power:
	ccrypt_power_exit();
exit_page_cache:
	ccrypt_page_cache_exit();
exit_state:
	ccrypt_state_module_exit();
	return r;
}

static void __exit ccrypt_module_exit(void)
{
	dm_unregister_target(&ccrypt_target_type);
	ccrypt_power_exit();
	ccrypt_page_cache_exit();
	ccrypt_state_module_exit();
}

module_init(ccrypt_module_init);
module_exit(ccrypt_module_exit);

MODULE_AUTHOR("container-crypt developers");
MODULE_DESCRIPTION("device-mapper target that encrypts with a leased key, for one container");
MODULE_LICENSE("GPL");
MODULE_SOFTDEP("pre: xts aes sha256 hmac");
