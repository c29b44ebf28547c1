// SPDX-License-Identifier: Apache-2.0
#include "custodian/upgrade.h"

#include <string.h>

#include "log.h"
#include "timestamp.h"

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

static int rewrap(struct store *st, const struct kek *kek, struct store_volume *v,
		  struct cc_error *err)
{
	struct kek_use was = {NULL, v->rec.uuid, v->rec.generation, v->rec.cipher,
			      v->rec.key_bytes};
	struct kek_use is = {v->rec.name, v->rec.uuid, v->rec.generation, v->rec.cipher,
			     v->rec.key_bytes};
	cc_auto_secret struct cc_secret key = {0};

	if (kek_unwrap(kek, &was, v->wrapped, v->wrapped_len, &key, err) ||
	    kek_wrap(kek, &is, &key, v->wrapped, &v->wrapped_len, err))
		return -1;
	v->wrap_format = KEK_FORMAT;
	return store_volume_update(st, v, err);
}

static int write_note(struct store *st, size_t done, int64_t now, struct cc_error *err)
{
	char when[CC_TIME_LEN], detail[80];
	struct cc_audit_row row = {
		.time = when,
		.event = "upgrade",
		.outcome = "allow",
		.agent = "",
		.volume = "",
		.container = "",
		.fact = "",
		.detail = detail,
	};

	cc_time_format(now, when);
	snprintf(detail, sizeof(detail), "%zu volume keys bound to their names", done);
	return store_audit_append(st, &row, err);
}

static int rewrap_all(struct store *st, const struct kek *kek, const struct old *old, int64_t now,
		      struct cc_error *err)
{
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
	return done ? write_note(st, done, now, err) : 0;
}

int upgrade_keys(struct store *st, const struct kek *kek, int64_t now, struct cc_error *err)
{
	struct old old = {0};
	int rc = store_volume_each(st, collect, &old, err);

	if (rc == 0 && old.n) {
		rc = store_begin(st, err) || rewrap_all(st, kek, &old, now, err) ||
				     store_commit(st, err)
			     ? -1
			     : store_checkpoint(st, err);
		store_rollback(st);
	}
	free(old.v);
	return rc;
}
