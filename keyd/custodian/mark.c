// SPDX-License-Identifier: Apache-2.0
#include "custodian/mark.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "file.h"

#define VERSION 2
#define VERSION_1 1 /* without ver */
#define SETTING "mark"

/* ---- bytes ---- */

struct bytes {
	uint32_t version;
	uint64_t seq;
	unsigned char hash[32];
	uint64_t longest_ms;
	char quarantine_boot[CC_UUID_LEN];
	uint64_t quarantine_end_ms;
	uint64_t ver;
} __attribute__((packed));

#define LEN_1 (sizeof(struct bytes) - sizeof(uint64_t))

_Static_assert(sizeof(struct bytes) <= SLOT_BYTES_MAX, "a mark fits in a slot");

int mark_parse(struct mark *m, const unsigned char *bytes, size_t len, struct cc_error *err)
{
	struct bytes b = {0};

	*m = (struct mark){0};
	if (len != sizeof(b) && len != LEN_1)
		return cc_fail(err, CC_E_INVALID, "the high-water mark has %zu bytes", len);
	memcpy(&b, bytes, len);
	if (be32toh(b.version) != (len == LEN_1 ? VERSION_1 : VERSION))
		return cc_fail(err, CC_E_INVALID,
			       "the high-water mark is of version %u, this keyd knows %d",
			       be32toh(b.version), VERSION);
	if (b.quarantine_boot[CC_UUID_LEN - 1] ||
	    (b.quarantine_boot[0] && !cc_is_uuid(b.quarantine_boot)) ||
	    be64toh(b.seq) > INT64_MAX || be64toh(b.longest_ms) > CC_LEASE_MS_MAX ||
	    be64toh(b.quarantine_end_ms) > INT64_MAX || be64toh(b.ver) > INT64_MAX)
		return cc_fail(err, CC_E_INVALID, "the high-water mark is malformed");
	m->seq = be64toh(b.seq);
	memcpy(m->hash, b.hash, sizeof(m->hash));
	m->longest_ms = be64toh(b.longest_ms);
	m->ver = be64toh(b.ver);
	memcpy(m->quarantine_boot, b.quarantine_boot, sizeof(m->quarantine_boot));
	m->quarantine_end_ms = (int64_t)be64toh(b.quarantine_end_ms);
	return 0;
}

static struct bytes bytes_of(const struct mark *m)
{
	struct bytes b = {
		.version = htobe32(VERSION),
		.seq = htobe64(m->seq),
		.longest_ms = htobe64(m->longest_ms),
		.ver = htobe64(m->ver),
		.quarantine_end_ms = htobe64((uint64_t)m->quarantine_end_ms),
	};

	memcpy(b.hash, m->hash, sizeof(b.hash));
	snprintf(b.quarantine_boot, sizeof(b.quarantine_boot), "%s", m->quarantine_boot);
	return b;
}

/* ---- the directory and the file ---- */

char *anchor_dir(const char *state_dir, const char *dir)
{
	size_t len = strlen(state_dir);
	char *path;

	if (dir)
		return strdup(dir);
	while (len > 1 && state_dir[len - 1] == '/')
		len--;
	return asprintf(&path, "%.*s-anchor", (int)len, state_dir) < 0 ? NULL : path;
}

int anchor_make(const char *dir, struct cc_error *err)
{
	struct stat sb;

	if (mkdir(dir, 0700) && errno != EEXIST)
		return cc_fail_errno(err, CC_E_INTERNAL, "cannot create %s", dir);
	if (stat(dir, &sb))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", dir);
	if (!S_ISDIR(sb.st_mode) || sb.st_uid != geteuid() || (sb.st_mode & 077))
		return cc_fail(err, CC_E_PERM, "%s must be a directory of user %u with mode 0700",
			       dir, geteuid());
	return cc_sync_dir_of(dir) ? cc_fail_errno(err, CC_E_INTERNAL, "%s", dir) : 0;
}

/* A damaged one is as good as none. */
static int read_mark(struct mark_file *f, struct cc_error *err)
{
	unsigned char bytes[SLOT_BYTES_MAX];
	struct cc_error ignored;
	size_t len;

	if (slots_read(&f->slots, bytes, &len, err))
		return -1;
	f->there = len > 0 && mark_parse(&f->mark, bytes, len, &ignored) == 0;
	return 0;
}

int mark_open(struct mark_file *f, const char *dir, bool create, struct cc_error *err)
{
	cc_auto_free char *path = NULL;

	*f = (struct mark_file){.slots.fd = -1};
	if (asprintf(&path, "%s/" MARK_FILE, dir) < 0)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (slots_open(&f->slots, path, create, err))
		return !create && err->code == CC_E_NOTFOUND ? 0 : -1;
	return read_mark(f, err);
}

void mark_close(struct mark_file *f)
{
	struct cc_error ignored;

	if (f->slots.fd >= 0 && f->unsynced)
		mark_write(f, true, 0, &ignored);
	slots_close(&f->slots);
}

int mark_write(struct mark_file *f, bool sync, int64_t now_ms, struct cc_error *err)
{
	const struct bytes b = bytes_of(&f->mark);

	if (slots_write(&f->slots, (const unsigned char *)&b, sizeof(b), sync, err))
		return cc_prefix(err, "high-water mark");
	f->there = true;
	f->unsynced = !sync;
	if (sync)
		f->synced_ms = now_ms;
	return 0;
}

/* ---- mark and database ---- */

const char *mark_fit_text(enum mark_fit fit)
{
	switch (fit) {
	case MARK_OLDER:
		return "it is older than the one that keyd served last";
	case MARK_OTHER:
		return "it is not the one that keyd served last, or an older copy of it";
	case MARK_LOST:
		return "the high-water mark is missing, so it may be an older copy";
	case MARK_ROWS:
		return "rows of it were removed, or older ones put in their place";
	default:
		return "";
	}
}

/* The setting counts for any process, what it was opened as for this one only. */
static int is_uncounted(struct store *st, bool *uncounted, struct cc_error *err)
{
	cc_auto_free char *counted = NULL;

	if (store_setting_peek(st, STORE_COUNTED, &counted, err))
		return -1;
	*uncounted = !store_has_sums(st) || (counted && !strcmp(counted, STORE_COUNTED_NOT));
	return 0;
}

int mark_settle(struct store *st, struct cc_error *err)
{
	cc_auto_free char *counted = NULL;

	if (store_setting_peek(st, STORE_COUNTED, &counted, err))
		return -1;
	return !counted || !strcmp(counted, STORE_COUNTED_SEEN)
		       ? 0
		       : store_setting_put(st, STORE_COUNTED, STORE_COUNTED_SEEN, err);
}

int mark_judge(struct store *st, struct mark_file *f, enum mark_fit *fit, struct cc_error *err)
{
	static const enum mark_fit fits[] = {[AUDIT_LEADS] = MARK_FITS,
					     [AUDIT_ENDS] = MARK_OLDER,
					     [AUDIT_ELSEWHERE] = MARK_OTHER};
	struct store_audit_head at = {.seq = f->mark.seq, .ver = f->mark.ver};
	cc_auto_free char *recorded = NULL;
	enum store_audit_link link;
	bool uncounted;

	if (is_uncounted(st, &uncounted, err))
		return -1;
	f->was_counted = uncounted && f->there && f->mark.ver;
	if (!f->there) {
		if (store_setting_peek(st, SETTING, &recorded, err))
			return -1;
		*fit = recorded ? MARK_LOST : MARK_NONE;
		return 0;
	}
	*fit = MARK_OLDER;
	if ((store_schema_was(st) && !store_has_macs(st)) || f->was_counted)
		return 0;
	memcpy(at.hash, f->mark.hash, sizeof(at.hash));
	if (store_audit_link(st, &at, &link, err))
		return -1;
	*fit = fits[link];
	return 0;
}

int mark_take_head(struct mark_file *f, struct store *st, struct cc_error *err)
{
	struct store_audit_head head;

	if (store_audit_own_head(st, &head, err))
		return -1;
	f->mark.seq = head.seq;
	f->mark.ver = head.ver;
	memcpy(f->mark.hash, head.hash, sizeof(f->mark.hash));
	return 0;
}

int mark_record(struct store *st, struct cc_error *err)
{
	cc_auto_free char *recorded = NULL;

	if (store_setting_get(st, SETTING, &recorded, err))
		return -1;
	return recorded ? 0 : store_setting_put(st, SETTING, "1", err);
}

static int longer_volume(void *arg, const struct store_volume *v, struct cc_error *err)
{
	uint64_t *ms = arg;

	(void)err;
	if (v->rec.terms.lease_ms > *ms)
		*ms = v->rec.terms.lease_ms;
	return 0;
}

static int longer_lease(void *arg, const struct store_lease *l, struct cc_error *err)
{
	uint64_t *ms = arg;

	(void)err;
	if (l->cover_ms > *ms)
		*ms = l->cover_ms;
	return 0;
}

int mark_longest(struct store *st, uint64_t *ms, struct cc_error *err)
{
	*ms = 0;
	return store_volume_each(st, longer_volume, ms, err) ||
			       store_lease_each(st, longer_lease, ms, err)
		       ? -1
		       : 0;
}
