// SPDX-License-Identifier: Apache-2.0
/*
 * doctor_engine.c - checks of the container engines.
 */
#include "cli/doctor.h"

#include <string.h>

#include "host/http_unix.h"

#define DOCKER_SOCKET "/run/docker.sock"
#define INFO_MAX (512 * 1024)

static bool have(const char *program)
{
	static const char *const dirs[] = {"/usr/bin", "/usr/sbin", "/usr/local/bin",
					   "/usr/local/sbin"};
	char path[128];

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dirs[i], program);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

static json_t *docker_info(struct cc_error *err)
{
	const struct http_request request = {
		.who = "docker",
		.socket = DOCKER_SOCKET,
		.method = "GET",
		.path = "/v1.43/info",
		.max = INFO_MAX,
		.seconds = 20,
	};
	cc_cleanup(http_answer_clear) struct http_answer answer = {0};
	json_t *info;

	if (http_unix(&request, &answer, err))
		return NULL;
	info = json_loadb(answer.body, answer.len, 0, NULL);
	if (!info || answer.status != 200) {
		json_decref(info);
		cc_fail(err, CC_E_INVALID, "docker does not say what it is (HTTP %ld)",
			answer.status);
		return NULL;
	}
	return info;
}

/* The daemon lists the directories it looks for specs in exactly when CDI is on. */
void doctor_docker(const struct global_options *g, struct finding *f)
{
	cc_auto_json json_t *info = NULL;
	const char *version, *driver, *cgroup;
	struct cc_error err;

	(void)g;
	if (!have("dockerd")) {
		f->state = FINDING_NONE;
		snprintf(f->text, sizeof(f->text), "is not installed");
		return;
	}
	info = docker_info(&err);
	if (!info) {
		finding_warn(f, "systemctl start docker", "%s", err.text);
		return;
	}
	version = json_string_value(json_object_get(info, "ServerVersion")) ?: "?";
	driver = json_string_value(json_object_get(info, "Driver")) ?: "?";
	cgroup = json_string_value(json_object_get(info, "CgroupVersion")) ?: "2";
	if (json_array_size(json_object_get(info, "CDISpecDirs")) == 0)
		finding_fail(f, CC_E_NOTFOUND,
			     "{\"features\": {\"cdi\": true}} in /etc/docker/daemon.json, restart "
			     "docker; needs Docker 25",
			     "%s has CDI switched off: --device container-crypt/volume=… does not "
			     "work",
			     version);
	else if (strcmp(cgroup, "2") != 0)
		finding_fail(f, CC_E_DEVICE, "boot with systemd.unified_cgroup_hierarchy=1",
			     "%s uses cgroups of version %s", version, cgroup);
	else if (!strstr(driver, "overlay"))
		finding_warn(f, "use the storage driver overlay2",
			     "%s keeps images with driver %s: changed files cannot be noticed",
			     version, driver);
	else
		finding_ok(f, "%s, CDI is on", version);
}

void doctor_podman(const struct global_options *g, struct finding *f)
{
	(void)g;
	if (!have("podman")) {
		f->state = FINDING_NONE;
		snprintf(f->text, sizeof(f->text), "is not installed");
		return;
	}
	if (have("crun") || have("runc"))
		finding_ok(f, "is installed, CDI is always on");
	else
		finding_warn(f, "install crun", "has no runtime, neither crun nor runc");
}
