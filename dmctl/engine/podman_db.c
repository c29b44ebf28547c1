// SPDX-License-Identifier: Apache-2.0
/*
 * podman_db.c - what only Podman's data base has of a container. It is read while Podman may write
 * to it: SQLite sees to that, and waits for nothing that Podman holds while a hook runs.
 */
#include "engine/podman_db.h"

#include <sqlite3.h>
#include <string.h>

#include "engine/engine_store.h"

#define FILE_NAME "db.sql"
#define WAIT_MS 5000

static void close_ptr(sqlite3 **db)
{
	sqlite3_close(*db);
}

static void finalize_ptr(sqlite3_stmt **stmt)
{
	sqlite3_finalize(*stmt);
}

static int fail(sqlite3 *db, const char *path, struct cc_error *err)
{
	return cc_fail(err, CC_E_INTERNAL, "podman's database %s: %s", path,
		       db ? sqlite3_errmsg(db) : "out of memory");
}

/* *config stays NULL where there is no such container. */
static int read_config(const char *path, const char *id, json_t **config, struct cc_error *err)
{
	cc_cleanup(close_ptr) sqlite3 *db = NULL;
	cc_cleanup(finalize_ptr) sqlite3_stmt *stmt = NULL;
	const char *text;
	int len, rc;

	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK ||
	    sqlite3_busy_timeout(db, WAIT_MS) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, "SELECT JSON FROM ContainerConfig WHERE ID = ?", -1, &stmt,
			       NULL) != SQLITE_OK ||
	    sqlite3_bind_text(stmt, 1, id, -1, SQLITE_STATIC) != SQLITE_OK)
		return fail(db, path, err);
	rc = sqlite3_step(stmt);
	if (rc == SQLITE_DONE)
		return 0;
	if (rc != SQLITE_ROW)
		return fail(db, path, err);
	text = (const char *)sqlite3_column_text(stmt, 0);
	len = sqlite3_column_bytes(stmt, 0);
	if (!text)
		return cc_fail(err, CC_E_INVALID, "podman's database %s: no such configuration",
			       path);
	*config = cc_json_parse_engine(text, (size_t)len, ENGINE_FILE_MAX, path, err);
	return *config ? 0 : cc_prefix(err, "podman's database");
}

json_t *podman_db_config(const char *const *dirs, const char *id, struct cc_error *err)
{
	for (; *dirs; dirs++) {
		cc_auto_free char *path = NULL;
		json_t *config = NULL;

		if (asprintf(&path, "%s/" FILE_NAME, *dirs) < 0) {
			path = NULL;
			cc_fail(err, CC_E_NOMEM, "out of memory");
			return NULL;
		}
		if (access(path, F_OK))
			continue;
		if (read_config(path, id, &config, err))
			return NULL;
		if (config)
			return config;
	}
	cc_fail(err, CC_E_NOTFOUND, "podman has no database (SQLite) with container %.12s", id);
	return NULL;
}
