/* SPDX-License-Identifier: Apache-2.0 */
/*
 * podman_db.h - what only Podman's database has of a container (libpod, SQLite): nothing of it is
 * in the OCI bundle or the store of containers/storage.
 */
#ifndef CC_PODMAN_DB_H
#define CC_PODMAN_DB_H

#include "json.h"

/**
 * podman_db_config - Podman's own configuration of container @id.
 * @dirs: directories the database may be in, NULL at the end
 * Return: new reference; NULL with CC_E_NOTFOUND when no database has it.
 */
json_t *podman_db_config(const char *const *dirs, const char *id, struct cc_error *err);

#endif
