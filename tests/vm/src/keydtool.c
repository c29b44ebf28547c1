// SPDX-License-Identifier: Apache-2.0
/*
 * keydtool DIR KEK set-ready VOLUME 0|1 - a volume as if it were being created (0) or in use (1)
 * keydtool DIR KEK sql TEXT - changes keyd's database, which DIR has, as keyd would have
 *
 * What a test needs that nobody may do: with the key-encryption key, so that keyd believes it.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "custodian/seal.h"
#include "custodian/volume_key.h"
#include "secret.h"
#include "store/store_sql.h"

static int set_ready(struct store *st, const struct kek *kek, const char *name, bool ready,
		     struct cc_error *err)
{
	struct store_volume v;

	if (store_volume_get(st, name, &v, err))
		return -1;
	if (v.rec.ready == ready)
		return 0;
	return volume_key_bind(kek, &v, ready, err) || store_volume_update(st, &v, err) ? -1 : 0;
}

static int run_sql(struct store *st, const char *sql, struct cc_error *err)
{
	return sql_exec(st, sql, err) || sql_seal_all(st, err) ? -1 : 0;
}

static int run(struct store *st, const struct kek *kek, int argc, char **argv, struct cc_error *err)
{
	if (argc == 6 && !strcmp(argv[3], "set-ready"))
		return set_ready(st, kek, argv[4], !strcmp(argv[5], "1"), err);
	if (argc == 5 && !strcmp(argv[3], "sql"))
		return run_sql(st, argv[4], err);
	return cc_fail(err, CC_E_USAGE, "keydtool DIR KEK set-ready VOLUME 0|1 | sql TEXT");
}

static int open_all(const char *dir, const char *path, struct kek *kek, struct seal *seal,
		    struct store **st, struct cc_error *err)
{
	if (cc_secret_init(err) || kek_load(path, kek, err) || seal_derive(seal, kek, err))
		return -1;
	*st = store_open(dir, STORE_SERVE, err);
	return !*st || store_start(*st, &seal->ops, (int64_t)time(NULL), err) ? -1 : 0;
}

int main(int argc, char **argv)
{
	store_auto struct store *st = NULL;
	kek_auto struct kek kek = {0};
	cc_cleanup(seal_clear) struct seal seal = {0};
	struct cc_error err = {0};

	if (argc < 4)
		cc_fail(&err, CC_E_USAGE, "arguments are missing");
	else if (open_all(argv[1], argv[2], &kek, &seal, &st, &err) == 0 &&
		 store_begin(st, &err) == 0 && run(st, &kek, argc, argv, &err) == 0 &&
		 store_commit(st, &err) == 0)
		return 0;
	fprintf(stderr, "keydtool: %s\n", err.text);
	return (int)err.code;
}
