// SPDX-License-Identifier: Apache-2.0
/*
 * content_store.c - images as containerd keeps them.
 */
#include "engine/content_store.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "digest.h"
#include "engine/engine_store.h"
#include "image_doc.h"
#include "strv.h"

#define CONTENT "io.containerd.content.v1.content"
#define SNAPSHOTS "io.containerd.snapshotter.v1.overlayfs/snapshots"

/* ---- where it is --------------------------------------------------------------------------- */

/* "root" of config.toml, which stands before its tables; malloced. */
static char *configured(const char *path)
{
	cc_auto_free char *text = NULL;
	struct cc_error ignored; /* no configuration: the usual place */
	char *line, *save = NULL, *root = NULL;
	size_t len;

	if (engine_read(path, &text, &len, &ignored))
		return NULL;
	for (line = strtok_r(text, "\n", &save); line && !root;
	     line = strtok_r(NULL, "\n", &save)) {
		if (line[strspn(line, " \t")] == '[')
			break;
		root = engine_conf_string(line, "root");
	}
	if (root && root[0] == '/')
		return root;
	free(root);
	return NULL;
}

/* Blobs come into a directory that is made for the first; that of snapshots is always there. */
static int add_dir(const char *root, struct cc_strv *dirs, struct cc_error *err)
{
	cc_auto_free char *dir = NULL, *snapshots = NULL;
	struct stat st;

	if (!root)
		return 0;
	if (asprintf(&snapshots, "%s/" SNAPSHOTS, root) < 0) {
		snapshots = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	if (stat(snapshots, &st) || !S_ISDIR(st.st_mode))
		return 0;
	if (asprintf(&dir, "%s/" CONTENT, root) < 0) {
		dir = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	return cc_strv_has(dirs, dir) ? 0 : cc_strv_push(dirs, dir, err);
}

int content_store_dirs(const struct containerd_roots *roots, const char *own, struct cc_strv *dirs,
		       struct cc_error *err)
{
	cc_auto_free char *named = configured(roots->config);

	if (add_dir(named, dirs, err) || add_dir(roots->usual, dirs, err) ||
	    add_dir(own, dirs, err))
		return -1;
	if (dirs->n)
		return 0;
	return cc_fail(
		err, CC_E_INVALID,
		"containerd has no snapshots in %s or %s; if its directory is another one, name "
		"it as root in %s",
		named ?: roots->usual, own, roots->config);
}

/* ---- blobs --------------------------------------------------------------------------------- */

/* @digest: must be one */
static int read_blob(const struct cc_strv *dirs, const char *digest, char **text, size_t *len,
		     struct cc_error *err)
{
	for (size_t i = 0; i < dirs->n; i++) {
		cc_auto_free char *path = NULL;

		if (asprintf(&path, "%s/blobs/sha256/%s", dirs->v[i], digest + strlen("sha256:")) <
		    0) {
			path = NULL;
			return cc_fail(err, CC_E_NOMEM, "out of memory");
		}
		if (engine_read_blob(path, digest, text, len, err) == 0)
			return 0;
		if (err->code != CC_E_NOTFOUND)
			return -1;
	}
	return cc_fail(err, CC_E_INVALID,
		       "containerd does not have %s in %s; pull or build the image again", digest,
		       dirs->n ? dirs->v[0] : "any store");
}

/* ---- an image ------------------------------------------------------------------------------ */

static int check_index(const struct cc_strv *dirs, const char *id, const char *manifest,
		       struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	size_t len = 0;

	if (read_blob(dirs, id, &text, &len, err))
		return -1;
	if (cc_image_index_names(text, len, manifest, err) == 0)
		return 0;
	if (err->code == CC_E_NOTFOUND)
		return cc_fail(err, CC_E_INVALID,
			       "the engine's record names manifest %s, which image %s does not "
			       "have; create the container again",
			       manifest, id);
	return cc_prefix(err, "image %s", id);
}

static int take_config(const struct cc_strv *dirs, const char *manifest, struct engine_container *c,
		       struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	size_t len = 0;

	if (read_blob(dirs, manifest, &text, &len, err))
		return -1;
	if (cc_image_manifest_config(text, len, c->image_id, err))
		return cc_prefix(err, "manifest %s", manifest);
	return read_blob(dirs, c->image_id, &c->image_config, &c->image_config_len, err);
}

int content_store_image(const struct cc_strv *dirs, const char *id, const char *manifest,
			struct engine_container *c, struct cc_error *err)
{
	bool alone = strcmp(id, manifest) == 0;

	if (!cc_is_digest(id) || !cc_is_digest(manifest))
		return cc_fail(err, CC_E_INVALID,
			       "the engine's record: \"%.80s\" is not an image id",
			       cc_is_digest(id) ? manifest : id);
	if ((!alone && check_index(dirs, id, manifest, err)) || take_config(dirs, manifest, c, err))
		return -1;
	/* what registries have it under, first */
	return cc_strv_push(&c->manifests, id, err) ||
			       (!alone && cc_strv_push(&c->manifests, manifest, err))
		       ? -1
		       : 0;
}
