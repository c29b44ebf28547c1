// SPDX-License-Identifier: Apache-2.0
/*
 * bind.c - binding a volume to a container, step by step.
 */
#include "bind/bind.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>

#include "bind/bind_check.h"
#include "bind/bind_refused.h"
#include "bind/binding.h"
#include "bind/gate_lines.h"
#include "host/cgroup.h"
#include "volume/fs_care.h"
#include "volume/fs_mount.h"
#include "volume/fs_root.h"
#include "host/open_in_root.h"
#include "name.h"
#include "host/stop_signals.h"
#include "client/keyd_client.h"
#include "log.h"
#include "volume/gates.h"
#include "volume/luks.h"
#include "volume/mapping.h"
#include "container/measure.h"
#include "bind/mount.h"
#include "paths.h"
#include "strv.h"
#include "bind/unbind.h"
#include "bind/upkeep.h"
#include "volume.h"

#define FSCK_MS 30000u /* an engine or its user may not wait for longer than a minute */

/**
 * struct bind - one bind on its way.
 * @already: the volume is bound to this container; nothing to do
 * @asked_ms: lease_clock_ms() before the key was asked for
 * @attrs: MOUNT_ATTR_… that engine and container want
 * @care: while its file system is checked
 * @differ: of a refusal, what keyd said of all facts; NULL for none
 * @fresh: no container has had the volume yet, and nobody has chosen whose it is
 */
struct bind {
	const struct bind_request *request;
	struct cc_volume vol;
	struct measured seen;
	struct binding b;
	bool already;
	struct cc_secret key;
	uint64_t asked_ms;
	char node[128];
	unsigned int attrs;
	bool repaired, fresh;
	json_t *differ;
	struct upkeep care;
	int mnt;
};

static void bind_clear(struct bind *op)
{
	cc_secret_clear(&op->key);
	measured_clear(&op->seen);
	binding_clear(&op->b);
	json_decref(op->differ);
	if (op->mnt >= 0)
		close(op->mnt);
}

typedef int step_fn(struct bind *op, struct cc_error *err);

/* ---- before anything is done --------------------------------------------------------------- */

static int step_measure(struct bind *op, struct cc_error *err)
{
	const struct bind_request *r = op->request;

	return r->state ? measure_hook(r->state, &op->seen, err)
			: measure_named(r->container, r->engine, &op->seen, err);
}

static bool is_this_container(const struct bind *op, const struct binding *old)
{
	return old->pid == op->seen.m->pid && old->start_time == op->seen.m->start_time;
}

static int taken(const struct binding *old, struct cc_error *err)
{
	return cc_fail(err, CC_E_BUSY,
		       "volume %s is bound to container %s (%s); stop it, or run \"dmctl unbind "
		       "%s\"",
		       old->volume, old->container_name, old->engine, old->volume);
}

/*
 * One: this very one, one whose container is gone, one beside which there may be others, or one in
 * use.
 */
static int look_at_earlier(struct bind *op, const char *name, struct cc_error *err)
{
	binding_auto struct binding old = {0};

	if (binding_load(name, &old, err)) {
		if (err->code == CC_E_NOTFOUND)
			return 0;
		return err->code == CC_E_INVALID ? unbind_binding(name, true, err) : -1;
	}
	if (!binding_alive(&old) || old.state != BINDING_BOUND)
		return unbind_binding(name, true, err);
	if (!is_this_container(op, &old))
		return old.shared ? 0 : taken(&old, err); /* else keyd decides */
	op->b = old;
	old = (struct binding){0};
	op->already = true;
	return 0;
}

/* Earlier bindings of the volume. */
static int step_earlier(struct bind *op, struct cc_error *err)
{
	cc_cleanup(cc_strv_clear) struct cc_strv names = {0};
	int rc = binding_list(op->request->volume, &names, err);

	for (size_t i = 0; i < names.n && rc == 0 && !op->already; i++)
		rc = look_at_earlier(op, names.v[i], err);
	return rc;
}

static int step_record(struct bind *op, struct cc_error *err)
{
	return bind_check_record(op->request->volume, &op->vol, err);
}

static int step_device(struct bind *op, struct cc_error *err)
{
	return bind_check_device(op->request->device, &op->vol, &op->b.device, err);
}

static int step_options(struct bind *op, struct cc_error *err)
{
	return bind_check_options(&op->vol, op->seen.m, &op->attrs, err);
}

static int step_rootfs(struct bind *op, struct cc_error *err)
{
	layer_cache_auto struct layer_cache cache = {.dir = CC_ROOTFS_DIR};

	return bind_check_rootfs(op->vol.name, &op->seen, &cache, err);
}

/* Nobody gets a key on a host where others could read along. */
static int step_lines(struct bind *op, struct cc_error *err)
{
	(void)op;
	return gate_lines_require(err);
}

static int copy(char **out, const char *s, struct cc_error *err)
{
	*out = strdup(s);
	return *out ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

/* From here on there is something to undo, and the file says so. */
static int step_intent(struct bind *op, struct cc_error *err)
{
	const struct cc_measurement *m = op->seen.m;
	struct binding *b = &op->b;

	memcpy(b->volume, op->vol.name, sizeof(b->volume));
	memcpy(b->uuid, op->vol.uuid, sizeof(b->uuid));
	b->terms = op->vol.terms;
	b->shared = op->vol.terms.shared_read;
	snprintf(b->container, sizeof(b->container), "%s", m->container_id);
	binding_set_name(b);
	b->pid = m->pid;
	b->start_time = m->start_time;
	memcpy(b->runtime, op->seen.runtime, sizeof(b->runtime));
	b->looked_late = m->running;
	b->since = time(NULL);
	b->state = BINDING_INTENT;
	return copy(&b->engine, m->engine, err) ||
			       copy(&b->container_name, m->container_name, err) ||
			       copy(&b->mount_point, "", err) || binding_save(b, err)
		       ? -1
		       : 0;
}

/* ---- release ------------------------------------------------------------------------------- */

static int take_release(struct bind *op, const json_t *answer, struct cc_error *err)
{
	json_t *lease = NULL, *mount = NULL;
	cc_auto_free char *id = NULL;
	struct binding *b = &op->b;

	if (cc_json_obj(answer, "release", "lease", true, &lease, err) ||
	    cc_json_str(lease, "release lease", "id", true, &id, err) ||
	    cc_json_u64(lease, "release lease", "fence", true, &b->fence, err) ||
	    cc_json_u64(lease, "release lease", "ms", true, &b->lease_ms, err))
		return -1;
	if (!cc_is_uuid(id))
		return cc_fail(err, CC_E_INVALID, "release: \"%s\" is not a lease id", id);
	memcpy(b->lease, id, sizeof(b->lease));
	b->state = BINDING_LEASED;
	return cc_json_obj(answer, "release", "mount", true, &mount, err) ||
			       cc_json_str(mount, "release mount", "point", true, &b->mount_point,
					   err) ||
			       cc_json_bool(mount, "release mount", "readOnly", true, &b->read_only,
					    err) ||
			       binding_save(b, err)
		       ? -1
		       : 0;
}

/* keyd decides. A clear no means that there is no lease either. */
static int step_release(struct bind *op, struct cc_error *err)
{
	cc_auto_json json_t *answer = NULL;
	char lines[GATE_LINES_TEXT];

	op->b.state = BINDING_ASKED;
	if (binding_save(&op->b, err))
		return -1;
	if (keyd_release("release", op->vol.uuid, op->seen.m,
			 gate_lines_text(gates_standing(), lines), CC_AGENT_KEY, &op->key, &answer,
			 &op->asked_ms, err) == 0)
		return take_release(op, answer, err);
	op->differ = cc_steal(answer);
	if (err->code == CC_E_REFUSED || err->code == CC_E_NOTFOUND || err->code == CC_E_BUSY)
		op->b.state = BINDING_INTENT;
	return -1;
}

static int step_verify_key(struct bind *op, struct cc_error *err)
{
	return luks_verify_key(op->b.device, &op->key, err);
}

/* ---- mapping and mount --------------------------------------------------------------------- */

static int step_map(struct bind *op, struct cc_error *err)
{
	return mapping_create(op->b.name, &op->vol, op->b.device, op->b.read_only, op->node, err);
}

/* Before there is a key: from the first moment on nobody reads the plaintext but who mounts it. */
static int step_close_gate(struct bind *op, struct cc_error *err)
{
	uint64_t own = 0;

	return mapping_guard(op->b.name, err) || cgroup_own(&own, err) ||
			       mapping_gate(op->b.name, own, err)
		       ? -1
		       : 0;
}

static int step_unlock(struct bind *op, struct cc_error *err)
{
	uint64_t ms = op->b.lease_ms;
	int rc = mapping_unlock(op->b.name, &op->vol, &op->key, ms ? op->asked_ms + ms : 0, err);

	cc_secret_clear(&op->key);
	return rc;
}

/* ---- who asks what takes its time sees that a check runs; without that it runs, too ---- */

static int care_begins(void *arg)
{
	struct bind *op = arg;
	struct cc_error err;

	if (upkeep_open(&op->care, CC_UPKEEP_DIR, op->vol.name, &err))
		cc_log(LOG_WARNING,
		       "volume %s: \"dmctl ps\" does not show the check of its file "
		       "system: %s",
		       op->vol.name, err.text);
	return op->care.progress;
}

static void care_runs(void *arg, const char *command, pid_t pid)
{
	const struct bind *op = arg;
	struct cc_error ignored; /* it has ended already */

	upkeep_begun(&op->care, UPKEEP_CHECK, command, pid, &ignored);
}

static void care_ends(void *arg)
{
	struct bind *op = arg;

	upkeep_close(&op->care);
}

/* Damage that the file system itself has noticed. */
static int step_repair(struct bind *op, struct cc_error *err)
{
	uint64_t part = op->b.lease_ms / 4; /* nobody renews it before the volume is bound */
	char mark[128];
	const struct fs_watcher watcher = {
		.begins = care_begins, .runs = care_runs, .ends = care_ends, .arg = op};
	const struct fs_patience patience = {.limit_ms = part && part < FSCK_MS ? (unsigned int)part
										: FSCK_MS,
					     .mark = mark,
					     .watcher = &watcher};

	snprintf(mark, sizeof(mark), CC_RUN_DIR "/fsck-%s", op->vol.uuid);
	stop_signals_block();
	if (fs_repair(op->vol.fs, op->node, op->b.read_only, &patience, &op->repaired, err) == 0)
		return 0;
	if (err->code != CC_E_BUSY)
		return -1;
	cc_fail(err, CC_E_DEVICE,
		"the file system of volume %s is damaged, and checking it takes longer than a "
		"start can wait (%u ms): run \"dmctl volume maintain %s -- e2fsck -p -C 0\", then "
		"start the container again",
		op->vol.name, patience.limit_ms, op->vol.name);
	return cc_set_fact(err, "filesystem");
}

static int step_mount(struct bind *op, struct cc_error *err)
{
	const struct fs_mount_how how = {
		.read_only = op->b.read_only,
		.discard = op->vol.terms.discard,
		.attrs = op->attrs & ~(unsigned int)MOUNT_ATTR_RDONLY,
		.context = fs_mount_context(SELINUXFS, op->seen.mount_label),
	};

	if (fs_mount(op->vol.fs, op->node, &how, &op->mnt, err))
		return -1;
	op->fresh = !op->b.read_only && fs_root_is_fresh(op->mnt);
	return op->seen.user_ns ? fs_mount_map_ids(op->mnt, op->seen.proc.pid, err) : 0;
}

/* After "volume grow". What cannot be grown still holds its data. */
static int step_grow(struct bind *op, struct cc_error *err)
{
	if (!op->b.read_only && fs_grow(op->vol.fs, op->node, op->mnt, op->vol.sectors, err))
		cc_log(LOG_WARNING, "volume %s: %s", op->vol.name, err->text);
	return 0;
}

/* The directory of the image that the volume will be mounted on; false where there is none. */
static bool stat_mount_point(const struct bind *op, struct stat *st)
{
	cc_auto_close int root = open(op->seen.host_root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cc_auto_close int fd = root < 0
				       ? -1
				       : open_in_root(root, op->b.mount_point,
						      O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC,
						      RESOLVE_NO_SYMLINKS);

	return fd >= 0 && fstat(fd, st) == 0;
}

/* A volume that cannot be given away is root's; the container will say what it lacks. */
static int step_root(struct bind *op, struct cc_error *err)
{
	struct stat st;

	if (op->repaired) /* e2fsck makes its directory whether it needs it or not */
		fs_root_tidy(op->mnt);
	if (op->fresh && fs_root_adopt(op->mnt, stat_mount_point(op, &st) ? &st : NULL, err))
		cc_log(LOG_WARNING, "volume %s: %s", op->vol.name, err->text);
	return 0;
}

/* Asked for by engine or container (-v NAME:PATH:ro); not before, which would leave it small. */
static int step_read_only(struct bind *op, struct cc_error *err)
{
	return op->attrs & MOUNT_ATTR_RDONLY ? fs_mount_read_only(op->mnt, err) : 0;
}

/* The file system has been read as far as mounting needs; the rest is for the container alone. */
static int step_gate(struct bind *op, struct cc_error *err)
{
	return gate_lines_let_in(&op->b, err) ||
			       mapping_gate(op->b.name, op->seen.m->cgroup_id, err)
		       ? -1
		       : 0;
}

static int step_attach(struct bind *op, struct cc_error *err)
{
	return mount_attach(op->mnt, &op->seen, op->vol.name, op->b.mount_point, err);
}

static int step_bound(struct bind *op, struct cc_error *err)
{
	if (proc_check(&op->seen.proc, err) || measure_remember(&op->seen, err))
		return -1;
	op->b.state = BINDING_BOUND;
	return binding_save(&op->b, err);
}

/* ---- all of it ----------------------------------------------------------------------------- */

static step_fn *const prepare[] = {step_measure, step_earlier, step_record, step_device,
				   step_options, step_rootfs,  step_lines};
static step_fn *const effects[] = {step_intent,	    step_release, step_verify_key, step_map,
				   step_close_gate, step_unlock,  step_repair,	   step_mount,
				   step_grow,	    step_root,	  step_read_only,  step_gate,
				   step_attach,	    step_bound};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static json_t *success(const struct bind *op, struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	json_t *answer;

	if (asprintf(&text, "volume %s is mounted on %s in container %s%s", op->b.volume,
		     op->b.mount_point, op->b.container_name,
		     op->b.read_only || (op->attrs & MOUNT_ATTR_RDONLY) ? ", read-only" : "") < 0)
		text = NULL;
	answer = !text ? NULL
		       : json_pack("{s:b, s:s, s:s, s:s, s:b, s:s}", "ok", 1, "volume",
				   op->b.volume, "container", op->b.container, "mountPoint",
				   op->b.mount_point, "already", op->already, "text", text);
	if (!answer)
		cc_fail(err, CC_E_NOMEM, "out of memory");
	return answer;
}

/* Undoes what the steps of effects[] did; what cannot be undone now stays on record. */
static void undo(struct bind *op)
{
	struct cc_error err;

	if (op->mnt >= 0)
		close(cc_steal_fd(&op->mnt));
	cc_secret_clear(&op->key);
	if (!op->seen.m->running && measure_not_started(op->b.engine, op->b.container,
							(pid_t)op->b.pid, op->b.start_time, &err))
		cc_log(LOG_WARNING, "volume %s: %s", op->b.volume, err.text);
	if (unbind_release(&op->b, &err))
		cc_log(LOG_WARNING, "volume %s: undo is not complete, it will be tried again: %s",
		       op->b.volume, err.text);
}

/* What a bind would be answered; touches nothing, a binding that is left over neither. */
static int dry_run(struct bind *op, json_t **answer, struct cc_error *err)
{
	binding_auto struct binding old = {0};
	struct cc_error none;

	if (step_measure(op, err))
		return -1;
	if (binding_load(op->request->volume, &old, &none) == 0 && binding_alive(&old) &&
	    old.state == BINDING_BOUND && !is_this_container(op, &old))
		return taken(&old, err);
	if (step_record(op, err) || step_device(op, err) || step_options(op, err) ||
	    step_rootfs(op, err) || step_lines(op, err))
		return -1;
	return bind_check_decide(&op->vol, op->seen.m, answer, err);
}

/* It is known for what it failed; whoever asked gets all facts. */
static int failed(struct bind *op, json_t **answer, const struct cc_error *err)
{
	const struct bind_request *r = op->request;

	bind_refused(r->volume, r->state ? r->state->id : NULL, op->seen.m, op->differ, err);
	*answer = cc_steal(op->differ);
	return -1;
}

int bind_volume(const struct bind_request *request, json_t **answer, struct cc_error *err)
{
	cc_cleanup(bind_clear) struct bind op = {
		.request = request, .seen = MEASURED_NONE, .care = UPKEEP_NONE, .mnt = -1};
	size_t i;

	if (request->dry_run)
		return dry_run(&op, answer, err);
	for (i = 0; i < COUNT(prepare) && !op.already; i++)
		if (prepare[i](&op, err))
			return failed(&op, answer, err);
	for (i = 0; i < COUNT(effects) && !op.already; i++) {
		if (effects[i](&op, err) == 0)
			continue;
		undo(&op);
		return failed(&op, answer, err);
	}
	*answer = success(&op, err);
	if (*answer) {
		bind_accepted(&op.b);
		return 0;
	}
	undo(&op);
	return -1;
}
