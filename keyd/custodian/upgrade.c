// SPDX-License-Identifier: Apache-2.0
#include "custodian/upgrade.h"

#include <string.h>

#include "custodian/call.h"
#include "log.h"

struct old {
	size_t n;
	struct store_volume *v;
};

static int collect(void *arg, const struct store_volume *v, struct cc_error *err)
{
	struct old *old = arg;
	struct store_volume *more;

	if (v->wrap_format != KEK_FORMAT_1)
		return 0;
	more = realloc(old->v, (old->n + 1) * sizeof(*more));
	if (!more)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	old->v = more;
	old->v[old->n++] = *v;
	return 0;
}

static int rewrap(struct custodian *c, struct store_volume *v, struct cc_error *err)
{
	struct kek_use was = {NULL, v->rec.uuid, v->rec.generation, v->rec.cipher,
			      v->rec.key_bytes};
	struct kek_use is = {v->rec.name, v->rec.uuid, v->rec.generation, v->rec.cipher,
			     v->rec.key_bytes};
	cc_auto_secret struct cc_secret key = {0};

	if (kek_unwrap(&c->kek, &was, v->wrapped, v->wrapped_len, &key, err) ||
	    kek_wrap(&c->kek, &is, &key, v->wrapped, &v->wrapped_len, err))
		return -1;
	v->wrap_format = KEK_FORMAT;
	return store_volume_update(c->store, v, err);
}

static int rewrap_all(struct custodian *c, const struct old *old, struct cc_error *err)
{
	struct note note = {.event = "upgrade"};
	size_t done = 0;

	for (size_t i = 0; i < old->n; i++) {
		if (rewrap(c, &old->v[i], err) == 0) {
			done++;
			continue;
		}
		if (strcmp(err->fact, "wrapped-key") != 0)
			return -1;
		cc_log(LOG_ERR, "volume %s: %s", old->v[i].rec.name, err->text);
	}
	snprintf(note.detail, sizeof(note.detail), "%zu volume keys bound to their names", done);
	return done ? note_write(c, &note, "allow", "", err) : 0;
}

int upgrade_keys(struct custodian *c, struct cc_error *err)
{
	struct old old = {0};
	int rc = store_volume_each(c->store, collect, &old, err);

	if (rc == 0 && old.n) {
		rc = store_begin(c->store, err) || rewrap_all(c, &old, err) ||
				     store_commit(c->store, err)
			     ? -1
			     : store_checkpoint(c->store, err);
		store_rollback(c->store);
	}
	free(old.v);
	return rc;
}
