// SPDX-License-Identifier: Apache-2.0
/*
 * quadlet_mounts.c - what the keys about mounts of a .container file ask for.
 */
#include "draft/quadlet_key.h"

#include <stdio.h>
#include <string.h>

#include "draft/unit_file.h"
#include "draft/words.h"

/* What NAME.volume says of itself. */
static int unit_volume(struct quadlet *q, const char *unit, const char *target, const char *options)
{
	cc_cleanup(unit_file_clear) struct unit_file u = {0};
	cc_auto_free char *path = asked_path(q->from->dir, unit, q->err), *text = NULL,
			  *name = NULL;
	const struct unit_line *driver, *said;
	bool ours;
	size_t len;

	if (!path || q->from->read(path, &text, &len, q->err) ||
	    unit_file_parse(text, len, unit, &u, q->err))
		return -1;
	driver = unit_file_last(&u, "Volume", "Driver");
	said = unit_file_last(&u, "Volume", "VolumeName");
	ours = driver && strcmp(driver->value, "container-crypt") == 0;
	if (driver && !ours && strcmp(driver->value, "local") != 0)
		return quadlet_fail(q, "where volumes of driver \"%.60s\" are is not known",
				    driver->value);
	if (said)
		name = words_resolve(said->value, q->err);
	else if (asprintf(&name, "systemd-%.*s", (int)(strlen(unit) - strlen(".volume")), unit) < 0)
		name = NULL;
	if (!name)
		return said ? -1 : cc_fail(q->err, CC_E_NOMEM, "out of memory");
	return asked_mount(q->a, ours ? ASKED_PLACEHOLDER : ASKED_VOLUME, name, target, options,
			   q->err);
}

static int mount_from(struct quadlet *q, const char *source, const char *target,
		      const char *options)
{
	cc_auto_free char *path = NULL;

	if (quadlet_ends_with(source, ".volume"))
		return unit_volume(q, source, target, options);
	if (source[0] != '/' && source[0] != '.')
		return asked_mount(q->a, ASKED_NAMED, source, target, options, q->err);
	path = asked_path(q->from->dir, source, q->err);
	return path ? asked_mount(q->a, "bind", path, target, options, q->err) : -1;
}

/* "[SOURCE:]TARGET[:OPTIONS]" */
int quadlet_volume(struct quadlet *q, const char *value)
{
	cc_auto_free char *copy = strdup(value);
	char *rest = copy, *source, *target;

	if (!copy)
		return cc_fail(q->err, CC_E_NOMEM, "out of memory");
	source = strsep(&rest, ":");
	target = strsep(&rest, ":");
	if (!target)
		return asked_mount(q->a, ASKED_VOLUME, NULL, source, NULL, q->err);
	return mount_from(q, source, target, rest);
}

int quadlet_tmpfs(struct quadlet *q, const char *value)
{
	size_t len = strcspn(value, ":");
	cc_auto_free char *path = strndup(value, len);

	if (!path)
		return cc_fail(q->err, CC_E_NOMEM, "out of memory");
	return asked_mount(q->a, "tmpfs", NULL, path, value[len] ? value + len + 1 : NULL, q->err);
}

/* What --mount says; all borrowed from one text. */
struct mount_words {
	const char *type, *source, *target;
	bool ro;
};

static int mount_word(struct quadlet *q, char *word, struct mount_words *w)
{
	char *value = strchr(word, '=');

	if (value)
		*value++ = '\0';
	if (value && strcmp(word, "type") == 0)
		w->type = value;
	else if (value && (!strcmp(word, "source") || !strcmp(word, "src")))
		w->source = value;
	else if (value &&
		 (!strcmp(word, "target") || !strcmp(word, "destination") || !strcmp(word, "dst")))
		w->target = value;
	else if (!strcmp(word, "ro") || !strcmp(word, "readonly"))
		return value ? quadlet_bool(q, value, &w->ro) : (w->ro = true, 0);
	else
		return quadlet_fail(q, "what comes of \"%.60s\" is not known", word);
	return 0;
}

static int one_mount(struct quadlet *q, const char *text)
{
	cc_auto_free char *copy = strdup(text);
	struct mount_words w = {0};
	const char *options;
	char *save = NULL;

	if (!copy)
		return cc_fail(q->err, CC_E_NOMEM, "out of memory");
	for (char *s = strtok_r(copy, ",", &save); s; s = strtok_r(NULL, ",", &save))
		if (mount_word(q, s, &w))
			return -1;
	if (!w.type || !w.target)
		return quadlet_fail(q, "type and target are needed");
	options = w.ro ? "ro" : NULL;
	if (strcmp(w.type, "tmpfs") == 0 && !w.source)
		return asked_mount(q->a, w.type, NULL, w.target, options, q->err);
	if (strcmp(w.type, "volume") == 0 && !w.source)
		return asked_mount(q->a, ASKED_VOLUME, NULL, w.target, options, q->err);
	if (w.source &&
	    (strcmp(w.type, "volume") == 0) == (w.source[0] != '/' && w.source[0] != '.'))
		if (strcmp(w.type, "volume") == 0 || strcmp(w.type, "bind") == 0)
			return mount_from(q, w.source, w.target, options);
	return quadlet_fail(q, "what comes of a mount of type \"%.60s\" is not known", w.type);
}

int quadlet_mount(struct quadlet *q, const char *value)
{
	return quadlet_each_word(q, value, one_mount);
}
