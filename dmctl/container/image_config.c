// SPDX-License-Identifier: Apache-2.0
/*
 * image_config.c - an image's own configuration.
 */
#include "container/image_config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "container/rootfs_accounts.h"
#include "engine/engine_store.h"
#include "host/open_in_root.h"
#include "strv.h"

#define WHAT "the image's configuration"
#define FILE_MAX (1 << 20) /* bytes of an image's /etc/passwd or /etc/group */

void image_config_clear(struct image_config *c)
{
	cc_strv_clear(&c->args);
	cc_strv_clear(&c->env);
	free(c->cwd);
	free(c->user);
	*c = (struct image_config){0};
}

/* A list that Go may have written as null. */
static int list(const json_t *obj, const char *key, struct cc_strv *out, struct cc_error *err)
{
	return json_is_null(json_object_get(obj, key))
		       ? 0
		       : cc_json_strv(obj, WHAT, key, false, out, err);
}

int image_config_parse(const char *buf, size_t len, struct image_config *c, struct cc_error *err)
{
	cc_auto_json json_t *doc = cc_json_parse_engine(buf, len, ENGINE_FILE_MAX, WHAT, err);
	struct cc_strv cmd = {0};
	json_t *config;
	int rc = 0;
	size_t i;

	if (!doc)
		return -1;
	config = json_object_get(doc, "config");
	if (!json_is_object(config))
		return cc_fail(err, CC_E_INVALID, WHAT " has no member \"config\"");
	if (list(config, "Entrypoint", &c->args, err) || list(config, "Env", &c->env, err) ||
	    cc_json_str(config, WHAT, "WorkingDir", false, &c->cwd, err) ||
	    cc_json_str(config, WHAT, "User", false, &c->user, err) ||
	    list(config, "Cmd", &cmd, err))
		return -1;
	for (i = 0; i < cmd.n && rc == 0; i++)
		rc = cc_strv_push(&c->args, cmd.v[i], err);
	cc_strv_clear(&cmd);
	if (rc)
		return rc;
	if (!c->cwd || !c->cwd[0]) {
		free(c->cwd);
		c->cwd = strdup("/");
	}
	if (!c->user)
		c->user = strdup("");
	return c->cwd && c->user ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

/* A decimal id: -1 when @s is a name. */
static int number(const char *s, uint32_t *id)
{
	unsigned long n;
	char *end;

	if (!s[0] || strspn(s, "0123456789") != strlen(s))
		return -1;
	errno = 0;
	n = strtoul(s, &end, 10);
	if (errno || n > UINT32_MAX)
		return -1;
	*id = (uint32_t)n;
	return 0;
}

/*
 * The file behind @path_fd, which was opened with O_PATH, up to @max bytes. Return: how many, or
 * -1.
 */
static ssize_t read_regular(int path_fd, char *buf, size_t max)
{
	cc_auto_close int fd = -1;
	struct stat st;
	char path[64];
	ssize_t n = 0;
	size_t len = 0;

	/* a device would be opened outside of the container's device control group */
	if (fstat(path_fd, &st) || !S_ISREG(st.st_mode))
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && len < max && (n = read(fd, buf + len, max - len)) > 0)
		len += (size_t)n;
	return fd < 0 || n < 0 ? -1 : (ssize_t)len;
}

/*
 * A copy of a file of the image; NULL without error when there is none, or one that the container's
 * program made: no regular file, or longer than anybody's.
 */
static FILE *open_in(const char *root, const char *path)
{
	cc_auto_close int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cc_auto_free char *text = malloc(FILE_MAX + 1);
	cc_auto_close int fd = -1;
	cc_auto_fclose FILE *f = NULL;
	ssize_t n;

	if (dir < 0 || !text)
		return NULL;
	fd = open_in_root(dir, path, O_PATH | O_CLOEXEC, 0);
	n = fd < 0 ? -1 : read_regular(fd, text, FILE_MAX + 1);
	if (n <= 0 || n > FILE_MAX)
		return NULL;
	f = fmemopen(NULL, (size_t)n + 1, "w+");
	if (!f || fwrite(text, 1, (size_t)n, f) != (size_t)n || fseek(f, 0, SEEK_SET))
		return NULL;
	return cc_steal(f);
}

/*
 * Fills uid and gid from passwd's line for @name, or for the number in u->uid when @name is NULL.
 */
static bool find_user(const char *root, const char *name, struct cc_user *u, char **found)
{
	cc_auto_fclose FILE *f = open_in(root, "/etc/passwd");
	struct passwd *p;

	while (f && (p = fgetpwent(f))) {
		if (name ? strcmp(p->pw_name, name) != 0 : p->pw_uid != u->uid)
			continue;
		if (!name && accounts_is_engines(p)) /* the image has no such line */
			continue;
		u->uid = p->pw_uid;
		u->gid = p->pw_gid;
		*found = strdup(p->pw_name);
		return true;
	}
	return false;
}

static bool find_group(const char *root, const char *name, uint32_t *gid)
{
	cc_auto_fclose FILE *f = open_in(root, "/etc/group");
	struct group *g;

	while (f && (g = fgetgrent(f))) {
		if (strcmp(g->gr_name, name) != 0)
			continue;
		*gid = g->gr_gid;
		return true;
	}
	return false;
}

static int add_group(struct cc_user *u, uint32_t gid, struct cc_error *err)
{
	uint32_t *more;
	size_t i;

	for (i = 0; i < u->n_groups; i++)
		if (u->groups[i] == gid)
			return 0;
	if (u->n_groups == CC_GROUPS_MAX)
		return cc_fail(
			err, CC_E_INVALID,
			"user: the container's /etc/group has its user in more than %d groups",
			CC_GROUPS_MAX);
	more = reallocarray(u->groups, u->n_groups + 1, sizeof(*more));
	if (!more)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	u->groups = more;
	u->groups[u->n_groups++] = gid;
	return 0;
}

static int member_groups(const char *root, const char *name, struct cc_user *u,
			 struct cc_error *err)
{
	cc_auto_fclose FILE *f = open_in(root, "/etc/group");
	struct group *g;
	size_t i;

	while (f && (g = fgetgrent(f)))
		for (i = 0; g->gr_mem[i]; i++)
			if (strcmp(g->gr_mem[i], name) == 0 && add_group(u, g->gr_gid, err))
				return -1;
	return 0;
}

int image_user(const char *user, const char *root, struct cc_user *u, struct cc_error *err)
{
	cc_auto_free char *name = strdup(user), *login = NULL;
	char *group;

	if (!name)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	group = strchr(name, ':');
	if (group)
		*group++ = '\0';
	if (!name[0])
		u->uid = u->gid = 0;
	if (!name[0] || number(name, &u->uid) == 0)
		find_user(root, NULL, u, &login); /* a number without a line is fine: group 0 */
	else if (!find_user(root, name, u, &login))
		return cc_fail(err, CC_E_INVALID,
			       "the image's user \"%s\" is not in its /etc/passwd", name);
	if (group && group[0]) {
		if (number(group, &u->gid) && !find_group(root, group, &u->gid))
			return cc_fail(err, CC_E_INVALID,
				       "the image's group \"%s\" is not in its /etc/group", group);
		return 0; /* an explicit group: no supplementary ones */
	}
	return login ? member_groups(root, login, u, err) : 0;
}

bool image_home_is(const char *home, uint32_t uid, const char *cwd, const char *root)
{
	cc_auto_fclose FILE *f = open_in(root, "/etc/passwd");
	bool known = false;
	struct passwd *p;

	while (f && (p = fgetpwent(f))) {
		if (p->pw_uid != uid)
			continue;
		if (strcmp(p->pw_dir[0] ? p->pw_dir : "/", home) == 0)
			return true;
		known = true;
	}
	return !known && (!home[0] || strcmp(home, "/") == 0 || strcmp(home, cwd) == 0);
}
