/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Internal interfaces of the device-mapper target "container-crypt".
 *
 * Three objects matter:
 *   struct ccrypt_target  one table entry: what the table line says, and the pools of the data path
 *   struct ccrypt_state   the life cycle (LOCKED, ACTIVE), key, lease, gate and counters. Tables of
 *			   one mapped device that describe the same data share it, so that a reload
 *			   (resize, other options) neither loses the key nor escapes a lease or gate
 *   struct ccrypt_io	   one bio on its way, in the bio's per-io data
 */
#ifndef CCRYPT_H
#define CCRYPT_H

#include <linux/bio.h>
#include <linux/cgroup.h>
#include <linux/device-mapper.h>
#include <linux/hrtimer.h>
#include <linux/kfifo.h>
#include <linux/llist.h>
#include <linux/mempool.h>
#include <linux/mutex.h>
#include <linux/percpu_counter.h>
#include <linux/ratelimit.h>
#include <linux/scatterlist.h>
#include <linux/srcu.h>
#include <linux/uuid.h>
#include <linux/workqueue.h>
#include <crypto/skcipher.h>

#include <container-crypt/dm.h>

#include "compat.h"

#define DM_MSG_PREFIX		CONTAINER_CRYPT_TARGET

/*
 * The largest bios that are handled in one piece; dm core hands in the rest separately. It is the
 * size of the bounce page reserve, and bounds how long one bio can hold up a wipe.
 */
#define CCRYPT_PIECE		(128U * 1024)

/* The largest REQ_NOWAIT bio: those cannot be cut. */
#define CCRYPT_MAX_NOWAIT	(1024U * 1024)

/* Reads up to this size are decrypted in softirq context, larger ones by a worker. */
#define CCRYPT_MAX_SOFTIRQ	(32U * 1024)

/* How much is encrypted at once, before others get the processor, and a wipe the key. */
#define CCRYPT_SECTION		(32U * 1024)

/*
 * Buffers start and end on 512-byte boundaries (queue limit dma_alignment, kept at 511 or more), so
 * that an encryption sector is spread over eight pieces at most.
 */
#define CCRYPT_SEGMENT_MIN	SECTOR_SIZE
#define CCRYPT_SEGMENTS_MAX	(CONTAINER_CRYPT_SECTOR_SIZE_MAX / CCRYPT_SEGMENT_MIN)

/* Why the state last became LOCKED; ccrypt_reason_names[] has the words. */
enum ccrypt_reason {
	CCRYPT_REASON_MESSAGE,
	CCRYPT_REASON_LEASE,
	CCRYPT_REASON_GATE,
	CCRYPT_REASONS,
	/* Not a lock, but told in the same way. */
	CCRYPT_REASON_REKEY = CCRYPT_REASONS,
};

/**
 * struct ccrypt_key - cipher handles that hold the volume key, or two of them during a rekey
 * @tfm: the handles, by slot; these and @mac are what keeps key material in this module
 * @mac: of the headers of a rekey, keyed by both; or NULL
 * @id: no other unlock of any mapping has it; a renewal keeps it
 * @reason: why the key went out of use
 * @doomed: link in ccrypt_state.doomed once it has
 */
struct ccrypt_key {
	struct crypto_skcipher *tfm[2];
	struct crypto_shash *mac;
	u64 id;
	enum ccrypt_reason reason;
	struct llist_node doomed;
};

/* What the number of a lease is. */
enum ccrypt_lease_kind {
	CCRYPT_LEASE_FOR,	/* a time from now on, 0 for no lease */
	CCRYPT_LEASE_UNTIL,	/* a point of CLOCK_BOOTTIME */
	CCRYPT_LEASE_UNTIL_RAW,	/* a point of ccrypt_lease_now() */
};

/**
 * struct ccrypt_lease - a lease as a message asks for it
 * @kind: what @ms is
 * @ms: milliseconds
 */
struct ccrypt_lease {
	enum ccrypt_lease_kind kind;
	u64 ms;
};

/**
 * struct ccrypt_unlock - an unlock as a message asks for it
 * @raw: the volume key; the caller wipes it
 * @size: its size in bytes
 * @old_raw: the key that it is to replace; the caller wipes it
 * @old_size: its size, 0 for none
 * @min_seq: no older header of their rekey is taken
 * @lease: when the keys are wiped by themselves
 */
struct ccrypt_unlock {
	u8 raw[CONTAINER_CRYPT_KEY_SIZE_MAX];
	unsigned int size;
	u8 old_raw[CONTAINER_CRYPT_KEY_SIZE_MAX];
	unsigned int old_size;
	u64 min_seq;
	struct ccrypt_lease lease;
};

/* Counters of the data path, one set per CPU. */
struct ccrypt_stats {
	unsigned long reads;
	unsigned long writes;
	unsigned long denied;
};

/**
 * struct ccrypt_denial - a read that the gate refused, for the audit record
 * @sector: where it began
 * @cgroup: id of the cgroup it was refused to, 0 where that is not known any more
 * @pid: process id of the submitter; 0 for a kernel thread, which read for somebody else
 */
struct ccrypt_denial {
	sector_t sector;
	u64 cgroup;
	pid_t pid;
};

/* Denials that can wait for their record; a power of two. */
#define CCRYPT_DENIALS		16

/**
 * struct ccrypt_data_id - what must be equal for two tables to describe the same data
 * @md: the mapped device
 * @begin: first sector of the target in the table
 * @dev: the device underneath
 * @start: first sector used there
 * @iv_offset: added to the sector number in the IV
 * @sector_size: encryption sector size in bytes
 * @volume: UUID of the volume as given, or empty
 * @area: first sector of the rekey area on the device
 * @area_len: its sectors, 0 without one
 *
 * Cleared before it is filled in, compared with memcmp().
 */
struct ccrypt_data_id {
	struct mapped_device *md;
	sector_t begin;
	dev_t dev;
	sector_t start;
	u64 iv_offset;
	unsigned int sector_size;
	char volume[UUID_STRING_LEN + 1];
	sector_t area;
	sector_t area_len;
};

struct ccrypt_rekey;

/**
 * struct ccrypt_state - life cycle of a mapping
 * @id: the data this state belongs to
 * @link: entry in the list of all states
 * @ref: one reference for each table
 * @prototype: cipher handle without a key: pins the implementation and tells the request size
 * @mutex: serialises unlock, gate and rekey
 * @rekey: of a volume with a rekey area, from the beginning on, else NULL; see rekey.h
 * @lock: protects @key, @key_id, @lease_end, @locks, @reason, @ended, @parked, @park_due, @gate,
 *	  @denials; taken in any context
 * @key: the key while ACTIVE, else NULL; readers hold @srcu
 * @key_id: of @key, or of the last one while LOCKED; read without @lock, too
 * @srcu: held from the start of an encryption or decryption until its end
 * @doomed: keys out of use that wait for @srcu readers
 * @wipe_work: frees @doomed
 * @lease_timer: ends the lease, CLOCK_BOOTTIME
 * @lease_end: when, by ccrypt_lease_now(); 0 for no lease; meaningless while LOCKED; read without
 *	       @lock, too
 * @locks: how often ACTIVE became LOCKED
 * @reason: why the last time
 * @ended: keys that were wiped and that userspace has not yet been told of, by reason
 * @parked: bios that wait for an unlock (struct ccrypt_io.parked)
 * @park_work: fails those that waited long enough
 * @park_due: when @park_work runs next, in jiffies; no later than any deadline in @parked
 * @gate: only this cgroup and those below read; NULL for everybody; RCU
 * @gate_seq: changes when @gate does while LOCKED
 * @gate_id: its id, which outlives the cgroup
 * @gated: entry in the list of states whose @gate is watched
 * @stats: counters
 * @targets_lock: protects @targets
 * @targets: tables that use this state (struct ccrypt_target.link)
 * @event_work: tells userspace about a change
 * @denials: refused reads that have no audit record yet
 * @denial_limit: how many get one
 * @denial_work: writes the records
 */
struct ccrypt_state {
	struct ccrypt_data_id id;
	struct list_head link;
	unsigned int ref;
	struct crypto_skcipher *prototype;
	struct mutex mutex;		/* see above */
	struct ccrypt_rekey *rekey;
	spinlock_t lock;		/* see above */
	struct ccrypt_key __rcu *key;
	u64 key_id;
	struct srcu_struct srcu;
	struct llist_head doomed;
	struct work_struct wipe_work;
	struct hrtimer lease_timer;
	ktime_t lease_end;
	u64 locks;
	enum ccrypt_reason reason;
	unsigned int ended[CCRYPT_REASONS];
	struct list_head parked;
	struct delayed_work park_work;
	unsigned long park_due;
	struct cgroup __rcu *gate;
	unsigned int gate_seq;
	u64 gate_id;
	struct list_head gated;
	struct ccrypt_stats __percpu *stats;
	struct mutex targets_lock;	/* see above */
	struct list_head targets;
	struct work_struct event_work;
	DECLARE_KFIFO(denials, struct ccrypt_denial, CCRYPT_DENIALS);
	struct ratelimit_state denial_limit;
	struct work_struct denial_work;
};

/**
 * struct ccrypt_offload - whether bios started on one processor come faster than it encrypts them
 * @in_flight: bios of its own that a worker has now
 * @in_flight_last: those that are not followed by more of the same
 * @skip_busy: how many not to offload, because every processor was busy
 * @streak: how many more to offload, because one of @in_flight_last was when the next came
 * @skip_probe: how many not to offload without @streak, until one is offloaded to see
 * @probe_period: what @skip_probe starts from
 */
struct ccrypt_offload {
	atomic_t in_flight;
	atomic_t in_flight_last;
	unsigned int skip_busy;
	unsigned int streak;
	unsigned int skip_probe;
	unsigned int probe_period;
};

/**
 * struct ccrypt_target - one entry of a table
 * @ti: the device-mapper target
 * @state: life cycle, shared with equal tables of the same device
 * @link: entry in ccrypt_state.targets
 * @dev: the device underneath
 * @start: first sector used there
 * @iv_offset: added to the sector number in the IV
 * @sector_size: encryption sector size in bytes
 * @queue_ms: how long bios wait for an unlock, 0 to fail them at once
 * @volume: UUID of the volume as given, or empty
 * @area: first sector of the rekey area
 * @area_len: its sectors, 0 without one
 * @io_size: size of the per-io data
 * @bios: bounce bios
 * @pages: bounce pages, with a reserve that is enough for one bio of CCRYPT_PIECE
 * @pages_used: bounce pages in use
 * @bounce_lock: held while a bio takes pages from the reserve and may wait for more
 * @crypt_wq: runs decryption and what asynchronous crypto left over; never waits for @pages
 * @restart_wq: starts bios again that were parked; may wait for @pages
 * @offload: what is known about those who start bios, for each processor
 * @busy: large bios that are being encrypted or decrypted, or wait for a worker to do it
 */
struct ccrypt_target {
	struct dm_target *ti;
	struct ccrypt_state *state;
	struct list_head link;
	struct dm_dev *dev;
	sector_t start;
	u64 iv_offset;
	unsigned int sector_size;
	unsigned int queue_ms;
	char volume[UUID_STRING_LEN + 1];
	sector_t area;
	sector_t area_len;
	unsigned int io_size;
	struct bio_set bios;
	mempool_t pages;
	struct percpu_counter pages_used;
	struct mutex bounce_lock;	/* see above */
	struct workqueue_struct *crypt_wq;
	struct workqueue_struct *restart_wq;
	struct ccrypt_offload __percpu *offload;
	atomic_t busy;
};

/**
 * struct ccrypt_io - a read, write or discard on its way
 * @iv: of the sector in work
 * @cc: the target
 * @bio: dm core's clone
 * @bounce: carries the ciphertext of a write
 * @end_io: dm core's completion of @bio, while a read is on its way
 * @more: more of the caller's bio follows
 * @busy: counted in ccrypt_target.busy
 * @fetched: the ciphertext of a read has arrived in @bio
 * @judge_bio: a kernel thread's read, to be judged by its block cgroup when it is submitted
 * @denied: the gate refuses it
 * @tracked: ahead of a rekey's position, and noted there
 * @slot: which of the key's ciphers it needs
 * @gate_seq: ccrypt_state.gate_seq before the gate was asked
 * @offload: of the processor that left the bio to a worker, or NULL
 * @iter: what of @bio is still to be encrypted or decrypted
 * @out: where in @bounce the next sector goes
 * @sector: number of the next sector for the IV, in 512-byte units
 * @key_id: which key encrypted or decrypts it
 * @first_key_id: with a rekey area, of which key @slot was said
 * @window: the one it is of, while @tracked
 * @srcu_idx: of the read section that pins the key
 * @error: result of an asynchronous encryption or decryption
 * @deadline: in jiffies, when to give up waiting for an unlock; 0 before the first wait
 * @parked: link in ccrypt_state.parked, ccrypt_rekey.parked or, while @tracked, in a bucket
 * @work: for the step that cannot run where it was started
 * @src: the sector in work, where it comes from
 * @dst: the sector in work, where it goes to
 *
 * The cipher request follows the structure.
 */
struct ccrypt_io {
	__le64 iv[2];
	struct ccrypt_target *cc;
	struct bio *bio;
	struct bio *bounce;
	bio_end_io_t *end_io;
	bool more;
	bool busy;
	bool fetched;
	bool judge_bio;
	bool denied;
	bool tracked;
	u8 slot;
	unsigned int gate_seq;
	struct ccrypt_offload *offload;
	struct bvec_iter iter;
	struct bvec_iter out;
	u64 sector;
	u64 key_id;
	u64 first_key_id;
	unsigned long window;
	int srcu_idx;
	int error;
	unsigned long deadline;
	struct list_head parked;
	struct work_struct work;
	struct scatterlist src[CCRYPT_SEGMENTS_MAX];
	struct scatterlist dst[1];
} CRYPTO_MINALIGN_ATTR;

/* table.c: the table line */
int ccrypt_parse_table(struct ccrypt_target *cc, unsigned int argc, char **argv);
void ccrypt_emit_table(struct ccrypt_target *cc, char *result, unsigned int maxlen);
void ccrypt_emit_ima(struct ccrypt_target *cc, char *result, unsigned int maxlen);
bool ccrypt_parse_u64(const char *text, u64 max, u64 *value);

/* message.c */
int ccrypt_message(struct dm_target *ti, unsigned int argc, char **argv, char *result,
		   unsigned int maxlen);

/* keyring.c: a key of the caller's keyrings */
int ccrypt_keyring_read(const char *type_name, const char *description, u8 *key,
			unsigned int size);

/* io.c: the data path */
int ccrypt_map(struct dm_target *ti, struct bio *bio);
void ccrypt_io_restart(struct ccrypt_io *io);
void ccrypt_io_continue(struct ccrypt_io *io);
void ccrypt_io_end(struct ccrypt_io *io, blk_status_t status);

/* offload.c: when another processor shall help */
int ccrypt_offload_init(struct ccrypt_target *cc);
void ccrypt_offload_exit(struct ccrypt_target *cc);
bool ccrypt_offload_begin(struct ccrypt_io *io);
void ccrypt_offload_end(struct ccrypt_io *io);

/* bounce.c: bios for ciphertext on its way to the device */
int ccrypt_bounce_init(struct ccrypt_target *cc);
void ccrypt_bounce_exit(struct ccrypt_target *cc);
struct bio *ccrypt_bounce_alloc(struct ccrypt_io *io);
void ccrypt_bounce_free(struct ccrypt_target *cc, struct bio *bounce);

/* cipher.c */
struct crypto_skcipher *ccrypt_prototype_alloc(void);
struct crypto_skcipher *ccrypt_cipher_create(const u8 *raw, unsigned int size,
					     struct crypto_skcipher *prototype);
struct ccrypt_key *ccrypt_key_create(const struct ccrypt_unlock *unlock,
				     struct crypto_skcipher *prototype);
void ccrypt_key_free(struct ccrypt_key *key);
void ccrypt_crypt_init(struct ccrypt_io *io, struct ccrypt_key *key);
int ccrypt_crypt(struct ccrypt_io *io, unsigned int max);

/* state.c */
int ccrypt_state_module_init(void);
void ccrypt_state_module_exit(void);
struct ccrypt_state *ccrypt_state_get(const struct ccrypt_data_id *id);
void ccrypt_state_put(struct ccrypt_state *state);
int ccrypt_unlock(struct ccrypt_target *cc, const struct ccrypt_unlock *unlock);
int ccrypt_renew(struct ccrypt_state *state, const struct ccrypt_lease *lease);
void ccrypt_lock(struct ccrypt_state *state);
void ccrypt_lock_if_gate_is_gone(struct ccrypt_state *state);
s64 ccrypt_lease_left_ms(struct ccrypt_state *state);
bool ccrypt_is_locked(struct ccrypt_state *state);
struct ccrypt_key *ccrypt_key_get(struct ccrypt_io *io);
void ccrypt_key_put(struct ccrypt_io *io);
bool ccrypt_key_is_current(struct ccrypt_io *io);
void ccrypt_queue_state_work(struct delayed_work *work, unsigned long delay);
int ccrypt_forbid_unlock(void);
void ccrypt_allow_unlock(void);

static inline bool ccrypt_is_active(struct ccrypt_state *state)
{
	return rcu_access_pointer(state->key);
}

/* lease.c: the clock of leases */
ktime_t ccrypt_lease_now(void);
int ccrypt_lease_resolve(const struct ccrypt_lease *lease, ktime_t *end);
void ccrypt_lease_timer_start(struct hrtimer *timer, ktime_t end);

/* park.c: bios that wait for an unlock */
void ccrypt_park_init(struct ccrypt_state *state);
void ccrypt_park_exit(struct ccrypt_state *state);
void ccrypt_park_or_fail(struct ccrypt_io *io);
void ccrypt_unpark(struct list_head *parked);
void ccrypt_park_requeue(struct ccrypt_state *state);

/* window.c: which key a bio needs while the volume gets a new one */
bool ccrypt_window_enter(struct ccrypt_io *io);
void ccrypt_window_leave(struct ccrypt_io *io);
unsigned int ccrypt_window_left(struct ccrypt_target *cc, struct bio *bio);

/* rekey.c: the volume gets a new key */
int ccrypt_rekey_init(struct ccrypt_state *state);
void ccrypt_rekey_exit(struct ccrypt_state *state);
int ccrypt_rekey_unlock(struct ccrypt_target *cc, struct ccrypt_key *key,
			const struct ccrypt_unlock *unlock);
void ccrypt_rekey_unlocked(struct ccrypt_target *cc);
void ccrypt_rekey_lost(struct ccrypt_state *state);
int ccrypt_rekey_start(struct ccrypt_target *cc, const u8 *raw, unsigned int size);
int ccrypt_rekey_pause(struct ccrypt_target *cc, bool pause);
int ccrypt_rekey_rate(struct ccrypt_target *cc, unsigned int rate);
int ccrypt_rekey_clear(struct ccrypt_target *cc);

/* rekey-target.c: the same for dm core */
bool ccrypt_rekey_fits(struct ccrypt_target *cc);
void ccrypt_rekey_presuspend(struct ccrypt_target *cc);
void ccrypt_rekey_postsuspend(struct ccrypt_target *cc);
int ccrypt_rekey_preresume(struct ccrypt_target *cc);
void ccrypt_rekey_resume(struct ccrypt_target *cc);
void ccrypt_rekey_emit(struct ccrypt_state *state, char *result, unsigned int maxlen);

/* event.c: what userspace is told */
void ccrypt_event_init(struct ccrypt_state *state);
void ccrypt_event_exit(struct ccrypt_state *state);
void ccrypt_event_attach(struct ccrypt_target *cc);
void ccrypt_event_detach(struct ccrypt_target *cc);
void ccrypt_event(struct ccrypt_state *state);
void ccrypt_event_rekey(struct ccrypt_state *state);
const char *ccrypt_reason_name(enum ccrypt_reason reason);
void ccrypt_audit_ctrl(struct dm_target *ti, const char *op, bool success);
void ccrypt_denied(struct ccrypt_io *io, struct cgroup *cgroup, struct task_struct *task);

/* power.c: hibernation */
int ccrypt_power_init(void);
void ccrypt_power_exit(void);

/* gate.c: who may read */
#ifdef CONFIG_CGROUPS
void ccrypt_gate_module_exit(void);
void ccrypt_gate_init(struct ccrypt_state *state);
void ccrypt_gate_exit(struct ccrypt_state *state);
int ccrypt_gate_set(struct ccrypt_state *state, u64 id);
bool ccrypt_gate_is_gone(struct ccrypt_state *state);
bool ccrypt_gate_admits(struct ccrypt_io *io);
bool ccrypt_gate_admits_bio(struct ccrypt_io *io);
bool ccrypt_gate_admits_stale(struct ccrypt_io *io);
#else
static inline void ccrypt_gate_module_exit(void) {}
static inline void ccrypt_gate_init(struct ccrypt_state *state) {}
static inline void ccrypt_gate_exit(struct ccrypt_state *state) {}
static inline int ccrypt_gate_set(struct ccrypt_state *state, u64 id)
{
	return id ? -EOPNOTSUPP : 0;
}

static inline bool ccrypt_gate_is_gone(struct ccrypt_state *state)
{
	return false;
}

static inline bool ccrypt_gate_admits(struct ccrypt_io *io)
{
	return true;
}

static inline bool ccrypt_gate_admits_bio(struct ccrypt_io *io)
{
	return true;
}

static inline bool ccrypt_gate_admits_stale(struct ccrypt_io *io)
{
	return true;
}
#endif

static inline unsigned int ccrypt_gate_seq(struct ccrypt_state *state)
{
	/* Before the gate is asked: an answer may look older than it is, never newer. */
	return smp_load_acquire(&state->gate_seq);
}

/* Whether the answer of the gate still holds, for who has the key in hand. */
static inline bool ccrypt_gate_still_admits(struct ccrypt_io *io)
{
	/* The key was loaded first: it is no newer than the number. */
	smp_rmb();
	return likely(io->gate_seq == READ_ONCE(io->cc->state->gate_seq)) ||
	       ccrypt_gate_admits_stale(io);
}

#endif /* CCRYPT_H */
