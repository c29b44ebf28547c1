/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.h - what keyd remembers: volumes with their wrapped keys, identities, signers, agents,
 * leases and the audit chain. The embedded implementation is SQLite (store*.c); no SQL is anywhere
 * else, so that another back end replaces these files only.
 *
 * Every function may be called outside a transaction (then it is one of its own) or between
 * store_begin() and store_commit(). A failure of the database is CC_E_INTERNAL and its text
 * names the cause ("database or disk is full").
 *
 * Every row carries a MAC, which the custodian makes and the store has no key for: over the name of
 * the table and all columns but that, first the primary key. Each of these is a letter and a value:
 * 't' or 'b', 4-byte big-endian length, bytes (text, blob); 'i', 8-byte big-endian (integer). A
 * lease is sealed with the name and UUID of its volume. A row whose MAC does not fit, or that is
 * not the last version of it, is never given out: a get fails with CC_E_INTERNAL, fact "row" and
 * its name, and an _each function leaves it out; of either the custodian is told. So it is of a row
 * that is missing, as far as it is asked for by its key, and of a lease of a volume.
 *
 * Context: the custodian, `keyd init` and `keyd check`; one thread.
 */
#ifndef KEYD_STORE_H
#define KEYD_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "audit_chain.h"
#include "digest.h"
#include "name.h"
#include "scope.h"
#include "store/store_types.h"
#include "volume.h"

#define STORE_FILE "keyd.db"
#define STORE_CONTAINER_LEN 129 /* an engine's container id and its NUL */
#define STORE_WRAPPED_MAX 128	/* bytes of a wrapped volume key */
#define STORE_AUDIT_PAGE 500	/* rows one read of the audit log yields at most */

/**
 * struct store_volume - a volume.
 * @id: row; filled by the store
 * @rec: the record, all of it but the realm and the creator, which are "" here
 * @creator: enrolment of the agent that may have the key to format the volume; "" for none
 * @kek_id: the key-encryption key @wrapped is under
 * @wrapped: volume key as kek_wrap() made it, @wrapped_len bytes
 * @wrap_format: what the wrapped key is bound to, enum kek_format
 * @fence: highest fence number ever given out
 * @serial_floor: highest identity serial ever accepted; survives revocation
 *
 * Both are of the name: a volume that is made under the name of a deleted one goes on from there.
 */
struct store_volume {
	int64_t id;
	struct cc_volume rec;
	char creator[CC_UUID_LEN];
	char kek_id[33];
	unsigned char wrapped[STORE_WRAPPED_MAX];
	size_t wrapped_len;
	uint32_t wrap_format;
	uint64_t fence;
	uint64_t serial_floor;
};

#define STORE_IDENTITIES_MAX 64 /* of a volume, those that are revoked with them */

/**
 * enum identity_state - what an administrator has said of an identity that is stored.
 * @IDENTITY_LIVE: nothing
 * @IDENTITY_DRAINED: containers that run with it go on, no other starts
 * @IDENTITY_REVOKED: it lets nobody in, and nobody go on; its floor still counts
 */
enum identity_state { IDENTITY_LIVE, IDENTITY_DRAINED, IDENTITY_REVOKED };

const char *identity_state_name(enum identity_state state);

/**
 * struct store_identity - one of the identities of a volume.
 * @envelope: the exact bytes that were enrolled, owned; only when verified they decide
 * @floor: that it signs; 0 for none
 * @mount_point: for listings, owned, as are @digest and @signer
 */
struct store_identity {
	char *envelope;
	size_t envelope_len;
	uint64_t serial;
	uint64_t floor;
	enum identity_state state;
	char digest[CC_DIGEST_LEN];
	char signer[CC_NAME_LEN];
	char *mount_point;
};

/* A signer's public key, SubjectPublicKeyInfo PEM, owned. @volumes: that it signs identities of */
struct store_signer {
	char name[CC_NAME_LEN];
	char keyid[CC_DIGEST_LEN];
	char *pem;
	struct cc_scope volumes;
};

/*
 * An enrolled host agent. @enrolment: random UUID, made when it was enrolled, of this key for good:
 * the next of its name has another. @jwk: public JWK text, owned. @volumes: that it may have keys
 * of
 */
struct store_agent {
	char name[CC_NAME_LEN];
	char enrolment[CC_UUID_LEN];
	char thumbprint[64];
	char *jwk;
	struct cc_scope volumes;
};

/**
 * struct store_lease - a lease. The row stays when its time is over, until somebody else gets the
 * volume: as long as it is there nobody else wrote, and its holder may go on.
 * @agent: name, for people
 * @enrolment: whose it is; "" when its agent had been removed before keyd recorded that
 * @granted: seconds since the epoch, UTC; for people
 * @ms: length; 0 means until returned (only leases of before there were others)
 * @cover_ms: the longest promise to the holder that may still run, at least @ms: an answer with a
 * shorter one may be lost, and its kernel then keeps the key for as long as it was told before
 * @ver: grows with each grant and renewal, and with nothing else
 * @shared: others may hold the volume as well, all of them @read_only
 * @revoked: it can no longer be renewed
 * @host_boot: boot id of keyd's own host when @end_ms was written; no UUID for a lease of which it
 *             is not known whether it is still that holder's, see custodian/lease.h
 * @serial: of the identity under which it was given; 0 when that is not known
 * @end_ms: CLOCK_BOOTTIME of keyd's host, from when on others may have the volume; 0 with @ms 0
 */
struct store_lease {
	char id[CC_UUID_LEN];
	char volume[CC_NAME_LEN]; /* name and UUID of its volume */
	char volume_uuid[CC_UUID_LEN];
	char agent[CC_NAME_LEN];
	char enrolment[CC_UUID_LEN];
	char container[STORE_CONTAINER_LEN];
	char boot_id[CC_UUID_LEN];
	uint64_t fence;
	int64_t granted;
	uint64_t ms;
	uint64_t cover_ms;
	uint64_t ver;
	uint64_t serial;
	bool shared;
	bool read_only;
	bool revoked;
	char host_boot[CC_UUID_LEN];
	int64_t end_ms;
};

void store_identity_clear(struct store_identity *id);
void store_signer_clear(struct store_signer *s);
void store_agent_clear(struct store_agent *a);
#define store_auto_identity cc_cleanup(store_identity_clear)

/* All of a volume, newest first, a copy. */
struct store_identities {
	size_t n;
	struct store_identity *v;
};

void store_identities_clear(struct store_identities *list);
#define store_auto_identities cc_cleanup(store_identities_clear)
#define store_auto_signer cc_cleanup(store_signer_clear)
#define store_auto_agent cc_cleanup(store_agent_clear)

/**
 * store_open - opens the database in @dir. Until store_start() it has nothing to give but
 * store_setting_peek().
 * Return: the store, to be closed with store_close(); NULL on error. A database that a newer
 * keyd wrote is refused.
 */
struct store *store_open(const char *dir, enum store_mode mode, struct cc_error *err);
void store_close(struct store *st);
static inline void store_close_ptr(struct store **st)
{
	store_close(*st);
}
#define store_auto cc_cleanup(store_close_ptr)

/**
 * store_start - makes it ready as its mode says, and checks that the audit log ends where it ended:
 * CC_E_INVALID with fact "audit" when not.
 * @seal: borrowed until store_close()
 * @now: seconds since the epoch, UTC: for the audit row of an upgrade
 */
int store_start(struct store *st, struct store_seal *seal, int64_t now, struct cc_error *err);

/* The schema of the database when it was opened, 0 where it was made; and that of this keyd. */
int store_schema_was(const struct store *st);
int store_schema_now(void);
/* The database was opened with MACs in it. */
bool store_has_macs(const struct store *st);
/* It was opened with its rows counted, or made. */
bool store_has_sums(const struct store *st);

/* True for the failure to read a row whose MAC does not fit. */
bool store_is_bad_row(const struct cc_error *err);

/* One write transaction; a commit has reached the disk when it returns 0. */
int store_begin(struct store *st, struct cc_error *err);
int store_commit(struct store *st, struct cc_error *err);
void store_rollback(struct store *st); /* no effect outside a transaction */

/*
 * A part of a transaction, which can be undone by itself, its audit rows included. One at a time.
 * An undo that fails has lost the whole transaction, as a full disk does: store_is_open() says so.
 */
int store_part_begin(struct store *st, struct cc_error *err);
int store_part_end(struct store *st, struct cc_error *err);
void store_part_undo(struct store *st);
bool store_is_open(const struct store *st); /* there is a transaction */

/*
 * Writes what is in the write-ahead log to the database, overwrites the log's file with zeros and
 * empties it, so that deleted key material is in neither. CC_E_BUSY when another process reads what
 * is in the log for longer than a request waits; then it is done by the next one, or at the end.
 */
int store_checkpoint(struct store *st, struct cc_error *err);

/* Structure of the database, foreign keys; CC_E_INVALID says what is damaged. */
int store_check(struct store *st, struct cc_error *err);

/**
 * store_backup - copies the database as it is now into the new file @path, mode 0600, which is
 * there when it is whole, checked and synced. Others may write meanwhile; they do not wait.
 * @rows: out, of the audit log in the copy
 * Return: 0; -1 with CC_E_EXISTS when there is such a file. Broken off, it leaves "@path.part".
 */
int store_backup(struct store *st, const char *path, uint64_t *rows, struct cc_error *err);

/*
 * Looks at all rows but the audit log's; *@bad: how many have a MAC that does not fit, of each of
 * which the custodian is told. Needs a seal.
 */
int store_check_rows(struct store *st, size_t *bad, struct cc_error *err);

/**
 * store_rows_load - reads all rows and remembers which versions of which there are. From then on a
 * row that somebody removes or replaces by an older one is a bad one, at once. It is for whoever
 * then looks whether they are those that keyd left, and takes what there is. Done by itself when it
 * is needed first, and when another process has written; but what does not fit is not taken then:
 * what needs it fails with the fact "row", and what was remembered counts on.
 */
int store_rows_load(struct store *st, struct cc_error *err);
/* That has failed since: the rows were those that keyd left, and are no longer. */
bool store_rows_doubted(const struct store *st);
/* What is wrong with them: rows were removed, are there again, or are older. "" for nothing. */
const char *store_rows_misfit(const struct store *st);
/* They are right as they are. Context: in a transaction. */
int store_rows_accept(struct store *st, struct cc_error *err);

/* From memory: volumes by state, and leases that are held at @now_ms (CLOCK_BOOTTIME). */
struct store_counts {
	uint64_t ready, creating, held;
};

int store_count(struct store *st, int64_t now_ms, struct store_counts *n, struct cc_error *err);

/*
 * Settings: "realm", "kek_id". *@value is malloced, NULL if it is not set. A peek is what is there,
 * by whoever wrote it: good for an error text.
 */
int store_setting_peek(struct store *st, const char *key, char **value, struct cc_error *err);
int store_setting_get(struct store *st, const char *key, char **value, struct cc_error *err);
int store_setting_put(struct store *st, const char *key, const char *value, struct cc_error *err);

#define STORE_INVITES_MAX 256
#define STORE_INVITE_ID_LEN 17 /* 16 hex digits and NUL */

/**
 * struct store_invite - somebody may enrol under a name, once.
 * @id: random, in hex; @hash: SHA-256 of the secret that he has to show
 * @expires: seconds since the epoch, UTC
 * @volumes: that he may have keys of
 */
struct store_invite {
	char id[STORE_INVITE_ID_LEN];
	char name[CC_NAME_LEN];
	unsigned char hash[32];
	int64_t expires;
	struct cc_scope volumes;
};

/*
 * Invitations are settings, so that a database has the same tables with and without them. An add
 * drops those that are over at @now, and others for the same name; CC_E_BUSY when there are
 * STORE_INVITES_MAX. A get or a drop of one that is not there: CC_E_NOTFOUND, fact "token".
 */
int store_invite_add(struct store *st, const struct store_invite *v, int64_t now,
		     struct cc_error *err);
int store_invite_get(struct store *st, const char *id, struct store_invite *v,
		     struct cc_error *err);
int store_invite_drop(struct store *st, const char *id, struct cc_error *err);

/*
 * Setting of a database of before rows were counted, from the transaction on that begins to count
 * them until a keyd has held it against its high-water mark (mark_settle()).
 */
#define STORE_COUNTED "counted"
#define STORE_COUNTED_NOT "no"
#define STORE_COUNTED_SEEN "yes"

/*
 * A get returns 0, or -1 with CC_E_NOTFOUND and the name of what is missing as fact. An _each
 * function calls @fn for every row, by name, and stops with its result when that is not 0.
 */

/* Volumes. An add of a taken name or UUID is CC_E_EXISTS. */
typedef int store_volume_fn(void *arg, const struct store_volume *v, struct cc_error *err);
int store_volume_add(struct store *st, struct store_volume *v, struct cc_error *err);
int store_volume_update(struct store *st, const struct store_volume *v, struct cc_error *err);
int store_volume_get(struct store *st, const char *name, struct store_volume *v,
		     struct cc_error *err);
int store_volume_by_uuid(struct store *st, const char *uuid, struct store_volume *v,
			 struct cc_error *err);
int store_volume_each(struct store *st, store_volume_fn *fn, void *arg, struct cc_error *err);
/*
 * The one with the lowest name above @after, which may be written before the next is asked for.
 * @bad: goes up by those that were left out, as they are not keyd's
 * Return: 1; 0 where there is none; -1.
 */
int store_volume_next(struct store *st, const char *after, struct store_volume *v, size_t *bad,
		      struct cc_error *err);
/* Those above the name @after, "" for all; @fn ends it with 1, which is returned then. */
int store_volume_page(struct store *st, const char *after, store_volume_fn *fn, void *arg,
		      struct cc_error *err);
int store_volume_delete(struct store *st, int64_t id, struct cc_error *err);

/**
 * enum store_kek_state - of a generation of the domain key, see custodian/domain.h.
 * @STORE_KEK_RETIRED: volume keys under it are to be wrapped under the active one
 * @STORE_KEK_DESTROYED: nothing is under it, and its key has been overwritten
 */
enum store_kek_state { STORE_KEK_ACTIVE, STORE_KEK_RETIRED, STORE_KEK_DESTROYED };

/* @id: that volumes under it have as kek_id; @created: seconds since the epoch */
struct store_kek {
	uint64_t number;
	enum store_kek_state state;
	char id[33];
	int64_t created;
	unsigned char wrapped[STORE_WRAPPED_MAX];
	size_t wrapped_len;
};

/* Generations, by number. */
typedef int store_kek_fn(void *arg, const struct store_kek *k, struct cc_error *err);
int store_kek_add(struct store *st, const struct store_kek *k, struct cc_error *err);
int store_kek_each(struct store *st, store_kek_fn *fn, void *arg, struct cc_error *err);
/* The active one is retired; all that are retired are destroyed (how many, or -1). */
int store_kek_retire(struct store *st, struct cc_error *err);
int store_kek_destroy(struct store *st, struct cc_error *err);

/*
 * Tombstones, by name: what was reached by the volumes of a name that are deleted. A put raises
 * them to @fence and @serial_floor of @v; a get raises those of @v, which is left as it is where
 * no volume of its name was ever deleted.
 */
int store_tombstone_put(struct store *st, const struct store_volume *v, struct cc_error *err);
int store_tombstone_get(struct store *st, struct store_volume *v, struct cc_error *err);
/* Raises the fences of all of them by @by. */
int store_tombstones_raise(struct store *st, uint64_t by, struct cc_error *err);

/*
 * The identities of a volume: put replaces the one of that serial; get is the newest that is not
 * revoked, CC_E_NOTFOUND fact "identity" when there is none; drop removes one, delete all.
 */
int store_identities_of(struct store *st, int64_t volume, struct store_identities *list,
			struct cc_error *err);
int store_identity_drop(struct store *st, int64_t volume, uint64_t serial, struct cc_error *err);
int store_identity_put(struct store *st, int64_t volume, const struct store_identity *id,
		       struct cc_error *err);
int store_identity_get(struct store *st, int64_t volume, struct store_identity *id,
		       struct cc_error *err);
int store_identity_delete(struct store *st, int64_t volume, struct cc_error *err);

/* Signers. An add of a taken name is CC_E_EXISTS. */
typedef int store_signer_fn(void *arg, const struct store_signer *s, struct cc_error *err);
int store_signer_add(struct store *st, const struct store_signer *s, struct cc_error *err);
int store_signer_get(struct store *st, const char *name, struct store_signer *s,
		     struct cc_error *err);
int store_signer_each(struct store *st, store_signer_fn *fn, void *arg, struct cc_error *err);
int store_signer_set_keyid(struct store *st, const char *name, const char *keyid,
			   struct cc_error *err);
/* Writes @volumes of the signer that was read. */
int store_signer_set_volumes(struct store *st, const struct store_signer *s, struct cc_error *err);
int store_signer_delete(struct store *st, const char *name, struct cc_error *err);

/* Agents. An add of a taken name is CC_E_EXISTS. */
typedef int store_agent_fn(void *arg, const struct store_agent *a, struct cc_error *err);
int store_agent_add(struct store *st, const struct store_agent *a, struct cc_error *err);
int store_agent_get(struct store *st, const char *name, struct store_agent *a,
		    struct cc_error *err);
int store_agent_by_enrolment(struct store *st, const char *enrolment, struct store_agent *a,
			     struct cc_error *err);
/* Writes @volumes of the agent that was read. */
int store_agent_set_volumes(struct store *st, const struct store_agent *a, struct cc_error *err);
int store_agent_each(struct store *st, store_agent_fn *fn, void *arg, struct cc_error *err);
int store_agent_delete(struct store *st, const char *name, struct cc_error *err);

/* Leases. */
typedef int store_lease_fn(void *arg, const struct store_lease *l, struct cc_error *err);
int store_lease_add(struct store *st, int64_t volume, const struct store_lease *l,
		    struct cc_error *err);
/*
 * Both write the lease with this id, if its version is still @ver; else CC_E_INTERNAL: somebody
 * else wrote it meanwhile. They write all but what stays: @volume, @agent, @enrolment, @container,
 * @boot_id, @fence, @granted, @shared. A renewal raises @ver.
 */
int store_lease_renew(struct store *st, struct store_lease *l, struct cc_error *err);
int store_lease_update(struct store *st, const struct store_lease *l, struct cc_error *err);
int store_lease_get(struct store *st, const char *id, struct store_lease *l, struct cc_error *err);
int store_lease_each(struct store *st, store_lease_fn *fn, void *arg, struct cc_error *err);
/* Those above this one, by volume and fence; as store_volume_page(). */
int store_lease_page(struct store *st, const char *volume, uint64_t fence, store_lease_fn *fn,
		     void *arg, struct cc_error *err);
int store_lease_delete(struct store *st, const char *id, struct cc_error *err);

/* The leases of one volume, a copy that stays as it is while the store changes. */
struct store_leases {
	size_t n;
	struct store_lease *v;
};

int store_leases_of(struct store *st, int64_t volume, struct store_leases *list,
		    struct cc_error *err);
/* Of all volumes; bad rows are left out. */
int store_leases_all(struct store *st, struct store_leases *list, struct cc_error *err);
/*
 * Some of those with an end that were not written in @host_boot, by id, from behind @after on; bad
 * rows are left out. Return: 1 when there may be more, 0, -1.
 */
int store_leases_stale(struct store *st, const char *host_boot, const char *after,
		       struct store_leases *list, struct cc_error *err);
static inline void store_leases_clear(struct store_leases *list)
{
	free(list->v);
	*list = (struct store_leases){0};
}
#define store_auto_leases cc_cleanup(store_leases_clear)

/**
 * store_audit_append - adds a row to the audit chain.
 * @row: seq is filled; every text must be set ("" for none)
 *
 * The log must still end where it ended, and lead there from the row that this process appended or
 * found last (it is not cut, rewritten or replaced under a running keyd), else CC_E_INTERNAL with
 * fact "audit".
 */
int store_audit_append(struct store *st, struct cc_audit_row *row, struct cc_error *err);

/**
 * store_audit_add - the same, of what happened @now.
 * @what: event and outcome are set; texts that are NULL are none; seq and time do not count
 * @now: seconds since the epoch, UTC; the row's time is never before that of the last one
 */
int store_audit_add(struct store *st, const struct cc_audit_row *what, int64_t now,
		    struct cc_error *err);

/* When the last row was written, seconds since the epoch; 0 where there is none. */
int store_audit_last_time(struct store *st, int64_t *t, struct cc_error *err);

/* The last row that this process has committed, or found at its start; 0 and zeros for none. */
void store_audit_committed(const struct store *st, uint64_t *seq, unsigned char hash[static 32]);
/* The version of all rows, as this process has committed or read it last. */
uint64_t store_rows_ver(const struct store *st);

/**
 * enum store_audit_link - what is between a row of before and the head of the log.
 * @AUDIT_LEADS: rows of keyd's from that row to the head, each of which continues the last
 * @AUDIT_ENDS: the log ends before that row, or rows are of an older version
 * @AUDIT_ELSEWHERE: anything else: they are of another log, or of none
 */
enum store_audit_link { AUDIT_LEADS, AUDIT_ENDS, AUDIT_ELSEWHERE };

/**
 * store_audit_link - follows the log from a row of before to its head, so reads what came since.
 * @from: seq, hash and ver of then; a row that was pruned since leads nowhere
 */
int store_audit_link(struct store *st, const struct store_audit_head *from,
		     enum store_audit_link *link, struct cc_error *err);

/**
 * struct store_audit_row - a row of the log. Texts live during the call.
 * @sealed: its MAC fits: keyd wrote it
 */
struct store_audit_row {
	struct cc_audit_row row;
	unsigned char prev[32], hash[32];
	bool sealed;
};

/* Rows with a seq above @after, at most STORE_AUDIT_PAGE, ascending. */
typedef int store_audit_fn(void *arg, const struct store_audit_row *row, struct cc_error *err);
int store_audit_each(struct store *st, uint64_t after, store_audit_fn *fn, void *arg,
		     struct cc_error *err);

int store_audit_head(struct store *st, struct store_audit_head *head, struct cc_error *err);
/* The same, of a log that leads there from the row that this process appended or found last. */
int store_audit_own_head(struct store *st, struct store_audit_head *head, struct cc_error *err);

/*
 * Recomputes the whole chain, from where it begins to where it ends; *@rows: how many.
 * CC_E_INVALID with fact "audit" names the bad row. With a seal, every row must be keyd's; without
 * one, whoever computed all of it again is not noticed.
 */
int store_audit_verify(struct store *st, uint64_t *rows, struct cc_error *err);

/**
 * store_audit_prune - forgets the rows of before @before, but the last, when the whole log has been
 * verified. What is kept can be verified as before; a row says what was forgotten.
 * @before, @now: seconds since the epoch, UTC
 * @keep: no later row than this one goes: what keyd knows of the log begins there
 * @rows: out, how many
 */
int store_audit_prune(struct store *st, int64_t before, uint64_t keep, int64_t now, uint64_t *rows,
		      struct cc_error *err);

#endif
