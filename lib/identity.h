/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity.h - what a container must be: an in-toto Statement (v0.1 as cosign 2
 * writes it, or v1) with predicateType CC_IDENTITY_TYPE. Its bytes must come
 * out of cc_dsse_verify(); this file only parses.
 *
 * predicate, version 1 (unknown members are refused):
 *
 *   volume            name of the volume, required
 *   mountPoint        absolute path in the container, required, normalised, not "/"
 *   serial            integer >= 1, required; only goes up for a volume
 *   floor             lowest serial that is still let in, 1 to serial; absent: of new starts this
 *                     one only, while what runs under an earlier one goes on
 *   notBefore/notAfter  RFC 3339 UTC; absent: no bound
 *   readOnly          true: the volume is mounted read-only (default false)
 *   image             {configDigest, rootfsDigest}; configDigest required: a digest, or a list of
 *                     up to CC_CONFIGS_MAX, one a platform; or in place of both {signedBy,
 *                     repository, floor}, what somebody has signed (feed.h)
 *   process           {args, cwd, user{uid,gid,additionalGids}, env[],
 *                     capabilities[], noNewPrivileges} args, cwd, user absent: what the image's own
 *                     config says
 *                     env: rules {name[, value]} that allow a variable beyond the image's own and
 *                     the engine's (PATH HOME HOSTNAME TERM container container_uuid, within
 *                     bounds); no value:
 *                     any value
 *                     capabilities: ceiling; absent: the engines' default set
 *                     noNewPrivileges true: demanded; absent: either, as it only takes away
 *   readonlyRootfs    true: demanded
 *   upper             what the writable layer may hold at a start after the first, when it must be
 *                     clean: "same": what it held when the container ended; "clean": nothing but
 *                     what the engine makes; "any"; absent: "clean" where readonlyRootfs is
 *                     demanded, else "same"
 *   seccomp           "sha256:…" of the profile as measured, or "unconfined";
 *                     absent: the engine's own default
 *   apparmor          profile name demanded; absent: the engine's default, or
 *                     none where there is no AppArmor
 *   mounts            [{destination, source, type, options[]}] allowed beyond the engine's own;
 *                     options must be there, and of others only what gives nothing
 *   devices           ["/dev/fuse"] allowed beyond the engines' default set;
 *                     ["/dev/disk b 8:16"] for a node that is not the host's of that name,
 *                     ["c 188:*"] for a rule of the device control group without a node
 *   hooks             ["/path"] other OCI hooks that are allowed
 *   settings          ["linux.sysctl net.core.somaxconn=1024"] what config.json
 *                     may set beyond what the engines always do, as measured
 *   demands           ["no-core", "network:none"] what must hold beyond all that (lib/demand.h)
 *   sharedNamespaces  subset of ["cgroup","ipc","mnt","net","pid","uts"]; all others must be
 *   private
 *   privileged        true: allows what --privileged does to devices (all of
 *                     them); the capabilities, mounts and filters that come with it are named one
 *                     by one as above
 *
 * Numbers are integers below 2^53: cosign passes them through a double.
 */
#ifndef CC_IDENTITY_H
#define CC_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>
#include "feed.h"
#include "json.h"
#include "strv.h"
#include "user.h"

#define CC_IDENTITY_TYPE "urn:container-crypt:identity:v1"
#define CC_CONFIGS_MAX 16
#define CC_STATEMENT_V01 "https://in-toto.io/Statement/v0.1"
#define CC_STATEMENT_V1 "https://in-toto.io/Statement/v1"

/*
 * True for an absolute path of at least one component, without "." or "..", empty components or
 * control characters, without a slash at the end and shorter than PATH_MAX.
 */
bool cc_path_is_normal(const char *path);
/* True if @path is @dir or below it; both normal, @dir not "/". */
bool cc_path_is_within(const char *path, const char *dir);

struct cc_env_rule {
	char *name;
	char *value; /* NULL: any value */
};

/* What the writable layer may hold at a start after the first; CC_UPPER_RULE_ABSENT: not said. */
enum cc_upper_rule {
	CC_UPPER_RULE_ABSENT,
	CC_UPPER_RULE_SAME,
	CC_UPPER_RULE_CLEAN,
	CC_UPPER_RULE_ANY,
};

struct cc_mount_rule {
	char *destination;
	char *source; /* NULL: any source is NOT meant; absent only for types without source */
	char *type;
	struct cc_strv
		options; /* must be present, e.g. "ro"; those that give something must be named */
};

/**
 * struct cc_identity - a parsed identity. The has_… flags tell absent from given.
 * @floor: 0 where it has none
 * @feed: NULL: the image is named by @config_digests
 * @config_digests: at least one, unless there is a @feed; the image's is one of them
 * @subjects: manifest digests ("sha256:…"), at least one; informational, never matched: an engine
 *            that packaged the layers itself has another manifest of the same image
 * @refs: those beyond the first, of cc_identity_ref()
 */
struct cc_identity {
	struct cc_strv subjects;
	char *volume;
	char *mount_point;
	uint64_t serial;
	bool has_floor;
	uint64_t floor;
	bool has_not_before, has_not_after;
	int64_t not_before, not_after; /* seconds since the epoch, UTC */
	bool read_only;
	struct cc_feed *feed;
	struct cc_strv config_digests;
	char *rootfs_digest; /* NULL: not demanded */
	bool has_args;
	struct cc_strv args;
	char *cwd; /* NULL: image's */
	bool has_user;
	struct cc_user user;
	size_t n_env;
	struct cc_env_rule *env;
	bool has_capabilities;
	struct cc_strv capabilities; /* "CAP_CHOWN" … */
	bool no_new_privileges;
	bool readonly_rootfs;
	enum cc_upper_rule upper;
	char *seccomp;	/* NULL: the engine's own */
	char *apparmor; /* NULL: the engine's */
	size_t n_mounts;
	struct cc_mount_rule *mounts;
	struct cc_strv devices;
	struct cc_strv hooks;
	struct cc_strv settings;
	struct cc_strv demands;
	struct cc_strv shared_namespaces;
	bool privileged;
	unsigned int refs;
};

/* Parses verified bytes. NULL: CC_E_INVALID, fact "identity". Free with cc_identity_free(). */
struct cc_identity *cc_identity_parse(const char *payload, size_t len, struct cc_error *err);
/* Frees it when nobody else has a reference. */
void cc_identity_free(struct cc_identity *id);
/* One more to be freed; whoever has one of several changes nothing in it. Returns @id. */
static inline struct cc_identity *cc_identity_ref(struct cc_identity *id)
{
	id->refs++;
	return id;
}

static inline void cc_identity_free_ptr(struct cc_identity **id)
{
	cc_identity_free(*id);
}
#define cc_auto_identity cc_cleanup(cc_identity_free_ptr)

/**
 * cc_identity_statement - makes the in-toto Statement to sign.
 * @predicate: borrowed; must parse as version 1
 * @subjects: manifest digests; @name: image name without tag, for the subject's name
 * Return: the JSON text, malloced, checked with cc_identity_parse(); NULL on error.
 */
char *cc_identity_statement(const json_t *predicate, const struct cc_strv *subjects,
			    const char *name, struct cc_error *err);

#endif
