/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_config.h - an image's own configuration (OCI image specification, config.md), read from
 * bytes whose SHA-256 is the image's id, and its user resolved in the image's files.
 */
#ifndef CC_IMAGE_CONFIG_H
#define CC_IMAGE_CONFIG_H

#include <stdbool.h>

#include "identity.h"
#include "strv.h"

/**
 * struct image_config - what the image says a container of it runs.
 * @args: Entrypoint followed by Cmd
 * @cwd: "/" when the image names none
 * @user: as written: "", "1000", "1000:100", "postgres" …
 */
struct image_config {
	struct cc_strv args, env;
	char *cwd;
	char *user;
};

void image_config_clear(struct image_config *c);

/* @buf: must have been compared with the image's id by its digest. CC_E_INVALID. */
int image_config_parse(const char *buf, size_t len, struct image_config *c, struct cc_error *err);

/**
 * image_user - resolves a user as the engines do: numbers stand for themselves, names and
 * supplementary groups come from /etc/passwd and /etc/group below @root.
 * @root: directory of the container's root file system; no symbolic link in it is followed out of
 * it
 */
int image_user(const char *user, const char *root, struct cc_user *u, struct cc_error *err);

/**
 * image_home_is - whether engines give a process of @uid the home @home: that of a line of
 * /etc/passwd below @root with this number, whatever its name; without a line "/", @cwd or "".
 */
bool image_home_is(const char *home, uint32_t uid, const char *cwd, const char *root);

#endif
