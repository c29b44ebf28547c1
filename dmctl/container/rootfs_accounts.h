/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs_accounts.h - the lines that Podman adds to /etc/passwd and /etc/group in the writable
 * layer when the container's user is a number that the image's files do not have (libpod,
 * generatePasswdAndGroup()).
 */
#ifndef CC_ROOTFS_ACCOUNTS_H
#define CC_ROOTFS_ACCOUNTS_H

#include <pwd.h>
#include <stdbool.h>

#include "container/rootfs_layers.h"
#include "measurement.h"

/* @p is such a line: its name is its number. */
bool accounts_is_engines(const struct passwd *p);

/**
 * accounts_fit - whether a file of the writable layer is the image's and at most one such line, for
 * the user of @m; where the image has none, that line.
 * @path: of the file in the writable layer, on the host
 * @rel: where it is in the container
 */
bool accounts_fit(const char *path, const char *rel, const struct layers *lower,
		  const struct cc_measurement *m);

/* ---- pure part ---- */

/* @line, with its newline, is what Podman adds to @rel for the user of @m. */
bool accounts_line_fits(const char *line, const char *rel, const struct cc_measurement *m);

#endif
