/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease_terms.h - on what terms a volume's key is lent: for how long, to how many, what becomes of
 * the container when the lease lapses or is taken away, and whether the LUN learns what is free.
 * They are part of keyd's record of the volume; the members of the JSON object are in docs/api.md.
 */
#ifndef CC_LEASE_TERMS_H
#define CC_LEASE_TERMS_H

#include <stdint.h>
#include "json.h"

#define CC_LEASE_MS_MIN 2000
#define CC_LEASE_MS_MAX INT64_C(2678400000) /* 31 days, the kernel's limit */
#define CC_QUEUE_MS_MAX 600000		    /* the kernel's limit */

enum cc_on_lapse { CC_LAPSE_FREEZE, CC_LAPSE_CONTINUE };
enum cc_on_revoke { CC_REVOKE_KILL, CC_REVOKE_FREEZE };

/**
 * struct cc_lease_terms - the terms.
 * @lease_ms: length of a lease
 * @shared_read: containers whose identity is read-only may hold it at the same time
 * @on_lapse: while the lease has lapsed the container is frozen, or goes on without its data
 * @on_revoke: when the lease is taken away the container is killed, or frozen for good
 * @queue_ms: how long I/O waits for a key before it fails; 0: it fails at once
 * @discard: the LUN is told which blocks the file system has freed, from the next binding on;
 * whoever has the LUN sees them, too
 */
struct cc_lease_terms {
	uint64_t lease_ms;
	bool shared_read;
	enum cc_on_lapse on_lapse;
	enum cc_on_revoke on_revoke;
	uint64_t queue_ms;
	bool discard;
};

/* 10 minutes, exclusive, freeze, kill, I/O waits for 5 minutes, no discard. */
#define CC_LEASE_TERMS_DEFAULT {.lease_ms = 600000, .queue_ms = 300000}

/* The members' names, for cc_json_only(). */
#define CC_LEASE_TERMS_MEMBERS "leaseMs", "sharedRead", "onLapse", "onRevoke", "onLock", "discard"

/**
 * cc_lease_terms_read - takes the members that @obj has; what it lacks stays as it is in @t.
 * @what: for errors ("volume")
 * Return: 0; -1 with CC_E_INVALID, then @t is unchanged.
 */
int cc_lease_terms_read(const json_t *obj, const char *what, struct cc_lease_terms *t,
			struct cc_error *err);

bool cc_lease_terms_eq(const struct cc_lease_terms *a, const struct cc_lease_terms *b);

/* An object of all members; NULL without memory. */
json_t *cc_lease_terms_to_json(const struct cc_lease_terms *t);

/* The words. The second of each reads one; -1 for another word. */
const char *cc_on_lapse_name(enum cc_on_lapse v);
int cc_on_lapse_parse(const char *s, enum cc_on_lapse *v);
const char *cc_on_revoke_name(enum cc_on_revoke v);
int cc_on_revoke_parse(const char *s, enum cc_on_revoke *v);

/* "error" or "queue:<ms>", at least 1. */
#define CC_ON_LOCK_LEN 24
void cc_on_lock_format(uint64_t queue_ms, char out[static CC_ON_LOCK_LEN]);
int cc_on_lock_parse(const char *s, uint64_t *queue_ms);

#endif
