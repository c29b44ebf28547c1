// SPDX-License-Identifier: Apache-2.0
/*
 * keydtool DIR KEK set-ready VOLUME 0|1 [AGENT] - a volume as if it were being created (0), for
 * AGENT to format, or in use (1)
 * keydtool DIR KEK sql TEXT - changes keyd's database, which DIR has, as keyd would have
 *
 * What a test needs that nobody may do: with the key-encryption key, so that keyd believes it.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "custodian/domain.h"
#include "custodian/mark.h"
#include "custodian/seal.h"
#include "custodian/volume_key.h"
#include "secret.h"
#include "store/store_sql.h"

/* What it may do it with. */
struct tools {
	const char *dir;
	struct store *st;
	struct kek kek;
	struct seal seal;
	struct domain domain;
};

static int open_domain(struct tools *t, struct cc_error *err)
{
	cc_auto_free char *anchor = anchor_dir(t->dir, NULL);

	if (!anchor)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return domain_open(&t->domain, t->st, &t->kek, anchor, err);
}

static int set_creator(struct store *st, const char *name, struct store_volume *v,
		       struct cc_error *err)
{
	store_auto_agent struct store_agent agent = {0};

	if (store_agent_get(st, name, &agent, err))
		return -1;
	memcpy(v->creator, agent.enrolment, sizeof(v->creator));
	return 0;
}

static int set_ready(struct tools *t, const char *name, bool ready, const char *creator,
		     struct cc_error *err)
{
	const struct kek *under;
	struct store_volume v;

	if (open_domain(t, err) || store_volume_get(t->st, name, &v, err))
		return -1;
	if (v.rec.ready == ready)
		return 0;
	under = domain_find(&t->domain, &t->kek, v.kek_id, err);
	if (!under || (creator && set_creator(t->st, creator, &v, err)) ||
	    volume_key_bind(under, &v, ready, err))
		return -1;
	return store_volume_update(t->st, &v, err);
}

static int run_sql(struct store *st, const char *sql, struct cc_error *err)
{
	/* the version of all rows goes on from where it is */
	return store_rows_load(st, err) || sql_exec(st, sql, err) || sql_seal_all(st, err) ? -1 : 0;
}

static int run(struct tools *t, int argc, char **argv, struct cc_error *err)
{
	if ((argc == 6 || argc == 7) && !strcmp(argv[3], "set-ready"))
		return set_ready(t, argv[4], !strcmp(argv[5], "1"), argv[6], err);
	if (argc == 5 && !strcmp(argv[3], "sql"))
		return run_sql(t->st, argv[4], err);
	return cc_fail(err, CC_E_USAGE, "keydtool DIR KEK set-ready VOLUME 0|1 [AGENT] | sql TEXT");
}

static int open_all(struct tools *t, const char *kek, struct cc_error *err)
{
	if (cc_secret_init(err) || kek_load(kek, &t->kek, err) ||
	    seal_derive(&t->seal, &t->kek, err))
		return -1;
	t->st = store_open(t->dir, STORE_SERVE, err);
	return !t->st || store_start(t->st, &t->seal.ops, (int64_t)time(NULL), err) ? -1 : 0;
}

static void close_all(struct tools *t)
{
	domain_close(&t->domain);
	store_close(t->st);
	seal_clear(&t->seal);
	kek_clear(&t->kek);
}

int main(int argc, char **argv)
{
	cc_cleanup(close_all) struct tools t = {.domain.slots.fd = -1};
	struct cc_error err = {0};

	if (argc < 4) {
		fputs("keydtool: arguments are missing\n", stderr);
		return CC_E_USAGE;
	}
	t.dir = argv[1];
	if (open_all(&t, argv[2], &err) == 0 && store_begin(t.st, &err) == 0 &&
	    run(&t, argc, argv, &err) == 0 && store_commit(t.st, &err) == 0)
		return 0;
	fprintf(stderr, "keydtool: %s\n", err.text);
	return (int)err.code;
}
