// SPDX-License-Identifier: Apache-2.0
#include "init.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <sys/stat.h>
#include <systemd/sd-id128.h>

#include "custodian/agent_key.h"
#include "file.h"
#include "jwk.h"
#include "custodian/kek.h"
#include "custodian/mark.h"
#include "custodian/seal.h"
#include "name.h"
#include "store/store.h"

/* "container-crypt realm": a name space of its own, so that the machine id itself stays private. */
#define REALM_ID SD_ID128_MAKE(5c, 1f, 0b, 9e, 63, 27, 4a, d0, 9d, 41, 88, 2e, 70, b6, 5a, 13)
#define REALM_DIGITS 12

/**
 * struct init - under way.
 * @changes: lines of what was made
 */
struct init {
	const struct init_options *opts;
	struct kek kek;
	struct seal seal;
	struct store *store;
	unsigned int changes;
};

static void made(struct init *in, const char *what, const char *which)
{
	printf("made %s %s\n", what, which);
	in->changes++;
}

static void found(const char *what, const char *which)
{
	printf("found %s %s\n", what, which);
}

/* ---- directories ---- */

static int make_dirs(const char *path, mode_t mode, struct cc_error *err)
{
	cc_auto_free char *copy = strdup(path);

	if (!copy)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	for (char *slash = copy + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		if (mkdir(copy, 0755) && errno != EEXIST)
			return cc_fail_errno(err, CC_E_INTERNAL, "cannot create %s", copy);
		*slash = '/';
	}
	if (mkdir(path, mode) && errno != EEXIST)
		return cc_fail_errno(err, CC_E_INTERNAL, "cannot create %s", path);
	return 0;
}

static int make_parent(const char *file, struct cc_error *err)
{
	cc_auto_free char *copy = strdup(file);
	char *slash = copy ? strrchr(copy, '/') : NULL;

	if (!copy)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (!slash || slash == copy)
		return 0;
	*slash = '\0';
	return make_dirs(copy, 0755, err);
}

/* ---- parts ---- */

/* A database that has a KEK already must not get another, only to find its keys lost. */
static int find_kek(struct init *in, struct cc_error *err)
{
	cc_auto_free char *id = NULL;

	if (store_setting_peek(in->store, "kek_id", &id, err))
		return -1;
	if (id && access(in->opts->kek, F_OK))
		return cc_fail(err, CC_E_NOTFOUND,
			       "%s is missing, and the database was made with key-encryption key "
			       "%s: restore it",
			       in->opts->kek, id);
	return 0;
}

static int make_kek(struct init *in, struct cc_error *err)
{
	bool is_new;

	if (kek_is_credential()) {
		found("key-encryption key", "in credential kek");
	} else {
		if (find_kek(in, err) || make_parent(in->opts->kek, err) ||
		    kek_create(in->opts->kek, &is_new, err))
			return -1;
		if (is_new)
			made(in, "key-encryption key", in->opts->kek);
		else
			found("key-encryption key", in->opts->kek);
	}
	return kek_load(in->opts->kek, &in->kek, err);
}

static int open_store(struct init *in, struct cc_error *err)
{
	cc_auto_free char *path = NULL;
	bool there;

	if (make_dirs(in->opts->state_dir, 0700, err))
		return -1;
	if (asprintf(&path, "%s/%s", in->opts->state_dir, STORE_FILE) < 0)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	there = !access(path, F_OK);
	in->store = store_open(in->opts->state_dir, STORE_CREATE, err);
	if (!in->store)
		return -1;
	if (there)
		found("database", path);
	else
		made(in, "database", path);
	return 0;
}

/* With another KEK no row of it would verify. */
static int compare_kek(struct init *in, struct cc_error *err)
{
	cc_auto_free char *id = NULL;

	if (store_setting_peek(in->store, "kek_id", &id, err))
		return -1;
	if (id && strcmp(id, in->kek.id) != 0)
		return cc_fail(err, CC_E_EXISTS,
			       "the database's key-encryption key id is %s, not %s: it cannot be "
			       "changed",
			       id, in->kek.id);
	return 0;
}

/*
 * Taking over rows that nobody vouches for is right once, when keyd is upgraded. Where there is a
 * mark that has been done: what is here now is older, or somebody made it look so.
 */
static int refuse_older(struct init *in, struct cc_error *err)
{
	mark_auto struct mark_file f = {.slots.fd = -1};
	cc_auto_free char *dir = anchor_dir(in->opts->state_dir, in->opts->anchor);
	int was = store_schema_was(in->store);

	if (was == 0 || store_has_macs(in->store))
		return 0;
	if (!dir)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (mark_open(&f, dir, false, err))
		return -1;
	if (!f.there)
		return 0;
	cc_fail(err, CC_E_INVALID,
		"the database has schema %d, of before its rows were protected, but the high-water "
		"mark in %s shows that keyd has served a newer one: it is an old copy, or was made "
		"to look like one; restore the newest backup, and if there is none see keyd accept "
		"in keyd(8)",
		was, dir);
	return cc_set_fact(err, "mark");
}

static int start_store(struct init *in, struct cc_error *err)
{
	int was = store_schema_was(in->store);

	if (compare_kek(in, err) || seal_derive(&in->seal, &in->kek, err) ||
	    store_start(in->store, &in->seal.ops, (int64_t)time(NULL), err))
		return -1;
	if (was != 0 && was != store_schema_now()) {
		printf("upgraded database from schema %d to %d: see \"dmctl audit ls\" for what it "
		       "has\n",
		       was, store_schema_now());
		in->changes++;
	}
	return 0;
}

/* What is added to rows of which some are missing, or older than they were, makes them count. */
static int refuse_misfit(struct init *in, struct cc_error *err)
{
	if (store_rows_load(in->store, err))
		return -1;
	if (!store_rows_misfit(in->store)[0])
		return 0;
	cc_fail(err, CC_E_INVALID,
		"rows of the database were removed, or older ones put in their place: %s; nothing is "
		"added to it before keyd accept, see keyd(8)",
		store_rows_misfit(in->store));
	return cc_set_fact(err, STORE_FACT_ROW);
}

/* A machine without an id gets a random realm. */
static int default_realm(char realm[static CC_NAME_LEN], struct cc_error *err)
{
	char digits[SD_ID128_STRING_MAX];
	sd_id128_t id;

	if (sd_id128_get_machine_app_specific(REALM_ID, &id) < 0 && sd_id128_randomize(&id) < 0)
		return cc_fail(err, CC_E_INTERNAL, "no random numbers");
	snprintf(realm, CC_NAME_LEN, "keyd-%.*s", REALM_DIGITS, sd_id128_to_string(id, digits));
	return 0;
}

/* Puts a setting that is not there; one that is must be @value. */
static int settle(struct init *in, const char *key, const char *what, const char *value,
		  struct cc_error *err)
{
	cc_auto_free char *old = NULL;

	if (store_setting_get(in->store, key, &old, err))
		return -1;
	if (old && strcmp(old, value) != 0)
		return cc_fail(err, CC_E_EXISTS,
			       "the database's %s is %s, not %s: it cannot be changed", what, old,
			       value);
	if (old) {
		found(what, value);
		return 0;
	}
	if (store_setting_put(in->store, key, value, err))
		return -1;
	made(in, what, value);
	return 0;
}

static int settle_realm(struct init *in, struct cc_error *err)
{
	cc_auto_free char *old = NULL;
	char realm[CC_NAME_LEN];

	if (in->opts->realm)
		return settle(in, "realm", "realm", in->opts->realm, err);
	if (store_setting_get(in->store, "realm", &old, err))
		return -1;
	if (old)
		return settle(in, "realm", "realm", old, err);
	return default_realm(realm, err) ? -1 : settle(in, "realm", "realm", realm, err);
}

/* As of any enrolment, in its transaction. Here everybody is for all volumes. */
static int record_agent(struct init *in, const char *name, const char *thumbprint,
			struct cc_error *err)
{
	char detail[160];
	const struct cc_audit_row row = {
		.event = "agent.add", .outcome = "allow", .agent = name, .detail = detail};

	snprintf(detail, sizeof(detail), "key %s, by keyd init, process %d, volumes *", thumbprint,
		 (int)getpid());
	return store_audit_add(in->store, &row, (int64_t)time(NULL), err);
}

static int enrol(struct init *in, const char *path, struct cc_error *err)
{
	cc_auto_json json_t *jwk = NULL, *public = NULL;
	cc_auto_free char *text = NULL;
	char thumbprint[64];
	const char *name;
	size_t len;
	bool added;

	if (cc_read_file(path, &text, &len, err))
		return -1;
	jwk = cc_json_parse(text, len, path, err);
	explicit_bzero(text, len);
	if (!jwk)
		return -1;
	name = json_string_value(json_object_get(jwk, "kid"));
	if (!name || !cc_is_name(name))
		return cc_fail(err, CC_E_INVALID, "%s: \"kid\" must be an agent's name", path);
	public = cc_jwk_public(jwk, err);
	if (!public || agent_key_enrol(in->store, name, public, NULL, thumbprint, &added, err))
		return cc_prefix(err, "%s", path);
	if (!added) {
		found("agent", name);
		return 0;
	}
	made(in, "agent", name);
	return record_agent(in, name, thumbprint, err);
}

/* ---- init ---- */

static int record(struct init *in, struct cc_error *err)
{
	const struct cc_audit_row row = {.event = "init", .outcome = "allow", .detail = in->kek.id};

	return store_audit_add(in->store, &row, (int64_t)time(NULL), err);
}

static int fill(struct init *in, struct cc_error *err)
{
	unsigned int before = in->changes;

	if (settle(in, "kek_id", "key-encryption key id", in->kek.id, err) || settle_realm(in, err))
		return -1;
	for (size_t i = 0; i < in->opts->n_agents; i++)
		if (enrol(in, in->opts->agents[i], err))
			return -1;
	return in->changes > before ? record(in, err) : 0;
}

/*
 * A new database gets a new mark, whatever was there before: it has lent nothing. That of another
 * is left to `keyd serve`, which holds them against each other.
 */
static int make_mark(struct init *in, struct cc_error *err)
{
	mark_auto struct mark_file f = {.slots.fd = -1};
	cc_auto_free char *dir = anchor_dir(in->opts->state_dir, in->opts->anchor);

	if (!dir)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (anchor_make(dir, err) || mark_open(&f, dir, true, err))
		return -1;
	f.mark = (struct mark){0};
	if (mark_take_head(&f, in->store, err) || mark_write(&f, true, 0, err) ||
	    mark_record(in->store, err))
		return -1;
	made(in, "high-water mark in", dir);
	return 0;
}

static int init(struct init *in, struct cc_error *err)
{
	cc_auto_free char *is_old = NULL;

	if (open_store(in, err) || refuse_older(in, err) || make_kek(in, err) ||
	    start_store(in, err) || refuse_misfit(in, err) ||
	    store_setting_get(in->store, "kek_id", &is_old, err) || store_begin(in->store, err))
		return -1;
	if (fill(in, err) || store_commit(in->store, err)) {
		store_rollback(in->store);
		return -1;
	}
	if (!is_old && make_mark(in, err))
		return -1;
	if (!in->changes)
		printf("nothing to do\n");
	return 0;
}

int keyd_init(const struct init_options *opts, struct cc_error *err)
{
	struct init in = {.opts = opts};
	int rc;

	if (opts->realm && !cc_is_name(opts->realm))
		return cc_fail(err, CC_E_USAGE, "a realm is [a-z0-9][a-z0-9_.-]{0,62}, not \"%s\"",
			       opts->realm);
	rc = init(&in, err);
	store_close(in.store);
	seal_clear(&in.seal);
	kek_clear(&in.kek);
	return rc;
}
