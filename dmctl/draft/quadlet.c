// SPDX-License-Identifier: Apache-2.0
/*
 * quadlet.c - a .container file, key by key.
 */
#include "draft/quadlet.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "draft/env_file.h"
#include "draft/quadlet_key.h"
#include "draft/unit_file.h"
#include "draft/words.h"
#include "strv.h"

#define SECTION "Container"

int quadlet_fail(struct quadlet *q, const char *fmt, ...)
{
	char text[CC_TEXT_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return cc_fail(q->err, CC_E_INVALID, "%s", text);
}

static int set_text(struct quadlet *q, char **out, const char *value)
{
	free(*out);
	*out = strdup(value);
	return *out ? 0 : cc_fail(q->err, CC_E_NOMEM, "out of memory");
}

int quadlet_each_word(struct quadlet *q, const char *value, quadlet_fn *fn)
{
	cc_cleanup(cc_strv_clear) struct cc_strv words = {0};

	if (words_of_systemd(value, &words, q->err))
		return -1;
	for (size_t i = 0; i < words.n; i++)
		if (fn(q, words.v[i]))
			return -1;
	return 0;
}

int quadlet_bool(struct quadlet *q, const char *value, bool *out)
{
	static const char *const words[][4] = {{"0", "no", "false", "off"},
					       {"1", "yes", "true", "on"}};

	for (size_t i = 0; i < 2; i++)
		for (size_t k = 0; k < 4; k++)
			if (strcasecmp(words[i][k], value) == 0) {
				*out = i;
				return 0;
			}
	return quadlet_fail(q, "true or false is needed");
}

/* ---- program ------------------------------------------------------------------------------- */

bool quadlet_ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n > k && strcmp(s + n - k, end) == 0;
}

static int take_image_name(struct quadlet *q, const char *value)
{
	if (quadlet_ends_with(value, ".image") || quadlet_ends_with(value, ".build"))
		return quadlet_fail(q,
				    "which image another unit makes is not known; write its name");
	return set_text(q, &q->a->image, value);
}

static int take_exec(struct quadlet *q, const char *value)
{
	q->a->has_command = true;
	return words_of_systemd(value, &q->a->command, q->err);
}

/* A list as JSON, or one word. */
static int take_entrypoint(struct quadlet *q, const char *value)
{
	cc_auto_json json_t *list = NULL;
	const json_t *one;
	size_t i;

	q->a->has_entrypoint = true;
	if (value[0] != '[')
		return cc_strv_push(&q->a->entrypoint, value, q->err);
	list = cc_json_parse(value, strlen(value), "the list", q->err);
	if (!list)
		return -1;
	json_array_foreach(list, i, one)
		if (!json_is_string(one))
			return quadlet_fail(q, "a list of texts is needed");
		else if (cc_strv_push(&q->a->entrypoint, json_string_value(one), q->err))
			return -1;
	return q->a->entrypoint.n ? 0 : quadlet_fail(q, "it is empty");
}

static int take_user(struct quadlet *q, const char *value)
{
	return set_text(q, &q->a->user, value);
}

/* Comes after User. */
static int take_group(struct quadlet *q, const char *value)
{
	char *both;

	if (!q->a->user || strchr(q->a->user, ':'))
		return quadlet_fail(q, "it takes a User without a group");
	if (asprintf(&both, "%s:%s", q->a->user, value) < 0)
		return cc_fail(q->err, CC_E_NOMEM, "out of memory");
	free(q->a->user);
	q->a->user = both;
	return 0;
}

static int take_working_dir(struct quadlet *q, const char *value)
{
	return value[0] == '/' ? set_text(q, &q->a->cwd, value)
			       : quadlet_fail(q, "an absolute path is needed");
}

static int add_variable(struct quadlet *q, const char *word)
{
	return strchr(word, '=')
		       ? asked_env(q->a, word, q->err)
		       : quadlet_fail(q,
				      "variable %.80s has no value here, but that of the service's "
				      "environment; write NAME=VALUE",
				      word);
}

static int take_environment(struct quadlet *q, const char *value)
{
	return quadlet_each_word(q, value, add_variable);
}

static int read_env_file(struct quadlet *q, const char *name)
{
	cc_cleanup(cc_strv_clear) struct cc_strv vars = {0};
	cc_auto_free char *path = asked_path(q->from->dir, name, q->err), *text = NULL;
	size_t len;

	if (!path || q->from->read(path, &text, &len, q->err) ||
	    env_file_of_podman(text, name, &vars, q->err))
		return -1;
	for (size_t i = 0; i < vars.n; i++)
		if (asked_env(q->a, vars.v[i], q->err))
			return -1;
	return 0;
}

static int take_environment_file(struct quadlet *q, const char *value)
{
	return quadlet_each_word(q, value, read_env_file);
}

/* What Podman makes of a text; a list as JSON it takes as one only in some versions. */
static int take_health_cmd(struct quadlet *q, const char *value)
{
	if (value[0] == '[')
		return quadlet_fail(q,
				    "a list is not read alike by all versions of Podman; write a "
				    "command of the shell");
	json_decref(q->a->health);
	q->a->health = strcmp(value, "none") == 0 ? json_pack("[s]", "NONE")
						  : json_pack("[s, s]", "CMD-SHELL", value);
	return q->a->health ? 0 : quadlet_fail(q, "it is not a text");
}

/* ---- confinement --------------------------------------------------------------------------- */

static int add_capability(struct quadlet *q, const char *name)
{
	return asked_capability(q->a, true, name, q->err);
}

static int drop_capability(struct quadlet *q, const char *name)
{
	return asked_capability(q->a, false, name, q->err);
}

static int take_add_capability(struct quadlet *q, const char *value)
{
	return quadlet_each_word(q, value, add_capability);
}

static int take_drop_capability(struct quadlet *q, const char *value)
{
	return quadlet_each_word(q, value, drop_capability);
}

static int take_no_new_privileges(struct quadlet *q, const char *value)
{
	return quadlet_bool(q, value, &q->a->m->no_new_privileges);
}

static int take_read_only(struct quadlet *q, const char *value)
{
	return quadlet_bool(q, value, &q->a->m->readonly_rootfs);
}

static int take_seccomp(struct quadlet *q, const char *value)
{
	cc_auto_free char *option = NULL;

	if (asprintf(&option, "seccomp=%s", value) < 0) {
		option = NULL;
		return cc_fail(q->err, CC_E_NOMEM, "out of memory");
	}
	return asked_security(q->a, option, q->err);
}

static int take_apparmor(struct quadlet *q, const char *value)
{
	return set_text(q, &q->a->m->apparmor, value);
}

static int take_network(struct quadlet *q, const char *value)
{
	if (strncmp(value, "ns:", 3) == 0)
		return quadlet_fail(q, "whose network namespace that is is not known");
	if (strcmp(value, "host") == 0)
		asked_shares(q->a, "net", CC_NS_HOST);
	else if (strncmp(value, "container:", 10) == 0 || quadlet_ends_with(value, ".container"))
		asked_shares(q->a, "net", CC_NS_JOINED);
	return 0;
}

/* What only takes effect when it is true, and then more than a file tells. */
static int take_no(struct quadlet *q, const char *value)
{
	bool on = false;

	if (quadlet_bool(q, value, &on))
		return -1;
	return on ? quadlet_fail(q, "what comes of it only a container shows: use --from CONTAINER")
		  : 0;
}

static int take_cgroups(struct quadlet *q, const char *value)
{
	return strcmp(value, "split") == 0 || strcmp(value, "enabled") == 0
		       ? 0
		       : quadlet_fail(q, "\"split\" and \"enabled\" have a group to tell it by");
}

/* ---- settings ------------------------------------------------------------------------------ */

static int one_sysctl(struct quadlet *q, const char *word)
{
	return asked_sysctl(q->a, word, q->err);
}

static int take_sysctl(struct quadlet *q, const char *value)
{
	return quadlet_each_word(q, value, one_sysctl);
}

/* "nofile=1024[:2048]" */
static int take_ulimit(struct quadlet *q, const char *value)
{
	cc_auto_free char *name = strdup(value);
	char *soft;

	if (!name)
		return cc_fail(q->err, CC_E_NOMEM, "out of memory");
	soft = strchr(name, '=');
	if (!soft)
		return quadlet_fail(q, "NAME=SOFT[:HARD] is needed");
	*soft++ = '\0';
	soft[strcspn(soft, ":")] = '\0';
	return asked_limit(q->a, name, soft, q->err);
}

/* With a minus only if the host has it. */
static int one_device(struct quadlet *q, const char *word)
{
	cc_auto_free char *host = strndup(word, strcspn(word, ":"));

	if (!host)
		return cc_fail(q->err, CC_E_NOMEM, "out of memory");
	if (word[0] != '-')
		return asked_device(q->a, word, q->err);
	return access(host + 1, F_OK) ? 0 : asked_device(q->a, word + 1, q->err);
}

static int take_device(struct quadlet *q, const char *value)
{
	return quadlet_each_word(q, value, one_device);
}

/* ---- keys ---------------------------------------------------------------------------------- */

static int refuse_key(struct quadlet *q, const char *value)
{
	(void)value;
	return quadlet_fail(q, "what comes of it is not known from this file alone; draft from the "
			       "container: --from CONTAINER");
}

enum times { LAST, EACH };

/* In the order in which they are read; without a function: no fact of the decision. */
static const struct {
	const char *name;
	enum times times;
	quadlet_fn *fn;
} keys[] = {
	{"Image", LAST, take_image_name},
	{"EnvironmentFile", EACH, take_environment_file},
	{"Environment", EACH, take_environment},
	{"Entrypoint", LAST, take_entrypoint},
	{"Exec", LAST, take_exec},
	{"User", LAST, take_user},
	{"Group", LAST, take_group},
	{"WorkingDir", LAST, take_working_dir},
	{"HealthCmd", LAST, take_health_cmd},
	{"AddCapability", EACH, take_add_capability},
	{"DropCapability", EACH, take_drop_capability},
	{"NoNewPrivileges", LAST, take_no_new_privileges},
	{"ReadOnly", LAST, take_read_only},
	{"SeccompProfile", LAST, take_seccomp},
	{"AppArmor", LAST, take_apparmor},
	{"Network", EACH, take_network},
	{"CgroupsMode", LAST, take_cgroups},
	{"Sysctl", EACH, take_sysctl},
	{"Ulimit", EACH, take_ulimit},
	{"AddDevice", EACH, take_device},
	{"Volume", EACH, quadlet_volume},
	{"Mount", EACH, quadlet_mount},
	{"Tmpfs", EACH, quadlet_tmpfs},
	{"RunInit", LAST, take_no},
	{"Notify", LAST, take_no},
	{"EnvironmentHost", LAST, take_no},
	{"SecurityLabelDisable", LAST, take_no},
	{"SecurityLabelNested", LAST, take_no},
	{"Annotation", EACH, refuse_key},
	{"ContainersConfModule", EACH, refuse_key},
	{"GIDMap", EACH, refuse_key},
	{"GlobalArgs", EACH, refuse_key},
	{"GroupAdd", EACH, refuse_key},
	{"HealthStartupCmd", LAST, refuse_key},
	{"Mask", EACH, refuse_key},
	{"PodmanArgs", EACH, refuse_key},
	{"Pod", LAST, refuse_key},
	{"RemapGid", EACH, refuse_key},
	{"RemapUid", EACH, refuse_key},
	{"RemapUidSize", EACH, refuse_key},
	{"RemapUsers", EACH, refuse_key},
	{"Rootfs", LAST, refuse_key},
	{"Secret", EACH, refuse_key},
	{"SecurityLabelLevel", LAST, refuse_key},
	{"SecurityLabelType", LAST, refuse_key},
	{"SubGIDMap", LAST, refuse_key},
	{"SubUIDMap", LAST, refuse_key},
	{"Timezone", LAST, refuse_key},
	{"UIDMap", EACH, refuse_key},
	{"Unmask", EACH, refuse_key},
	{"UserNS", LAST, refuse_key},
	{"AddHost", EACH, NULL},
	{"AutoUpdate", LAST, NULL},
	{"ContainerName", LAST, NULL},
	{"DNS", EACH, NULL},
	{"DNSOption", EACH, NULL},
	{"DNSSearch", EACH, NULL},
	{"ExposeHostPort", EACH, NULL},
	{"HealthInterval", LAST, NULL},
	{"HealthLogDestination", LAST, NULL},
	{"HealthMaxLogCount", LAST, NULL},
	{"HealthMaxLogSize", LAST, NULL},
	{"HealthOnFailure", LAST, NULL},
	{"HealthRetries", LAST, NULL},
	{"HealthStartPeriod", LAST, NULL},
	{"HealthTimeout", LAST, NULL},
	{"HostName", LAST, NULL},
	{"HttpProxy", LAST, NULL},
	{"IP", LAST, NULL},
	{"IP6", LAST, NULL},
	{"Label", EACH, NULL},
	{"LogDriver", LAST, NULL},
	{"LogOpt", EACH, NULL},
	{"Memory", LAST, NULL},
	{"NetworkAlias", EACH, NULL},
	{"PidsLimit", LAST, NULL},
	{"PublishPort", EACH, NULL},
	{"Pull", LAST, NULL},
	{"ReadOnlyTmpfs", LAST, NULL},
	{"ReloadCmd", LAST, NULL},
	{"ReloadSignal", LAST, NULL},
	{"Retry", LAST, NULL},
	{"RetryDelay", LAST, NULL},
	{"SecurityLabelFileType", LAST, NULL},
	{"ServiceName", LAST, NULL},
	{"ShmSize", LAST, NULL},
	{"StartWithPod", LAST, NULL},
	{"StopSignal", LAST, NULL},
	{"StopTimeout", LAST, NULL},
};

#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

static int check_line(struct quadlet *q, const struct unit_line *l)
{
	static const char *const others[] = {"Unit", "Service", "Install", "Quadlet"};
	bool ours = strcmp(l->section, SECTION) == 0;

	for (size_t i = 0; ours && i < N_KEYS; i++)
		if (strcmp(keys[i].name, l->key) == 0)
			return 0;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (strcmp(others[i], l->section) == 0)
			return 0;
	if (!ours && strncmp(l->section, "X-", 2) == 0)
		return 0;
	return cc_fail(q->err, CC_E_INVALID, "%s:%zu: what comes of %s%.60s%s is not known",
		       q->from->path, l->line, ours ? "" : "section [", ours ? l->key : l->section,
		       ours ? "" : "]");
}

/* Versions of Podman take quotes around a value off, or one of them, or none. */
static int check_quotes(struct quadlet *q, const char *value)
{
	size_t len = strlen(value);

	return len && (value[0] == '"' || value[len - 1] == '"')
		       ? quadlet_fail(q,
				      "a value with a quote at its end, which not every version of "
				      "Podman reads alike")
		       : 0;
}

/* @whole: the value is no list of words */
static int take_line(struct quadlet *q, const struct unit_line *l, quadlet_fn *fn, bool whole)
{
	cc_auto_free char *value = words_resolve(l->value, q->err);

	return value && (!whole || check_quotes(q, value) == 0) && fn(q, value) == 0
		       ? 0
		       : cc_prefix(q->err, "%s:%zu: %s", q->from->path, l->line, l->key);
}

static int take_key(struct quadlet *q, const struct unit_file *u, size_t k)
{
	const struct unit_line *l = NULL;

	if (keys[k].times == LAST) {
		l = unit_file_last(u, SECTION, keys[k].name);
		return l ? take_line(q, l, keys[k].fn, keys[k].fn != take_exec) : 0;
	}
	while ((l = unit_file_next(u, SECTION, keys[k].name, l)))
		if (take_line(q, l, keys[k].fn, false))
			return -1;
	return 0;
}

int quadlet_read(const char *text, size_t len, const struct draft_source *from, struct asked *a,
		 struct cc_error *err)
{
	struct quadlet q = {.from = from, .a = a, .err = err};
	cc_cleanup(unit_file_clear) struct unit_file u = {0};

	if (unit_file_parse(text, len, from->path, &u, err))
		return -1;
	for (size_t i = 0; i < u.n; i++)
		if (check_line(&q, &u.v[i]))
			return -1;
	for (size_t k = 0; k < N_KEYS; k++)
		if (keys[k].fn && take_key(&q, &u, k))
			return -1;
	return a->image ? 0 : cc_fail(err, CC_E_INVALID, "%s: it has no Image", from->path);
}
