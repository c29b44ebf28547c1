// SPDX-License-Identifier: Apache-2.0
/*
 * draft_file.c - a file by its name, the image by the file's word, the measurement of both.
 */
#include "draft/draft_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "draft/compose.h"
#include "draft/env_file.h"
#include "draft/quadlet.h"
#include "engine/engines.h"
#include "file.h"
#include "strv.h"

static bool ends_with(const char *s, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len > n && strncmp(s + len - n, end, n) == 0;
}

static bool is_compose(const char *from)
{
	size_t len = strcspn(from, "#");

	return ends_with(from, len, ".yaml") || ends_with(from, len, ".yml");
}

static bool is_quadlet(const char *from)
{
	return ends_with(from, strlen(from), ".container");
}

bool draft_is_file(const char *from)
{
	return is_compose(from) || is_quadlet(from);
}

static int read_named(const char *path, char **text, size_t *len, struct cc_error *err)
{
	struct stat st;

	if (stat(path, &st))
		return cc_fail_errno(err, errno == ENOENT ? CC_E_NOTFOUND : CC_E_INTERNAL, "%s",
				     path);
	if (!S_ISREG(st.st_mode))
		return cc_fail(err, CC_E_INVALID, "%s is not a file", path);
	return cc_read_file(path, text, len, err);
}

/* The directory of @path, absolute, as it is written: so engines take it. Malloced. */
static char *directory_of(const char *path, struct cc_error *err)
{
	cc_auto_free char *here = get_current_dir_name(), *whole = NULL;
	char *slash;

	if (!here) {
		cc_fail_errno(err, CC_E_INTERNAL, "the working directory");
		return NULL;
	}
	whole = asked_path(here, path, err);
	slash = whole ? strrchr(whole, '/') : NULL;
	if (slash)
		slash[slash == whole] = '\0';
	return cc_steal(whole);
}

/* ---- files that would be read as well ------------------------------------------------------- */

static int refuse_if_there(const char *dir, const char *name, const char *next,
			   struct cc_error *err)
{
	cc_auto_free char *path = NULL;
	struct stat st;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	return stat(path, &st) ? 0
			       : cc_fail(err, CC_E_INVALID,
					 "%s would be read as well, which is not done here; %s",
					 path, next);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Compose reads an override beside a file that it found by itself. */
static int check_overrides(const char *dir, const char *name, struct cc_error *err)
{
	static const char *const found[] = {"compose.yaml", "compose.yml", "docker-compose.yml",
					    "docker-compose.yaml"};
	static const char *const overrides[] = {"compose.override.yaml", "compose.override.yml",
						"docker-compose.override.yml",
						"docker-compose.override.yaml"};
	bool usual = false;

	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]); i++)
		usual |= strcmp(found[i], name) == 0;
	for (size_t i = 0; usual && i < sizeof(overrides) / sizeof(overrides[0]); i++)
		if (refuse_if_there(dir, overrides[i],
				    "draft from what \"docker compose config\" prints", err))
			return -1;
	return 0;
}

/* systemd reads NAME.container.d/, and container.d/ for all. */
static int check_drop_ins(const char *dir, const char *name, struct cc_error *err)
{
	static const char next[] = "put what is in there into the file";
	cc_auto_free char *own = NULL;

	if (asprintf(&own, "%s.d", name) < 0) {
		own = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	return refuse_if_there(dir, own, next, err) ||
			       refuse_if_there(dir, "container.d", next, err)
		       ? -1
		       : 0;
}

/* ---- by kind ------------------------------------------------------------------------------- */

static int read_variables(const char *path, struct cc_strv *vars, struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	size_t len;

	if (!path)
		return 0;
	return read_named(path, &text, &len, err) || env_file_of_compose(text, path, vars, err) ? -1
												: 0;
}

static int from_compose(const struct draft_file *f, struct asked *a, struct cc_error *err)
{
	cc_auto_free char *path = strndup(f->from, strcspn(f->from, "#")), *text = NULL,
			  *dir = NULL;
	const char *mark = strchr(f->from, '#');
	cc_cleanup(cc_strv_clear) struct cc_strv vars = {0};
	struct draft_source from = {.path = path, .vars = &vars, .read = read_named};
	size_t len;

	if (!path)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	from.service = mark ? mark + 1 : NULL;
	from.dir = dir = directory_of(path, err);
	if (!dir || check_overrides(dir, base_name(path), err) ||
	    read_variables(f->env_file, &vars, err) || read_named(path, &text, &len, err))
		return -1;
	return compose_read(text, len, &from, a, err);
}

static int from_quadlet(const struct draft_file *f, struct asked *a, struct cc_error *err)
{
	cc_auto_free char *text = NULL, *dir = directory_of(f->from, err);
	const struct draft_source from = {.path = f->from, .dir = dir, .read = read_named};
	size_t len;

	if (!dir || check_drop_ins(dir, base_name(f->from), err) ||
	    read_named(f->from, &text, &len, err))
		return -1;
	return quadlet_read(text, len, &from, a, err);
}

/* Which engine reads such files; NULL: not the one that was named. */
static const struct engine *engine_for(const struct draft_file *f, struct cc_error *err)
{
	const char *name = is_compose(f->from) ? "docker" : "podman";

	if (!f->engine || strcmp(f->engine, name) == 0)
		return engine_named(engines, name);
	cc_fail(err, CC_E_USAGE,
		"%s is read as %s would start it; for another engine draft from the "
		"container",
		f->from, name);
	return NULL;
}

struct cc_measurement *draft_file_measure(const struct draft_file *f, bool *asks,
					  struct cc_error *err)
{
	const struct engine *engine = engine_for(f, err);
	engine_auto_container struct engine_container image = {.engine = engine};
	cc_auto_free char *volumes = NULL;
	asked_auto struct asked a = {0};

	if (!engine)
		return NULL;
	if (f->env_file && is_quadlet(f->from)) {
		cc_fail(err, CC_E_USAGE, "--env-file goes with a Compose file");
		return NULL;
	}
	if (asked_init(&a, err) ||
	    (is_compose(f->from) ? from_compose(f, &a, err) : from_quadlet(f, &a, err)) ||
	    engine->describe_image(a.image, &image, &volumes, err))
		return NULL;
	if (asked_complete(&a, engine, &image, volumes, f->volume, err)) {
		cc_prefix(err, "%s", f->from);
		return NULL;
	}
	*asks = cc_strv_has(&a.volumes, f->volume);
	return cc_steal(a.m);
}
