// SPDX-License-Identifier: Apache-2.0
/*
 * image_config.c - an image's own configuration.
 */
#include "image_config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "rootfs.h"

#define WHAT "the image's configuration"

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
	cc_auto_json json_t *doc = cc_json_parse(buf, len, WHAT, err);
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

/* Opens a file of the image; NULL without error when there is none. */
static FILE *open_in(const char *root, const char *path)
{
	cc_auto_close int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cc_auto_close int fd = -1;
	FILE *f;

	if (dir < 0)
		return NULL;
	fd = rootfs_open(dir, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	f = fdopen(fd, "r");
	if (f)
		cc_steal_fd(&fd);
	return f;
}

/* Fills uid and gid from passwd's line for @name, or for the number in u->uid when @name is NULL. */
static bool find_user(const char *root, const char *name, struct cc_user *u, char **found)
{
	cc_auto_fclose FILE *f = open_in(root, "/etc/passwd");
	struct passwd *p;

	while (f && (p = fgetpwent(f))) {
		if (name ? strcmp(p->pw_name, name) != 0 : p->pw_uid != u->uid)
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
