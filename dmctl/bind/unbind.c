// SPDX-License-Identifier: Apache-2.0
/*
 * unbind.c - undoing a binding.
 */
#include "bind/unbind.h"

#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "bind/freezer.h"
#include "bind/held_by.h"
#include "client/keyd_client.h"
#include "host/sync_within.h"
#include "log.h"
#include "volume/mapping.h"
#include "bind/mount.h"
#include "bind/upkeep.h"
#include "name.h"
#include "paths.h"
#include "strv.h"
#include "volume/volume_lock.h"

#define CLOSE_MS 10000u /* a mount namespace that dies lags behind its last process */
#define POLL_MS 20u
#define REMOVE_MS 2000u
#define SYNC_MS 10000

/* The container's mounts of the volume, as long as there is a container. */
static int detach(const struct binding *b, dev_t dev, bool force, struct cc_error *err)
{
	proc_auto_ref struct proc_ref p = PROC_REF_NONE;
	struct cc_error gone;

	if (!binding_alive(b) || proc_open(&p, (pid_t)b->pid, &gone) ||
	    p.start_time != b->start_time)
		return 0;
	/* first without MNT_DETACH: that flushes, and leaves nothing half gone */
	if (mount_detach(&p, dev, false, err) == 0)
		return 0;
	if (err->code == CC_E_NOTFOUND)
		return 0;
	return force ? mount_detach(&p, dev, true, err) : -1;
}

/*
 * Waits until nobody has the mapping open: the file system's last data goes through the key.
 * The kernel has no event for that. False when it is still open after CLOSE_MS.
 */
static bool wait_closed(const char *name)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};
	struct mapping_status st;
	struct cc_error err;
	unsigned int waited;

	for (waited = 0; waited < CLOSE_MS; waited += POLL_MS) {
		if (mapping_status(name, &st, &err) || !st.exists || st.locked || !st.open_count)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

/*
 * Nothing is done to who holds it: whether that is a backup or an intruder, only people know. The
 * key is gone, so they get nothing new; and no other mapping is made meanwhile, as what its file
 * system has not written yet would meet that of the old one on the LUN.
 */
static int still_held(const char *name, const char *held, struct cc_error *err)
{
	return cc_fail(err, CC_E_BUSY,
		       "volume %s: its key is wiped, but %s; end that process, or the container "
		       "it is in, and the mapping goes with it",
		       name, held);
}

/* @held: out, who keeps it open, when that is why it fails; "" else */
static int remove_mapping(const char *name, const struct binding *b, bool force,
			  char held[static HELD_BY_LEN], struct cc_error *err)
{
	struct mapping_status st;

	held[0] = '\0';
	if (mapping_status(name, &st, err))
		return -1;
	if (!st.exists)
		return 0;
	/* it gets no key any more: what waits for one would keep the unmount waiting, too */
	if (st.locked && mapping_fail_io(name, err))
		return -1;
	if (b && detach(b, st.dev, force, err)) {
		if (!force)
			return -1;
		/*
		 * whatever the container does to stay mounted, the key is not there for it any more
		 */
		cc_log(LOG_WARNING, "volume %s: cannot be unmounted in its container: %s", name,
		       err->text);
	}
	if (!wait_closed(name))
		sync_within(sync, SYNC_MS); /* what was written may still reach the LUN */
	/* this locks it; only then is asked who holds it, which may take its time */
	if (mapping_remove(name, REMOVE_MS, err) == 0)
		return 0;
	if (err->code != CC_E_BUSY)
		return -1;
	held_by(st.dev, held);
	if (!held[0])
		return -1;
	cc_log(LOG_WARNING,
	       "volume %s: somebody outside its container keeps it open; the key is wiped: %s",
	       name, held);
	return still_held(name, held, err);
}

/* The lease keyd may have granted without our having seen the answer. */
static int find_lease(const struct binding *b, char lease[static 37], struct cc_error *err)
{
	cc_auto_json json_t *answer = NULL;
	const char *id, *uuid, *container;
	json_t *list = NULL, *l;
	size_t i;

	lease[0] = '\0';
	if (keyd_list("/v1/leases", "leases", &answer, &list, err))
		return -1;
	json_array_foreach(list, i, l) {
		id = json_string_value(json_object_get(l, "id"));
		uuid = json_string_value(json_object_get(l, "volumeUuid"));
		container = json_string_value(json_object_get(l, "container"));
		if (id && uuid && container && cc_is_uuid(id) && strcmp(uuid, b->uuid) == 0 &&
		    strcmp(container, b->container) == 0)
			memcpy(lease, id, 37);
	}
	return 0;
}

int unbind_return_lease(const char *lease, struct cc_error *err)
{
	if (keyd_lease_return(lease, CC_AGENT_KEY, err) == 0)
		return 0;
	if (err->code != CC_E_REFUSED ||
	    (strcmp(err->fact, "lease") && strcmp(err->fact, "agent") &&
	     strcmp(err->fact, "signature")))
		return -1;
	cc_log(LOG_WARNING, "lease %s cannot be returned, others wait until it ends: %s", lease,
	       err->text);
	return 0;
}

static int return_lease(const struct binding *b, enum binding_state reached, struct cc_error *err)
{
	char lease[37];

	if (b->lease[0])
		return unbind_return_lease(b->lease, err);
	if (reached == BINDING_INTENT)
		return 0;
	if (find_lease(b, lease, err))
		return -1;
	return lease[0] ? unbind_return_lease(lease, err) : 0;
}

/* For "dmctl ps". Return: -1 */
static int note_holder(struct binding *b, const char *held)
{
	struct cc_error ignored;

	free(b->held_by);
	b->held_by = held[0] ? strdup(held) : NULL;
	if (binding_save(b, &ignored))
		cc_log(LOG_WARNING, "volume %s: %s", b->name, ignored.text);
	return -1;
}

int unbind_release(struct binding *b, struct cc_error *err)
{
	enum binding_state reached = b->state;
	char held[HELD_BY_LEN];

	upkeep_forget(CC_UPKEEP_DIR, b->volume); /* of a bind that was killed */
	if (reached >= BINDING_LEASED) {
		b->state = BINDING_REMOVING;
		if (binding_save(b, err))
			return -1;
		if (remove_mapping(b->name, b, true, held, err))
			return note_holder(b, held);
	}
	return return_lease(b, reached, err) || freezer_thaw_all(b->name, err)
		       ? -1
		       : binding_remove(b->name, err);
}

/* A mapping without a file: nobody knows of which container, or under which lease. */
static int remove_orphan(const char *name, struct cc_error *err)
{
	struct mapping_status st;
	char held[HELD_BY_LEN];

	if (mapping_status(name, &st, err))
		return -1;
	if (st.exists)
		cc_log(LOG_WARNING,
		       "volume %s: its mapping has no binding; it is removed, a lease may be left "
		       "(see \"dmctl lease ls\")",
		       name);
	return remove_mapping(name, NULL, true, held, err) || freezer_thaw_all(name, err)
		       ? -1
		       : binding_remove(name, err);
}

/* Adds who uses it. Return: -1 */
static int in_use(dev_t dev, struct cc_error *err)
{
	char held[HELD_BY_LEN] = "";
	struct cc_error said = *err;

	if (said.code == CC_E_BUSY)
		held_by(dev, held);
	return held[0] ? cc_fail(err, CC_E_BUSY, "%.300s: %s", said.text, held) : -1;
}

int unbind_binding(const char *name, bool force, struct cc_error *err)
{
	binding_auto struct binding b = {0};
	struct mapping_status st;

	if (binding_load(name, &b, err))
		return err->code == CC_E_NOTFOUND || err->code == CC_E_INVALID
			       ? remove_orphan(name, err)
			       : -1;
	/* before the state changes: a container that uses the volume goes on unharmed */
	if (!force && mapping_status(name, &st, err))
		return -1;
	if (!force && st.exists && !st.locked && detach(&b, st.dev, false, err))
		return in_use(st.dev, err);
	return unbind_release(&b, err);
}

int unbind_volume(const char *volume, bool force, struct cc_error *err)
{
	cc_cleanup(cc_strv_clear) struct cc_strv names = {0};
	int rc = binding_list(volume, &names, err);

	/* a mapping of that name may be left without a file */
	if (rc == 0 && !cc_strv_has(&names, volume))
		rc = cc_strv_push(&names, volume, err);
	for (size_t i = 0; i < names.n && rc == 0; i++)
		rc = unbind_binding(names.v[i], force, err);
	return rc;
}

int unbind_dead(const char *name, struct cc_error *err)
{
	binding_auto struct binding b = {0};
	struct cc_error ignored;

	if (binding_load(name, &b, &ignored) == 0 && binding_settled(&b) && binding_alive(&b))
		return 0;
	return unbind_binding(name, true, err);
}

static int unbind_dead_locked(const char *name, struct cc_error *err)
{
	cc_auto_close int lock = -1;
	char volume[64];

	binding_volume(name, volume);
	lock = volume_lock(volume, err);
	return lock < 0 ? -1 : unbind_dead(name, err);
}

static bool has_file(const char *name)
{
	binding_auto struct binding b = {0};
	struct cc_error err;

	return binding_load(name, &b, &err) == 0 || err.code != CC_E_NOTFOUND;
}

int unbind_orphans(struct cc_error *err)
{
	cc_cleanup(cc_strv_clear) struct cc_strv names = {0};
	struct cc_error one;

	if (mapping_list(&names, err))
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (!has_file(names.v[i]) && unbind_dead_locked(names.v[i], &one))
			cc_log(LOG_WARNING, "volume %s: its mapping cannot be removed: %s",
			       names.v[i], one.text);
	return 0;
}
