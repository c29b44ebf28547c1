/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker_store.h - what the Docker daemon has of a container and its image, from its files: they
 * are there before its API is served and while it is away (live-restore), and who reads them waits
 * for no lock of the daemon.
 */
#ifndef CC_DOCKER_STORE_H
#define CC_DOCKER_STORE_H

#include "engine/content_store.h"
#include "engine/engine.h"

/**
 * struct docker_roots - where the daemon's directories are named. All borrowed.
 * @remembered: file with the one that the daemon itself named the last time
 * @config: daemon.json
 * @usual: the one it has when nobody says another
 * @containerd: where images are that containerd keeps for it
 */
struct docker_roots {
	const char *remembered, *config, *usual;
	struct containerd_roots containerd;
};

/* The host's. */
extern const struct docker_roots docker_roots;

/**
 * docker_store_dir - the directory of the daemon that has container @id: one of those that are
 * named, or that of its user namespace (--userns-remap) in there.
 * @root: out, malloced
 * Return: 0; -1 with CC_E_NOTFOUND when none has it.
 */
int docker_store_dir(const struct docker_roots *roots, const char *id, char **root,
		     struct cc_error *err);

/* Remembers @root, which the daemon named; a failure is logged. */
void docker_store_remember(const struct docker_roots *roots, const char *root);

/**
 * docker_store_name - fills c->id and c->name of container @id.
 * Return: 0; -1 with CC_E_NOTFOUND, CC_E_INVALID.
 */
int docker_store_name(const char *root, const char *id, struct engine_container *c,
		      struct cc_error *err);

/**
 * docker_store_describe - fills all of the container c->id but bundle, pid and waiting.
 * Return: 0; -1 with CC_E_NOTFOUND; CC_E_INVALID when the store contradicts itself, or is one whose
 * files do not show what a container is made of; CC_E_REFUSED, fact "image", when it was changed.
 */
int docker_store_describe(const struct docker_roots *roots, const char *root,
			  struct engine_container *c, struct cc_error *err);

/* The daemon's own store, whose files are understood; another one is containerd's. */
#define DOCKER_DRIVER "overlay2"

/**
 * docker_store_image - fills c->image_config and c->manifests of the image c->image_id, which is in
 * the daemon's own store.
 * Return: 0; -1 with CC_E_NOTFOUND, CC_E_INVALID.
 */
int docker_store_image(const char *root, struct engine_container *c, struct cc_error *err);

/**
 * docker_store_check - whether the files of the daemon's store are understood, and there.
 * @driver: the daemon's name of it: a storage driver of its own, or a snapshotter of containerd
 * Return: 0; -1 with CC_E_INVALID for another store, and when containerd's is not found.
 */
int docker_store_check(const struct docker_roots *roots, const char *root, const char *driver,
		       struct cc_error *err);

/* What to do where the store is another one. */
#define DOCKER_DRIVER_NEXT                                                                       \
	"{\"features\": {\"containerd-snapshotter\": false}, \"storage-driver\": \"overlay2\"} " \
	"in /etc/docker/daemon.json, restart docker, pull or build the images again"

#endif
