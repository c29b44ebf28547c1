/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podman_conf.h - Podman's configuration: TOML, read one line at a time, and the profile
 * that its default seccomp filter is made of.
 */
#ifndef CC_PODMAN_CONF_H
#define CC_PODMAN_CONF_H

#include "json.h"

/**
 * podman_conf_seccomp - the profile of a container that asks for none: the one that containers.conf
 * names (seccomp_profile), else /etc/containers/seccomp.json, else the package's.
 * Return: new reference; NULL when there is none, or none that can be read.
 */
json_t *podman_conf_seccomp(void);

/**
 * podman_conf_image_stores - stores that Podman has images in beside its own: imagestore in the
 * table [storage], additionalimagestores in [storage.options] (containers-storage.conf.5).
 * @text: of storage.conf; pure
 * @stores: absolute paths are added
 */
int podman_conf_image_stores(const char *text, struct cc_strv *stores, struct cc_error *err);

#endif
