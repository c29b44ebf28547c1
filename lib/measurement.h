/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measurement.h - what a container is, as the agent saw it: a plain struct and its
 * JSON form (the `measurement` claim of evidence). No I/O here; the agent fills it,
 * keyd parses it after the evidence's signature has verified.
 *
 * JSON (unknown members are refused):
 *  {"engine":"docker|podman|oci", "state":"created|running",
 *   "container":{"id":"<hex>","name":"app"},
 *   "process":{"pid":N,"startTime":N,"cgroupId":N},
 *   "image":{"id":"sha256:…","manifests":["sha256:…"],"ref":"…",
 *            "args":[],"env":[],"cwd":"/","user":{"uid":0,"gid":0,"additionalGids":[]},
 *            "proof":{…lib/image_proof.h; may be absent…}},
 *   "config":{"args":[],"env":[],"cwd":"/","user":{…},"capabilities":[],"noNewPrivileges":b,
 *             "readonlyRootfs":b,"seccomp":"sha256:…"|"unconfined","apparmor":"…",
 *             "mounts":[{"destination","type","source","options":[],"engine":b}],
 *             "devices":[],"hooks":[],"settings":[],"holds":[],"namespaces":{"mnt":"private|host|joined",…},"privileged":b},
 *   "rootfs":{"upper":"clean|dirty|none","dirty":"/path","firstStart":b,
 *             "sinceEnd":"unknown|changed|same|bound","digest":"sha256:…"}}
 */
#ifndef CC_MEASUREMENT_H
#define CC_MEASUREMENT_H

#include "image_proof.h"
#include "json.h"
#include "user.h"
#include "strv.h"

/*
 * Begins the settings of a filter that is not the engine's own; an identity that names the filter
 * has named them.
 */
#define CC_SETTING_SECCOMP "linux.seccomp."

/* The setting of a HOME that is not that of the container's user; decided on with the variable. */
#define CC_SETTING_HOME "process.env HOME is not the user's"

/* The namespaces that count, in the order of struct cc_measurement.ns. */
#define CC_NS_COUNT 6
extern const char *const cc_ns_names[CC_NS_COUNT]; /* cgroup ipc mnt net pid uts */

enum cc_ns_state { CC_NS_PRIVATE, CC_NS_HOST, CC_NS_JOINED };
enum cc_upper { CC_UPPER_CLEAN, CC_UPPER_DIRTY, CC_UPPER_NONE };

/*
 * Sources of bind mounts that are named by what they are, because their paths differ for each
 * container: CC_SOURCE_OWN and the path below the directory that the engine keeps for the
 * container ("engine:container/secrets/dbpass"); a volume of the engine's that nobody named. The
 * agent lets no other source begin with CC_SOURCE_ENGINE.
 */
#define CC_SOURCE_ENGINE "engine:"
#define CC_SOURCE_OWN CC_SOURCE_ENGINE "container/"
#define CC_SOURCE_VOLUME CC_SOURCE_ENGINE "volume"

/**
 * enum cc_since_end - the writable layer, against what the container left in it.
 * @CC_SINCE_END_UNKNOWN: nobody saw what it was when the container ended
 * @CC_SINCE_END_CHANGED: it is another
 * @CC_SINCE_END_SAME: it is what it was when the container ended
 * @CC_SINCE_END_BOUND: the container has not ended since it was bound, with a layer that was
 *                      clean or the same then: what is in it now, it wrote itself
 */
enum cc_since_end {
	CC_SINCE_END_UNKNOWN,
	CC_SINCE_END_CHANGED,
	CC_SINCE_END_SAME,
	CC_SINCE_END_BOUND,
};

/**
 * struct cc_mount - one entry of config.json's mounts.
 * @engine: the agent recognised it as the engine's own (kernel file system at its usual place, or a
 *          file the engine made for this container, like /etc/hosts); others need a rule in the
 *          identity
 */
struct cc_mount {
	char *destination;
	char *type;
	char *source;
	struct cc_strv options;
	bool engine;
};

struct cc_measurement {
	char *engine;
	bool running; /* false: created, no user code has run */
	char *container_id;
	char *container_name; /* informational, never matched */
	uint32_t pid;
	uint64_t start_time;	  /* clock ticks since boot, /proc/PID/stat field 22 */
	uint64_t cgroup_id;	  /* inode of the shallowest engine cgroup, cgroup v2 */
	char *image_id;		  /* config digest by the engine's store, re-hashed by the agent */
	struct cc_strv manifests; /* manifest digests the engine knows; informational */
	char *image_ref;	  /* informational, never matched; may be NULL */
	struct cc_strv image_args, image_env;
	char *image_cwd;
	struct cc_user image_user;
	struct cc_image_proof *proof; /* NULL: none was brought */
	struct cc_strv args, env;
	char *cwd;
	struct cc_user user;
	struct cc_strv capabilities; /* union of all sets of config.json */
	bool no_new_privileges;
	bool readonly_rootfs;
	char *seccomp;	/* digest, or "unconfined" */
	char *apparmor; /* NULL: none */
	size_t n_mounts;
	struct cc_mount *mounts;
	struct cc_strv devices; /* beyond the engines' default set */
	struct cc_strv hooks;	/* paths of OCI hooks beyond our own and the engine's own */
	struct cc_strv
		settings; /* what config.json sets beyond the engines' defaults and these facts */
	struct cc_strv holds; /* what an identity may demand and is so (lib/demand.h) */
	enum cc_ns_state ns[CC_NS_COUNT];
	bool privileged; /* device cgroup allows everything */
	enum cc_upper upper;
	char *upper_dirty;	     /* first path that should not be there, or NULL */
	bool first_start;	     /* this agent has not bound this container before */
	enum cc_since_end since_end; /* of a dirty layer, when it is not the first start */
	char *rootfs_digest;	     /* NULL: not taken */
};

struct cc_measurement *cc_measurement_new(void); /* zeroed; NULL without memory */
void cc_measurement_free(struct cc_measurement *m);
static inline void cc_measurement_free_ptr(struct cc_measurement **m)
{
	cc_measurement_free(*m);
}
#define cc_auto_measurement cc_cleanup(cc_measurement_free_ptr)

/*
 * True for the bind mount of the placeholder that the volume plugin hands out for @volume, at
 * @point: the volume is mounted over it.
 */
bool cc_mount_is_placeholder(const struct cc_mount *mt, const char *volume, const char *point);

#define CC_CONTAINER_ID_MAX 128

/* What OCI runtimes take as a container id. */
bool cc_measurement_is_container_id(const char *s);

json_t *cc_measurement_to_json(const struct cc_measurement *m);
struct cc_measurement *cc_measurement_from_json(const json_t *obj, struct cc_error *err);

#endif
