// SPDX-License-Identifier: Apache-2.0
/*
 * binding.c - a volume bound to a container, as a file.
 */
#include "bind/binding.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"
#include "name.h"
#include "paths.h"
#include "host/proc.h"
#include "strv.h"
#include "timestamp.h"

#define WHAT "binding"
#define SUFFIX ".json"
#define CONTAINER_DIGITS 12		   /* of a container's id, in a name */
#define RANDOM_LEN (sizeof(".XXXXXX") - 1) /* what cc_replace_file() appends meanwhile */

static const char *const states[] = {
	[BINDING_INTENT] = "intent", [BINDING_ASKED] = "asked",	    [BINDING_LEASED] = "leased",
	[BINDING_BOUND] = "bound",   [BINDING_REVOKED] = "revoked", [BINDING_REMOVING] = "removing",
};

#define N_STATES (sizeof(states) / sizeof(states[0]))

void binding_clear(struct binding *b)
{
	free(b->device);
	free(b->engine);
	free(b->container_name);
	free(b->mount_point);
	free(b->held_by);
	*b = (struct binding){0};
}

bool binding_alive(const struct binding *b)
{
	return proc_alive((pid_t)b->pid, b->start_time);
}

/* ---- names --------------------------------------------------------------------------------- */

void binding_set_name(struct binding *b)
{
	if (b->shared)
		snprintf(b->name, sizeof(b->name), "%s@%.*s", b->volume, CONTAINER_DIGITS,
			 b->container);
	else
		snprintf(b->name, sizeof(b->name), "%s", b->volume);
}

void binding_volume(const char *name, char volume[static 64])
{
	snprintf(volume, 64, "%.*s", (int)strcspn(name, "@"), name);
}

bool binding_is_name(const char *name)
{
	const char *container = strchr(name, '@');
	char volume[64];

	binding_volume(name, volume);
	return strcspn(name, "@") < sizeof(volume) && cc_is_name(volume) &&
	       (!container || (strlen(container + 1) == CONTAINER_DIGITS &&
			       strspn(container + 1, "0123456789abcdef") == CONTAINER_DIGITS));
}

bool binding_is_of(const char *name, const char *volume)
{
	size_t len = strlen(volume);

	return strncmp(name, volume, len) == 0 && (name[len] == '\0' || name[len] == '@');
}

/* ---- JSON ---------------------------------------------------------------------------------- */

json_t *binding_to_json(const struct binding *b)
{
	cc_auto_json json_t *lease =
		b->lease[0] ? json_pack("{s:s, s:I, s:I}", "id", b->lease, "fence",
					(json_int_t)b->fence, "ms", (json_int_t)b->lease_ms)
			    : json_null();
	cc_auto_json json_t *terms = cc_lease_terms_to_json(&b->terms);
	char since[21];

	cc_time_format(b->since, since);
	if (!lease || !terms)
		return NULL;
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:b, s:b, s:b, s:b, s:b, s:s, s:s, s:s*, "
		"s:O, s:O}",
		"name", b->name, "volume", b->volume, "uuid", b->uuid, "device", b->device,
		"engine", b->engine, "container", b->container, "containerName", b->container_name,
		"pid", (json_int_t)b->pid, "startTime", (json_int_t)b->start_time, "runtimeExe",
		b->runtime, "mountPoint", b->mount_point, "readOnly", b->read_only, "shared",
		b->shared, "looked", b->looked, "lookedLate", b->looked_late, "filterUnread",
		b->filter_unread, "since", since, "state", states[b->state], "heldBy", b->held_by,
		"lease", lease, "terms", terms);
}

static int fixed(const json_t *obj, const char *key, char *out, size_t size, struct cc_error *err)
{
	cc_auto_free char *s = NULL;

	if (cc_json_str(obj, WHAT, key, true, &s, err))
		return -1;
	if (strlen(s) >= size)
		return cc_fail(err, CC_E_INVALID, WHAT ": member \"%s\" is too long", key);
	memcpy(out, s, strlen(s) + 1);
	return 0;
}

/* Without one it is as if its program ran. */
static int parse_runtime(struct binding *b, const json_t *obj, struct cc_error *err)
{
	return json_object_get(obj, "runtimeExe")
		       ? fixed(obj, "runtimeExe", b->runtime, sizeof(b->runtime), err)
		       : 0;
}

static int parse_lease(struct binding *b, const json_t *obj, struct cc_error *err)
{
	json_t *lease = json_object_get(obj, "lease");

	if (!lease || json_is_null(lease))
		return 0;
	if (!json_is_object(lease))
		return cc_fail(err, CC_E_INVALID, WHAT ": member \"lease\" is not an object");
	if (fixed(lease, "id", b->lease, sizeof(b->lease), err) ||
	    cc_json_u64(lease, WHAT, "fence", true, &b->fence, err) ||
	    cc_json_u64(lease, WHAT, "ms", false, &b->lease_ms, err))
		return -1;
	return cc_is_uuid(b->lease)
		       ? 0
		       : cc_fail(err, CC_E_INVALID, WHAT ": member \"id\" is not a lease id");
}

static int parse_state(struct binding *b, const json_t *obj, struct cc_error *err)
{
	cc_auto_free char *name = NULL;
	size_t i;

	if (cc_json_str(obj, WHAT, "state", true, &name, err))
		return -1;
	for (i = 0; i < N_STATES; i++) {
		if (strcmp(states[i], name) != 0)
			continue;
		b->state = (enum binding_state)i;
		return 0;
	}
	return cc_fail(err, CC_E_INVALID, WHAT ": unknown state \"%s\"", name);
}

int binding_from_json(struct binding *b, const json_t *obj, struct cc_error *err)
{
	cc_auto_free char *since = NULL;
	json_t *terms = NULL;
	uint64_t pid = 0;

	/* what a binding of before there were terms lacks */
	b->terms = (struct cc_lease_terms)CC_LEASE_TERMS_DEFAULT;

	if (!json_is_object(obj))
		return cc_fail(err, CC_E_INVALID, WHAT " is not a JSON object");
	if (fixed(obj, "volume", b->volume, sizeof(b->volume), err) ||
	    fixed(obj, "uuid", b->uuid, sizeof(b->uuid), err) ||
	    fixed(obj, "container", b->container, sizeof(b->container), err) ||
	    cc_json_str(obj, WHAT, "device", true, &b->device, err) ||
	    cc_json_str(obj, WHAT, "engine", true, &b->engine, err) ||
	    cc_json_str(obj, WHAT, "containerName", true, &b->container_name, err) ||
	    cc_json_str(obj, WHAT, "mountPoint", true, &b->mount_point, err) ||
	    cc_json_str(obj, WHAT, "since", true, &since, err) ||
	    cc_json_str(obj, WHAT, "heldBy", false, &b->held_by, err) ||
	    cc_json_u64(obj, WHAT, "pid", true, &pid, err) ||
	    cc_json_u64(obj, WHAT, "startTime", true, &b->start_time, err) ||
	    cc_json_bool(obj, WHAT, "readOnly", true, &b->read_only, err) ||
	    cc_json_bool(obj, WHAT, "shared", false, &b->shared, err) ||
	    cc_json_bool(obj, WHAT, "looked", false, &b->looked, err) ||
	    cc_json_bool(obj, WHAT, "lookedLate", false, &b->looked_late, err) ||
	    cc_json_bool(obj, WHAT, "filterUnread", false, &b->filter_unread, err) ||
	    cc_json_obj(obj, WHAT, "terms", false, &terms, err) ||
	    (terms && cc_lease_terms_read(terms, WHAT, &b->terms, err)) ||
	    parse_runtime(b, obj, err) || parse_lease(b, obj, err) || parse_state(b, obj, err))
		return -1;
	if (!cc_is_name(b->volume) || !cc_is_uuid(b->uuid) || pid == 0 || pid > INT_MAX ||
	    cc_time_parse(since, &b->since))
		return cc_fail(err, CC_E_INVALID, WHAT ": a member is out of range");
	b->pid = (uint32_t)pid;
	binding_set_name(b);
	return binding_is_name(b->name) ? 0
					: cc_fail(err, CC_E_INVALID, WHAT ": not a container id");
}

/* ---- files --------------------------------------------------------------------------------- */

static void binding_path(const char *name, char out[static 128])
{
	snprintf(out, 128, CC_BINDINGS_DIR "/%.79s" SUFFIX, name);
}

static int make_dir(struct cc_error *err)
{
	if ((mkdir(CC_RUN_DIR, 0755) && errno != EEXIST) ||
	    (mkdir(CC_BINDINGS_DIR, 0700) && errno != EEXIST))
		return cc_fail_errno(err, CC_E_INTERNAL, CC_BINDINGS_DIR);
	return 0;
}

int binding_save(const struct binding *b, struct cc_error *err)
{
	cc_auto_json json_t *obj = binding_to_json(b);
	cc_auto_free char *text = obj ? json_dumps(obj, JSON_COMPACT) : NULL;
	char path[128];

	if (!text)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (make_dir(err))
		return -1;
	binding_path(b->name, path);
	return cc_replace_file(path, text, strlen(text), 0600, err);
}

int binding_load(const char *name, struct binding *b, struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	cc_auto_json json_t *obj = NULL;
	char path[128];
	size_t len;

	binding_path(name, path);
	if (access(path, F_OK) && errno == ENOENT)
		return cc_fail(err, CC_E_NOTFOUND, "volume %s is not bound on this host", name);
	if (cc_read_file(path, &text, &len, err))
		return -1;
	obj = cc_json_parse(text, len, path, err);
	if (!obj || binding_from_json(b, obj, err))
		return -1;
	if (strcmp(b->name, name) != 0)
		return cc_fail(err, CC_E_INVALID, "%s is the binding of volume %s", path, b->name);
	return 0;
}

/*
 * The binding that @file belongs to: NAME.json, or NAME.json.XXXXXX, which is what a crash while
 * the file was written leaves. Cuts @file short. False for other files.
 */
static bool name_of(char *file)
{
	size_t len = strlen(file), post = strlen(SUFFIX);

	if (len > post && strcmp(file + len - post, SUFFIX) != 0 && len > RANDOM_LEN)
		len -= RANDOM_LEN;
	if (len <= post || strncmp(file + len - post, SUFFIX, post) != 0)
		return false;
	file[len - post] = '\0';
	return binding_is_name(file);
}

int binding_remove(const char *name, struct cc_error *err)
{
	cc_auto_closedir DIR *dir = opendir(CC_BINDINGS_DIR);
	int fd = dir ? dirfd(dir) : -1;
	char file[256];
	struct dirent *d;

	if (fd < 0)
		return errno == ENOENT ? 0 : cc_fail_errno(err, CC_E_INTERNAL, CC_BINDINGS_DIR);
	while ((d = readdir(dir))) {
		snprintf(file, sizeof(file), "%s", d->d_name);
		if (name_of(file) && strcmp(file, name) == 0 && unlinkat(fd, d->d_name, 0) &&
		    errno != ENOENT)
			return cc_fail_errno(err, CC_E_INTERNAL, CC_BINDINGS_DIR "/%s", d->d_name);
	}
	return 0;
}

int binding_list(const char *volume, struct cc_strv *names, struct cc_error *err)
{
	cc_auto_closedir DIR *dir = opendir(CC_BINDINGS_DIR);
	struct dirent *d;

	if (!dir)
		return errno == ENOENT ? 0 : cc_fail_errno(err, CC_E_INTERNAL, CC_BINDINGS_DIR);
	while ((d = readdir(dir)))
		if (name_of(d->d_name) && (!volume || binding_is_of(d->d_name, volume)) &&
		    !cc_strv_has(names, d->d_name) && cc_strv_push(names, d->d_name, err))
			return -1;
	return 0;
}
