// SPDX-License-Identifier: Apache-2.0
/*
 * doctor_service.c - checks of our own programs, files and volumes.
 */
#include "cli/doctor.h"

#include <string.h>
#include <sys/stat.h>

#include "cli/agent_client.h"
#include "file.h"
#include "cli/host_name.h"
#include "client/keyd_client.h"
#include "client/keyd_tls.h"
#include "volume/luks.h"
#include "paths.h"
#include "agent/plugin_http.h"

void doctor_hook(const struct global_options *g, struct finding *f)
{
	struct stat st;

	(void)g;
	if (stat(CC_HOOK_PATH, &st) || access(CC_HOOK_PATH, X_OK))
		finding_fail(f, CC_E_NOTFOUND, "make install",
			     CC_HOOK_PATH " is missing or not executable: no container starts");
	else if (st.st_uid != 0 || (st.st_mode & 022))
		finding_fail(f, CC_E_PERM, "chown root: " CC_HOOK_PATH "; chmod 755 " CC_HOOK_PATH,
			     "users other than root can replace " CC_HOOK_PATH
			     ", which runs as root");
	else
		finding_ok(f, CC_HOOK_PATH);
}

void doctor_agent(const struct global_options *g, struct finding *f)
{
	cc_auto_json json_t *bindings = NULL;
	struct cc_error err;
	size_t n;

	if (agent_bindings(g->agent, &bindings, &err)) {
		finding_fail(f, err.code, "systemctl enable --now container-crypt-agent", "%s",
			     err.text);
		return;
	}
	n = json_array_size(bindings);
	finding_ok(f, "answers; %zu volume%s bound", n, n == 1 ? "" : "s");
}

static bool is_quarantine(json_t *answer)
{
	const char *status = json_string_value(json_object_get(answer, "status"));

	return status && !strcmp(status, "quarantine");
}

void doctor_keyd(const struct global_options *g, struct finding *f)
{
	cc_auto_json json_t *answer = NULL;
	struct cc_error err;

	(void)g;
	if (keyd_request("GET", "/healthz", NULL, &answer, &err))
		finding_fail(f, err.code,
			     access(CC_AGENT_KEY, F_OK) ? "dmctl init"
			     : keyd_is_url(keyd_client_socket())
				     ? "systemctl status container-crypt-keyd, there"
				     : "systemctl enable --now container-crypt-keyd",
			     "%s", err.text);
	else if (json_object_get(answer, "leftMs"))
		finding_fail(f, CC_E_BUSY, "man 8 keyd, BACKUPS",
			     "in quarantine for another %lld s: its database is not the one that "
			     "it served last",
			     json_integer_value(json_object_get(answer, "leftMs")) / 1000);
	else if (is_quarantine(answer))
		finding_fail(f, CC_E_INVALID, "man 8 keyd, BACKUPS",
			     "in quarantine until keyd accept: rows of its database were removed, "
			     "or older ones put in their place");
	else
		finding_ok(f, "answers; realm %s",
			   json_string_value(json_object_get(answer, "realm")) ?: "?");
}

/* The name this host's agent signs as; malloced. */
static char *agent_name(struct cc_error *err)
{
	cc_auto_json json_t *jwk = NULL;
	cc_auto_free char *text = NULL;
	char *name = NULL;
	size_t len;

	if (cc_read_file(CC_AGENT_KEY, &text, &len, err))
		return NULL;
	jwk = cc_json_parse(text, len, CC_AGENT_KEY, err);
	if (!jwk || cc_json_str(jwk, CC_AGENT_KEY, "kid", true, &name, err))
		return NULL;
	return name;
}

void doctor_enrolled(const struct global_options *g, struct finding *f)
{
	cc_auto_json json_t *answer = NULL;
	struct cc_error err;
	cc_auto_free char *name = agent_name(&err);
	json_t *list = NULL, *a;
	size_t i;

	(void)g;
	if (!name) {
		finding_fail(f, err.code, "dmctl init", "%s", err.text);
		return;
	}
	/* Who is answered over TLS is enrolled; the list of agents is an administrator's. */
	if (keyd_is_url(keyd_client_socket())) {
		if (keyd_request("GET", "/healthz", NULL, NULL, &err))
			finding_fail(f, err.code, "see the finding on keyd", "%s", err.text);
		else
			finding_ok(f, "as %s, at %s", name, keyd_client_socket());
		return;
	}
	if (keyd_list("/v1/agents", "agents", &answer, &list, &err)) {
		finding_fail(f, err.code, "see the finding on keyd", "%s", err.text);
		return;
	}
	json_array_foreach(list, i, a) {
		const char *n = json_string_value(json_object_get(a, "name"));

		if (n && strcmp(n, name) == 0) {
			finding_ok(f, "as %s", name);
			return;
		}
	}
	finding_fail(f, CC_E_REFUSED, "dmctl agents enroll NAME " CC_AGENT_KEY,
		     "keyd does not know this host's agent, %s", name);
}

static json_t *volumes(struct finding *f, json_t **answer)
{
	json_t *list = NULL;
	struct cc_error err;

	if (keyd_list("/v1/volumes", "volumes", answer, &list, &err) == 0)
		return list;
	finding_fail(f, err.code, "see the finding on keyd", "%s", err.text);
	return NULL;
}

void doctor_specs(const struct global_options *g, struct finding *f)
{
	cc_auto_json json_t *answer = NULL;
	json_t *list = volumes(f, &answer), *v;
	char path[160];
	size_t i;

	(void)g;
	if (!list)
		return;
	json_array_foreach(list, i, v) {
		const char *name = json_string_value(json_object_get(v, "name")) ?: "?";

		snprintf(path, sizeof(path), CC_CDI_DIR "/container-crypt-%.63s.json", name);
		if (access(path, F_OK) == 0)
			continue;
		finding_fail(f, CC_E_NOTFOUND, "restart the agent, and see its log",
			     "%s is missing: engines know no such device", path);
		return;
	}
	finding_ok(f, "%zu in " CC_CDI_DIR, json_array_size(list));
}

void doctor_plugin(const struct global_options *g, struct finding *f)
{
	(void)g;
	if (access(CC_PLUGIN_DIR "/" PLUGIN_SOCKET_NAME, F_OK))
		finding_warn(f, "restart the agent, and see its log",
			     CC_PLUGIN_DIR "/" PLUGIN_SOCKET_NAME
					   " is missing: docker volume create does not work");
	else
		finding_ok(f, CC_PLUGIN_DIR "/" PLUGIN_SOCKET_NAME);
}

/* Each ready volume is on exactly one LUN that this host sees. */
void doctor_luns(const struct global_options *g, struct finding *f)
{
	cc_auto_json json_t *answer = NULL;
	json_t *list = volumes(f, &answer), *v;
	struct cc_error err;
	size_t i, n = 0;

	(void)g;
	if (!list)
		return;
	json_array_foreach(list, i, v) {
		const char *name = json_string_value(json_object_get(v, "name")) ?: "?";
		const char *uuid = json_string_value(json_object_get(v, "uuid")) ?: "";
		cc_auto_free char *path = NULL;

		if (luks_find(uuid, &path, &err) == 0) {
			n++;
			continue;
		}
		if (err.code == CC_E_NOTFOUND)
			finding_warn(f, "map it to this host, or ignore this",
				     "volume %s: no LUN here carries it", name);
		else
			finding_fail(f, err.code, "remove the copy from this host", "volume %s: %s",
				     name, err.text);
		if (f->state == FINDING_FAIL)
			return;
	}
	if (f->state != FINDING_WARN)
		finding_ok(f, "%zu, each on one LUN", n);
}
