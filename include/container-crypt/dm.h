/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The device-mapper target "container-crypt": the words, limits and states that the kernel module
 * and userspace share. docs/container-crypt.rst describes the whole interface.
 *
 * Table line:
 *   <start> <len> container-crypt aes-xts-plain64 <iv_offset> <device> <offset> [<#opts> <opts>]
 * with every offset in 512-byte sectors. A table line never holds a key or the name of a key.
 *
 * Usable from kernel code and from C userspace; contains only preprocessor constants.
 */
#ifndef CONTAINER_CRYPT_DM_H
#define CONTAINER_CRYPT_DM_H

/* Target and module. */
#define CONTAINER_CRYPT_TARGET			"container-crypt"
#define CONTAINER_CRYPT_MODULE			"dm-container-crypt"
#define CONTAINER_CRYPT_VERSION_MAJOR		1
#define CONTAINER_CRYPT_VERSION_MINOR		2
#define CONTAINER_CRYPT_VERSION_PATCH		0

/*
 * The only cipher: AES in XTS mode; the IV is the little-endian 64-bit number of the 512-byte
 * sector plus iv_offset, whatever the encryption sector size (dm-crypt's plain64 rule).
 */
#define CONTAINER_CRYPT_CIPHER			"aes-xts-plain64"

/* Keys: two AES keys of equal size, one after the other. The halves must differ. */
#define CONTAINER_CRYPT_KEY_SIZE_AES128		32
#define CONTAINER_CRYPT_KEY_SIZE_AES256		64
#define CONTAINER_CRYPT_KEY_SIZE_MAX		64

/* Encryption sector size in bytes: one of the two. */
#define CONTAINER_CRYPT_SECTOR_SIZE_MIN		512
#define CONTAINER_CRYPT_SECTOR_SIZE_MAX		4096
#define CONTAINER_CRYPT_SECTOR_SIZE_DEFAULT	4096

/* Table options. "name:" options carry a value after the colon; no option may be given twice. */
#define CONTAINER_CRYPT_OPTS_MAX		5
#define CONTAINER_CRYPT_OPT_SECTOR_SIZE		"sector_size:"	 /* 512 or 4096 */
#define CONTAINER_CRYPT_OPT_ALLOW_DISCARDS	"allow_discards"
#define CONTAINER_CRYPT_OPT_VOLUME		"volume:"	 /* a UUID, for status and audit */
#define CONTAINER_CRYPT_OPT_ON_LOCK		"on_lock:"	 /* one of the two below */
#define CONTAINER_CRYPT_ON_LOCK_ERROR		"error"		 /* fail at once (default) */
#define CONTAINER_CRYPT_ON_LOCK_QUEUE		"queue:"	 /* park for <ms>, then fail */
#define CONTAINER_CRYPT_ON_LOCK_QUEUE_MS_MAX	600000		 /* ten minutes */
#define CONTAINER_CRYPT_OPT_REKEY_AREA		"rekey_area:"	 /* <first sector>:<sectors> */

/*
 * Messages (DM_TARGET_MSG to any sector of the target):
 *   unlock <key> <lease, 0 = none>
 *   unlock <new key> <lease, 0 = none> <old key> <lowest sequence number of a header>
 *   renew <lease>
 *   lock
 *   gate <cgroup v2 id, 0 = off>; while active with a gate only from inside, and not to open it
 *   rekey start <new key>; while active and suspended
 *   rekey pause | rekey resume | rekey rate <MiB a second, 0 = as fast as it goes>
 *   rekey clear; when it is done, or while locked when its headers say so
 *
 * A key is named :<key bytes>:<logon|encrypted|trusted>:<description>. With a rekey area an unlock
 * by one key is refused while a rekey is under way. Targets of version 1.2 and later know rekeys.
 *
 * A lease is a number of milliseconds from now, or names its end: "@raw:" and the time in
 * milliseconds of the raw clock, CLOCK_MONOTONIC_RAW + (CLOCK_BOOTTIME - CLOCK_MONOTONIC), read in
 * this order; or "@" and that of CLOCK_BOOTTIME (both in the initial time namespace). Who counts a
 * lease from an earlier moment names its end: a sender that is stopped before the message arrives
 * cannot make it longer. The raw clock decides in any case. Nobody slews it, so with "@raw:" a
 * slewed clock does not make the lease longer either, not even in the time before the message.
 * Targets of version 1.1 and later take it (RAW_LEASE).
 */
#define CONTAINER_CRYPT_MSG_UNLOCK		"unlock"
#define CONTAINER_CRYPT_MSG_RENEW		"renew"
#define CONTAINER_CRYPT_MSG_LOCK		"lock"
#define CONTAINER_CRYPT_MSG_GATE		"gate"
#define CONTAINER_CRYPT_MSG_REKEY		"rekey"
#define CONTAINER_CRYPT_MSG_REKEY_START		"start"
#define CONTAINER_CRYPT_MSG_REKEY_PAUSE		"pause"
#define CONTAINER_CRYPT_MSG_REKEY_RESUME	"resume"
#define CONTAINER_CRYPT_MSG_REKEY_RATE		"rate"
#define CONTAINER_CRYPT_MSG_REKEY_CLEAR		"clear"
#define CONTAINER_CRYPT_REKEY_RATE_MAX		1000000
#define CONTAINER_CRYPT_LEASE_UNTIL		"@"
#define CONTAINER_CRYPT_LEASE_UNTIL_RAW		"@raw:"
#define CONTAINER_CRYPT_RAW_LEASE_MAJOR		1
#define CONTAINER_CRYPT_RAW_LEASE_MINOR		1
#define CONTAINER_CRYPT_LEASE_MS_MAX		2678400000U	 /* 31 days, from now */

/* Key types of the kernel keyring that `unlock` takes. */
#define CONTAINER_CRYPT_KEY_TYPE_LOGON		"logon"
#define CONTAINER_CRYPT_KEY_TYPE_ENCRYPTED	"encrypted"
#define CONTAINER_CRYPT_KEY_TYPE_TRUSTED	"trusted"

/*
 * STATUSTYPE_INFO: "<state> <name>:<value> ...", in this order; readers must ignore names they do
 * not know, later versions append some:
 *   locked|active lease:<ms left, or "-"> gate:<cgroup id or 0> reads:<n> writes:<n> denied:<n>
 *   locks:<n> last_lock:<reason as below, or "-">
 * and, where the table has a rekey area,
 *   rekey:<-|running|paused|locked|done> rekey_pos:<sectors that have the new key>
 *   rekey_end:<sectors it is of> rekey_seq:<number of the newest header> rekey_rate:<MiB a second>
 *   rekey_error:<"-", or errno and sector on the device, as 5@4096>
 */
#define CONTAINER_CRYPT_STATE_LOCKED		"locked"
#define CONTAINER_CRYPT_STATE_ACTIVE		"active"
#define CONTAINER_CRYPT_STATUS_LEASE		"lease:"
#define CONTAINER_CRYPT_STATUS_LEASE_NONE	"-"
#define CONTAINER_CRYPT_STATUS_GATE		"gate:"
#define CONTAINER_CRYPT_STATUS_READS		"reads:"
#define CONTAINER_CRYPT_STATUS_WRITES		"writes:"
#define CONTAINER_CRYPT_STATUS_DENIED		"denied:"
#define CONTAINER_CRYPT_STATUS_LOCKS		"locks:"
#define CONTAINER_CRYPT_STATUS_LAST_LOCK	"last_lock:"
#define CONTAINER_CRYPT_STATUS_LAST_LOCK_NONE	"-"
#define CONTAINER_CRYPT_STATUS_REKEY		"rekey:"
#define CONTAINER_CRYPT_STATUS_REKEY_POS	"rekey_pos:"
#define CONTAINER_CRYPT_STATUS_REKEY_END	"rekey_end:"
#define CONTAINER_CRYPT_STATUS_REKEY_SEQ	"rekey_seq:"
#define CONTAINER_CRYPT_STATUS_REKEY_RATE	"rekey_rate:"
#define CONTAINER_CRYPT_STATUS_REKEY_ERROR	"rekey_error:"
#define CONTAINER_CRYPT_STATUS_REKEY_NONE	"-"
#define CONTAINER_CRYPT_REKEY_RUNNING		"running"
#define CONTAINER_CRYPT_REKEY_PAUSED		"paused"	 /* by message, or at an error */
#define CONTAINER_CRYPT_REKEY_LOCKED		"locked"	 /* the rest is of before */
#define CONTAINER_CRYPT_REKEY_DONE		"done"

/*
 * Every change of state wakes `dmsetup wait` and sends a "change" uevent of the dm device with
 * DM_TARGET=container-crypt and the variables below; the volume only where the table names one.
 */
#define CONTAINER_CRYPT_UEVENT_STATE		"CONTAINER_CRYPT_STATE"
#define CONTAINER_CRYPT_UEVENT_REASON		"CONTAINER_CRYPT_REASON"
#define CONTAINER_CRYPT_UEVENT_VOLUME		"CONTAINER_CRYPT_VOLUME"
#define CONTAINER_CRYPT_REASON_MESSAGE		"message"	 /* an `unlock` or `lock` message */
#define CONTAINER_CRYPT_REASON_LEASE		"lease"		 /* the lease ended */
#define CONTAINER_CRYPT_REASON_GATE		"gate"		 /* the bound cgroup was removed */
#define CONTAINER_CRYPT_REASON_REKEY		"rekey"		 /* its status has changed */

#endif /* CONTAINER_CRYPT_DM_H */
