// SPDX-License-Identifier: Apache-2.0
/* The key-encryption key: its file, and what it wraps. */
#include "keyd_world.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "keyd/custodian/kek.h"

static const struct kek_use pgdata = {"pgdata", UUID_PGDATA, 1, "aes-xts-plain64", 64, KEK_READY};

static struct kek kek_of(const char *bytes)
{
	struct cc_secret key = {0};
	struct kek kek = {0};
	struct cc_error err;

	assert_int_equal(cc_secret_copy(&key, bytes, KEK_LEN, &err), 0);
	assert_int_equal(kek_from_secret(&key, &kek, &err), 0);
	return kek;
}

static void a_wrapped_key_comes_back(void **state)
{
	kek_auto struct kek kek = kek_of("0123456789abcdef0123456789abcdef");
	cc_auto_secret struct cc_secret key = {0}, back = {0};
	unsigned char wrapped[KEK_WRAPPED_MAX], again[KEK_WRAPPED_MAX];
	struct cc_error err;
	size_t len;

	(void)state;
	assert_int_equal(cc_secret_random(&key, 64, &err), 0);
	assert_int_equal(kek_wrap(&kek, &pgdata, &key, wrapped, &len, &err), 0);
	assert_int_equal(len, 64 + KEK_OVERHEAD);
	assert_null(memmem(wrapped, len, key.p, 8));
	assert_int_equal(kek_unwrap(&kek, &pgdata, wrapped, len, &back, &err), 0);
	assert_true(cc_secret_eq(&key, &back));
	/* Another nonce each time. */
	assert_int_equal(kek_wrap(&kek, &pgdata, &key, again, &len, &err), 0);
	assert_memory_not_equal(wrapped, again, 12);
}

static void a_wrapped_key_opens_only_where_it_belongs(void **state)
{
	static const struct kek_use others[] = {
		{"pgdata", UUID_OTHER, 1, "aes-xts-plain64", 64, KEK_READY},
		{"other", UUID_PGDATA, 1, "aes-xts-plain64", 64, KEK_READY},
		{NULL, UUID_PGDATA, 1, "aes-xts-plain64", 64, KEK_READY},
		{"pgdata", UUID_PGDATA, 2, "aes-xts-plain64", 64, KEK_READY},
		{"pgdata", UUID_PGDATA, 1, "aes-xts-plain", 64, KEK_READY},
		{"pgdata", UUID_PGDATA, 1, "aes-xts-plain64", 32, KEK_READY},
		{"pgdata", UUID_PGDATA, 1, "aes-xts-plain64", 64, KEK_CREATING},
		{"pgdata", UUID_PGDATA, 1, "aes-xts-plain64", 64, KEK_ANY},
		/* Lengths are part of what is authenticated: the same bytes, split elsewhere. */
		{"pgdata", UUID_PGDATA "a", 1, "es-xts-plain64", 64, KEK_READY},
	};
	kek_auto struct kek kek = kek_of("0123456789abcdef0123456789abcdef");
	kek_auto struct kek other = kek_of("1123456789abcdef0123456789abcdef");
	cc_auto_secret struct cc_secret key = {0};
	unsigned char wrapped[KEK_WRAPPED_MAX];
	struct cc_secret back = {0};
	struct cc_error err;
	size_t len;

	(void)state;
	assert_int_equal(cc_secret_random(&key, 64, &err), 0);
	assert_int_equal(kek_wrap(&kek, &pgdata, &key, wrapped, &len, &err), 0);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_int_equal(kek_unwrap(&kek, &others[i], wrapped, len, &back, &err), -1);
		assert_string_equal(err.fact, "wrapped-key");
		assert_null(back.p);
	}
	assert_int_equal(kek_unwrap(&other, &pgdata, wrapped, len, &back, &err), -1);
	/* The id is part of it even where the key is the same. */
	strcpy(kek.id, "00000000000000000000000000000000");
	assert_int_equal(kek_unwrap(&kek, &pgdata, wrapped, len, &back, &err), -1);
	assert_null(back.p);
}

static void every_changed_byte_and_length_is_noticed(void **state)
{
	kek_auto struct kek kek = kek_of("0123456789abcdef0123456789abcdef");
	cc_auto_secret struct cc_secret key = {0};
	unsigned char wrapped[KEK_WRAPPED_MAX];
	struct cc_secret back = {0};
	struct cc_error err;
	size_t len;

	(void)state;
	assert_int_equal(cc_secret_random(&key, 64, &err), 0);
	assert_int_equal(kek_wrap(&kek, &pgdata, &key, wrapped, &len, &err), 0);
	for (size_t i = 0; i < len; i++) {
		wrapped[i] ^= 1;
		assert_int_equal(kek_unwrap(&kek, &pgdata, wrapped, len, &back, &err), -1);
		wrapped[i] ^= 1;
		assert_int_equal(kek_unwrap(&kek, &pgdata, wrapped, i, &back, &err), -1);
	}
	assert_null(back.p);
}

static void a_key_of_another_size_is_not_wrapped(void **state)
{
	kek_auto struct kek kek = kek_of("0123456789abcdef0123456789abcdef");
	cc_auto_secret struct cc_secret key = {0};
	unsigned char wrapped[KEK_WRAPPED_MAX];
	struct cc_error err;
	size_t len;

	(void)state;
	assert_int_equal(cc_secret_random(&key, 32, &err), 0);
	assert_int_equal(kek_wrap(&kek, &pgdata, &key, wrapped, &len, &err), -1);
}

static void the_id_tells_keys_apart_and_nothing_of_the_key(void **state)
{
	kek_auto struct kek a = kek_of("0123456789abcdef0123456789abcdef");
	kek_auto struct kek b = kek_of("0123456789abcdef0123456789abcdeg");

	(void)state;
	/*
	 * printf 'container-crypt kek id0123456789abcdef0123456789abcdef' | sha256sum | cut -c 1-32
	 */
	assert_string_equal(a.id, "1d1fa2debbf91d258cda0568336d40f6");
	assert_string_not_equal(a.id, b.id);
}

/* ---- the file ---- */

/* Ownership is what these are about. */
static void need_root(void)
{
	if (geteuid() != 0)
		skip();
}

static int dir_setup(void **state)
{
	char *dir = strdup("/tmp/test-kek-XXXXXX");

	*state = mkdtemp(dir);
	return *state ? 0 : -1;
}

static int dir_teardown(void **state)
{
	nftw(*state, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(*state);
	return 0;
}

static void the_file_is_made_once_and_only_for_root(void **state)
{
	kek_auto struct kek first = {0}, second = {0};
	cc_auto_free char *path = NULL;
	struct cc_error err;
	struct stat sb;
	bool made;

	need_root();
	assert_true(asprintf(&path, "%s/kek", (char *)*state) > 0);
	assert_int_equal(kek_create(path, &made, &err), 0);
	assert_true(made);
	assert_int_equal(stat(path, &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0600);
	assert_int_equal(sb.st_size, KEK_LEN);
	assert_int_equal(kek_load(path, &first, &err), 0);
	assert_int_equal(kek_create(path, &made, &err), 0);
	assert_false(made);
	assert_int_equal(kek_load(path, &second, &err), 0);
	assert_string_equal(first.id, second.id);
}

static void files_that_others_can_read_or_that_are_no_key_are_refused(void **state)
{
	static const struct {
		const char *what;
		mode_t mode;
		off_t size;
		uid_t owner;
		enum cc_code code;
	} cases[] = {
		{"group may read", 0640, 32, 0, CC_E_PERM},
		{"all may read", 0644, 32, 0, CC_E_PERM},
		{"setuid", 04600, 32, 0, CC_E_PERM},
		{"another owner", 0600, 32, 65534, CC_E_PERM},
		{"short", 0600, 31, 0, CC_E_INVALID},
		{"long", 0600, 33, 0, CC_E_INVALID},
		{"empty", 0600, 0, 0, CC_E_INVALID},
		{"good", 0600, 32, 0, CC_OK},
		{"read-only", 0400, 32, 0, CC_OK},
	};

	need_root();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		kek_auto struct kek kek = {0};
		cc_auto_free char *path = NULL;
		struct cc_error err = {0};
		int fd;

		print_message("# %s\n", cases[i].what);
		assert_true(asprintf(&path, "%s/kek%zu", (char *)*state, i) > 0);
		fd = open(path, O_CREAT | O_WRONLY, 0600);
		assert_int_equal(ftruncate(fd, cases[i].size), 0);
		assert_int_equal(fchown(fd, cases[i].owner, 0), 0);
		assert_int_equal(fchmod(fd, cases[i].mode), 0);
		close(fd);
		assert_int_equal(kek_load(path, &kek, &err), cases[i].code ? -1 : 0);
		assert_int_equal(err.code, cases[i].code);
	}
}

static void links_directories_and_nothing_are_no_key(void **state)
{
	cc_auto_free char *path = NULL, *link = NULL;
	struct kek kek = {0};
	struct cc_error err;
	bool made;

	need_root();
	assert_true(asprintf(&path, "%s/kek", (char *)*state) > 0);
	assert_true(asprintf(&link, "%s/link", (char *)*state) > 0);
	assert_int_equal(kek_load(path, &kek, &err), -1);
	assert_int_equal(err.code, CC_E_NOTFOUND);
	assert_int_equal(kek_load(*state, &kek, &err), -1);
	assert_int_equal(kek_create(path, &made, &err), 0);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(kek_load(link, &kek, &err), -1);
}

static void a_credential_takes_the_files_place(void **state)
{
	kek_auto struct kek file = {0}, credential = {0}, without = {0};
	cc_auto_free char *path = NULL, *dir = NULL, *cred = NULL;
	struct cc_error err;
	bool made;

	need_root();
	assert_true(asprintf(&path, "%s/kek", (char *)*state) > 0);
	assert_true(asprintf(&dir, "%s/cred", (char *)*state) > 0);
	assert_true(asprintf(&cred, "%s/cred/kek", (char *)*state) > 0);
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(kek_create(path, &made, &err), 0);
	assert_int_equal(kek_create(cred, &made, &err), 0);
	assert_int_equal(kek_load(path, &file, &err), 0);
	setenv("CREDENTIALS_DIRECTORY", dir, 1);
	assert_true(kek_is_credential());
	assert_int_equal(kek_load(path, &credential, &err), 0);
	assert_string_not_equal(file.id, credential.id);
	/* Other credentials do not get in the way. */
	assert_int_equal(unlink(cred), 0);
	assert_false(kek_is_credential());
	assert_int_equal(kek_load(path, &without, &err), 0);
	assert_string_equal(without.id, file.id);
	unsetenv("CREDENTIALS_DIRECTORY");
}

static int heap(void **state)
{
	struct cc_error err;

	(void)state;
	return cc_secret_heap_init(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wrapped_key_comes_back),
		cmocka_unit_test(a_wrapped_key_opens_only_where_it_belongs),
		cmocka_unit_test(every_changed_byte_and_length_is_noticed),
		cmocka_unit_test(a_key_of_another_size_is_not_wrapped),
		cmocka_unit_test(the_id_tells_keys_apart_and_nothing_of_the_key),
		cmocka_unit_test_setup_teardown(the_file_is_made_once_and_only_for_root, dir_setup,
						dir_teardown),
		cmocka_unit_test_setup_teardown(
			files_that_others_can_read_or_that_are_no_key_are_refused, dir_setup,
			dir_teardown),
		cmocka_unit_test_setup_teardown(links_directories_and_nothing_are_no_key, dir_setup,
						dir_teardown),
		cmocka_unit_test_setup_teardown(a_credential_takes_the_files_place, dir_setup,
						dir_teardown),
	};

	return cmocka_run_group_tests(tests, heap, NULL);
}
