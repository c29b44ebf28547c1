/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret.h - memory for keys: OpenSSL's secure heap (mlocked, guard pages,
 * excluded from core files), cleansed when freed.
 */
#ifndef CC_SECRET_H
#define CC_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include "cleanup.h"
#include "error.h"

#define CC_VOLUME_KEY_MAX 64 /* bytes: AES-256-XTS, two 32-byte keys (IEEE 1619) */

/**
 * struct cc_secret - a secret of @len bytes at @p in the secure heap.
 */
struct cc_secret {
	size_t len;
	unsigned char *p;
};

/**
 * cc_secret_init - makes this process fit to hold secrets: secure heap, no core
 * file, not dumpable, all memory locked, and jansson cleansing what it frees, since libjose keeps
 * key material in JSON strings. (OpenSSL cleanses its own keys; its allocator cannot be replaced
 * here because libjose uses OpenSSL before main().)
 *
 * Call before the first use of jansson. An mlock that fails is an error,
 * never ignored. Idempotent. Locks do not survive fork(): a child that goes on with
 * secrets calls cc_secret_lock_process() itself.
 */
int cc_secret_init(struct cc_error *err);

/* The parts of cc_secret_init(), in its order. */
int cc_secret_harden_process(struct cc_error *err); /* RLIMIT_CORE 0, PR_SET_DUMPABLE 0 */
int cc_secret_heap_init(struct cc_error *err);	    /* secure heap, cleansing jansson */
int cc_secret_lock_process(struct cc_error *err);   /* mlockall(2), present and future pages */

/*
 * These fill an empty *s; what it held before is not freed. Errors: CC_E_NOMEM when the
 * secure heap (256 KiB) is full, CC_E_INTERNAL before cc_secret_init() or for @len 0.
 */
int cc_secret_new(struct cc_secret *s, size_t len, struct cc_error *err);
/* @len random bytes from OpenSSL's private DRBG; both XTS halves differ. */
int cc_secret_random(struct cc_secret *s, size_t len, struct cc_error *err);
int cc_secret_copy(struct cc_secret *s, const void *src, size_t len, struct cc_error *err);
bool cc_secret_eq(const struct cc_secret *a, const struct cc_secret *b); /* constant time */
void cc_secret_clear(struct cc_secret *s); /* cleanses, frees; idempotent */

#define cc_auto_secret cc_cleanup(cc_secret_clear)

#endif
