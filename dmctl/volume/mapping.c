// SPDX-License-Identifier: Apache-2.0
/*
 * mapping.c - device-mapper mappings of the container-crypt target, by libdevmapper.
 */
#include "volume/mapping.h"

#include <errno.h>
#include <inttypes.h>
#include <libdevmapper.h>
#include <stdarg.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <syslog.h>
#include <time.h>

#include "container-crypt/dm.h"
#include "host/boottime.h"
#include "volume/gates.h"
#include "volume/keyring.h"
#include "volume/lease_end.h"
#include "paths.h"
#include "strv.h"

#define POLL_MS 50u
#define UNOPENED_MS 2000u
/* Keep probers away: what is on the mapping concerns only the container it is bound to. */
#define UDEV_FLAGS                                                                \
	(DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG | DM_UDEV_DISABLE_DISK_RULES_FLAG | \
	 DM_UDEV_DISABLE_OTHER_RULES_FLAG)

/* What libdevmapper last complained about; it would print that on stderr otherwise. */
static _Thread_local char complaint[256];

static void __attribute__((format(printf, 5, 6))) on_log(int level, const char *file, int line,
							 int dm_errno, const char *fmt, ...)
{
	va_list ap;

	(void)file;
	(void)line;
	(void)dm_errno;
	if ((level & 7) > LOG_ERR)
		return;
	va_start(ap, fmt);
	vsnprintf(complaint, sizeof(complaint), fmt, ap);
	va_end(ap);
}

static void task_free_ptr(struct dm_task **t)
{
	if (*t)
		dm_task_destroy(*t);
}
#define auto_task cc_cleanup(task_free_ptr) struct dm_task

#define NAME_MAX_LEN 96 /* CC_DM_PREFIX and a binding's name */
#define UUID_MAX_LEN 80 /* CC_DM_UUID_PREFIX, a UUID, 12 digits */

static void full_name(const char *name, char out[static NAME_MAX_LEN])
{
	snprintf(out, NAME_MAX_LEN, CC_DM_PREFIX "%s", name);
}

static struct dm_task *task_new(int type, const char *name, struct cc_error *err)
{
	struct dm_task *t;
	char full[NAME_MAX_LEN];

	dm_log_with_errno_init(on_log);
	complaint[0] = '\0';
	t = dm_task_create(type);
	if (t && name) {
		full_name(name, full);
		if (!dm_task_set_name(t, full)) {
			dm_task_destroy(t);
			t = NULL;
		}
	}
	if (!t)
		cc_fail(err, CC_E_INTERNAL, "device-mapper is not available: %s",
			complaint[0] ? complaint : "out of memory");
	return t;
}

/* Fills @err from the errno the kernel gave task @t. */
static int task_fail(struct dm_task *t, const char *name, const char *what, struct cc_error *err)
{
	enum cc_code code = CC_E_INTERNAL;
	int e = dm_task_get_errno(t);

	switch (e) {
	case EBUSY:
		code = CC_E_BUSY;
		break;
	case ENXIO:
	case ENODEV:
	case EROFS:
	case EIO:
		code = CC_E_DEVICE;
		break;
	case EACCES:
	case EPERM:
		code = CC_E_PERM;
		break;
	}
	return cc_fail(err, code, "mapping " CC_DM_PREFIX "%s: %s: %s%s%s", name, what,
		       e ? strerror(e) : "failed", complaint[0] ? ": " : "", complaint);
}

/* Runs @t and waits for udev, where there is one, to have handled the event. */
static bool run_with_udev(struct dm_task *t)
{
	uint32_t cookie = 0;
	bool ok;

	if (!dm_task_set_cookie(t, &cookie, UDEV_FLAGS))
		return false;
	ok = dm_task_run(t);
	dm_udev_wait(cookie);
	return ok;
}

static void full_uuid(const char *name, const char *uuid, char out[static UUID_MAX_LEN])
{
	const char *container = strchr(name, '@');

	snprintf(out, UUID_MAX_LEN, CC_DM_UUID_PREFIX "%s%s%.40s", uuid, container ? "-" : "",
		 container ? container + 1 : "");
}

/* The kernel loads the module of a target by itself, if there is one. */
static bool target_version(uint32_t version[static 3])
{
	struct cc_error ignored;
	auto_task *t = task_new(DM_DEVICE_LIST_VERSIONS, NULL, &ignored);
	struct dm_versions *v = t && dm_task_run(t) ? dm_task_get_versions(t) : NULL;

	while (v) {
		if (strcmp(v->name, CONTAINER_CRYPT_TARGET) == 0) {
			memcpy(version, v->version, sizeof(v->version));
			return true;
		}
		v = v->next ? (struct dm_versions *)((char *)v + v->next) : NULL;
	}
	return false;
}

int mapping_create(const char *name, const struct cc_volume *v, const char *device, bool read_only,
		   char node[static 128], struct cc_error *err)
{
	auto_task *t = NULL;
	struct mapping_status st;
	char full[NAME_MAX_LEN];
	char on_lock[CC_ON_LOCK_LEN];
	char params[512];
	char uuid[UUID_MAX_LEN];
	uint32_t version[3];
	int n;

	if (mapping_status(name, &st, err))
		return -1;
	if (st.exists)
		return cc_fail(err, CC_E_BUSY,
			       "volume %s is mapped on this host already (" CC_DM_PREFIX
			       "%s); see \"dmctl ps\"",
			       v->name, name);
	cc_on_lock_format(v->terms.queue_ms, on_lock);
	n = snprintf(params, sizeof(params),
		     "%s 0 %s %" PRIu64 " %d " CONTAINER_CRYPT_OPT_SECTOR_SIZE
		     "%u " CONTAINER_CRYPT_OPT_VOLUME "%s " CONTAINER_CRYPT_OPT_ON_LOCK "%s%s",
		     v->cipher, device, v->offset, 3 + v->terms.discard, v->sector_size, v->uuid,
		     on_lock, v->terms.discard ? " " CONTAINER_CRYPT_OPT_ALLOW_DISCARDS : "");
	if (n < 0 || (size_t)n >= sizeof(params))
		return cc_fail(err, CC_E_USAGE, "the device's path is too long");
	t = task_new(DM_DEVICE_CREATE, name, err);
	if (!t)
		return -1;
	full_uuid(name, v->uuid, uuid);
	if (!dm_task_set_uuid(t, uuid) ||
	    !dm_task_add_target(t, 0, v->sectors, CONTAINER_CRYPT_TARGET, params) ||
	    (read_only && !dm_task_set_ro(t)))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (!run_with_udev(t)) {
		if (dm_task_get_errno(t) == EBUSY)
			return cc_fail(err, CC_E_BUSY, "%s is in use", device);
		if (dm_task_get_errno(t) == EROFS)
			return cc_fail(
				err, CC_E_DEVICE,
				"%s is read-only: make the LUN writable (blockdev --setrw, or "
				"its mapping in the storage), or sign an identity with "
				"\"readOnly\": true",
				device);
		task_fail(t, name, "the kernel refuses the table (dmesg says why)", err);
		return target_version(version)
			       ? -1
			       : cc_fail(err, CC_E_DEVICE,
					 "the kernel has no target " CONTAINER_CRYPT_TARGET
					 "; install the module dm-container-crypt for it (\"dmctl "
					 "doctor\" checks that)");
	}
	full_name(name, full);
	snprintf(node, 128, "%s/%s", dm_dir(), full);
	return 0;
}

static int message(const char *name, const char *text, const char *what, struct cc_error *err)
{
	auto_task *t = task_new(DM_DEVICE_TARGET_MSG, name, err);

	if (!t)
		return -1;
	if (!dm_task_set_sector(t, 0) || !dm_task_set_message(t, text))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (!dm_task_run(t))
		return task_fail(t, name, what, err);
	return 0;
}

/* The message @prefix with the end of a lease behind it. */
static int lease_message(const char *name, const char *prefix, uint64_t end_ms, const char *what,
			 struct cc_error *err)
{
	auto_task *t = task_new(DM_DEVICE_TARGET_MSG, name, err);
	char text[200], end[LEASE_END_TEXT];
	struct lease_clocks now;
	uint32_t version[3];
	bool by_raw;

	if (!t)
		return -1;
	by_raw = target_version(version) && lease_end_by_raw(version);
	now.boot = boottime_ms(); /* what comes in between makes the lease shorter */
	now.raw = lease_clock_ms();
	snprintf(text, sizeof(text), "%s %s", prefix, lease_end_text(end_ms, by_raw, &now, end));
	if (!dm_task_set_sector(t, 0) || !dm_task_set_message(t, text))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (dm_task_run(t))
		return 0;
	if (dm_task_get_errno(t) == ETIME)
		return cc_fail(err, CC_E_UNREACHABLE,
			       "volume %s: keyd's answer came after the lease had ended", name);
	return task_fail(t, name, what, err);
}

int mapping_unlock(const char *name, const struct cc_volume *v, const struct cc_secret *key,
		   uint64_t end_ms, struct cc_error *err)
{
	cc_cleanup(keyring_drop) struct keyring_key k = {.id = -1};
	char text[160];

	if (keyring_add(&k, v->uuid, key, err))
		return -1;
	snprintf(text, sizeof(text),
		 CONTAINER_CRYPT_MSG_UNLOCK " :%zu:" CONTAINER_CRYPT_KEY_TYPE_LOGON ":%s", key->len,
		 k.desc);
	return lease_message(name, text, end_ms, "the kernel refuses the key", err);
}

int mapping_renew(const char *name, uint64_t end_ms, struct cc_error *err)
{
	struct mapping_status st;

	if (lease_message(name, CONTAINER_CRYPT_MSG_RENEW, end_ms,
			  "the kernel does not renew the lease", err) == 0)
		return 0;
	if (err->code == CC_E_UNREACHABLE || mapping_status(name, &st, err))
		return -1;
	if (st.exists && !st.locked)
		return cc_fail(err, CC_E_INTERNAL,
			       "mapping " CC_DM_PREFIX "%s does not renew its lease", name);
	return cc_fail(err, CC_E_NOTFOUND, "mapping " CC_DM_PREFIX "%s no longer has a key", name);
}

int mapping_lock(const char *name, struct cc_error *err)
{
	return message(name, CONTAINER_CRYPT_MSG_LOCK, "cannot be locked", err);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* One that opened it before it was in the table; udev is done with it by then. */
static int wait_unopened(const char *name, struct mapping_status *st, struct cc_error *err)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
	uint64_t end = now_ms() + UNOPENED_MS;

	for (;;) {
		if (mapping_status(name, st, err))
			return -1;
		if (!st->open_count)
			return 0;
		if (now_ms() >= end)
			return cc_fail(err, CC_E_BUSY,
				       "somebody has opened mapping " CC_DM_PREFIX
				       "%s, which is for the agent alone (see \"lsof "
				       "/dev/mapper/" CC_DM_PREFIX "%s\")",
				       name, name);
		nanosleep(&pause, NULL);
	}
}

int mapping_guard(const char *name, struct cc_error *err)
{
	struct mapping_status st;

	if (mapping_status(name, &st, err))
		return -1;
	if (gates_set(st.dev, 0, 0, err))
		return -1;
	return gates_guarding(st.dev) & GATE_OPEN ? wait_unopened(name, &st, err) : 0;
}

int mapping_gate(const char *name, uint64_t cgroup_id, struct cc_error *err)
{
	char text[64];

	snprintf(text, sizeof(text), CONTAINER_CRYPT_MSG_GATE " %" PRIu64, cgroup_id);
	return message(name, text, "the kernel cannot limit reading to the container", err);
}

/* Copies the status line of the one target into @st. */
static void read_target(struct dm_task *t, struct mapping_status *st)
{
	char *type = NULL, *params = NULL;
	uint64_t start, length;
	const char *lease;

	dm_get_next_target(t, NULL, &start, &length, &type, &params);
	if (!type || strcmp(type, CONTAINER_CRYPT_TARGET) || !params)
		return;
	st->sectors = length;
	snprintf(st->info, sizeof(st->info), "%s", params);
	st->locked = strncmp(st->info, CONTAINER_CRYPT_STATE_LOCKED,
			     strlen(CONTAINER_CRYPT_STATE_LOCKED)) == 0;
	lease = strstr(st->info, " " CONTAINER_CRYPT_STATUS_LEASE);
	if (lease && sscanf(lease, " " CONTAINER_CRYPT_STATUS_LEASE "%" SCNd64, &st->left_ms) != 1)
		st->left_ms = -1;
}

int mapping_status(const char *name, struct mapping_status *st, struct cc_error *err)
{
	auto_task *t = task_new(DM_DEVICE_STATUS, name, err);
	struct dm_info info;
	const char *uuid;

	*st = (struct mapping_status){.left_ms = -1};
	if (!t)
		return -1;
	if (!dm_task_run(t)) {
		if (dm_task_get_errno(t) == ENXIO)
			return 0;
		return task_fail(t, name, "no status", err);
	}
	if (!dm_task_get_info(t, &info))
		return task_fail(t, name, "no status", err);
	if (!info.exists)
		return 0;
	st->exists = true;
	st->open_count = info.open_count;
	st->dev = makedev(info.major, info.minor);
	uuid = dm_task_get_uuid(t);
	snprintf(st->uuid, sizeof(st->uuid), "%s", uuid ? uuid : "");
	read_target(t, st);
	return 0;
}

/* Replaces "on_lock:queue:N" in the table line @params; false when it does not have it. */
static bool drop_queue(char *params)
{
	static const char queue[] = CONTAINER_CRYPT_OPT_ON_LOCK CONTAINER_CRYPT_ON_LOCK_QUEUE;
	static const char error[] = CONTAINER_CRYPT_OPT_ON_LOCK CONTAINER_CRYPT_ON_LOCK_ERROR;
	char *opt = strstr(params, queue);
	size_t digits;

	if (!opt)
		return false;
	digits = strspn(opt + strlen(queue), "0123456789");
	memmove(opt + strlen(error), opt + strlen(queue) + digits,
		strlen(opt + strlen(queue) + digits) + 1);
	memcpy(opt, error, strlen(error));
	return true;
}

static int load_table(const char *name, uint64_t length, const char *params, bool read_only,
		      struct cc_error *err)
{
	auto_task *t = task_new(DM_DEVICE_RELOAD, name, err);

	if (!t)
		return -1;
	if (!dm_task_add_target(t, 0, length, CONTAINER_CRYPT_TARGET, params) ||
	    (read_only && !dm_task_set_ro(t)))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return dm_task_run(t) ? 0 : task_fail(t, name, "the table cannot be replaced", err);
}

/*
 * Without a flush, which would wait for what waits for a key; the file system is not asked either.
 */
static int swap_table(const char *name, struct cc_error *err)
{
	auto_task *suspend = task_new(DM_DEVICE_SUSPEND, name, err);
	auto_task *resume = suspend ? task_new(DM_DEVICE_RESUME, name, err) : NULL;

	if (!resume)
		return -1;
	if (!dm_task_no_flush(suspend) || !dm_task_skip_lockfs(suspend))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (!dm_task_run(suspend))
		return task_fail(suspend, name, "cannot be suspended", err);
	return run_with_udev(resume) ? 0 : task_fail(resume, name, "cannot be resumed", err);
}

/**
 * struct table - the one target a mapping has.
 * @params: its arguments, owned; NULL when there is no mapping, or not of our target
 */
struct table {
	char *params;
	uint64_t length;
	bool read_only;
};

static void table_clear(struct table *t)
{
	free(t->params);
}

static int read_table(const char *name, struct table *table, struct cc_error *err)
{
	auto_task *t = task_new(DM_DEVICE_TABLE, name, err);
	char *type = NULL, *params = NULL;
	struct dm_info info;
	uint64_t start;

	if (!t)
		return -1;
	if (!dm_task_run(t) || !dm_task_get_info(t, &info))
		return dm_task_get_errno(t) == ENXIO ? 0 : task_fail(t, name, "no table", err);
	if (!info.exists)
		return 0;
	dm_get_next_target(t, NULL, &start, &table->length, &type, &params);
	if (!type || strcmp(type, CONTAINER_CRYPT_TARGET) || !params)
		return 0;
	table->read_only = info.read_only;
	table->params = strdup(params);
	return table->params ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

static int replace_table(const char *name, const struct table *table, struct cc_error *err)
{
	return load_table(name, table->length, table->params, table->read_only, err) ||
			       swap_table(name, err)
		       ? -1
		       : 0;
}

int mapping_fail_io(const char *name, struct cc_error *err)
{
	cc_cleanup(table_clear) struct table table = {0};

	if (read_table(name, &table, err))
		return -1;
	return table.params && drop_queue(table.params) ? replace_table(name, &table, err) : 0;
}

int mapping_grow(const char *name, uint64_t sectors, struct cc_error *err)
{
	cc_cleanup(table_clear) struct table table = {0};

	if (read_table(name, &table, err))
		return -1;
	if (!table.params)
		return cc_fail(err, CC_E_NOTFOUND, "volume %s is not mapped", name);
	table.length = sectors;
	return replace_table(name, &table, err);
}

/* One try. Return: 0, or -1 with CC_E_BUSY while somebody has it open. */
static int remove_once(const char *name, bool deferred, struct cc_error *err)
{
	auto_task *t = task_new(DM_DEVICE_REMOVE, name, err);

	if (!t)
		return -1;
	if (deferred && !dm_task_deferred_remove(t))
		return cc_fail(err, CC_E_INTERNAL,
			       "device-mapper does not support deferred removal");
	if (run_with_udev(t) || dm_task_get_errno(t) == ENXIO)
		return 0;
	return task_fail(t, name, "cannot be removed", err);
}

int mapping_remove(const char *name, unsigned int timeout_ms, struct cc_error *err)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
	uint64_t end = now_ms() + timeout_ms;
	struct mapping_status st;
	struct cc_error ignored;

	if (mapping_status(name, &st, err))
		return -1;
	if (!st.exists)
		return 0;
	if (strncmp(st.uuid, CC_DM_UUID_PREFIX, strlen(CC_DM_UUID_PREFIX)))
		return cc_fail(err, CC_E_BUSY,
			       "mapping " CC_DM_PREFIX "%s is not ours (dm uuid \"%s\")", name,
			       st.uuid);
	/* without a target nothing is there to lock: a creation that died half-way */
	if (st.info[0] && !st.locked && mapping_lock(name, err))
		return -1;
	if (st.open_count && mapping_fail_io(name, err))
		return -1;
	/* The kernel has no event for "last opener gone", so it is asked again. */
	for (;;) {
		/*
		 * before, as the next device may get its number; nobody gets at anything any more
		 */
		if (mapping_status(name, &st, &ignored) == 0 && !st.open_count)
			gates_drop(st.dev);
		if (remove_once(name, false, err) == 0)
			return 0;
		if (err->code != CC_E_BUSY)
			return -1;
		if (now_ms() >= end)
			break;
		nanosleep(&pause, NULL);
	}
	if (remove_once(name, true, &ignored))
		return -1;
	return cc_fail(err, CC_E_BUSY,
		       "mapping " CC_DM_PREFIX "%s is locked but still open; the kernel removes it "
		       "when its last user is gone (see \"lsof /dev/mapper/" CC_DM_PREFIX "%s\")",
		       name, name);
}

int mapping_list(struct cc_strv *names, struct cc_error *err)
{
	auto_task *t = task_new(DM_DEVICE_LIST, NULL, err);
	struct mapping_status st;
	struct dm_names *n;

	if (!t)
		return -1;
	if (!dm_task_run(t))
		return cc_fail(err, CC_E_INTERNAL, "device-mapper does not list its devices: %s",
			       complaint);
	n = dm_task_get_names(t);
	if (!n || !n->dev)
		return 0;
	for (;;) {
		const char *name = n->name + strlen(CC_DM_PREFIX);

		if (strncmp(n->name, CC_DM_PREFIX, strlen(CC_DM_PREFIX)) == 0) {
			if (mapping_status(name, &st, err))
				return -1;
			if (strncmp(st.uuid, CC_DM_UUID_PREFIX, strlen(CC_DM_UUID_PREFIX)) == 0 &&
			    cc_strv_push(names, name, err))
				return -1;
		}
		if (!n->next)
			return 0;
		n = (struct dm_names *)((char *)n + n->next);
	}
}
