/* SPDX-License-Identifier: Apache-2.0 */
/*
 * oci.h - the two documents of the OCI runtime specification the agent reads: the state a runtime
 * hands to a hook (runtime.md, "State") and a bundle's config.json (config.md, config-linux.md).
 *
 * Pure parsers of outside bytes. What no fact is made of, and is not known to be harmless, is a
 * setting.
 */
#ifndef CC_OCI_H
#define CC_OCI_H

#include "engine/engine.h"
#include "measurement.h"
#include "strv.h"

/**
 * struct oci_state - what a hook gets on stdin.
 * @id: of the container, as the engine's runtime calls it
 * @pid: of the container's first process, as the runtime's pid namespace sees it
 * @bundle: absolute path of the directory that holds config.json
 */
struct oci_state {
	char id[CONTAINER_ID_LEN + 1];
	pid_t pid;
	char *bundle;
};

int oci_state_parse(const json_t *obj, struct oci_state *s, struct cc_error *err);
/*
 * Whether its id is a text of another form than engines give to containers: it is of who uses a
 * runtime without one, podman build's steps (buildah), runc by hand.
 */
bool oci_state_is_foreign(const json_t *obj);
void oci_state_clear(struct oci_state *s);

/**
 * struct oci_context - what makes a mount or hook the engine's own.
 * @bundle: directory of config.json, for a relative root.path
 * @own_dirs: directories the engine keeps for exactly this container
 * @own_seccomp, @seccomp_profile: of struct engine_container
 * @bound_before: the agent has bound this container before, and so compared its filter
 * @seccomp_before: digest of the engine's own filter that it had then, START_MARK_FILTER_OTHER for
 *                  one that was not the engine's own; "" or NULL: not known
 * @is_host_device: whether the host has at @path the device of these numbers, "c" or "b"; NULL:
 * never
 */
struct oci_context {
	const struct engine *engine;
	const char *id;
	const char *bundle;
	const struct cc_strv *own_dirs;
	bool own_seccomp;
	const json_t *seccomp_profile;
	bool bound_before;
	const char *seccomp_before;
	bool (*is_host_device)(const char *path, const char *type, json_int_t major,
			       json_int_t minor);
};

/* Settings of a filter as a whole. */
#define OCI_FILTER_NOT_OWN CC_SETTING_SECCOMP "profile=not the engine's own"
#define OCI_FILTER_NOT_FIRST                                                                       \
	CC_SETTING_SECCOMP "profile=neither the engine's own nor that of its first start, create " \
			   "it again"

/**
 * struct oci_ids - ids of a container's user namespace and of the host; without a range they are
 * the same.
 */
struct oci_ids {
	size_t n;
	struct {
		uint32_t inside, host, size;
	} *range;
};

/* The host's id of @id in the container. False when it has none. */
bool oci_host_id(const struct oci_ids *ids, uint32_t id, uint32_t *host);

/**
 * struct oci_facts - what config.json says beyond the measurement.
 * @root: absolute path of the root file system on the host
 * @ns_path: path of the namespace that is joined, or NULL; order of cc_ns_names
 * @user_ns: the container has a user namespace of its own
 * @uids, @gids: of that namespace
 * @terminal: it has one
 * @selinux_label: of its processes, NULL for none; @selinux_type, @selinux_level: of it, NULL for
 *                 none
 * @mount_label: that of the container's files, valid (oci_is_label()); NULL for none
 * @seccomp: linux.seccomp, NULL for none
 * @core_limit: the hard limit of core files that config.json gives; -1: none, so that it is
 *              inherited
 * @hook_pid: process whose /proc/PID/exe is the engine's own hook, 0 for none; the caller checks
 *            that it is the engine's program
 */
struct oci_facts {
	char *root;
	char *ns_path[CC_NS_COUNT];
	bool user_ns;
	struct oci_ids uids, gids;
	bool terminal;
	char *selinux_label, *selinux_type, *selinux_level;
	char *mount_label;
	json_t *seccomp;
	int64_t core_limit;
	pid_t hook_pid;
};

void oci_facts_clear(struct oci_facts *f);

/*
 * It could be an SELinux label, user:role:type and a level that may be left out, of at most 255
 * letters, digits and _ . , - : characters, which no list of mount options is ended by.
 */
bool oci_is_label(const char *label);

/**
 * oci_config_parse - reads config.json into the config part of @m.
 * @m: namespaces are filled as config.json has them; the kernel's view is compared by the caller
 *
 * Return: 0; -1 with CC_E_INVALID.
 */
int oci_config_parse(const char *buf, size_t len, const struct oci_context *ctx,
		     struct cc_measurement *m, struct oci_facts *f, struct cc_error *err);

/* Fills m->mounts and tells the engine's own from others. Called by oci_config_parse(). */
int oci_mounts_parse(const json_t *mounts, const struct oci_context *ctx, struct cc_measurement *m,
		     struct cc_error *err);

/* "/tmp//x/" is "/tmp/x", in place: engines hand on what was typed. ".." stays. */
void oci_path_clean(char *path);

/* Fills m->devices and m->privileged from config.json's linux object. */
int oci_devices_parse(const json_t *lnx, const struct oci_context *ctx, struct cc_measurement *m,
		      struct cc_error *err);

/**
 * oci_settings_parse - fills m->settings: what may change what the program does and is not covered
 * by another fact.
 * @config: the whole document
 */
int oci_settings_parse(const json_t *config, struct cc_measurement *m, struct cc_error *err);

/* The parts of it about linux.sysctl, and about process.rlimits. */
int oci_sysctl_parse(const json_t *lnx, struct cc_measurement *m, struct cc_error *err);
int oci_limits_parse(const json_t *process, struct cc_measurement *m, struct cc_error *err);

/* Adds a setting, once. */
__attribute__((format(printf, 3, 4))) int oci_setting(struct cc_measurement *m,
						      struct cc_error *err, const char *fmt, ...);
/* The same, "OBJECT.KEY=VALUE": a string as it is, all else as JSON. @object: with its "." */
int oci_setting_value(struct cc_measurement *m, const char *object, const char *key,
		      const json_t *value, struct cc_error *err);

/**
 * oci_seccomp_parse - fills m->seccomp, and adds to m->settings what a filter has that an engine's
 * default one has not, each with CC_SETTING_SECCOMP before it: a call that is answered without
 * being made, one that is let pass and only noted, one that somebody outside decides on; and that
 * it is another than the default at all.
 * @config: the whole document
 */
int oci_seccomp_parse(const json_t *config, const struct oci_context *ctx, struct cc_measurement *m,
		      struct cc_error *err);

/**
 * oci_seccomp_is_rendered - whether @filter is what an engine makes of @profile. Pure.
 * @filter: linux.seccomp of config.json
 * @profile: a profile as Docker and Podman read them, with conditions (archMap, includes, excludes)
 * @bounding: process.capabilities.bounding of config.json; may be NULL
 * @machine: of uname(2)
 */
bool oci_seccomp_is_rendered(const json_t *filter, const json_t *profile, const json_t *bounding,
			     const char *machine);

#endif
