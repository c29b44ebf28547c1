/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Differences between the kernels this module builds on, and declarations that the kernel exports
 * but keeps in private headers. kmod/Kbuild defines CCRYPT_HAS_* after asking the kernel's headers.
 */
#ifndef CCRYPT_COMPAT_H
#define CCRYPT_COMPAT_H

#include <linux/audit.h>
#include <linux/bio.h>
#include <linux/crypto.h>
#include <linux/device-mapper.h>
#include <linux/hrtimer.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/srcu.h>
#include <linux/workqueue.h>

/*
 * An SRCU read section that ends in another context than it began in. Before 6.4 only the
 * functions underneath, without lockdep's notion of an owner, allow that. The annotations say that
 * sparse cannot follow such a section.
 */
static inline int ccrypt_srcu_begin(struct srcu_struct *ssp)
{
#ifdef CCRYPT_HAS_SRCU_DOWN_READ
	int idx = srcu_down_read(ssp);
#else
	int idx = __srcu_read_lock(ssp);
#endif
	__release(ssp);
	return idx;
}

static inline void ccrypt_srcu_end(struct srcu_struct *ssp, int idx)
{
	__acquire(ssp);
#ifdef CCRYPT_HAS_SRCU_DOWN_READ
	srcu_up_read(ssp, idx);
#else
	__srcu_read_unlock(ssp, idx);
#endif
}

/* Modes of block devices have had a type of their own since 6.5. */
#ifndef BLK_OPEN_WRITE
#define BLK_OPEN_WRITE	FMODE_WRITE
#endif

/* hrtimer_init() and a store to ->function became hrtimer_setup() in 6.13. */
#ifndef CCRYPT_HAS_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock_id, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock_id, mode);
	timer->function = function;
}
#endif

/* Work in softirq context, for completions that arrive in hard interrupt context: since 6.9. */
#ifdef CCRYPT_HAS_WQ_BH
static inline bool ccrypt_queue_bh_work(struct work_struct *work)
{
	return queue_work(system_bh_wq, work);
}

#define CCRYPT_BH_WORK	true
#else
static inline bool ccrypt_queue_bh_work(struct work_struct *work)
{
	return false;
}

#define CCRYPT_BH_WORK	false
#endif

/* What a crypto completion gets: since 6.3 the data of the request, before the request itself. */
#ifdef CCRYPT_HAS_CRYPTO_DATA
#define CCRYPT_CRYPTO_ARG	void
static inline void *ccrypt_crypto_data(void *data)
{
	return data;
}
#else
#define CCRYPT_CRYPTO_ARG	struct crypto_async_request
static inline void *ccrypt_crypto_data(struct crypto_async_request *request)
{
	return request->data;
}
#endif

/* What the submitter says of the data's lifetime: hints since 6.9, streams since 6.16. */
static inline void ccrypt_copy_write_hints(struct bio *to, const struct bio *from)
{
#ifdef CCRYPT_HAS_WRITE_HINT
	to->bi_write_hint = from->bi_write_hint;
#endif
#ifdef CCRYPT_HAS_WRITE_STREAM
	to->bi_write_stream = from->bi_write_stream;
#endif
}

typedef unsigned long ccrypt_shrink_t(struct shrinker *shrinker, struct shrink_control *sc);

/* Since 6.7 shrinkers are allocated by the kernel, so that it can free them by RCU. */
static inline struct shrinker *ccrypt_shrinker_register(const char *name, ccrypt_shrink_t *count,
							ccrypt_shrink_t *scan)
{
#ifdef CCRYPT_HAS_SHRINKER_ALLOC
	struct shrinker *shrinker = shrinker_alloc(0, "%s", name);
#else
	struct shrinker *shrinker = kzalloc(sizeof(*shrinker), GFP_KERNEL);
#endif

	if (!shrinker)
		return NULL;
	shrinker->count_objects = count;
	shrinker->scan_objects = scan;
	shrinker->seeks = DEFAULT_SEEKS;
#ifdef CCRYPT_HAS_SHRINKER_ALLOC
	shrinker_register(shrinker);
#else
	if (register_shrinker(shrinker, "%s", name)) {
		kfree(shrinker);
		return NULL;
	}
#endif
	return shrinker;
}

static inline void ccrypt_shrinker_unregister(struct shrinker *shrinker)
{
#ifdef CCRYPT_HAS_SHRINKER_ALLOC
	shrinker_free(shrinker);
#else
	unregister_shrinker(shrinker);
	kfree(shrinker);
#endif
}

/* drivers/md/dm-audit.h is not among the installed headers; the functions are exported. */
#ifdef CONFIG_DM_AUDIT
void dm_audit_log_ti(int audit_type, const char *dm_msg_prefix, const char *op,
		     struct dm_target *ti, int result);
#else
static inline void dm_audit_log_ti(int audit_type, const char *dm_msg_prefix, const char *op,
				   struct dm_target *ti, int result)
{
}
#endif

#endif /* CCRYPT_COMPAT_H */
