// SPDX-License-Identifier: Apache-2.0
/*
 * engine_store.c - reading an engine's store.
 */
#include "engine/engine_store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "demand.h"
#include "digest.h"
bool engine_is_image_name(const char *name)
{
	static const char taken[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "._-:/@";
	size_t len = strlen(name);

	return len && len <= 512 && strspn(name, taken) == len && name[0] != '/' &&
	       name[0] != '-' && !strstr(name, "..") && !strstr(name, "//");
}

bool engine_is_id_prefix(const char *s)
{
	size_t len = strlen(s);

	return len >= 4 && len <= CONTAINER_ID_LEN && strspn(s, "0123456789abcdef") == len;
}

int engine_read(const char *path, char **buf, size_t *len, struct cc_error *err)
{
	cc_auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	cc_auto_free char *text = NULL;
	struct stat st;
	size_t got = 0;
	ssize_t n = 0;

	if (fd < 0)
		return cc_fail_errno(err, errno == ENOENT ? CC_E_NOTFOUND : CC_E_INTERNAL, "%s",
				     path);
	if (fstat(fd, &st))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	if (!S_ISREG(st.st_mode) || st.st_size > ENGINE_FILE_MAX)
		return cc_fail(err, CC_E_INVALID, "%s is not a regular file, or is too large",
			       path);
	text = malloc((size_t)st.st_size + 1);
	if (!text)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	while (got < (size_t)st.st_size && (n = read(fd, text + got, (size_t)st.st_size - got)) > 0)
		got += (size_t)n;
	if (n < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	text[got] = '\0';
	*len = got;
	*buf = cc_steal(text);
	return 0;
}

json_t *engine_read_json(const char *path, struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	size_t len;

	return engine_read(path, &text, &len, err)
		       ? NULL
		       : cc_json_parse_engine(text, len, ENGINE_FILE_MAX, path, err);
}

int engine_read_blob(const char *path, const char *digest, char **buf, size_t *len,
		     struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	char has[CC_DIGEST_LEN];
	size_t n;

	if (engine_read(path, &text, &n, err))
		return -1;
	cc_sha256_digest(text, n, has);
	if (strcmp(has, digest) != 0)
		return cc_refuse(
			err, "image",
			"image: %s should have the digest %s, but has %s; the engine's store "
			"was changed",
			path, digest, has);
	*len = n;
	*buf = cc_steal(text);
	return 0;
}

int engine_read_image_config(const char *path, struct engine_container *c, struct cc_error *err)
{
	if (engine_read_blob(path, c->image_id, &c->image_config, &c->image_config_len, err) == 0)
		return 0;
	return err->code == CC_E_REFUSED ? -1 : cc_prefix(err, "the image's configuration");
}

char *engine_conf_string(const char *line, const char *key)
{
	size_t len = strlen(key);
	const char *end;

	line += strspn(line, " \t");
	if (strncmp(line, key, len) != 0)
		return NULL;
	line += len;
	line += strspn(line, " \t");
	if (*line++ != '=')
		return NULL;
	line += strspn(line, " \t");
	if (*line != '"' && *line != '\'')
		return NULL;
	end = strchr(line + 1, *line);
	return end && end > line + 1 ? strndup(line + 1, (size_t)(end - line - 1)) : NULL;
}

int engine_add_health(struct engine_container *c, const json_t *config, struct cc_error *err)
{
	json_t *test = json_object_get(config, "Test");

	if (!c->health)
		c->health = json_array();
	if (!c->health || (test && json_array_append(c->health, test)))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return 0;
}

int engine_add_hold(struct engine_container *c, bool so, const char *word, struct cc_error *err)
{
	return so && !cc_strv_has(&c->holds, word) ? cc_strv_push(&c->holds, word, err) : 0;
}

int engine_add_named(struct engine_container *c, const char *word, const char *name,
		     struct cc_error *err)
{
	char whole[32 + CC_DEMAND_NAME_MAX];

	if (!name || strlen(name) > CC_DEMAND_NAME_MAX)
		return 0;
	snprintf(whole, sizeof(whole), "%.31s%s", word, name);
	return engine_add_hold(c, cc_demand_is_known(whole), whole, err);
}

pid_t engine_read_pid(const char *path)
{
	cc_auto_free char *text = NULL;
	struct cc_error err;
	size_t len;
	long pid;
	char *end;

	if (engine_read(path, &text, &len, &err))
		return 0;
	pid = strtol(text, &end, 10);
	return pid > 0 && pid <= INT_MAX && (*end == '\0' || *end == '\n') ? (pid_t)pid : 0;
}
