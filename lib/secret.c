// SPDX-License-Identifier: Apache-2.0
#include "secret.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#ifdef __has_feature
#define HAS_ASAN __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define HAS_ASAN 1
#else
#define HAS_ASAN 0
#endif
#if HAS_ASAN
#include <sanitizer/lsan_interface.h>
#endif

#define HEAP_BYTES (256 * 1024) /* a power of two, as the heap demands */
#define HEAP_MIN 32		/* bytes of its smallest block */

/* libjose keeps keys in JSON strings. The whole block, for that is what may have been used. */
static void cleanse_free(void *p)
{
	if (!p)
		return;
	explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

int cc_secret_harden_process(struct cc_error *err)
{
	const struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none))
		return cc_fail_errno(err, CC_E_INTERNAL, "cannot forbid core files");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return cc_fail_errno(err, CC_E_INTERNAL, "cannot forbid tracing of this process");
	return 0;
}

int cc_secret_lock_process(struct cc_error *err)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		return cc_fail_errno(err, CC_E_INTERNAL,
				     "cannot lock memory (raise LimitMEMLOCK= or `ulimit -l`)");
	return 0;
}

/*
 * OpenSSL keeps random generators in the secure heap, where the leak checker does not look for
 * pointers: show it where the heap is. Its first block lies at its end.
 */
static void show_heap_to_leak_checker(void)
{
#if HAS_ASAN
	unsigned char *first = OPENSSL_secure_malloc(HEAP_MIN);

	__lsan_register_root_region(first + HEAP_MIN - HEAP_BYTES, HEAP_BYTES);
	OPENSSL_secure_free(first);
#endif
}

int cc_secret_heap_init(struct cc_error *err)
{
	if (CRYPTO_secure_malloc_initialized())
		return 0;

	json_set_alloc_funcs(malloc, cleanse_free);

	/* 2 means that the heap is there, but its guard pages or its mlock() are not. */
	if (CRYPTO_secure_malloc_init(HEAP_BYTES, HEAP_MIN) != 1)
		return cc_fail(err, CC_E_INTERNAL,
			       "cannot lock %d KiB of memory for keys (raise LimitMEMLOCK= or "
			       "`ulimit -l`)",
			       HEAP_BYTES / 1024);
	show_heap_to_leak_checker();
	return 0;
}

int cc_secret_init(struct cc_error *err)
{
	if (cc_secret_harden_process(err) || cc_secret_heap_init(err))
		return -1;
	return cc_secret_lock_process(err);
}

int cc_secret_new(struct cc_secret *s, size_t len, struct cc_error *err)
{
	*s = (struct cc_secret){0};
	/* Without its heap OpenSSL would quietly fall back to ordinary memory. */
	if (!CRYPTO_secure_malloc_initialized())
		cc_fail(err, CC_E_INTERNAL, "there is no secure memory yet");
	else if (len == 0)
		cc_fail(err, CC_E_INTERNAL, "a secret cannot be empty");
	else if (!(s->p = OPENSSL_secure_zalloc(len)))
		cc_fail(err, CC_E_NOMEM, "out of secure memory");
	s->len = s->p ? len : 0;
	return s->p ? 0 : -1;
}

int cc_secret_random(struct cc_secret *s, size_t len, struct cc_error *err)
{
	if (cc_secret_new(s, len, err))
		return -1;
	do {
		if (RAND_priv_bytes(s->p, (int)len) != 1) {
			cc_secret_clear(s);
			return cc_fail(err, CC_E_INTERNAL, "the random generator failed");
		}
		/*
		 * XTS with equal halves is ECB with a known tweak key (SP 800-38E, FIPS 140 IG
		 * A.9).
		 */
	} while (len >= 32 && !CRYPTO_memcmp(s->p, s->p + len / 2, len / 2));
	return 0;
}

int cc_secret_copy(struct cc_secret *s, const void *src, size_t len, struct cc_error *err)
{
	if (cc_secret_new(s, len, err))
		return -1;
	memcpy(s->p, src, len);
	return 0;
}

bool cc_secret_eq(const struct cc_secret *a, const struct cc_secret *b)
{
	return a->len == b->len && (a->len == 0 || !CRYPTO_memcmp(a->p, b->p, a->len));
}

void cc_secret_clear(struct cc_secret *s)
{
	OPENSSL_secure_clear_free(s->p, s->len);
	*s = (struct cc_secret){0};
}
