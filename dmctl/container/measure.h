/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure.h - takes the measurement of a container (docs/architecture.md, "The life of a docker
 * run"): kernel facts, the bundle's config.json, the engine's image by container id.
 */
#ifndef CC_MEASURE_H
#define CC_MEASURE_H

#include <sys/stat.h>

#include "measurement.h"
#include "container/oci.h"
#include "host/seen_end.h"
#include "host/proc.h"
#include "host/proc_exec.h"
#include "host/seccomp_read.h"
#include "container/rootfs_cache.h"
#include "container/start_mark.h"

/**
 * struct measured - a measurement and what binding needs beyond it. Zero it with MEASURED_NONE.
 * @m: the measurement
 * @engine: whose container it is
 * @proc: the container's first process; recheck it after every step
 * @root: where the root file system is in the container's mount namespace: "/", or the bundle's
 *        root.path as long as the runtime has not pivoted
 * @host_root: where the host has it: config.json's root.path
 * @upper: directory of its writable layer, NULL without one
 * @mount_label: config.json's SELinux label of the container's files, NULL for none
 * @seccomp: config.json's filter, NULL for none
 * @user_ns: the container has a user namespace of its own
 * @runtime: proc_exe_id() of the process, while it is the runtime's; "" when its program runs
 */
struct measured {
	struct cc_measurement *m;
	const struct engine *engine;
	struct proc_ref proc;
	char *root, *host_root, *upper, *mount_label;
	json_t *seccomp;
	bool user_ns;
	char runtime[PROC_EXE_LEN];
};

#define MEASURED_NONE {.proc = PROC_REF_NONE}

void measured_clear(struct measured *s);
#define measure_auto cc_cleanup(measured_clear)

/* At createRuntime: the runtime holds the container, nothing of it has run. */
int measure_hook(const struct oci_state *state, struct measured *s, struct cc_error *err);

/**
 * measure_named - a container by name or id.
 * @engine: name of an engine, or NULL
 *
 * Return: 0; -1 as engine_find(), or CC_E_NOTFOUND when the container has no process.
 */
int measure_named(const char *container, const char *engine, struct measured *s,
		  struct cc_error *err);

/**
 * struct measure_past - what is known of a bound container's program.
 * @runtime: of struct measured, when it was bound
 * @executed: it was seen to be executed; else that is found out by @runtime, as the engine may not
 *            know: between the hook and that execution the process is its runtime's
 * @looked: it was measured since; what it executes is its own affair
 * @tracer: who may make it stand before its first instruction
 */
struct measure_past {
	const char *runtime;
	bool executed, looked;
	pid_t tracer;
};

/**
 * measure_bound - a container that was bound before, by id.
 * @pid: its first process, which is alive
 *
 * Return: as measure_named()
 */
int measure_bound(const char *id, const char *engine, pid_t pid, const struct measure_past *past,
		  struct measured *s, struct cc_error *err);

/*
 * What became of a measurement that failed with @err: true: the container is not what was said of
 * it, which no later try changes; false: this could not be found out now.
 */
bool measure_is_verdict(const struct cc_error *err);

/*
 * Measures the root file system's layers, too (rootfs_digest()), which can take as long as reading
 * the image. CC_E_REFUSED, fact "rootfs", where that cannot be. @cache: what is known of layers
 * already.
 */
int measure_rootfs(struct measured *s, struct layer_cache *cache, struct cc_error *err);

/* ---- parts --------------------------------------------------------------------------------- */

/*
 * Whether the kernel's facts about @pid are those config.json promises; also settles m->ns, by who
 * is in these namespaces beside the container. @cgroup, @len: its own group
 */
int measure_kernel(pid_t pid, const char *cgroup, size_t len, const struct engine *engine,
		   const struct oci_facts *f, struct cc_measurement *m, struct cc_error *err);

/*
 * The process that a hook is run for is a runtime's, which will execute the container's program;
 * not one that CRIU fills with memory from a file. Return: 0, or -1 with CC_E_REFUSED.
 */
int measure_fresh(pid_t pid, struct cc_error *err);

/* Whether the host has at @path the device of these numbers; @type "c" or "b". */
bool measure_host_device(const char *path, const char *type, json_int_t major, json_int_t minor);

/**
 * measure_confined - the process is confined at least as config.json says, for a container whose
 * program runs; of a seccomp filter that there is one. Pure. @fresh: that has not got to its first
 * instruction, and so has changed nothing: the number of filters counts. Return: 0, or -1 with
 * CC_E_REFUSED.
 */
int measure_confined(const struct proc_status *st, const struct oci_facts *f,
		     const struct cc_measurement *m, bool fresh, struct cc_error *err);

/*
 * Of SELinux: the program's label is the one of config.json. @now: by the kernel, NULL without
 * SELinux; @said: by config.json, NULL for none; @fresh: as of measure_confined(), since a program
 * may have gone on to another one. Pure. Return: 0, or -1 with CC_E_REFUSED, fact "selinux".
 */
int measure_label(const char *now, const char *said, bool fresh, struct cc_error *err);

/* A container that SELinux would confine and for which no label was asked is a setting. Pure. */
int measure_unlabelled(const char *now, const char *said, struct cc_measurement *m,
		       struct cc_error *err);

#define PROFILE_LEN 256

/**
 * struct program_seen - what a process has been made to execute.
 * @exe, @cwd: file and working directory
 * @argv, @env: owned
 * @profile: of AppArmor, with its mode in parentheses; "" where the kernel does not say one
 */
struct program_seen {
	struct stat exe, cwd;
	struct cc_strv argv, env;
	char profile[PROFILE_LEN];
};

/* @p: zeroed, to be cleared in any case. CC_E_INTERNAL. */
int program_see(pid_t pid, struct program_seen *p, struct cc_error *err);
void program_seen_clear(struct program_seen *p);

/**
 * measure_program - what was executed is what config.json says: argument by argument, or, of a
 * script, with what the kernel puts before them; the file that args[0] names; variable by variable,
 * but for what runtimes add; the working directory; the profile, where there are some, and
 * that it is enforced.
 * @root: the container's root directory; @host_root: of struct measured
 *
 * Return: 0, or -1 with CC_E_REFUSED.
 */
int measure_program(const struct program_seen *p, int root, const char *host_root,
		    const struct cc_measurement *m, struct cc_error *err);

/*
 * The same of a measured container whose process stands before the first instruction of its program
 * until @tracer lets it go on; of another one success: it may have changed what there was to see.
 * @filter: of its program, as the tracer has read it; NULL, or not read: that is not compared
 * @stood: out, it stood before and after
 */
int measure_standing(const struct measured *s, pid_t tracer, const struct seccomp_seen *filter,
		     bool *stood, struct cc_error *err);

/**
 * measure_holds - fills m->holds (lib/demand.h).
 * @known: what the engine's record says holds
 * @cgroup, @len: the container's own group
 */
int measure_holds(pid_t pid, const char *cgroup, size_t len, const struct cc_strv *known,
		  const struct oci_facts *f, struct cc_measurement *m, struct cc_error *err);

/**
 * measure_health - adds health checks that are not the image's own to m->settings. Pure.
 * @health: of the container, struct engine_container
 * @image: the image's configuration
 */
int measure_health(const json_t *health, const char *image, size_t len, struct cc_measurement *m,
		   struct cc_error *err);

/* ---- first starts (measure_first.c) -------------------------------------------------------- */

/**
 * measure_start - what is remembered of the container (start_mark.h), and m->first_start.
 * @s: engine, proc and m->container_id must be filled
 * @fresh: its program has not been started
 * @k: zeroed
 */
void measure_start(const struct measured *s, bool fresh, struct start_mark *k);

/**
 * measure_image_user - m->image_user: of a process that was bound what was settled then, whatever
 * its program has written to /etc/passwd and /etc/group since; else image_user().
 * @k: of measure_start(); what it has of the user is taken from it
 */
int measure_image_user(const struct measured *s, struct start_mark *k, const char *user,
		       const char *root, struct cc_error *err);

/* m->since_end of a container that was bound before; its layer may have to be read. */
enum cc_since_end measure_since_end(const struct measured *s, bool fresh,
				    const struct start_mark *k);

/* Remembers that it was bound, before its program starts. */
int measure_remember(const struct measured *s, struct cc_error *err);

/**
 * measure_ended - the process that was bound has ended: remembers what it left in the writable
 * layer, unless others have changed it since. Nothing for another process, or a live one.
 * @at: when its end was seen, as soon as it came
 */
int measure_ended(const char *engine, const char *id, pid_t pid, uint64_t start_time,
		  const struct seen_end *at, struct cc_error *err);

/* Its program was not started: what was remembered before it was bound holds. */
int measure_not_started(const char *engine, const char *id, pid_t pid, uint64_t start_time,
			struct cc_error *err);

/* Forgets the containers that their engines do not have any more. */
void measure_forget_removed(void);

/*
 * The same, of the marks in @dir and the engines @rows. The mark of an engine that is not one of
 * them stays: another version of the agent knows it.
 */
void measure_forget_removed_in(const char *dir, const struct engine *const *rows);

#endif
