// SPDX-License-Identifier: Apache-2.0
/*
 * measure.c - takes the measurement of a container.
 */
#include "container/measure.h"

#include <string.h>
#include <sys/stat.h>

#include "engine/engine_group.h"
#include "engine/engine_store.h"
#include "engine/engines.h"
#include "host/cgroup.h"
#include "host/proc_exec.h"
#include "container/image_config.h"
#include "container/rootfs.h"
#include "strv.h"

#define CONFIG_MAX CC_JSON_MAX

void measured_clear(struct measured *s)
{
	cc_measurement_free(s->m);
	proc_close(&s->proc);
	free(s->root);
	free(s->host_root);
	free(s->mount_label);
	free(s->upper);
	json_decref(s->seccomp);
	*s = (struct measured)MEASURED_NONE;
}

static int copy(char **out, const char *s, struct cc_error *err)
{
	if (!s)
		return 0;
	*out = strdup(s);
	return *out ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

static void move_strv(struct cc_strv *to, struct cc_strv *from)
{
	*to = *from;
	*from = (struct cc_strv){0};
}

/*
 * Which container the kernel says this is: the shallowest engine group in the process's path.
 * @id: the container the runtime or the engine named; another one is refused
 * @len: out, of the group's path, which @path begins with
 * Return: whose container it is; NULL on error.
 */
static const struct engine *take_cgroup(const char *path, const char *id, size_t *len,
					struct cc_measurement *m, struct cc_error *err)
{
	char names[ENGINE_NAMES_MAX];
	struct engine_group group;

	if (engine_group_of(engines, path, &group)) {
		engine_names(engines, " and ", names);
		cc_refuse(err, "cgroup",
			  "cgroup: process %u is in %s, which no container engine made; %s are "
			  "supported",
			  m->pid, path, names);
		return NULL;
	}
	if (strcmp(group.id, id) != 0) {
		cc_refuse(err, "cgroup",
			  "cgroup: container %.12s was named, process %u is in container %.12s", id,
			  m->pid, group.id);
		return NULL;
	}
	if (copy(&m->engine, group.engine->name, err) || copy(&m->container_id, id, err) ||
	    cgroup_id(path, group.len, &m->cgroup_id, err))
		return NULL;
	*len = group.len;
	return group.engine;
}

/* Image id, manifests and the image's own configuration; config.json for the rest. */
static int take_engine(struct engine_container *c, struct cc_measurement *m, struct cc_error *err)
{
	if (c->engine->describe(c, err))
		return -1;
	move_strv(&m->manifests, &c->manifests);
	return copy(&m->image_id, c->image_id, err) || copy(&m->image_ref, c->image_ref, err) ||
			       copy(&m->container_name, c->name, err)
		       ? -1
		       : 0;
}

/*
 * config.json is believed because it is the engine's. Whoever hands us a state may have written
 * another one, so the directory it names must be the one where the engine keeps this container's.
 */
static int check_bundle(const struct engine_container *c, const char *named, struct cc_error *err)
{
	struct stat theirs, ours;

	if (c->bundle && stat(c->bundle, &ours) == 0 && stat(named, &theirs) == 0 &&
	    ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino)
		return 0;
	return cc_refuse(err, "bundle",
			 "bundle: %s was named, %s keeps that of container %.12s in %s", named,
			 c->engine->name, c->id, c->bundle ? c->bundle : "none");
}

/* For a hook nothing of the container has run: its process still has the host's root directory. */
static int check_created(pid_t pid, struct cc_error *err)
{
	bool home;

	if (proc_at_home(pid, &home, err))
		return -1;
	return home ? 0
		    : cc_refuse(err, "state",
				"state: process %d is said to be only created, but is in the "
				"container's root file system already",
				(int)pid);
}

static int take_config(const struct engine_container *c, const struct start_mark *mark,
		       struct cc_measurement *m, bool bound, struct oci_facts *f,
		       struct cc_error *err)
{
	const struct oci_context ctx = {
		.engine = c->engine,
		.id = c->id,
		.bundle = c->bundle,
		.own_dirs = &c->own_dirs,
		.own_seccomp = c->own_seccomp,
		.seccomp_profile = c->seccomp_profile,
		.bound_before = !m->first_start,
		.seccomp_before = mark->filter,
		.is_host_device = measure_host_device,
	};
	cc_auto_free char *path = NULL, *text = NULL;
	size_t len;

	if (!c->bundle)
		return cc_fail(err, CC_E_NOTFOUND, "container %.12s no longer has a bundle", c->id);
	if (asprintf(&path, "%s/config.json", c->bundle) < 0) {
		path = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	if (engine_read(path, &text, &len, err) || oci_config_parse(text, len, &ctx, m, f, err))
		return -1;
	/*
	 * The engine's own hook has run, and its process was looked at, before the volume was
	 * bound; by now the engine may be away, or another process (live-restore).
	 */
	if (bound)
		f->hook_pid = 0;
	return 0;
}

/*
 * A home of the container's own choice is as good as a variable of another name. Of a container
 * that was bound and runs it has been looked at: its program may write to /etc/passwd.
 */
static int check_home(const char *root, struct cc_measurement *m, struct cc_error *err)
{
	static const char name[] = "HOME=";

	if (m->running && !m->first_start)
		return 0;
	for (size_t i = 0; i < m->env.n; i++) {
		const char *var = m->env.v[i];

		if (strncmp(var, name, strlen(name)) == 0 && !cc_strv_has(&m->image_env, var) &&
		    !image_home_is(var + strlen(name), m->user.uid, m->cwd, root))
			return oci_setting(m, err, "%s", CC_SETTING_HOME);
	}
	return 0;
}

/* @root: a directory the host reaches the container's files through */
static int take_image(const struct engine_container *c, const char *root, struct measured *s,
		      struct start_mark *mark, struct cc_error *err)
{
	cc_cleanup(image_config_clear) struct image_config image = {0};
	struct cc_measurement *m = s->m;

	if (image_config_parse(c->image_config, c->image_config_len, &image, err) ||
	    measure_image_user(s, mark, image.user, root, err))
		return -1;
	if (measure_health(c->health, c->image_config, c->image_config_len, m, err))
		return -1;
	move_strv(&m->image_args, &image.args);
	move_strv(&m->image_env, &image.env);
	m->image_cwd = cc_steal(image.cwd);
	return check_home(root, m, err);
}

/*
 * What a program has written since its volume was bound is its own, however much it is: nobody
 * walks through it. Not looked at is as if it had been changed, which it may be by then.
 */
static int take_upper(const struct engine_container *c, const struct oci_facts *f, bool bound,
		      struct measured *s, struct cc_error *err)
{
	if (bound && !s->m->first_start) {
		s->m->upper = CC_UPPER_DIRTY;
		return 0;
	}
	return rootfs_measure(f->root, c->pid, f->user_ns, c->engine, s->m, &s->upper, err);
}

/* The process is still the one it was, and still in its container's group, or below it. */
static int recheck(const struct proc_ref *p, const char *cgroup, size_t len, struct cc_error *err)
{
	char now[PROC_PATH_MAX];

	if (proc_check(p, err) || proc_cgroup(p->pid, now, err))
		return -1;
	if (strncmp(now, cgroup, len) != 0 || (now[len] != '/' && now[len] != '\0'))
		return cc_refuse(err, "cgroup",
				 "cgroup: process %d moved to %s while it was measured",
				 (int)p->pid, now);
	return 0;
}

/* Fresh is who stands for @tracer before and after. */
static int check_confined(pid_t pid, pid_t tracer, const struct oci_facts *f,
			  const struct cc_measurement *m, struct cc_error *err)
{
	bool stood = tracer && proc_stands_for(pid, tracer);
	cc_auto_free char *label = NULL;
	struct proc_status status;

	if (proc_status(pid, &status, err) || proc_selinux_label(pid, &label, err))
		return -1;
	stood = stood && proc_stands_for(pid, tracer);
	return measure_confined(&status, f, m, stood, err) ||
			       measure_label(label, f->selinux_label, stood, err)
		       ? -1
		       : 0;
}

/* What runs goes on: a host may have got an agent that looks at it. */
static int check_labelled(pid_t pid, bool bound, const struct oci_facts *f,
			  struct cc_measurement *m, struct cc_error *err)
{
	cc_auto_free char *label = NULL;

	if (bound)
		return 0;
	return proc_selinux_label(pid, &label, err) ||
			       measure_unlabelled(label, f->selinux_label, m, err)
		       ? -1
		       : 0;
}

/*
 * A runtime's file, one in memory or an interpreter that the host keeps open for the image is not
 * what config.json can have meant.
 */
static int check_executable(pid_t pid, struct cc_error *err)
{
	bool own;

	if (proc_exe_is_own(pid, &own, err))
		return -1;
	return own ? 0
		   : cc_refuse(err, "executable",
			       "executable: what the container's process %d executes is not from "
			       "the container's image: it is in memory, or of the host",
			       (int)pid);
}

/* One that runs already, whatever its engine says, has none. */
static int take_runtime(struct measured *s, struct cc_error *err)
{
	bool own;

	if (proc_exe_id(s->proc.pid, s->runtime, err) || proc_exe_is_own(s->proc.pid, &own, err))
		return -1;
	if (own)
		s->runtime[0] = '\0';
	return 0;
}

/*
 * @c: engine is found out here; id and pid are given
 * @named: the bundle that a hook's state names; NULL: the runtime has made the root file
 *         system the root of the mount namespace
 * @past: it has a volume since its start; NULL: it has none
 */
static int measure(struct engine_container *c, const char *named, const struct measure_past *past,
		   struct measured *s, struct cc_error *err)
{
	bool bound = past != NULL;
	cc_cleanup(oci_facts_clear) struct oci_facts f = {0};
	struct cc_measurement *m = s->m = cc_measurement_new();
	char cgroup[PROC_PATH_MAX];
	start_mark_auto struct start_mark mark = {0};
	size_t len = 0;

	if (!m)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (proc_open(&s->proc, c->pid, err))
		return -1;
	m->pid = (uint32_t)s->proc.pid;
	m->start_time = s->proc.start_time;
	m->running = !named && !c->waiting;
	if (!bound && !m->running && take_runtime(s, err))
		return -1;
	if (named && measure_fresh(c->pid, err))
		return -1;
	if (proc_cgroup(c->pid, cgroup, err))
		return -1;
	c->engine = take_cgroup(cgroup, c->id, &len, m, err);
	if (!c->engine)
		return -1;
	s->engine = c->engine;
	measure_start(s, !bound && !m->running, &mark);
	if (take_engine(c, m, err) ||
	    (named && (check_bundle(c, named, err) || check_created(c->pid, err))) ||
	    take_config(c, &mark, m, bound, &f, err) || check_labelled(c->pid, bound, &f, m, err) ||
	    measure_kernel(c->pid, cgroup, len, c->engine, &f, m, err) ||
	    take_image(c, f.root, s, &mark, err) || take_upper(c, &f, bound, s, err))
		return -1;
	if (m->upper == CC_UPPER_DIRTY && !m->first_start)
		m->since_end =
			bound ? CC_SINCE_END_BOUND : measure_since_end(s, !m->running, &mark);
	if (m->running && !(past && past->looked) && check_executable(c->pid, err))
		return -1;
	if (m->running && check_confined(c->pid, past ? past->tracer : 0, &f, m, err))
		return -1;
	if (measure_holds(c->pid, cgroup, len, &c->holds, &f, m, err))
		return -1;
	s->user_ns = f.user_ns;
	s->mount_label = cc_steal(f.mount_label);
	s->seccomp = cc_steal(f.seccomp);
	s->host_root = cc_steal(f.root);
	s->root = strdup(named ? s->host_root : "/");
	if (!s->root)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return recheck(&s->proc, cgroup, len, err);
}

int measure_rootfs(struct measured *s, struct layer_cache *cache, struct cc_error *err)
{
	if (s->user_ns)
		return cc_refuse(err, "rootfs",
				 "rootfs: the layers of a container with a user namespace of its "
				 "own cannot be measured; run it without, or sign an identity "
				 "without rootfsDigest");
	if (rootfs_digest(s->host_root, s->proc.pid, s->engine, cache, s->m, err))
		return -1;
	return proc_check(&s->proc, err);
}

int measure_hook(const struct oci_state *state, struct measured *s, struct cc_error *err)
{
	engine_auto_container struct engine_container c = {.pid = state->pid};

	return copy(&c.id, state->id, err) ? -1 : measure(&c, state->bundle, NULL, s, err);
}

int measure_named(const char *container, const char *engine, struct measured *s,
		  struct cc_error *err)
{
	engine_auto_container struct engine_container c = {0};

	if (engine_find(engines, container, engine, &c, err))
		return -1;
	if (c.pid && c.bundle)
		return measure(&c, NULL, NULL, s, err);
	if (c.engine->prepare_command)
		return cc_fail(err, CC_E_NOTFOUND,
			       "container %s has no process to bind to; prepare it with \"%s %s\", "
			       "or run it with --device container-crypt/volume=NAME",
			       c.name, c.engine->prepare_command, c.name);
	return cc_fail(err, CC_E_NOTFOUND,
		       "container %s has no process to bind to; start it, or run it with --device "
		       "container-crypt/volume=NAME to have it bound before its program runs",
		       c.name);
}

int measure_bound(const char *id, const char *engine, pid_t pid, const struct measure_past *past,
		  struct measured *s, struct cc_error *err)
{
	engine_auto_container struct engine_container c = {0};
	bool runs = true;

	if (engine_find(engines, id, engine, &c, err))
		return -1;
	if (!c.bundle)
		return cc_fail(err, CC_E_NOTFOUND, "container %s has ended", c.name);
	if (!past->executed && !past->looked && proc_executed(pid, past->runtime, &runs, err))
		return -1;
	/* an engine's answer may be older, or of the last time */
	c.pid = pid;
	c.waiting = !runs;
	return measure(&c, NULL, past, s, err);
}

bool measure_is_verdict(const struct cc_error *err)
{
	return err->code == CC_E_REFUSED && err->fact[0];
}
