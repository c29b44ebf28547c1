/* SPDX-License-Identifier: Apache-2.0 */
/*
 * content_store.h - images as containerd keeps them: a directory of blobs, each named after its
 * digest. An image's id there is that of a manifest, or of an index that names one for each
 * platform; the manifest names the configuration (OCI image specification 1.1, manifest.md,
 * image-index.md).
 *
 * Each blob is compared with its digest when it is read, so that it does not matter which of
 * several stores it comes from. Nothing is read of containerd's database: which image a container
 * was made from, and which of its manifests, stands in the engine's own record.
 */
#ifndef CC_CONTENT_STORE_H
#define CC_CONTENT_STORE_H

#include "engine/engine.h"

/**
 * struct containerd_roots - where containerd's directory is named. All borrowed.
 * @config: config.toml
 * @usual: the one it has when nobody says another
 */
struct containerd_roots {
	const char *config, *usual;
};

/**
 * content_store_dirs - the directories of blobs of each containerd that has snapshots on overlayfs.
 * @own: directory of a containerd that an engine has started for itself; it need not exist
 * @dirs: out, one at least
 * Return: 0; -1 with CC_E_INVALID when there is none: a container may have one all the same.
 */
int content_store_dirs(const struct containerd_roots *roots, const char *own, struct cc_strv *dirs,
		       struct cc_error *err);

/**
 * content_store_image - fills c->image_id, c->image_config and c->manifests.
 * @dirs: as content_store_dirs() has found them
 * @id: the image's, digest of an index or of @manifest
 * @manifest: digest of the one that the container was made from
 *
 * An index in an index is not looked into.
 *
 * Return: 0; -1 with CC_E_REFUSED, fact "image", when a blob is not what its digest says;
 * CC_E_INVALID when one is missing, is none of its kind, or the index does not name the manifest.
 */
int content_store_image(const struct cc_strv *dirs, const char *id, const char *manifest,
			struct engine_container *c, struct cc_error *err);

#endif
