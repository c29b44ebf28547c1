// SPDX-License-Identifier: Apache-2.0
/*
 * podman_conf.c - Podman's configuration.
 */
#include "engine/podman_conf.h"

#include <glob.h>
#include <string.h>
#include <unistd.h>

#include "engine/engine_store.h"
#include "file.h"

/* Each overrules those before it (containers.conf.5); a directory's in the order of names. */
static const char *const conf_files[] = {
	"/usr/share/containers/containers.conf",
	"/usr/share/containers/containers.conf.d/*.conf",
	"/etc/containers/containers.conf",
	"/etc/containers/containers.conf.d/*.conf",
};

/* The first that exists counts. */
static const char *const profiles[] = {
	"/etc/containers/seccomp.json",
	"/usr/share/containers/seccomp.json",
};

/* Adds the strings in @s up to the bracket that ends the list. Return: it is there; -1: fails. */
static int take_strings(const char *s, struct cc_strv *out, struct cc_error *err)
{
	for (; *s && *s != '#'; s++) {
		cc_auto_free char *item = NULL;
		const char *end;

		if (*s == ']')
			return 1;
		if (*s != '"' && *s != '\'')
			continue;
		end = strchr(s + 1, *s);
		if (!end)
			return 1;
		item = strndup(s + 1, (size_t)(end - s - 1));
		if (!item)
			return cc_fail(err, CC_E_NOMEM, "out of memory");
		if (item[0] == '/' && !cc_strv_has(out, item) && cc_strv_push(out, item, err))
			return -1;
		s = end;
	}
	return 0;
}

int podman_conf_image_stores(const char *text, struct cc_strv *stores, struct cc_error *err)
{
	static const char key[] = "additionalimagestores";
	cc_auto_free char *copy = strdup(text);
	bool in_storage = false, in_options = false, in_list = false;
	char *line, *save, *value;
	int rc;

	if (!copy)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	for (line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, " \t");
		if (!in_list && line[0] == '[') {
			in_storage = strncmp(line, "[storage]", 9) == 0;
			in_options = strncmp(line, "[storage.options]", 17) == 0;
			continue;
		}
		value = in_storage && !in_list ? engine_conf_string(line, "imagestore") : NULL;
		rc = value && value[0] == '/' ? cc_strv_push(stores, value, err) : 0;
		free(value);
		if (rc)
			return -1;
		if (!in_list && in_options && strncmp(line, key, strlen(key)) == 0) {
			line += strcspn(line, "[");
			in_list = *line == '[';
			line += in_list;
		}
		rc = in_list ? take_strings(line, stores, err) : 0;
		if (rc < 0)
			return -1;
		if (rc)
			in_list = false;
	}
	return 0;
}

/* The last seccomp_profile in the table [containers] of @text, else what *path was. */
static void read_conf(char *text, char **path)
{
	bool in_containers = false;
	char *line, *save, *value;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (line[strspn(line, " \t")] == '[')
			in_containers =
				strncmp(line + strspn(line, " \t"), "[containers]", 12) == 0;
		value = in_containers ? engine_conf_string(line, "seccomp_profile") : NULL;
		if (!value)
			continue;
		free(*path);
		*path = value;
	}
}

/* Path of the profile that the configuration names, malloced; NULL for none. */
static char *named_profile(void)
{
	struct cc_error ignored; /* no configuration: the defaults */
	char *path = NULL;

	for (size_t i = 0; i < sizeof(conf_files) / sizeof(conf_files[0]); i++) {
		cc_cleanup(globfree) glob_t found = {0};

		if (glob(conf_files[i], 0, NULL, &found))
			continue;
		for (size_t k = 0; k < found.gl_pathc; k++) {
			cc_auto_free char *text = NULL;
			size_t len;

			if (cc_read_file(found.gl_pathv[k], &text, &len, &ignored) == 0)
				read_conf(text, &path);
		}
	}
	return path;
}

json_t *podman_conf_seccomp(void)
{
	cc_auto_free char *named = named_profile();
	struct cc_error ignored; /* no profile: the filter is not the engine's own */
	const char *path = named;

	for (size_t i = 0; !path && i < sizeof(profiles) / sizeof(profiles[0]); i++)
		if (access(profiles[i], F_OK) == 0)
			path = profiles[i];
	return path ? engine_read_json(path, &ignored) : NULL;
}
