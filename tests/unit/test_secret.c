// SPDX-License-Identifier: Apache-2.0
#include "lib_test.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include "secret.h"

/*
 * These two stand in for libc's. The address sanitizer makes mlockall() do nothing,
 * and what a freed block held cannot be looked at.
 */
static int mlockall_flags, mlockall_errno;

int mlockall(int flags)
{
	mlockall_flags = flags;
	errno = mlockall_errno;
	return mlockall_errno ? -1 : 0;
}

static size_t cleansed; /* blocks that held the marker when they were cleansed */
static const char marker[] = "marker-of-a-secret";

void explicit_bzero(void *p, size_t n)
{
	volatile unsigned char *v = p;
	const void *volatile was = p; /* the compiler knows that libc's only writes */

	if (memmem(was, n, marker, strlen(marker)))
		cleansed++;
	while (n--)
		*v++ = 0;
}

static void there_is_no_secret_before_there_is_secure_memory(void **state)
{
	struct cc_secret s = {0};
	struct cc_error err = {0};

	(void)state;
	assert_int_equal(cc_secret_new(&s, 32, &err), -1);
	expect_error(&err, CC_E_INTERNAL, "", "no secure memory");
	assert_null(s.p);
}

static void a_secret_lies_in_the_secure_heap(void **state)
{
	cc_auto_secret struct cc_secret s = {0};
	struct cc_error err = {0};

	(void)state;
	expect_ok(cc_secret_heap_init(&err), &err);
	expect_ok(cc_secret_heap_init(&err), &err);
	expect_ok(cc_secret_new(&s, 64, &err), &err);
	assert_int_equal(s.len, 64);
	assert_true(CRYPTO_secure_allocated(s.p));
	for (size_t i = 0; i < s.len; i++)
		assert_int_equal(s.p[i], 0);
}

static void random_keys_differ_and_so_do_their_halves(void **state)
{
	cc_auto_secret struct cc_secret a = {0}, b = {0};
	struct cc_error err = {0};

	(void)state;
	expect_ok(cc_secret_random(&a, 64, &err), &err);
	expect_ok(cc_secret_random(&b, 64, &err), &err);
	assert_false(cc_secret_eq(&a, &b));
	assert_memory_not_equal(a.p, a.p + 32, 32);
	assert_true(CRYPTO_secure_allocated(a.p));
}

/* A generator that returns the same byte at first, then counts up. */
static int dull_calls;

static int dull_bytes(unsigned char *buf, int num)
{
	for (int i = 0; i < num; i++)
		buf[i] = dull_calls ? (unsigned char)i : 7;
	dull_calls++;
	return 1;
}

static int broken_bytes(unsigned char *buf, int num)
{
	(void)buf;
	(void)num;
	return 0;
}

/* RAND_set_rand_method() is how OpenSSL lets a generator be replaced, though it frowns on it. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
static void use_generator(int (*bytes)(unsigned char *, int))
{
	static RAND_METHOD method;

	method = (RAND_METHOD){.bytes = bytes, .pseudorand = bytes};
	RAND_set_rand_method(bytes ? &method : NULL);
}
#pragma GCC diagnostic pop

static void a_key_of_equal_halves_is_drawn_again(void **state)
{
	cc_auto_secret struct cc_secret s = {0};
	struct cc_error err = {0};

	(void)state;
	dull_calls = 0;
	use_generator(dull_bytes);
	expect_ok(cc_secret_random(&s, 64, &err), &err);
	use_generator(NULL);
	assert_int_equal(dull_calls, 2);
	assert_memory_not_equal(s.p, s.p + 32, 32);
}

static void no_key_is_made_when_the_generator_fails(void **state)
{
	struct cc_secret s = {0};
	struct cc_error err = {0};

	(void)state;
	use_generator(broken_bytes);
	assert_int_equal(cc_secret_random(&s, 64, &err), -1);
	use_generator(NULL);
	expect_error(&err, CC_E_INTERNAL, "", "random generator");
	assert_null(s.p);
}

static void equality_needs_the_same_length_and_bytes(void **state)
{
	cc_auto_secret struct cc_secret a = {0}, b = {0}, shorter = {0};
	struct cc_secret none = {0};
	struct cc_error err = {0};

	(void)state;
	expect_ok(cc_secret_copy(&a, "0123456789abcdef", 16, &err), &err);
	expect_ok(cc_secret_copy(&b, "0123456789abcdef", 16, &err), &err);
	expect_ok(cc_secret_copy(&shorter, "0123456789abcdef", 15, &err), &err);
	assert_true(cc_secret_eq(&a, &b));
	assert_false(cc_secret_eq(&a, &shorter));
	assert_false(cc_secret_eq(&a, &none));
	assert_true(cc_secret_eq(&none, &none));
	b.p[15] ^= 1;
	assert_false(cc_secret_eq(&a, &b));
}

static void clearing_twice_is_harmless(void **state)
{
	struct cc_secret s = {0};
	struct cc_error err = {0};

	(void)state;
	expect_ok(cc_secret_copy(&s, marker, sizeof(marker), &err), &err);
	cc_secret_clear(&s);
	assert_null(s.p);
	assert_int_equal(s.len, 0);
	cc_secret_clear(&s);
}

static void an_empty_or_oversized_secret_is_refused(void **state)
{
	struct cc_secret s = {0};
	struct cc_error err = {0};

	(void)state;
	assert_int_equal(cc_secret_new(&s, 0, &err), -1);
	assert_int_equal(cc_secret_new(&s, 1 << 30, &err), -1);
	expect_error(&err, CC_E_NOMEM, "", "out of secure memory");
	assert_null(s.p);
}

static void json_strings_are_cleansed_when_freed(void **state)
{
	json_t *key;

	(void)state;
	cleansed = 0;
	key = json_pack("{s:s}", "d", marker);
	json_decref(key);
	assert_true(cleansed > 0);
}

static void memory_is_locked_now_and_in_future(void **state)
{
	struct cc_error err = {0};

	(void)state;
	mlockall_flags = 0;
	mlockall_errno = 0;
	expect_ok(cc_secret_lock_process(&err), &err);
	assert_int_equal(mlockall_flags, MCL_CURRENT | MCL_FUTURE);
}

static void memory_that_cannot_be_locked_is_an_error(void **state)
{
	struct cc_error err = {0};

	(void)state;
	mlockall_errno = ENOMEM;
	assert_int_equal(cc_secret_init(&err), -1);
	expect_error(&err, CC_E_NOMEM, "", "ulimit -l");
	mlockall_errno = EPERM;
	assert_int_equal(cc_secret_init(&err), -1);
	expect_error(&err, CC_E_PERM, "", "cannot lock memory");
	mlockall_errno = 0;
}

/* In a child, for it cannot be taken back. */
static void a_hardened_process_leaves_no_core_and_cannot_be_traced(void **state)
{
	int status = 0;
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		struct cc_error err = {0};
		struct rlimit core;

		if (cc_secret_init(&err) || getrlimit(RLIMIT_CORE, &core))
			_exit(1);
		_exit(core.rlim_cur || core.rlim_max || prctl(PR_GET_DUMPABLE) ? 2 : 0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_is_no_secret_before_there_is_secure_memory),
		cmocka_unit_test(a_secret_lies_in_the_secure_heap),
		cmocka_unit_test(random_keys_differ_and_so_do_their_halves),
		cmocka_unit_test(a_key_of_equal_halves_is_drawn_again),
		cmocka_unit_test(no_key_is_made_when_the_generator_fails),
		cmocka_unit_test(equality_needs_the_same_length_and_bytes),
		cmocka_unit_test(clearing_twice_is_harmless),
		cmocka_unit_test(an_empty_or_oversized_secret_is_refused),
		cmocka_unit_test(json_strings_are_cleansed_when_freed),
		cmocka_unit_test(memory_is_locked_now_and_in_future),
		cmocka_unit_test(memory_that_cannot_be_locked_is_an_error),
		cmocka_unit_test(a_hardened_process_leaves_no_core_and_cannot_be_traced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
