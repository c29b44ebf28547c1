// SPDX-License-Identifier: Apache-2.0
#include "decide_mounts.h"

#include <string.h>

#include "render.h"
#include "strv.h"

/*
 * Options that an engine adds unasked, or that take something away: whoever allows a mount allows
 * these. Propagation to or from the host, device nodes and setuid programs, ids mapped, data of
 * other file systems (an overlay's directories) are none of them.
 */
static const char *const harmless[] = {
	"bind",	    "rbind",	 "private",    "rprivate",    "ro",	 "rw",
	"nosuid",   "nodev",	 "noexec",     "nosymfollow", "noatime", "nodiratime",
	"relatime", "tmpcopyup", "unbindable", "runbindable", NULL};
/* Of a tmpfs: how much may be in it, and who may write to its root. */
static const char *const tmpfs_data[] = {"size=", "mode=", "nr_inodes=", "nr_blocks=", NULL};
/* What engines write for kernel file systems beyond these. */
static const char *const engine_options[] = {"strictatime", "newinstance", NULL};
static const char *const engine_data[] = {"ptmxmode=", "gid=", NULL};
/* What a volume's own mount takes (lib/mount_options.h), where it is asked for with a volume. */
static const char *const volume_options[] = {"exec",	 "atime",    "strictatime",
					     "diratime", "defaults", NULL};

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* "ro" for "ro" and its recursive kind "rro", and so on. */
static bool is_option(const char *option, const char *name)
{
	return !strcmp(option, name) || (option[0] == 'r' && !strcmp(option + 1, name));
}

static bool is_any(const char *option, const char *const *names)
{
	for (; *names; names++)
		if (is_option(option, *names))
			return true;
	return false;
}

static bool begins_as_any(const char *option, const char *const *prefixes)
{
	for (; *prefixes; prefixes++)
		if (!strncmp(option, *prefixes, strlen(*prefixes)))
			return true;
	return false;
}

static bool is_harmless(const struct cc_mount *mt, const char *option)
{
	return is_any(option, harmless) ||
	       (same(mt->type, "tmpfs") && begins_as_any(option, tmpfs_data));
}

/* "ro" is there where "rro" is, Docker's since version 25; "bind" is not where "rbind" is. */
static bool has_option(const struct cc_strv *options, const char *option)
{
	static const char *const taking_away[] = {"ro",	    "nosuid",	   "nodev",
						  "noexec", "nosymfollow", NULL};

	for (size_t o = 0; o < options->n; o++)
		if (!strcmp(options->v[o], option) ||
		    (is_option(options->v[o], option) && is_any(option, taking_away)))
			return true;
	return false;
}

/* runc and crun let the last of a pair win: an option counts only where its opposite is not. */
static bool option_holds(const struct cc_strv *options, const char *option)
{
	static const char *const opposites[][2] = {
		{"ro", "rw"}, {"nosuid", "suid"}, {"nodev", "dev"}, {"noexec", "exec"}};

	if (!has_option(options, option))
		return false;
	for (size_t i = 0; i < sizeof(opposites) / sizeof(opposites[0]); i++)
		for (size_t k = 0; k < 2; k++)
			for (size_t o = 0; o < options->n; o++)
				if (is_option(option, opposites[i][k]) &&
				    is_option(options->v[o], opposites[i][1 - k]))
					return false;
	return true;
}

/* Whether rule and mount are about the same thing; the options are another question. */
static bool rule_fits(const struct cc_mount_rule *r, const struct cc_mount *mt)
{
	return same(r->destination, mt->destination) && same(r->source, mt->source) &&
	       same(r->type, mt->type);
}

/* The first option of @mt that the rule neither names nor leaves to the engine, or NULL. */
static const char *beyond_rule(const struct cc_mount_rule *r, const struct cc_mount *mt)
{
	for (size_t i = 0; i < mt->options.n; i++)
		if (!is_harmless(mt, mt->options.v[i]) &&
		    !cc_strv_has(&r->options, mt->options.v[i]))
			return mt->options.v[i];
	return NULL;
}

/* The first option that the rule demands and @mt does not have, or NULL. */
static const char *lacking(const struct cc_mount_rule *r, const struct cc_mount *mt)
{
	for (size_t i = 0; i < r->options.n; i++)
		if (!option_holds(&mt->options, r->options.v[i]))
			return r->options.v[i];
	return NULL;
}

/* The first option that an engine does not write for a mount of its own, or NULL. */
static const char *beyond_engine(const struct cc_mount *mt)
{
	for (size_t i = 0; i < mt->options.n; i++) {
		const char *o = mt->options.v[i];

		if (!is_harmless(mt, o) && !is_any(o, engine_options) &&
		    !begins_as_any(o, engine_data) && !begins_as_any(o, tmpfs_data))
			return o;
	}
	return NULL;
}

/* The first option that a volume cannot be asked for with, or NULL. */
static const char *beyond_volume(const struct cc_mount *mt)
{
	for (size_t i = 0; i < mt->options.n; i++)
		if (!is_any(mt->options.v[i], harmless) &&
		    !is_any(mt->options.v[i], volume_options))
			return mt->options.v[i];
	return NULL;
}

/* An engine's own mount may not cover the volume's mount point, lie below it, or hide its way. */
static bool is_beside(const struct cc_identity *id, const struct cc_mount *mt)
{
	return cc_path_is_normal(mt->destination) &&
	       !cc_path_is_within(mt->destination, id->mount_point) &&
	       !cc_path_is_within(id->mount_point, mt->destination);
}

bool cc_mount_is_in_the_way(const struct cc_identity *id, const struct cc_mount *mt)
{
	return same(mt->destination, id->mount_point) &&
	       !cc_mount_is_placeholder(mt, id->volume, id->mount_point);
}

static int refuse_mount(const struct cc_identity *id, const struct cc_mount *mt,
			struct cc_error *err)
{
	char at[CC_RENDER_MAX], from[CC_RENDER_MAX], options[CC_RENDER_MAX];

	cc_render_str(mt->destination, at);
	if (cc_mount_is_in_the_way(id, mt) && same(mt->source, CC_SOURCE_VOLUME))
		return cc_refuse(err, "mounts",
				 "mounts: the image has a VOLUME at %s, for which the engine made "
				 "one of its own; run it with -v %s:%s, too",
				 at, id->volume, id->mount_point);
	return cc_refuse(err, "mounts",
			 "mounts: identity allows no such mount, container has %s at %s from %s, "
			 "options %s",
			 mt->type ? mt->type : "one", at, cc_render_str(mt->source, from),
			 cc_render_vars(&mt->options, options));
}

/* @option: one too many */
static int refuse_option(const struct cc_mount *mt, const char *option, struct cc_error *err)
{
	char at[CC_RENDER_MAX], got[CC_RENDER_MAX];

	return cc_refuse(err, "mounts",
			 "mounts: identity does not name option %s of the mount at %s; run the "
			 "container without it, or name it in the rule's options",
			 cc_render_var(option, got), cc_render_str(mt->destination, at));
}

/* The answer for a mount that is nobody's own: by the rules about it. */
static int check_rules(const struct cc_identity *id, const struct cc_mount *mt,
		       struct cc_error *err)
{
	const char *extra = NULL;

	for (size_t k = 0; k < id->n_mounts; k++) {
		const struct cc_mount_rule *r = &id->mounts[k];
		const char *option;

		if (!rule_fits(r, mt) || lacking(r, mt))
			continue;
		option = beyond_rule(r, mt);
		if (!option)
			return 0;
		extra = option;
	}
	return extra ? refuse_option(mt, extra, err) : refuse_mount(id, mt, err);
}

static int check_mount(const struct cc_identity *id, const struct cc_mount *mt,
		       struct cc_error *err)
{
	const char *extra = NULL;

	if (mt->engine && is_beside(id, mt))
		extra = beyond_engine(mt);
	else if (cc_mount_is_placeholder(mt, id->volume, id->mount_point))
		extra = beyond_volume(mt);
	else if (cc_mount_is_in_the_way(id, mt))
		return refuse_mount(id, mt, err); /* whatever rule there is: nothing goes over it */
	else
		return check_rules(id, mt, err);
	/* a rule may name what is more than an engine does by itself */
	if (!extra || !check_rules(id, mt, err))
		return 0;
	return refuse_option(mt, extra, err);
}

bool cc_mount_is_allowed(const struct cc_identity *id, const struct cc_mount *mt)
{
	struct cc_error ignored; /* the answer is enough */

	return check_mount(id, mt, &ignored) == 0;
}

int cc_decide_mounts(const struct cc_identity *id, const struct cc_measurement *m,
		     struct cc_facts *out)
{
	struct cc_error err;

	for (size_t i = 0; i < m->n_mounts; i++)
		if (check_mount(id, &m->mounts[i], &err) && cc_facts_add_error(out, &err))
			return -1;
	return 0;
}
