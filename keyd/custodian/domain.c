// SPDX-License-Identifier: Apache-2.0
#include "custodian/domain.h"

#include <endian.h>
#include <inttypes.h>
#include <string.h>
#include <openssl/crypto.h>

#include "cleanup.h"
#include "custodian/volume_key.h"
#include "log.h"

#define SETTING "generations" /* the first one is made, or was */
#define BATCH 500	      /* volume keys in one transaction */

/* ---- the file ---- */

struct entry {
	uint64_t number;
	unsigned char secret[DOMAIN_SECRET_LEN];
} __attribute__((packed));

_Static_assert(DOMAIN_MAX * sizeof(struct entry) <= SLOT_BYTES_MAX, "all secrets fit in a slot");

static void generation_clear(struct generation *g)
{
	kek_clear(&g->key);
	cc_secret_clear(&g->secret);
	*g = (struct generation){0};
}

static void clear_all(struct domain *d)
{
	for (size_t i = 0; i < d->n; i++)
		generation_clear(&d->gen[i]);
	d->n = 0;
}

int domain_parse(struct domain *d, const unsigned char *bytes, size_t len, struct cc_error *err)
{
	const struct entry *e = (const struct entry *)bytes; /* packed: as it lies */

	d->n = 0;
	if (len % sizeof(*e) || len / sizeof(*e) > DOMAIN_MAX)
		return cc_fail(err, CC_E_INVALID, "file of generations has %zu bytes", len);
	for (size_t i = 0; i < len / sizeof(*e); i++) {
		struct generation *g = &d->gen[d->n];

		*g = (struct generation){.number = be64toh(e[i].number)};
		d->n++;
		if (g->number == 0 || g->number > INT64_MAX ||
		    (i > 0 && g->number <= d->gen[i - 1].number))
			return cc_fail(err, CC_E_INVALID, "file of generations is malformed");
		if (cc_secret_copy(&g->secret, e[i].secret, DOMAIN_SECRET_LEN, err))
			return -1;
	}
	return 0;
}

static int read_secrets(struct domain *d, struct cc_error *err)
{
	unsigned char bytes[SLOT_BYTES_MAX];
	size_t len;
	int rc = slots_read(&d->slots, bytes, &len, err) || domain_parse(d, bytes, len, err) ? -1
											     : 0;

	OPENSSL_cleanse(bytes, sizeof(bytes));
	return rc;
}

/* @all: both slots, so that nothing else is left; otherwise what was there before stays, too */
static int write_file(struct domain *d, bool all, struct cc_error *err)
{
	struct entry entries[DOMAIN_MAX];
	const unsigned char *bytes = (const unsigned char *)entries;
	size_t len = d->n * sizeof(entries[0]);
	int rc;

	for (size_t i = 0; i < d->n; i++) {
		entries[i].number = htobe64(d->gen[i].number);
		memcpy(entries[i].secret, d->gen[i].secret.p, DOMAIN_SECRET_LEN);
	}
	rc = all ? slots_write_both(&d->slots, bytes, len, err)
		 : slots_write(&d->slots, bytes, len, true, err);
	OPENSSL_cleanse(entries, sizeof(entries));
	return rc;
}

/* ---- one generation ---- */

static int wrapping_key(const struct kek *kek, const struct generation *g, struct kek *out,
			struct cc_error *err)
{
	cc_auto_secret struct cc_secret key = {0};

	return kek_derive(kek, &g->secret, "container-crypt domain key", &key, err) ||
			       kek_from_secret(&key, out, err)
		       ? -1
		       : 0;
}

/* A domain key is bound to its number and, by the wrapping key's id, to KEK and secret. */
static struct kek_use use_of(const struct generation *g)
{
	return (struct kek_use){"", "domain key", g->number, "aes-256-gcm", KEK_LEN, KEK_ANY};
}

static int unwrap(const struct kek *kek, struct generation *g, const struct store_kek *row,
		  struct cc_error *err)
{
	kek_auto struct kek wrapping = {0};
	cc_auto_secret struct cc_secret key = {0};
	const struct kek_use use = use_of(g);

	if (wrapping_key(kek, g, &wrapping, err) ||
	    kek_unwrap(&wrapping, &use, row->wrapped, row->wrapped_len, &key, err) ||
	    kek_from_secret(&key, &g->key, err))
		return -1;
	g->state = row->state;
	return 0;
}

static int make_row(const struct kek *kek, struct generation *g, struct store_kek *row,
		    struct cc_error *err)
{
	kek_auto struct kek wrapping = {0};
	cc_auto_secret struct cc_secret key = {0}, copy = {0};
	const struct kek_use use = use_of(g);

	if (cc_secret_random(&key, KEK_LEN, err) || cc_secret_copy(&copy, key.p, key.len, err) ||
	    wrapping_key(kek, g, &wrapping, err) ||
	    kek_wrap(&wrapping, &use, &copy, row->wrapped, &row->wrapped_len, err) ||
	    kek_from_secret(&key, &g->key, err))
		return -1;
	row->number = g->number;
	row->state = g->state = STORE_KEK_ACTIVE;
	memcpy(row->id, g->key.id, sizeof(row->id));
	return 0;
}

/* ---- all of them ---- */

/**
 * struct loading - the rows, joined with the secrets of the file.
 * @highest: number of any row
 */
struct loading {
	struct domain *d;
	const struct kek *kek;
	uint64_t highest;
	int64_t created;
};

static int load_row(void *arg, const struct store_kek *row, struct cc_error *err)
{
	struct loading *l = arg;

	l->highest = row->number;
	if (!l->created)
		l->created = row->created;
	if (row->state == STORE_KEK_DESTROYED)
		return 0;
	for (size_t i = 0; i < l->d->n; i++) {
		if (l->d->gen[i].number != row->number)
			continue;
		l->d->known[i] = true;
		return unwrap(l->kek, &l->d->gen[i], row, err);
	}
	cc_fail(err, CC_E_INVALID,
		"key generation %" PRIu64 " was destroyed, or its secret is lost: this database "
		"was copied before a volume was removed, and opens no key; restore the newest "
		"backup, and the file " DOMAIN_FILE " that belongs to it (see keyd(8))",
		row->number);
	return cc_set_fact(err, "generation");
}

/* Those that are not in @keep go, from memory. */
static void keep_only(struct domain *d, const bool *keep)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->n; i++) {
		if (!keep[i]) {
			generation_clear(&d->gen[i]);
			continue;
		}
		if (kept != i) {
			d->gen[kept] = d->gen[i];
			d->gen[i] = (struct generation){0};
		}
		kept++;
	}
	d->n = kept;
}

static int unknown(const struct domain *d, bool begun, struct cc_error *err)
{
	for (size_t i = 0; i < d->n; i++) {
		if (d->known[i] || (d->sure && begun))
			continue;
		cc_fail(err, CC_E_INVALID,
			"the secret of key generation %" PRIu64 " is not of this database, an old "
			"copy or another one, and would be erased: restore the newest backup; if "
			"there is none, keyd accept, or remove the file " DOMAIN_FILE
			" (see keyd(8))",
			d->gen[i].number);
		return cc_set_fact(err, "generation");
	}
	return 0;
}

/* @highest: number of any generation; @begun: the first one was at least begun to be made */
static int reload(struct domain *d, struct store *st, const struct kek *kek, uint64_t *highest,
		  bool *begun, struct cc_error *err)
{
	struct loading l = {.d = d, .kek = kek};
	cc_auto_free char *setting = NULL;

	for (size_t i = 0; i < d->n; i++) {
		kek_clear(&d->gen[i].key);
		d->gen[i].key = (struct kek){0};
		d->gen[i].state = STORE_KEK_RETIRED;
	}
	memset(d->known, 0, sizeof(d->known));
	if (store_kek_each(st, load_row, &l, err) || store_setting_get(st, SETTING, &setting, err))
		return -1;
	*begun = setting;
	*highest = l.highest;
	d->created = l.created;
	return 0;
}

static const struct generation *active(const struct domain *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->known[i] && d->gen[i].state == STORE_KEK_ACTIVE)
			return &d->gen[i];
	return NULL;
}

/* Steps 2 and 3. */
static int new_generation(struct domain *d, struct store *st, const struct kek *kek,
			  uint64_t highest, int64_t now, struct cc_error *err)
{
	struct generation *g = &d->gen[d->n];
	struct store_kek row = {.created = now};

	if (d->n == DOMAIN_MAX)
		return cc_fail(err, CC_E_INTERNAL, "%d key generations wait to be destroyed",
			       DOMAIN_MAX);
	*g = (struct generation){.number = highest + 1};
	if (d->n && d->gen[d->n - 1].number > highest)
		g->number = d->gen[d->n - 1].number + 1;
	if (cc_secret_random(&g->secret, DOMAIN_SECRET_LEN, err) || make_row(kek, g, &row, err)) {
		generation_clear(g);
		return -1;
	}
	d->known[d->n++] = true;
	if ((highest || store_setting_put(st, SETTING, "1", err) == 0) &&
	    write_file(d, false, err) == 0 && store_kek_add(st, &row, err) == 0) {
		d->created = d->created ? d->created : now;
		return 0;
	}
	generation_clear(&d->gen[--d->n]);
	return -1;
}

/* ---- step 4 ---- */

/* A key that does not open stays as it is: somebody may put it back as it was. */
static bool is_stuck(const struct cc_error *err)
{
	return strcmp(err->fact, "wrapped-key") == 0;
}

static int rewrap_one(const struct domain *d, const struct kek *kek, struct store *st,
		      struct store_volume *v, struct cc_error *err)
{
	const struct kek *from = domain_find(d, kek, v->kek_id, err);

	if (!from || volume_key_move(from, domain_active(d, kek), v, err))
		return cc_prefix(err, "volume %s", v->rec.name);
	return store_volume_update(st, v, err);
}

/* From the volume after @v on. Return: 1 when there may be more, 0, -1 */
static int rewrap_batch(const struct domain *d, const struct kek *kek, struct store *st,
			struct store_volume *v, struct erased *e, struct cc_error *err)
{
	const char *to = domain_active(d, kek)->id;
	unsigned int done = 0;
	size_t bad = 0;
	int rc;

	while (done < BATCH && (rc = store_volume_next(st, v->rec.name, v, &bad, err)) > 0) {
		if (!strcmp(v->kek_id, to))
			continue;
		if (rewrap_one(d, kek, st, v, err) == 0) {
			done++;
			continue;
		}
		if (!is_stuck(err))
			return -1;
		cc_log(LOG_ERR, "%s", err->text);
		e->stuck++;
	}
	e->rewrapped += done;
	e->stuck += bad;
	return done == BATCH ? 1 : rc;
}

static int rewrap_all(const struct domain *d, const struct kek *kek, struct store *st,
		      struct erased *e, struct cc_error *err)
{
	struct store_volume v = {0};
	int rc;

	do {
		if (store_begin(st, err))
			return -1;
		rc = rewrap_batch(d, kek, st, &v, e, err);
		if (rc < 0 || store_commit(st, err)) {
			store_rollback(st);
			return -1;
		}
	} while (rc > 0);
	return 0;
}

/* ---- steps 5 to 7 ---- */

static int note_destroyed(struct store *st, const struct erased *e, int64_t now,
			  struct cc_error *err)
{
	char detail[128];
	const struct cc_audit_row row = {.event = "erase", .outcome = "allow", .detail = detail};

	snprintf(detail, sizeof(detail),
		 "key generation %" PRIu64 " destroyed, %" PRIu64 " volume keys wrapped again",
		 e->generation, e->rewrapped);
	return store_audit_add(st, &row, now, err);
}

static int destroy_rows(struct store *st, const struct erased *e, int64_t now, struct cc_error *err)
{
	if (store_begin(st, err))
		return -1;
	if (store_kek_destroy(st, err) < 0 || note_destroyed(st, e, now, err) ||
	    store_commit(st, err)) {
		store_rollback(st);
		return -1;
	}
	return 0;
}

/* Drops what is not active, from memory and file. */
static int destroy_secrets(struct domain *d, struct cc_error *err)
{
	bool keep[DOMAIN_MAX] = {0};

	for (size_t i = 0; i < d->n; i++)
		keep[i] = d->known[i] && d->gen[i].state == STORE_KEK_ACTIVE;
	keep_only(d, keep);
	memset(d->known, 1, sizeof(d->known));
	return write_file(d, true, err);
}

static uint64_t newest_retired(const struct domain *d)
{
	uint64_t number = 0;

	for (size_t i = 0; i < d->n; i++)
		if (d->known[i] && d->gen[i].state == STORE_KEK_RETIRED)
			number = d->gen[i].number;
	return number;
}

static int destroy(struct domain *d, struct store *st, int64_t now, struct erased *e,
		   struct cc_error *err)
{
	e->generation = newest_retired(d);
	if ((e->generation && destroy_rows(st, e, now, err)) || destroy_secrets(d, err)) {
		e->generation = 0;
		return -1;
	}
	return 0;
}

static void overwrite_log(struct store *st, struct erased *e)
{
	struct cc_error err;

	e->log = store_checkpoint(st, &err) == 0;
	if (!e->log)
		cc_log(LOG_WARNING, "what was deleted is still in the write-ahead log: %s",
		       err.text);
}

int domain_erase(struct domain *d, struct store *st, const struct kek *kek, int64_t now,
		 struct erased *e, struct cc_error *err)
{
	uint64_t highest;
	bool begun;

	*e = (struct erased){0};
	if (reload(d, st, kek, &highest, &begun, err) || unknown(d, begun, err))
		return -1;
	/* The newest database may be under those that are retired here, or destroyed. */
	if (!d->sure && d->n) {
		overwrite_log(st, e);
		return 0;
	}
	if ((!active(d) && new_generation(d, st, kek, highest, now, err)) ||
	    rewrap_all(d, kek, st, e, err))
		return -1;
	if (e->stuck && d->n > 1)
		cc_log(LOG_ERR,
		       "old key generations are not destroyed: %" PRIu64
		       " volume keys do not open, restore or remove these volumes",
		       e->stuck);
	else if (destroy(d, st, now, e, err))
		return -1;
	overwrite_log(st, e);
	return 0;
}

/* ---- use ---- */

int domain_open(struct domain *d, struct store *st, const struct kek *kek, const char *dir,
		struct cc_error *err)
{
	cc_auto_free char *path = NULL;
	uint64_t highest;
	bool begun;

	*d = (struct domain){.slots.fd = -1};
	if (asprintf(&path, "%s/" DOMAIN_FILE, dir) < 0)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (slots_open(&d->slots, path, true, err) || read_secrets(d, err) ||
	    reload(d, st, kek, &highest, &begun, err))
		return -1;
	return begun ? 0 : unknown(d, begun, err);
}

void domain_close(struct domain *d)
{
	clear_all(d);
	slots_close(&d->slots);
}

/* Between a deletion and what follows it all are retired: what is under them then is moved, too. */
const struct kek *domain_active(const struct domain *d, const struct kek *kek)
{
	const struct generation *g = active(d);

	for (size_t i = d->n; !g && i > 0; i--)
		if (d->known[i - 1])
			g = &d->gen[i - 1];
	return g ? &g->key : kek;
}

const struct kek *domain_find(const struct domain *d, const struct kek *kek, const char *kek_id,
			      struct cc_error *err)
{
	for (size_t i = 0; i < d->n; i++)
		if (!strcmp(d->gen[i].key.id, kek_id))
			return &d->gen[i].key;
	if (!strcmp(kek->id, kek_id))
		return kek;
	cc_fail(err, CC_E_INTERNAL, "its key is under a key that keyd does not have, %s", kek_id);
	cc_set_fact(err, "wrapped-key");
	return NULL;
}

int domain_retire(const struct domain *d, struct store *st, struct cc_error *err)
{
	return d->n && d->n < DOMAIN_MAX ? store_kek_retire(st, err) : 0;
}
