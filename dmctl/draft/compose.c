// SPDX-License-Identifier: Apache-2.0
/*
 * compose.c - a service of a Compose file: which one, and member by member what it asks for.
 */
#include "draft/compose.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "draft/compose_service.h"
#include "draft/env_file.h"
#include "state/yaml.h"
#include "strv.h"

/* ---- members ------------------------------------------------------------------------------- */

/* On a network of its own these are names of hosts; on the engine's default one, variables. */
static int take_links(struct service *s, const json_t *value)
{
	(void)value;
	return json_object_get(s->self, "network_mode")
		       ? service_fail(s,
				      "with network_mode it makes variables, which are not known")
		       : 0;
}

static int refuse_member(struct service *s, const json_t *value)
{
	if (json_is_array(value) && json_array_size(value) == 0)
		return 0;
	return service_fail(s,
			    "what comes of it is not known from this file alone; draft from what "
			    "\"docker compose config\" prints, or from the container: --from "
			    "CONTAINER");
}

/* In the order in which they are read; without a function: no fact of the decision. */
static const struct {
	const char *name;
	service_member_fn *fn;
} members[] = {
	{"env_file", service_env_file},
	{"environment", service_environment},
	{"entrypoint", service_entrypoint},
	{"command", service_command},
	{"user", service_user},
	{"working_dir", service_working_dir},
	{"cap_add", service_cap_add},
	{"cap_drop", service_cap_drop},
	{"security_opt", service_security_opt},
	{"read_only", service_read_only},
	{"privileged", service_no},
	{"init", service_no},
	{"network_mode", service_network_mode},
	{"pid", service_pid},
	{"uts", service_uts},
	{"cgroup", service_cgroup},
	{"ipc", service_ipc},
	{"sysctls", service_sysctls},
	{"domainname", service_domainname},
	{"ulimits", service_ulimits},
	{"healthcheck", service_healthcheck},
	{"devices", service_devices},
	{"deploy", service_deploy},
	{"volumes", service_volumes},
	{"tmpfs", service_tmpfs},
	{"secrets", service_secrets},
	{"configs", service_configs},
	{"links", take_links},
	{"extends", refuse_member},
	{"profiles", refuse_member},
	{"volumes_from", refuse_member},
	{"group_add", refuse_member},
	{"device_cgroup_rules", refuse_member},
	{"annotations", refuse_member},
	{"userns_mode", refuse_member},
	{"runtime", refuse_member},
	{"gpus", refuse_member},
	{"credential_spec", refuse_member},
	{"isolation", refuse_member},
	{"provider", refuse_member},
	{"models", refuse_member},
	{"use_api_socket", refuse_member},
	{"post_start", refuse_member},
	{"pre_stop", refuse_member},
	{"external_links", refuse_member},
	{"image", NULL},
	{"build", NULL},
	{"attach", NULL},
	{"blkio_config", NULL},
	{"cgroup_parent", NULL},
	{"container_name", NULL},
	{"cpu_count", NULL},
	{"cpu_percent", NULL},
	{"cpu_period", NULL},
	{"cpu_quota", NULL},
	{"cpu_rt_period", NULL},
	{"cpu_rt_runtime", NULL},
	{"cpu_shares", NULL},
	{"cpus", NULL},
	{"cpuset", NULL},
	{"depends_on", NULL},
	{"develop", NULL},
	{"dns", NULL},
	{"dns_opt", NULL},
	{"dns_search", NULL},
	{"expose", NULL},
	{"extra_hosts", NULL},
	{"hostname", NULL},
	{"label_file", NULL},
	{"labels", NULL},
	{"logging", NULL},
	{"mac_address", NULL},
	{"mem_limit", NULL},
	{"mem_reservation", NULL},
	{"mem_swappiness", NULL},
	{"memswap_limit", NULL},
	{"networks", NULL},
	{"oom_kill_disable", NULL},
	{"oom_score_adj", NULL},
	{"pids_limit", NULL},
	{"platform", NULL},
	{"ports", NULL},
	{"pull_policy", NULL},
	{"restart", NULL},
	{"scale", NULL},
	{"shm_size", NULL},
	{"stdin_open", NULL},
	{"stop_grace_period", NULL},
	{"stop_signal", NULL},
	{"storage_opt", NULL},
	{"tty", NULL},
};

#define N_MEMBERS (sizeof(members) / sizeof(members[0]))

static int check_members(struct service *s)
{
	const char *known[N_MEMBERS + 1] = {0};

	for (size_t i = 0; i < N_MEMBERS; i++)
		known[i] = members[i].name;
	return service_only(s, s->self, "", known);
}

/* An image that Compose builds has the service's name unless another is said. */
static int image_asked_for(struct service *s, const char *service)
{
	const json_t *image = json_object_get(s->self, "image");

	if (image && !json_is_null(image))
		return service_set(s, image, &s->a->image) ? cc_prefix(s->err, "image") : 0;
	if (!json_object_get(s->self, "build"))
		return service_fail(s, "it has neither an image nor a build");
	if (asprintf(&s->a->image, "%s-%s", s->project, service) >= 0)
		return 0;
	s->a->image = NULL;
	return service_no_memory(s);
}

static int take_members(struct service *s, const char *service)
{
	if (check_members(s) || image_asked_for(s, service))
		return -1;
	for (size_t i = 0; i < N_MEMBERS; i++) {
		const json_t *value = json_object_get(s->self, members[i].name);

		if (value && !json_is_null(value) && members[i].fn && members[i].fn(s, value))
			return cc_prefix(s->err, "%s", members[i].name);
	}
	return 0;
}

/* ---- the file ------------------------------------------------------------------------------ */

/* As Compose makes one of a directory's name, in place. */
static void normalise_project(char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_-";
	char *out = name;

	for (const char *c = name; *c; c++) {
		char low = (char)tolower((unsigned char)*c);

		if (strchr(letters, low) && (out > name || !strchr("_-", low)))
			*out++ = low;
	}
	*out = '\0';
}

/* The name of the project, malloced. */
static char *project_name(struct service *s)
{
	const char *said = s->from->vars ? env_value(s->from->vars, "COMPOSE_PROJECT_NAME") : NULL;
	const json_t *name = json_object_get(s->doc, "name");
	const char *base = strrchr(s->from->dir, '/');
	char *made;

	if (!said && name && !json_is_null(name))
		return service_text(s, name);
	made = strdup(said ? said : base ? base + 1 : s->from->dir);
	if (!made)
		service_no_memory(s);
	else
		normalise_project(made);
	return made;
}

static int check_top(struct service *s)
{
	static const char *const known[] = {"version", "name",	  "services", "networks", "volumes",
					    "secrets", "configs", "include",  NULL};
	const json_t *include = json_object_get(s->doc, "include");

	if (service_only(s, s->doc, "", known))
		return -1;
	if (!include || json_is_null(include))
		return 0;
	return refuse_member(s, include) ? cc_prefix(s->err, "include") : 0;
}

/* The service that is meant; its name, borrowed. NULL: refused */
static const char *find_service(struct service *s)
{
	json_t *services = json_object_get(s->doc, "services");
	const char *name = s->from->service;

	if (!json_is_object(services) || json_object_size(services) == 0) {
		service_fail(s, "it has no services");
		return NULL;
	}
	if (!name && json_object_size(services) > 1) {
		service_fail(s, "it has several services; say which one, --from FILE#SERVICE");
		return NULL;
	}
	if (!name)
		name = json_object_iter_key(json_object_iter(services));
	s->self = json_object_get(services, name);
	if (s->self)
		return name;
	cc_fail(s->err, CC_E_NOTFOUND, "it has no service \"%.80s\"", name);
	return NULL;
}

static int read_service(struct service *s)
{
	cc_auto_free char *project = NULL;
	const char *name;

	if (check_top(s))
		return -1;
	name = find_service(s);
	if (!name)
		return -1;
	s->project = project = project_name(s);
	if (!project)
		return cc_prefix(s->err, "name");
	return take_members(s, name) ? cc_prefix(s->err, "services.%.60s", name) : 0;
}

int compose_read(const char *text, size_t len, const struct draft_source *from, struct asked *a,
		 struct cc_error *err)
{
	cc_auto_json json_t *doc = yaml_parse_linked(text, len, from->path, err);
	struct service s = {.from = from, .doc = doc, .a = a, .err = err};

	if (!doc)
		return -1;
	return read_service(&s) ? cc_prefix(err, "%s", from->path) : 0;
}
