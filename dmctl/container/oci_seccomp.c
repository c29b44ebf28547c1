// SPDX-License-Identifier: Apache-2.0
/*
 * oci_seccomp.c - the filter in config.json: its digest, and what it has that an engine's default
 * one has not.
 *
 * A filter can lie: a rule that returns 0 for setuid(2) or prctl(2) makes a program believe that it
 * has dropped its rights. So any other filter than the default is a setting.
 */
#include <string.h>

#include "container/filter_rules.h"
#include "container/oci.h"
#include "container/start_mark.h"
#include "digest.h"
#include "strv.h"

#include <sys/utsname.h>

#define WHAT "config.json"
#define ERRNO_MAX 4095 /* the kernel's MAX_ERRNO */

static bool is_in(const char *const *list, const char *s)
{
	while (*list && strcmp(*list, s) != 0)
		list++;
	return *list;
}

/* Numbers beyond 63 bits are read as reals (cc_json_parse_engine), of which several may be one. */
static bool has_reals(const json_t *v)
{
	const char *key;
	json_t *member;
	size_t i;

	if (json_is_real(v))
		return true;
	json_array_foreach(v, i, member)
		if (has_reals(member))
			return true;
	json_object_foreach((json_t *)v, key, member)
		if (has_reals(member))
			return true;
	return false;
}

/*
 * Digest of the profile as measured: SHA-256 of the object's compact JSON with sorted keys. A
 * profile that lets everything pass is none.
 */
static int take_digest(const json_t *filter, struct cc_measurement *m, struct cc_error *err)
{
	const char *action = json_string_value(json_object_get(filter, "defaultAction"));
	cc_auto_free char *text = NULL;
	char digest[72];

	if (has_reals(filter))
		return cc_fail(err, CC_E_INVALID,
			       WHAT
			       " linux.seccomp has a number that is not a whole one below 2^63");
	if (!filter || (action && strcmp(action, "SCMP_ACT_ALLOW") == 0 &&
			json_array_size(json_object_get(filter, "syscalls")) == 0)) {
		m->seccomp = strdup("unconfined");
	} else {
		text = json_dumps(filter, JSON_COMPACT | JSON_SORT_KEYS);
		if (!text)
			return cc_fail(err, CC_E_NOMEM, "out of memory");
		cc_sha256_digest(text, strlen(text), digest);
		m->seccomp = strdup(digest);
	}
	return m->seccomp ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

/* ---- what no default filter does ----------------------------------------------------------- */

/* Absent, it is EPERM. Runtimes keep 16 bits of it, the kernel answers at most with ERRNO_MAX. */
static bool is_failure(const json_t *errno_ret)
{
	return !errno_ret || (json_is_integer(errno_ret) && json_integer_value(errno_ret) >= 1 &&
			      json_integer_value(errno_ret) <= ERRNO_MAX);
}

static int check_default(const json_t *filter, struct cc_measurement *m, struct cc_error *err)
{
	static const char *const strict[] = {"SCMP_ACT_ERRNO",	     "SCMP_ACT_KILL",
					     "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS",
					     "SCMP_ACT_TRAP",	     NULL};
	const char *action = json_string_value(json_object_get(filter, "defaultAction"));
	const json_t *ret = json_object_get(filter, "defaultErrnoRet");

	if ((!action || !is_in(strict, action)) &&
	    oci_setting(m, err, CC_SETTING_SECCOMP "defaultAction=%s", action ? action : ""))
		return -1;
	return is_failure(ret)
		       ? 0
		       : oci_setting_value(m, CC_SETTING_SECCOMP, "defaultErrnoRet", ret, err);
}

/* A call that is let pass and noted, that somebody outside answers, or that seems to be done. */
static int check_rules(const json_t *filter, struct cc_measurement *m, struct cc_error *err)
{
	static const char *const plain[] = {"SCMP_ACT_ALLOW",
					    "SCMP_ACT_ERRNO",
					    "SCMP_ACT_KILL",
					    "SCMP_ACT_KILL_THREAD",
					    "SCMP_ACT_KILL_PROCESS",
					    "SCMP_ACT_TRAP",
					    NULL};
	const json_t *rule, *ret;
	const char *action;
	size_t i;

	json_array_foreach(json_object_get(filter, "syscalls"), i, rule) {
		action = json_string_value(json_object_get(rule, "action"));
		ret = json_object_get(rule, "errnoRet");
		if ((!action || !is_in(plain, action)) &&
		    oci_setting(m, err, CC_SETTING_SECCOMP "syscalls action=%s",
				action ? action : ""))
			return -1;
		if (!is_failure(ret) &&
		    oci_setting_value(m, CC_SETTING_SECCOMP "syscalls ", "errnoRet", ret, err))
			return -1;
	}
	return 0;
}

/* ---- the default --------------------------------------------------------------------------- */

/* What uname(2), profiles' conditions and profiles' archMap call a machine. */
static const struct {
	const char *machine, *condition, *arch;
} machines[] = {
	{"x86_64", "amd64", "SCMP_ARCH_X86_64"},
	{"aarch64", "arm64", "SCMP_ARCH_AARCH64"},
	{"s390x", "s390x", "SCMP_ARCH_S390X"},
	{"mips64", "mips64", "SCMP_ARCH_MIPS64"},
	{"ppc64le", "ppc64le", NULL},
	{"riscv64", "riscv64", NULL},
};

static bool has_string(const json_t *list, const char *s)
{
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
		if (json_is_string(item) && strcmp(json_string_value(item), s) == 0)
			return true;
	return false;
}

static bool has_any(const json_t *list, const json_t *wanted)
{
	const json_t *item;
	size_t i;

	json_array_foreach(wanted, i, item)
		if (json_is_string(item) && has_string(list, json_string_value(item)))
			return true;
	return false;
}

static bool has_all(const json_t *list, const json_t *wanted)
{
	const json_t *item;
	size_t i;

	json_array_foreach(wanted, i, item)
		if (!json_is_string(item) || !has_string(list, json_string_value(item)))
			return false;
	return true;
}

/* A rule's conditions hold. Every kernel that the module runs on is newer than any minKernel. */
static bool applies(const json_t *rule, const json_t *bounding, const char *condition)
{
	const json_t *in = json_object_get(rule, "includes"),
		     *ex = json_object_get(rule, "excludes");
	const json_t *arches = json_object_get(in, "arches");
	const char *oldest = json_string_value(json_object_get(ex, "minKernel"));

	if (has_string(json_object_get(ex, "arches"), condition) ||
	    has_any(bounding, json_object_get(ex, "caps")) || (oldest && *oldest))
		return false;
	return (json_array_size(arches) == 0 || has_string(arches, condition)) &&
	       has_all(bounding, json_object_get(in, "caps"));
}

/* Profiles name an error, older ones only its number. */
static json_t *error_number(const json_t *obj, const char *name_key, const char *number_key)
{
	const char *name = json_string_value(json_object_get(obj, name_key));
	const json_t *number = json_object_get(obj, number_key);
	const char *known;

	if (!name || !*name)
		return json_is_integer(number) ? json_integer(json_integer_value(number))
					       : json_null();
	for (int e = 1; e <= ERRNO_MAX; e++) {
		known = strerrorname_np(e);
		if (known && strcmp(known, name) == 0)
			return json_integer(e);
	}
	return json_string(name);
}

/* @item is taken. NULL, without the list, when it cannot be made or added: nothing is left out. */
static json_t *append(json_t *list, json_t *item)
{
	if (json_array_append_new(list, item) == 0)
		return list;
	json_decref(list);
	return NULL;
}

static json_t *plain_arguments(const json_t *args)
{
	json_t *list = json_array();
	const json_t *arg;
	size_t i;

	json_array_foreach(args, i, arg)
		list = append(list, json_pack("[I, I, I, O?]",
					      json_integer_value(json_object_get(arg, "index")),
					      json_integer_value(json_object_get(arg, "value")),
					      json_integer_value(json_object_get(arg, "valueTwo")),
					      json_object_get(arg, "op")));
	return list;
}

/* A rule without its conditions and without what is left out or not by whoever writes it. */
static json_t *plain_rule(const json_t *rule)
{
	const json_t *names = json_object_get(rule, "names");
	const char *name = json_string_value(json_object_get(rule, "name"));
	cc_auto_json json_t *list = name && *name ? json_pack("[s]", name) : json_deep_copy(names);

	return json_pack("{s:O?, s:O?, s:o, s:o}", "names", list, "action",
			 json_object_get(rule, "action"), "errnoRet",
			 error_number(rule, "errno", "errnoRet"), "args",
			 plain_arguments(json_object_get(rule, "args")));
}

/* @condition: NULL for a filter, which has none */
static json_t *plain_rules(const json_t *profile, const json_t *bounding, const char *condition)
{
	json_t *list = json_array();
	const json_t *rule;
	size_t i;

	json_array_foreach(json_object_get(profile, "syscalls"), i, rule)
		if (!condition || applies(rule, bounding, condition))
			list = append(list, plain_rule(rule));
	return list;
}

static json_t *plain_arches(const json_t *profile, const char *arch)
{
	const json_t *own = json_object_get(profile, "architectures"), *entry;
	json_t *list = json_array();
	const char *name;
	size_t i;

	json_array_extend(list, (json_t *)(uintptr_t)own);
	json_array_foreach(json_object_get(profile, "archMap"), i, entry) {
		name = json_string_value(json_object_get(entry, "architecture"));
		if (!arch || !name || strcmp(name, arch) != 0)
			continue;
		json_array_append_new(list, json_string(name));
		json_array_extend(list, json_object_get(entry, "subArchitectures"));
		break;
	}
	return list;
}

static json_t *plain_profile(const json_t *profile, const json_t *bounding, const char *condition,
			     const char *arch)
{
	return json_pack("{s:O?, s:o, s:o, s:o}", "defaultAction",
			 json_object_get(profile, "defaultAction"), "defaultErrnoRet",
			 error_number(profile, "defaultErrno", "defaultErrnoRet"), "architectures",
			 plain_arches(profile, arch), "syscalls",
			 plain_rules(profile, bounding, condition));
}

/* A filter has nothing but what engines make of a profile's conditions. */
static bool is_plain(const json_t *filter)
{
	static const char *const members[] = {"defaultAction", "defaultErrnoRet", "architectures",
					      "syscalls", NULL};
	static const char *const of_rules[] = {"names", "action", "errnoRet", "args", NULL};
	const char *key;
	const json_t *rule;
	json_t *value;
	size_t i;

	json_object_foreach((json_t *)(uintptr_t)filter, key, value)
		if (!is_in(members, key))
			return false;
	json_array_foreach(json_object_get(filter, "syscalls"), i, rule)
		json_object_foreach((json_t *)(uintptr_t)rule, key, value)
			if (!is_in(of_rules, key))
				return false;
	return true;
}

bool oci_seccomp_is_rendered(const json_t *filter, const json_t *profile, const json_t *bounding,
			     const char *machine)
{
	cc_auto_json json_t *theirs = NULL, *ours = NULL;
	size_t i = 0, n = sizeof(machines) / sizeof(machines[0]);

	while (i < n && strcmp(machines[i].machine, machine) != 0)
		i++;
	if (i == n || !is_plain(filter))
		return false;
	theirs = plain_profile(filter, NULL, NULL, NULL);
	ours = plain_profile(profile, bounding, machines[i].condition, machines[i].arch);
	return theirs && ours && json_equal(theirs, ours);
}

/* Agents of before have not written it down. */
static bool is_known(const struct oci_context *ctx)
{
	return ctx->seccomp_before && ctx->seccomp_before[0];
}

static bool is_default(const json_t *config, const json_t *filter, const char *digest,
		       const struct oci_context *ctx)
{
	const json_t *process = json_object_get(config, "process");
	const json_t *caps = json_object_get(process, "capabilities");
	struct utsname host;

	if (ctx->own_seccomp)
		return true;
	if (!ctx->seccomp_profile)
		return false;
	/* compared at its first start; since then the profile may have become a later version's */
	if (ctx->bound_before && (!is_known(ctx) || strcmp(ctx->seccomp_before, digest) == 0))
		return true;
	return uname(&host) == 0 &&
	       oci_seccomp_is_rendered(filter, ctx->seccomp_profile,
				       json_object_get(caps, "bounding"), host.machine);
}

/* Its first start had a filter of the engine's own, or none. */
static bool has_first(const struct oci_context *ctx)
{
	return ctx->bound_before && is_known(ctx) &&
	       strcmp(ctx->seccomp_before, START_MARK_FILTER_OTHER) != 0;
}

int oci_seccomp_parse(const json_t *config, const struct oci_context *ctx, struct cc_measurement *m,
		      struct cc_error *err)
{
	const json_t *listener;
	json_t *filter = NULL;

	if (cc_json_obj(json_object_get(config, "linux"), WHAT " linux", "seccomp", false, &filter,
			err) ||
	    take_digest(filter, m, err))
		return -1;
	if (strcmp(m->seccomp, "unconfined") == 0)
		return 0;
	listener = json_object_get(filter, "listenerPath");
	if (filter_rules_check(filter, err) || check_default(filter, m, err) ||
	    check_rules(filter, m, err) ||
	    (listener && oci_setting_value(m, CC_SETTING_SECCOMP, "listenerPath", listener, err)))
		return -1;
	if (is_default(config, filter, m->seccomp, ctx))
		return 0;
	return oci_setting(m, err, "%s",
			   ctx->seccomp_profile && has_first(ctx) ? OCI_FILTER_NOT_FIRST
								  : OCI_FILTER_NOT_OWN);
}
