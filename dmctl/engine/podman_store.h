/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podman_store.h - the store of Podman of root (containers/storage, overlay driver): where it is,
 * its lists, and the images in it.
 */
#ifndef CC_PODMAN_STORE_H
#define CC_PODMAN_STORE_H

#include "engine/engine.h"

/**
 * struct podman_store - its directories. Zero it first.
 * @images: where it has images beside @graph
 */
struct podman_store {
	char *graph, *run;
	struct cc_strv images;
};

void podman_store_clear(struct podman_store *s);

/* By storage.conf(5), else the usual ones. Return: 0; -1 with CC_E_INVALID, CC_E_NOMEM. */
int podman_store_open(struct podman_store *s, struct cc_error *err);

/* A list of containers or images, "overlay-images" and "images.json". NULL with CC_E_NOTFOUND … */
json_t *podman_store_list(const struct podman_store *s, const char *dir, const char *file,
			  struct cc_error *err);

/* Of an entry of such a list. */
bool podman_entry_has_name(const json_t *entry, const char *name);
bool podman_entry_has_id(const json_t *entry, const char *id);

/* The file with the item @key of @image's data, malloced. NULL: CC_E_NOMEM. */
char *podman_store_blob(const struct podman_store *s, const char *image, const char *key,
			struct cc_error *err);

/* Fills c->manifests of @image, c->image_id without "sha256:". */
int podman_store_manifests(const struct podman_store *s, const char *image,
			   struct engine_container *c, struct cc_error *err);

/* Return: a store that has the image, borrowed; Podman's own where none is known to. */
char *podman_store_of_image(const struct podman_store *s, const char *image);

/* The row's describe_image(). A name without a registry is one of localhost or of Docker Hub. */
int podman_store_image(const char *name, struct engine_container *c, char **volumes,
		       struct cc_error *err);

#endif
