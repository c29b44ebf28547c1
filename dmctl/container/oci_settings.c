// SPDX-License-Identifier: Apache-2.0
/*
 * oci_settings.c - what config.json sets beyond what engines always write, and no other fact
 * covers.
 *
 * What is not known to be harmless is a setting: a member of a later specification too.
 */
#include <stdio.h>
#include <string.h>

#include "container/oci.h"
#include "identity.h"
#include "strv.h"

#define WHAT "config.json"

/* Members that other facts cover, or that cannot make a program do or reveal what it would not. */
static const char *const top_members[] = {"ociVersion", "process", "root",  "hostname",
					  "domainname", "mounts",  "hooks", "annotations",
					  "linux",	NULL};
static const char *const process_members[] = {"terminal",
					      "consoleSize",
					      "user",
					      "args",
					      "env",
					      "cwd",
					      "rlimits",
					      "oomScoreAdj",
					      "noNewPrivileges",
					      "apparmorProfile",
					      "capabilities",
					      "selinuxLabel",
					      NULL};
static const char *const user_members[] = {"uid", "gid", "umask", "additionalGids", NULL};
static const char *const root_members[] = {"path", "readonly", NULL};
static const char *const mount_members[] = {"destination", "type", "source", "options", NULL};
static const char *const linux_members[] = {
	"uidMappings",	 "gidMappings", "sysctl",  "resources",	  "cgroupsPath",
	"namespaces",	 "devices",	"seccomp", "maskedPaths", "rootfsPropagation",
	"readonlyPaths", "mountLabel",	NULL};

/* Sysctls that Docker or Podman sets in every container; the value changes little. */
static const char *const engine_sysctls[] = {"net.ipv4.ip_unprivileged_port_start",
					     "net.ipv4.ping_group_range", NULL};

/*
 * Annotations by which runtimes are steered: crun(1), runc's docs/systemd.md, runc-checkpoint(8) …
 */
static const char *const steering[] = {
	"run.oci.",    "module.wasm.",	     "krun.", "org.systemd.property.", "org.criu.",
	"dev.gvisor.", "io.katacontainers.", NULL};
/* What Podman always writes of them: which signal stops a container, and when. */
static const char *const engine_annotations[] = {"org.systemd.property.KillSignal",
						 "org.systemd.property.TimeoutStopUSec", NULL};

/* What every engine hides or protects of /proc and /sys. */
static const char *const masked[] = {
	"/proc/acpi",	     "/proc/kcore", "/proc/keys",    "/proc/timer_list",
	"/proc/sched_debug", "/proc/scsi",  "/sys/firmware", NULL};
static const char *const read_only[] = {"/proc/bus",	       "/proc/fs", "/proc/irq", "/proc/sys",
					"/proc/sysrq-trigger", NULL};

/* How the root's mounts propagate without being asked, and less than that. */
static const char *const propagations[] = {"private", "rprivate", "slave", "rslave", NULL};

/* Types that SELinux policies give to containers. */
static const char *const selinux_types[] = {"container_t", "container_init_t", "svirt_lxc_net_t",
					    NULL};

#define UMASK 022 /* Podman's; Docker leaves it to the runtime, which has the same */

static bool is_in(const char *const *list, const char *s)
{
	while (*list && strcmp(*list, s) != 0)
		list++;
	return *list;
}

/* @object: prefix of the names, "linux." */
static int unknown_members(const json_t *obj, const char *object, const char *const *known,
			   struct cc_measurement *m, struct cc_error *err)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)obj, key, value)
		if (!is_in(known, key) && oci_setting_value(m, object, key, value, err))
			return -1;
	return 0;
}

int oci_sysctl_parse(const json_t *lnx, struct cc_measurement *m, struct cc_error *err)
{
	json_t *sysctl = NULL;

	return cc_json_obj(lnx, WHAT " linux", "sysctl", false, &sysctl, err) ||
			       unknown_members(sysctl, "linux.sysctl ", engine_sysctls, m, err)
		       ? -1
		       : 0;
}

static bool steers(const char *key)
{
	size_t i;

	for (i = 0; steering[i]; i++)
		if (strncmp(key, steering[i], strlen(steering[i])) == 0)
			return !is_in(engine_annotations, key);
	return false;
}

static int parse_annotations(const json_t *config, struct cc_measurement *m, struct cc_error *err)
{
	json_t *annotations = NULL, *value;
	const char *key;

	if (cc_json_obj(config, WHAT, "annotations", false, &annotations, err))
		return -1;
	json_object_foreach(annotations, key, value)
		if (steers(key) && oci_setting_value(m, "annotations ", key, value, err))
			return -1;
	return 0;
}

/*
 * Below /proc or /sys, and not through a process's own directory: /proc/self/root and
 * /proc/1/cwd lead to the container's files.
 */
static bool is_of_kernel(const char *path)
{
	static const char proc[] = "/proc/";
	const char *rest = path + strlen(proc);

	if (!cc_path_is_normal(path))
		return false;
	if (strncmp(path, "/sys/", 5) == 0)
		return true;
	return strncmp(path, proc, strlen(proc)) == 0 && !strchr("0123456789", *rest) &&
	       !cc_path_is_within(rest, "self") && !cc_path_is_within(rest, "thread-self");
}

/*
 * What the engines hide or protect must be there; what else is, takes a piece of the kernel away
 * from the program, but not a file of the image or of the volume.
 */
static int check_paths(const json_t *lnx, const char *key, const char *const *paths,
		       struct cc_measurement *m, struct cc_error *err)
{
	cc_cleanup(cc_strv_clear) struct cc_strv list = {0};

	if (cc_json_strv(lnx, WHAT " linux", key, false, &list, err))
		return -1;
	for (size_t i = 0; i < list.n; i++)
		if (!is_of_kernel(list.v[i]) &&
		    oci_setting(m, err, "linux.%s has %s", key, list.v[i]))
			return -1;
	for (; *paths; paths++)
		if (!cc_strv_has(&list, *paths) &&
		    oci_setting(m, err, "linux.%s lacks %s", key, *paths))
			return -1;
	return 0;
}

/* A user namespace of one's own takes rights away; another's is as open as any shared one. */
static int parse_namespaces(const json_t *lnx, struct cc_measurement *m, struct cc_error *err)
{
	static const char *const known[] = {"cgroup", "ipc", "mount", "network",
					    "pid",    "uts", "user",  NULL};
	const char *type, *path;
	json_t *ns;
	size_t i;

	json_array_foreach(json_object_get(lnx, "namespaces"), i, ns) {
		type = json_string_value(json_object_get(ns, "type"));
		path = json_string_value(json_object_get(ns, "path"));
		if (type && !is_in(known, type) && oci_setting(m, err, "linux.namespaces %s", type))
			return -1;
		if (type && strcmp(type, "user") == 0 && path && path[0] &&
		    oci_setting(m, err, "linux.namespaces user joined"))
			return -1;
	}
	return 0;
}

static int parse_linux(const json_t *lnx, struct cc_measurement *m, struct cc_error *err)
{
	cc_auto_free char *propagation = NULL;

	if (cc_json_str(lnx, WHAT " linux", "rootfsPropagation", false, &propagation, err))
		return -1;
	if (propagation && propagation[0] && !is_in(propagations, propagation) &&
	    oci_setting(m, err, "linux.rootfsPropagation=%s", propagation))
		return -1;
	return unknown_members(lnx, "linux.", linux_members, m, err) ||
			       oci_sysctl_parse(lnx, m, err) || parse_namespaces(lnx, m, err) ||
			       check_paths(lnx, "maskedPaths", masked, m, err) ||
			       check_paths(lnx, "readonlyPaths", read_only, m, err)
		       ? -1
		       : 0;
}

/* The type and the level of user:role:type:level. */
static int parse_selinux(const char *label, struct cc_measurement *m, struct cc_error *err)
{
	cc_auto_free char *copy = strdup(label);
	char *rest = copy, *type;
	size_t sensitivity;

	if (!copy)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	strsep(&rest, ":");
	strsep(&rest, ":");
	type = strsep(&rest, ":");
	if (!type || !is_in(selinux_types, type))
		return oci_setting(m, err, "process.selinuxLabel type=%s", type ? type : label);
	/* categories of its own, one by one, as engines give them: no range and no span of them */
	sensitivity = rest ? strcspn(rest, ":-") : 0;
	if (sensitivity && rest[sensitivity] == ':' && rest[sensitivity + 1] &&
	    !strpbrk(rest + sensitivity + 1, ":.-"))
		return 0;
	return oci_setting(m, err, "process.selinuxLabel level=%s", rest ? rest : "");
}

/*
 * A core file is the memory of the program in the root file system; a program whose files may not
 * grow fails in the middle of them. Other limits make a program fail, but not reveal or half-write.
 */
int oci_limits_parse(const json_t *process, struct cc_measurement *m, struct cc_error *err)
{
	const json_t *limit, *soft;
	const char *type;
	size_t i;

	json_array_foreach(json_object_get(process, "rlimits"), i, limit) {
		type = json_string_value(json_object_get(limit, "type"));
		soft = json_object_get(limit, "soft");
		if (!type ||
		    (strcmp(type, "RLIMIT_CORE") != 0 && strcmp(type, "RLIMIT_FSIZE") != 0))
			continue;
		/* no core file, and files without a limit: a number too large for an integer */
		if (strcmp(type, "RLIMIT_CORE") == 0
			    ? json_is_integer(soft) && json_integer_value(soft) == 0
			    : json_is_real(soft))
			continue;
		if (!soft || json_is_real(soft)
			    ? oci_setting(m, err, "process.rlimits %s%s", type,
					  soft ? "=unlimited" : "")
			    : oci_setting_value(m, "process.rlimits ", type, soft, err))
			return -1;
	}
	return 0;
}

static int parse_process(const json_t *process, struct cc_measurement *m, struct cc_error *err)
{
	const json_t *user = json_object_get(process, "user");
	const json_t *umask = json_object_get(user, "umask");
	cc_auto_free char *label = NULL;

	if (unknown_members(process, "process.", process_members, m, err) ||
	    unknown_members(user, "process.user.", user_members, m, err) ||
	    oci_limits_parse(process, m, err) ||
	    cc_json_str(process, WHAT " process", "selinuxLabel", false, &label, err))
		return -1;
	if (umask && json_integer_value(umask) != UMASK &&
	    oci_setting_value(m, "process.user.", "umask", umask, err))
		return -1;
	return label && label[0] ? parse_selinux(label, m, err) : 0;
}

static int parse_mounts(const json_t *mounts, struct cc_measurement *m, struct cc_error *err)
{
	json_t *obj;
	size_t i;

	json_array_foreach(mounts, i, obj) {
		const char *at = json_string_value(json_object_get(obj, "destination"));
		cc_auto_free char *prefix = NULL;

		if (asprintf(&prefix, "mounts %s ", at ? at : "") < 0) {
			prefix = NULL;
			return cc_fail(err, CC_E_NOMEM, "out of memory");
		}
		if (unknown_members(obj, prefix, mount_members, m, err))
			return -1;
	}
	return 0;
}

int oci_settings_parse(const json_t *config, struct cc_measurement *m, struct cc_error *err)
{
	return unknown_members(config, "", top_members, m, err) ||
			       unknown_members(json_object_get(config, "root"), "root.",
					       root_members, m, err) ||
			       parse_process(json_object_get(config, "process"), m, err) ||
			       parse_mounts(json_object_get(config, "mounts"), m, err) ||
			       parse_annotations(config, m, err) ||
			       parse_linux(json_object_get(config, "linux"), m, err)
		       ? -1
		       : 0;
}
