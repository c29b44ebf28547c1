// SPDX-License-Identifier: Apache-2.0
#include "decide.h"

#include <string.h>

#include "decide_env.h"
#include "decide_mounts.h"
#include "demand.h"
#include "render.h"
#include "strv.h"
#include "timestamp.h"

/* A check of one fact: what differs is in @out. 0 to go on, -1 when no more is wanted. */
typedef int check_fn(const struct cc_identity *id, const struct cc_measurement *m,
		     const struct cc_policy *policy, struct cc_facts *out);

const char *const cc_default_capabilities[] = {"CAP_CHOWN",
					       "CAP_DAC_OVERRIDE",
					       "CAP_FSETID",
					       "CAP_FOWNER",
					       "CAP_MKNOD",
					       "CAP_NET_RAW",
					       "CAP_SETGID",
					       "CAP_SETUID",
					       "CAP_SETFCAP",
					       "CAP_SETPCAP",
					       "CAP_SYS_CHROOT",
					       "CAP_KILL",
					       "CAP_AUDIT_WRITE",
					       "CAP_NET_BIND_SERVICE",
					       NULL};

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

static bool in_list(const char *const *list, const char *s)
{
	for (; *list; list++)
		if (!strcmp(*list, s))
			return true;
	return false;
}

/* ---- the identity itself ------------------------------------------------------------------- */

static int check_volume(const struct cc_identity *id, const struct cc_measurement *m,
			const struct cc_policy *policy, struct cc_facts *out)
{
	(void)m;
	if (same(id->volume, policy->volume))
		return 0;
	return cc_facts_add(out, "volume", "volume: identity is for \"%s\", \"%s\" was asked for",
			    id->volume, policy->volume);
}

static int check_validity(const struct cc_identity *id, const struct cc_measurement *m,
			  const struct cc_policy *policy, struct cc_facts *out)
{
	bool early = id->has_not_before && policy->now < id->not_before;
	bool late = id->has_not_after && policy->now > id->not_after;
	char bound[21], now[21];

	(void)m;
	if (!early && !late)
		return 0;
	cc_time_format(early ? id->not_before : id->not_after, bound);
	cc_time_format(policy->now, now);
	return cc_facts_add(
		out, "validity",
		"validity: identity is valid %s %s, the time is %s; sign a new one with a "
		"higher serial",
		early ? "from" : "until", bound, now);
}

static int check_serial(const struct cc_identity *id, const struct cc_measurement *m,
			const struct cc_policy *policy, struct cc_facts *out)
{
	(void)m;
	if (id->serial >= policy->serial)
		return 0;
	return cc_facts_add(out, "serial",
			    "serial: identity has %llu, the volume lets in %llu and above",
			    (unsigned long long)id->serial, (unsigned long long)policy->serial);
}

/* ---- what runs ----------------------------------------------------------------------------- */

static const char *wants_image(const struct cc_identity *id, char text[static CC_RENDER_MAX])
{
	return id->config_digests.n == 1 ? id->config_digests.v[0]
					 : cc_render_strv(&id->config_digests, text);
}

static int check_feed(const struct cc_identity *id, const struct cc_measurement *m,
		      const struct cc_policy *policy, struct cc_facts *out)
{
	struct cc_error err;

	if (policy->any_signer ||
	    !cc_feed_check(id->feed, m->proof, m->image_id, policy->keys, policy->tries, &err))
		return 0;
	return cc_facts_add_error(out, &err);
}

/*
 * The config digest commits to every layer and to the config. The manifest does not count: it is
 * one of many packagings of that content, and the one an engine knows is its own as soon as it
 * compressed the layers itself (buildah commit, then push: the registry's has another digest).
 */
static int check_image(const struct cc_identity *id, const struct cc_measurement *m,
		       const struct cc_policy *policy, struct cc_facts *out)
{
	char want[CC_RENDER_MAX];

	if (id->feed)
		return check_feed(id, m, policy, out);
	if (m->image_id && cc_strv_has(&id->config_digests, m->image_id))
		return 0;
	return cc_facts_add(out, "image", "image: identity wants %s%s, container has %s",
			    id->config_digests.n > 1 ? "one of " : "", wants_image(id, want),
			    m->image_id ? m->image_id : "none");
}

/*
 * Of the container's arguments only how they differ, never their text: passwords are given so, and
 * a refusal goes into logs. What was signed, or is in the image, is shown.
 */
static int check_args(const struct cc_identity *id, const struct cc_measurement *m,
		      const struct cc_policy *policy, struct cc_facts *out)
{
	const struct cc_strv *args = id->has_args ? &id->args : &m->image_args;
	char want[CC_RENDER_MAX];
	size_t i = 0;

	(void)policy;
	if (cc_strv_eq(args, &m->args))
		return 0;
	while (i < args->n && i < m->args.n && !strcmp(args->v[i], m->args.v[i]))
		i++;
	return cc_facts_add(out, "args",
			    "args: identity wants %s%s, container has %zu argument%s, argv[%zu] %s",
			    cc_render_strv(args, want), id->has_args ? "" : " (the image's own)",
			    m->args.n, m->args.n == 1 ? "" : "s", i,
			    i == m->args.n ? "is missing"
			    : i == args->n ? "is one too many"
					   : "is another");
}

static int check_cwd(const struct cc_identity *id, const struct cc_measurement *m,
		     const struct cc_policy *policy, struct cc_facts *out)
{
	const char *image = m->image_cwd && *m->image_cwd ? m->image_cwd : "/";
	const char *cwd = id->cwd ? id->cwd : image;
	char want[CC_RENDER_MAX], got[CC_RENDER_MAX];

	(void)policy;
	if (same(cwd, m->cwd))
		return 0;
	return cc_facts_add(out, "cwd", "cwd: identity wants %s%s, container has %s",
			    cc_render_str(cwd, want), id->cwd ? "" : " (the image's own)",
			    cc_render_str(m->cwd, got));
}

static bool has_group(const struct cc_user *u, uint32_t gid)
{
	for (size_t i = 0; i < u->n_groups; i++)
		if (u->groups[i] == gid)
			return true;
	return u->gid == gid;
}

static bool groups_within(const struct cc_user *a, const struct cc_user *b)
{
	for (size_t i = 0; i < a->n_groups; i++)
		if (!has_group(b, a->groups[i]))
			return false;
	return true;
}

/* Groups are a set: engines differ in their order and in whether the first is repeated there. */
static int check_user(const struct cc_identity *id, const struct cc_measurement *m,
		      const struct cc_policy *policy, struct cc_facts *out)
{
	const struct cc_user *u = id->has_user ? &id->user : &m->image_user;
	char want[CC_RENDER_MAX], got[CC_RENDER_MAX];

	(void)policy;
	if (u->uid == m->user.uid && u->gid == m->user.gid && groups_within(u, &m->user) &&
	    groups_within(&m->user, u))
		return 0;
	return cc_facts_add(out, "user", "user: identity wants %s%s, container has %s",
			    cc_render_user(u, want), id->has_user ? "" : " (the image's own)",
			    cc_render_user(&m->user, got));
}

static int check_env(const struct cc_identity *id, const struct cc_measurement *m,
		     const struct cc_policy *policy, struct cc_facts *out)
{
	(void)policy;
	return cc_decide_env(id, m, out);
}

/* ---- confinement --------------------------------------------------------------------------- */

static bool capability_allowed(const struct cc_identity *id, const char *cap)
{
	if (id->has_capabilities)
		return cc_strv_has(&id->capabilities, cap);
	return in_list(cc_default_capabilities, cap);
}

static int check_capabilities(const struct cc_identity *id, const struct cc_measurement *m,
			      const struct cc_policy *policy, struct cc_facts *out)
{
	char want[CC_RENDER_MAX];

	(void)policy;
	for (size_t i = 0; i < m->capabilities.n; i++)
		if (!capability_allowed(id, m->capabilities.v[i]) &&
		    cc_facts_add(out, "capabilities",
				 "capabilities: identity wants at most %s, container has "
				 "\"%s\"",
				 id->has_capabilities ? cc_render_strv(&id->capabilities, want)
						      : "the engines' default set",
				 m->capabilities.v[i]))
			return -1;
	return 0;
}

static int check_no_new_privileges(const struct cc_identity *id, const struct cc_measurement *m,
				   const struct cc_policy *policy, struct cc_facts *out)
{
	(void)policy;
	if (!id->no_new_privileges || m->no_new_privileges)
		return 0;
	return cc_facts_add(
		out, "noNewPrivileges",
		"noNewPrivileges: identity wants true, container has false; run it with "
		"--security-opt no-new-privileges");
}

static int check_readonly_rootfs(const struct cc_identity *id, const struct cc_measurement *m,
				 const struct cc_policy *policy, struct cc_facts *out)
{
	(void)policy;
	if (!id->readonly_rootfs || m->readonly_rootfs)
		return 0;
	return cc_facts_add(out, "readonlyRootfs",
			    "readonlyRootfs: identity wants true, container has false; run it with "
			    "--read-only");
}

bool cc_setting_is_of_filter(const char *setting)
{
	return !strncmp(setting, CC_SETTING_SECCOMP, strlen(CC_SETTING_SECCOMP));
}

/* Settings of the filter are part of it: an identity that names the filter has named them. */
static int check_filter(const struct cc_identity *id, const struct cc_measurement *m,
			struct cc_facts *out)
{
	char got[CC_RENDER_MAX];

	for (size_t i = 0; i < m->settings.n; i++) {
		const char *s = m->settings.v[i];

		if (cc_setting_is_of_filter(s) && !cc_strv_has(&id->settings, s))
			return cc_facts_add(out, "seccomp",
					    "seccomp: identity wants the engine's own filter, "
					    "container has another, with %s; run it without "
					    "--security-opt seccomp, or sign \"seccomp\": \"%s\"",
					    cc_render_str(s, got), m->seccomp);
	}
	return 0;
}

static int check_seccomp(const struct cc_identity *id, const struct cc_measurement *m,
			 const struct cc_policy *policy, struct cc_facts *out)
{
	const char *got = m->seccomp ? m->seccomp : "unconfined";

	(void)policy;
	if (!id->seccomp && strcmp(got, "unconfined") != 0)
		return check_filter(id, m, out);
	if (id->seccomp && !strcmp(id->seccomp, got))
		return 0;
	return cc_facts_add(out, "seccomp", "seccomp: identity wants %s, container has %s",
			    id->seccomp ? id->seccomp : "the engine's own filter", got);
}

bool cc_apparmor_is_default(const char *profile)
{
	static const char podman[] = "containers-default-"; /* and a version */

	return !profile || !*profile || !strcmp(profile, "docker-default") ||
	       !strncmp(profile, podman, strlen(podman));
}

static int check_apparmor(const struct cc_identity *id, const struct cc_measurement *m,
			  const struct cc_policy *policy, struct cc_facts *out)
{
	char want[CC_RENDER_MAX], got[CC_RENDER_MAX];

	(void)policy;
	if (id->apparmor ? same(id->apparmor, m->apparmor) : cc_apparmor_is_default(m->apparmor))
		return 0;
	return cc_facts_add(out, "apparmor", "apparmor: identity wants %s, container has %s",
			    id->apparmor ? cc_render_str(id->apparmor, want)
					 : "the engine's default",
			    cc_render_str(m->apparmor, got));
}

static int check_privileged(const struct cc_identity *id, const struct cc_measurement *m,
			    const struct cc_policy *policy, struct cc_facts *out)
{
	(void)policy;
	if (id->privileged || !m->privileged)
		return 0;
	return cc_facts_add(
		out, "privileged",
		"privileged: identity does not allow it, container may use every device");
}

static int check_devices(const struct cc_identity *id, const struct cc_measurement *m,
			 const struct cc_policy *policy, struct cc_facts *out)
{
	char want[CC_RENDER_MAX], got[CC_RENDER_MAX];

	(void)policy;
	if (id->privileged)
		return 0;
	for (size_t i = 0; i < m->devices.n; i++)
		if (!cc_strv_has(&id->devices, m->devices.v[i]) &&
		    cc_facts_add(out, "devices",
				 "devices: identity wants at most %s, container has %s",
				 cc_render_strv(&id->devices, want),
				 cc_render_str(m->devices.v[i], got)))
			return -1;
	return 0;
}

static int check_mounts(const struct cc_identity *id, const struct cc_measurement *m,
			const struct cc_policy *policy, struct cc_facts *out)
{
	(void)policy;
	return cc_decide_mounts(id, m, out);
}

/* ---- the rest ------------------------------------------------------------------------------ */

static int check_namespaces(const struct cc_identity *id, const struct cc_measurement *m,
			    const struct cc_policy *policy, struct cc_facts *out)
{
	(void)policy;
	for (size_t i = 0; i < CC_NS_COUNT; i++)
		if (m->ns[i] != CC_NS_PRIVATE &&
		    !cc_strv_has(&id->shared_namespaces, cc_ns_names[i]) &&
		    cc_facts_add(out, "namespaces",
				 "namespaces: identity wants a private %s namespace, "
				 "container has %s",
				 cc_ns_names[i],
				 m->ns[i] == CC_NS_HOST ? "the host's" : "another container's"))
			return -1;
	return 0;
}

static int check_hooks(const struct cc_identity *id, const struct cc_measurement *m,
		       const struct cc_policy *policy, struct cc_facts *out)
{
	char want[CC_RENDER_MAX], got[CC_RENDER_MAX];

	(void)policy;
	for (size_t i = 0; i < m->hooks.n; i++)
		if (!cc_strv_has(&id->hooks, m->hooks.v[i]) &&
		    cc_facts_add(out, "hooks", "hooks: identity wants at most %s, container has %s",
				 cc_render_strv(&id->hooks, want),
				 cc_render_str(m->hooks.v[i], got)))
			return -1;
	return 0;
}

/* Those of the filter and of a variable have been checked with it. */
static int check_settings(const struct cc_identity *id, const struct cc_measurement *m,
			  const struct cc_policy *policy, struct cc_facts *out)
{
	char want[CC_RENDER_MAX], got[CC_RENDER_MAX];

	(void)policy;
	for (size_t i = 0; i < m->settings.n; i++) {
		const char *s = m->settings.v[i];

		if (cc_strv_has(&id->settings, s) || cc_setting_is_of_filter(s) ||
		    !strcmp(s, CC_SETTING_HOME))
			continue;
		if (cc_facts_add(out, "settings",
				 "settings: identity wants at most %s, container has %s",
				 cc_render_settings(&id->settings, want),
				 cc_render_setting(s, got)))
			return -1;
	}
	return 0;
}

static int check_demands(const struct cc_identity *id, const struct cc_measurement *m,
			 const struct cc_policy *policy, struct cc_facts *out)
{
	(void)policy;
	for (size_t i = 0; i < id->demands.n; i++)
		if (!cc_strv_has(&m->holds, id->demands.v[i]) &&
		    cc_facts_add(out, "demands",
				 "demands: identity wants %s, which does not hold of the "
				 "container; %s",
				 id->demands.v[i], cc_demand_hint(id->demands.v[i])))
			return -1;
	return 0;
}

/* What is in the layer at this start has nothing to do with the attested program. */
static int check_first_start(const struct cc_measurement *m, struct cc_facts *out)
{
	char got[CC_RENDER_MAX];

	if (m->upper == CC_UPPER_CLEAN)
		return 0;
	return cc_facts_add(
		out, "rootfs",
		"rootfs: identity wants the image's files unchanged at the first start, "
		"container has %s changed",
		cc_render_str(m->upper_dirty, got));
}

static int check_clean_start(const struct cc_measurement *m, struct cc_facts *out)
{
	char got[CC_RENDER_MAX];

	if (m->upper == CC_UPPER_CLEAN)
		return 0;
	return cc_facts_add(out, "rootfs",
			    "rootfs: identity wants the image's files unchanged at each start, "
			    "container has %s changed; remove the container and create it again",
			    cc_render_str(m->upper_dirty, got));
}

static int check_same_start(const struct cc_measurement *m, struct cc_facts *out)
{
	char got[CC_RENDER_MAX];

	if (m->upper == CC_UPPER_CLEAN || m->since_end == CC_SINCE_END_SAME ||
	    m->since_end == CC_SINCE_END_BOUND)
		return 0;
	if (m->since_end == CC_SINCE_END_CHANGED)
		return cc_facts_add(
			out, "rootfs",
			"rootfs: identity wants the writable layer as the container left "
			"it, it was changed since the container ended (%s is not the "
			"image's); remove the container and create it again",
			cc_render_str(m->upper_dirty, got));
	return cc_facts_add(
		out, "rootfs",
		"rootfs: identity wants the writable layer as the container left it, "
		"which the agent did not see, could not read or found changed already (%s is not the image's); "
		"remove the container and create it again, or sign \"upper\": \"any\"",
		cc_render_str(m->upper_dirty, got));
}

/*
 * The engine's image id says nothing about files put into the writable layer of a container that
 * does not run (`docker cp`). At the first start the layer must be clean; what it holds when the
 * container ends was written while it ran, and at a later start it must be that.
 */
static int check_upper(const struct cc_identity *id, const struct cc_measurement *m,
		       struct cc_facts *out)
{
	enum cc_upper_rule rule = id->upper;

	if (rule == CC_UPPER_RULE_ABSENT)
		rule = id->readonly_rootfs ? CC_UPPER_RULE_CLEAN : CC_UPPER_RULE_SAME;
	if (m->first_start)
		return check_first_start(m, out);
	if (rule == CC_UPPER_RULE_ANY)
		return 0;
	return rule == CC_UPPER_RULE_CLEAN && m->since_end != CC_SINCE_END_BOUND
		       ? check_clean_start(m, out)
		       : check_same_start(m, out);
}

static int check_rootfs(const struct cc_identity *id, const struct cc_measurement *m,
			const struct cc_policy *policy, struct cc_facts *out)
{
	if (id->rootfs_digest && !same(id->rootfs_digest, m->rootfs_digest) &&
	    cc_facts_add(out, "rootfs", "rootfs: identity wants %s, container has %s",
			 id->rootfs_digest,
			 m->rootfs_digest ? m->rootfs_digest : "no measured digest"))
		return -1;
	if (policy->renewal)
		return 0;
	if (m->upper != CC_UPPER_NONE)
		return check_upper(id, m, out);
	if (id->rootfs_digest || (!m->first_start && id->upper == CC_UPPER_RULE_ANY))
		return 0;
	return cc_facts_add(
		out, "rootfs",
		"rootfs: identity wants the image's files unchanged, container has no overlay "
		"layer that would show it; use the overlay storage driver or sign a "
		"rootfsDigest");
}

static int check_state(const struct cc_identity *id, const struct cc_measurement *m,
		       const struct cc_policy *policy, struct cc_facts *out)
{
	(void)id;
	if (!m->running || policy->allow_running)
		return 0;
	return cc_facts_add(out, "state",
			    "state: identity wants a container that has not started, its program "
			    "already runs");
}

static void compare(const struct cc_identity *id, const struct cc_measurement *m,
		    const struct cc_policy *policy, struct cc_facts *out)
{
	static check_fn *const checks[] = {
		check_volume,
		check_validity,
		check_serial,
		check_image,
		check_args,
		check_cwd,
		check_user,
		check_env,
		check_capabilities,
		check_no_new_privileges,
		check_readonly_rootfs,
		check_seccomp,
		check_apparmor,
		check_privileged,
		check_devices,
		check_mounts,
		check_namespaces,
		check_hooks,
		check_settings,
		check_demands,
		check_rootfs,
		check_state,
	};

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (checks[i](id, m, policy, out))
			return;
}

int cc_decide(const struct cc_identity *id, const struct cc_measurement *m,
	      const struct cc_policy *policy, struct cc_error *err)
{
	struct cc_facts first;

	cc_facts_init(&first, 1);
	compare(id, m, policy, &first);
	return cc_facts_first(&first, err);
}

int cc_decide_all(const struct cc_identity *id, const struct cc_measurement *m,
		  const struct cc_policy *policy, struct cc_facts *all, struct cc_error *err)
{
	cc_facts_init(all, CC_FACTS_MAX);
	compare(id, m, policy, all);
	return cc_facts_first(all, err);
}
