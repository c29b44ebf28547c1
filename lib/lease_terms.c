// SPDX-License-Identifier: Apache-2.0
#include "lease_terms.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const lapse_names[] = {"freeze", "continue"};
static const char *const revoke_names[] = {"kill", "freeze"};

static int word(const char *s, const char *const names[static 2], unsigned int *v)
{
	for (unsigned int i = 0; i < 2; i++) {
		if (strcmp(s, names[i]) != 0)
			continue;
		*v = i;
		return 0;
	}
	return -1;
}

const char *cc_on_lapse_name(enum cc_on_lapse v)
{
	return lapse_names[v];
}

int cc_on_lapse_parse(const char *s, enum cc_on_lapse *v)
{
	return word(s, lapse_names, v);
}

const char *cc_on_revoke_name(enum cc_on_revoke v)
{
	return revoke_names[v];
}

int cc_on_revoke_parse(const char *s, enum cc_on_revoke *v)
{
	return word(s, revoke_names, v);
}

void cc_on_lock_format(uint64_t queue_ms, char out[static CC_ON_LOCK_LEN])
{
	if (queue_ms)
		snprintf(out, CC_ON_LOCK_LEN, "queue:%u", (unsigned int)queue_ms);
	else
		snprintf(out, CC_ON_LOCK_LEN, "error");
}

int cc_on_lock_parse(const char *s, uint64_t *queue_ms)
{
	static const char queue[] = "queue:";
	const char *digits = s + sizeof(queue) - 1;
	unsigned long v;

	if (strcmp(s, "error") == 0) {
		*queue_ms = 0;
		return 0;
	}
	if (strncmp(s, queue, sizeof(queue) - 1) != 0 || !digits[0] || strlen(digits) > 6 ||
	    strspn(digits, "0123456789") != strlen(digits))
		return -1;
	v = strtoul(digits, NULL, 10);
	if (v == 0 || v > CC_QUEUE_MS_MAX)
		return -1;
	*queue_ms = v;
	return 0;
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static int read_words(const json_t *obj, const char *what, struct cc_lease_terms *t,
		      struct cc_error *err)
{
	cc_auto_free char *lapse = NULL, *revoke = NULL, *lock = NULL;

	if (cc_json_str(obj, what, "onLapse", false, &lapse, err) ||
	    cc_json_str(obj, what, "onRevoke", false, &revoke, err) ||
	    cc_json_str(obj, what, "onLock", false, &lock, err))
		return -1;
	if (lapse && cc_on_lapse_parse(lapse, &t->on_lapse))
		return cc_fail(err, CC_E_INVALID, "%s: onLapse must be freeze or continue", what);
	if (revoke && cc_on_revoke_parse(revoke, &t->on_revoke))
		return cc_fail(err, CC_E_INVALID, "%s: onRevoke must be kill or freeze", what);
	if (lock && cc_on_lock_parse(lock, &t->queue_ms))
		return cc_fail(err, CC_E_INVALID,
			       "%s: onLock must be error or queue:MS, MS from 1 to %d", what,
			       CC_QUEUE_MS_MAX);
	return 0;
}

int cc_lease_terms_read(const json_t *obj, const char *what, struct cc_lease_terms *t,
			struct cc_error *err)
{
	struct cc_lease_terms got = *t;

	if (cc_json_u64(obj, what, "leaseMs", false, &got.lease_ms, err) ||
	    cc_json_bool(obj, what, "sharedRead", false, &got.shared_read, err) ||
	    cc_json_bool(obj, what, "discard", false, &got.discard, err) ||
	    read_words(obj, what, &got, err))
		return -1;
	if (got.lease_ms < CC_LEASE_MS_MIN || got.lease_ms > CC_LEASE_MS_MAX)
		return cc_fail(err, CC_E_INVALID, "%s: leaseMs must be from %d to %" PRId64, what,
			       CC_LEASE_MS_MIN, CC_LEASE_MS_MAX);
	*t = got;
	return 0;
}

bool cc_lease_terms_eq(const struct cc_lease_terms *a, const struct cc_lease_terms *b)
{
	return a->lease_ms == b->lease_ms && a->shared_read == b->shared_read &&
	       a->on_lapse == b->on_lapse && a->on_revoke == b->on_revoke &&
	       a->queue_ms == b->queue_ms && a->discard == b->discard;
}

json_t *cc_lease_terms_to_json(const struct cc_lease_terms *t)
{
	char lock[CC_ON_LOCK_LEN];

	cc_on_lock_format(t->queue_ms, lock);
	return json_pack("{s:I, s:b, s:s, s:s, s:s, s:b}", "leaseMs", (json_int_t)t->lease_ms,
			 "sharedRead", t->shared_read, "onLapse", cc_on_lapse_name(t->on_lapse),
			 "onRevoke", cc_on_revoke_name(t->on_revoke), "onLock", lock, "discard",
			 t->discard);
}
