// SPDX-License-Identifier: Apache-2.0
#include "custodian/upgrade.h"

#include <string.h>

#include "custodian/trust.h"
#include "custodian/volume_key.h"
#include "log.h"
#include "pkey.h"

struct old {
	size_t n;
	struct store_volume *v;
};

static int collect(void *arg, const struct store_volume *v, struct cc_error *err)
{
	struct old *old = arg;
	struct store_volume *more;

	if (v->wrap_format >= KEK_FORMAT)
		return 0;
	more = realloc(old->v, (old->n + 1) * sizeof(*more));
	if (!more)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	old->v = more;
	old->v[old->n++] = *v;
	return 0;
}

static int rewrap(struct store *st, const struct kek *kek, struct store_volume *v,
		  struct cc_error *err)
{
	return volume_key_renew(kek, v, err) || store_volume_update(st, v, err) ? -1 : 0;
}

static int write_note(struct store *st, const char *detail, int64_t now, struct cc_error *err)
{
	const struct cc_audit_row row = {.event = "upgrade", .outcome = "allow", .detail = detail};

	return store_audit_add(st, &row, now, err);
}

static int rewrap_all(struct store *st, const struct kek *kek, const struct old *old, int64_t now,
		      struct cc_error *err)
{
	char detail[80];
	size_t done = 0;

	for (size_t i = 0; i < old->n; i++) {
		if (rewrap(st, kek, &old->v[i], err) == 0) {
			done++;
			continue;
		}
		if (strcmp(err->fact, "wrapped-key") != 0)
			return -1;
		cc_log(LOG_ERR, "volume %s: %s", old->v[i].rec.name, err->text);
	}
	snprintf(detail, sizeof(detail), "%zu volume keys bound to names and states", done);
	return done ? write_note(st, detail, now, err) : 0;
}

int upgrade_keys(struct store *st, const struct kek *kek, int64_t now, struct cc_error *err)
{
	struct old old = {0};
	int rc = store_volume_each(st, collect, &old, err);

	if (rc == 0 && old.n) {
		rc = store_begin(st, err) || rewrap_all(st, kek, &old, now, err) ||
				     store_commit(st, err)
			     ? -1
			     : 0;
		if (rc == 0 && store_checkpoint(st, err))
			cc_log(LOG_WARNING, "old wrapped keys are still in the write-ahead log: %s",
			       err->text);
		store_rollback(st);
	}
	free(old.v);
	return rc;
}

/* ---- rows without MACs ---- */

/* A key that this keyd bound to a state was never in a database without MACs. */
static int accept_one(void *arg, const struct store_volume *v, struct cc_error *err)
{
	if (v->wrap_format < KEK_FORMAT && !volume_key_is_new(arg, v))
		return 0;
	cc_fail(err, CC_E_INVALID,
		"keyd's database was made to look older than it is: the key of volume %s was wrapped "
		"by a newer keyd; restore a backup, and find out who wrote to it",
		v->rec.name);
	return cc_set_fact(err, "schema");
}

int upgrade_accept(struct store *st, const struct kek *kek, struct cc_error *err)
{
	return store_volume_each(st, accept_one, (void *)kek, err);
}

/* ---- signers ---- */

/* A signer whose key id is not the canonical one. */
struct renamed {
	char name[CC_NAME_LEN], keyid[CC_DIGEST_LEN];
};

struct renames {
	size_t n;
	struct renamed at[TRUST_SIGNERS_MAX];
};

static int find_renamed(void *arg, const struct store_signer *s, struct cc_error *err)
{
	cc_auto_pkey EVP_PKEY *key = cc_pubkey_parse(s->pem, strlen(s->pem), err);
	struct renames *all = arg;
	struct renamed *r = &all->at[all->n];

	if (!key) {
		cc_log(LOG_ERR, "signer %s does not count: %s; remove it and enrol its key again",
		       s->name, err->text);
		return err->code == CC_E_INVALID ? 0 : -1;
	}
	if (all->n == TRUST_SIGNERS_MAX)
		return 0;
	if (cc_pubkey_id(key, r->keyid, err))
		return -1;
	if (!strcmp(r->keyid, s->keyid))
		return 0;
	memcpy(r->name, s->name, sizeof(r->name));
	all->n++;
	return 0;
}

/* One whose key is there under another name already keeps its old id, and is named. */
static int rename_keys(struct store *st, const struct renames *all, int64_t now,
		       struct cc_error *err)
{
	char detail[80];
	size_t done = 0;

	for (size_t i = 0; i < all->n; i++) {
		const struct renamed *r = &all->at[i];

		if (store_signer_set_keyid(st, r->name, r->keyid, err) == 0) {
			done++;
			continue;
		}
		if (err->code != CC_E_EXISTS)
			return -1;
		cc_log(LOG_WARNING,
		       "signer %s has the key %s of another signer: remove one of them", r->name,
		       r->keyid);
	}
	snprintf(detail, sizeof(detail), "%zu signers' key ids made canonical", done);
	return done ? write_note(st, detail, now, err) : 0;
}

int upgrade_signers(struct store *st, int64_t now, struct cc_error *err)
{
	struct renames all = {0};
	int rc = store_signer_each(st, find_renamed, &all, err);

	if (rc == 0 && all.n) {
		rc = store_begin(st, err) || rename_keys(st, &all, now, err) ||
				     store_commit(st, err)
			     ? -1
			     : 0;
		store_rollback(st);
	}
	return rc;
}
