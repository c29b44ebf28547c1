// SPDX-License-Identifier: Apache-2.0
/* Real LUKS2 headers, in a sparse file in place of a LUN. */
#include "lib_test.h"

#include <fcntl.h>
#include <libcryptsetup.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "dmctl/volume/luks.h"
#include "secret.h"

#define FILE_BYTES (48 * 1024 * 1024)

static const struct cc_volume volume = {
	.name = "pgdata",
	.uuid = "3e2c5a0e-7d1b-4c55-9b6f-0a1b2c3d4e5f",
	.cipher = "aes-xts-plain64",
	.key_bytes = 64,
	.sector_size = 4096,
	.offset = CC_VOLUME_HEADER_SECTORS,
	.sectors = 32768,
	.fs = "ext4",
	.generation = 1,
	.realm = "test",
};

/**
 * struct lun - a file that stands for a LUN.
 * @key: the volume key on it
 */
struct lun {
	char path[32];
	struct cc_secret key;
};

static int make_lun(void **state)
{
	struct lun *l = calloc(1, sizeof(*l));
	struct cc_error err = {0};
	int fd;

	assert_non_null(l);
	strcpy(l->path, "/tmp/luks-test.XXXXXX");
	fd = mkstemp(l->path);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, FILE_BYTES), 0);
	close(fd);
	expect_ok(cc_secret_random(&l->key, 64, &err), &err);
	*state = l;
	return 0;
}

static int make_volume(void **state)
{
	struct cc_error err = {0};
	struct lun *l;

	make_lun(state);
	l = *state;
	expect_ok(luks_format(l->path, &volume, &l->key, &err), &err);
	return 0;
}

static int drop_lun(void **state)
{
	struct lun *l = *state;

	unlink(l->path);
	cc_secret_clear(&l->key);
	free(l);
	return 0;
}

/* Bytes of the whole file, as blocks that hold something else than zeroes would show. */
static void digest_of(const char *path, char out[static 72])
{
	char *buf = malloc(FILE_BYTES);
	int fd = open(path, O_RDONLY);

	assert_non_null(buf);
	assert_int_equal(read(fd, buf, FILE_BYTES), FILE_BYTES);
	close(fd);
	cc_sha256_digest(buf, FILE_BYTES, out);
	free(buf);
}

static void poke(const char *path, off_t at, const void *bytes, size_t n)
{
	int fd = open(path, O_WRONLY);

	assert_int_equal(pwrite(fd, bytes, n, at), n);
	close(fd);
}

static void a_formatted_lun_matches_its_record_and_its_key(void **state)
{
	const struct lun *l = *state;
	struct cc_error err = {0};
	char uuid[37];

	expect_ok(luks_check(l->path, &volume, &err), &err);
	expect_ok(luks_verify_key(l->path, &l->key, &err), &err);
	expect_ok(luks_read_uuid(l->path, uuid, &err), &err);
	assert_string_equal(uuid, volume.uuid);
}

static void the_header_ends_at_16_mib_and_data_starts_at_32(void **state)
{
	const struct lun *l = *state;
	static char buf[FILE_BYTES];
	int fd = open(l->path, O_RDONLY);

	assert_int_equal(read(fd, buf, FILE_BYTES), FILE_BYTES);
	close(fd);
	/* the rest of the first 32 MiB is the rekey journal's, the data area nobody's yet */
	for (size_t i = 16 * 1024 * 1024; i < FILE_BYTES; i++)
		if (buf[i])
			fail_msg("byte %zu is %d", i, buf[i]);
}

static void another_key_is_refused_by_the_digest(void **state)
{
	const struct lun *l = *state;
	struct cc_secret other = {0};
	struct cc_error err = {0};

	expect_ok(cc_secret_random(&other, 64, &err), &err);
	assert_int_equal(luks_verify_key(l->path, &other, &err), -1);
	expect_error(&err, CC_E_INVALID, "key-digest", "not the one of the LUKS2 header");
	cc_secret_clear(&other);
	/* the right bytes, but half as many */
	expect_ok(cc_secret_copy(&other, l->key.p, 32, &err), &err);
	assert_int_equal(luks_verify_key(l->path, &other, &err), -1);
	cc_secret_clear(&other);
}

static void expect_differs(const char *path, const struct cc_volume *v, const char *what)
{
	struct cc_error err = {0};

	assert_int_equal(luks_check(path, v, &err), -1);
	expect_error(&err, CC_E_DEVICE, "", what);
}

static void each_field_that_differs_from_the_record_is_named(void **state)
{
	const struct lun *l = *state;
	struct cc_volume v;

	v = volume;
	strcpy(v.uuid, "3e2c5a0e-7d1b-4c55-9b6f-0a1b2c3d4e60");
	expect_differs(l->path, &v, "the UUID");
	v = volume;
	v.sector_size = 512;
	expect_differs(l->path, &v, "the sector size in the LUKS2 header is 4096");
	v = volume;
	v.offset += 8;
	expect_differs(l->path, &v, "the data offset");
	v = volume;
	v.generation = 2;
	expect_differs(l->path, &v, "the token's key generation");
	v = volume;
	strcpy(v.realm, "elsewhere");
	expect_differs(l->path, &v, "the token's realm");
}

static void set_label(const char *path, const char *label)
{
	struct crypt_device *cd = NULL;

	assert_int_equal(crypt_init(&cd, path), 0);
	assert_int_equal(crypt_load(cd, CRYPT_LUKS2, NULL), 0);
	assert_int_equal(crypt_set_label(cd, label, "container-crypt"), 0);
	crypt_free(cd);
}

/* A label is a link in /dev/disk/by-label, which a file system of the host may have, too. */
static void a_header_has_no_label_and_that_of_before_is_accepted(void **state)
{
	const struct lun *l = *state;
	struct crypt_device *cd = NULL;
	struct cc_error err = {0};

	assert_int_equal(crypt_init(&cd, l->path), 0);
	assert_int_equal(crypt_load(cd, CRYPT_LUKS2, NULL), 0);
	assert_string_equal(crypt_get_label(cd) ?: "", "");
	crypt_free(cd);
	set_label(l->path, "pgdata");
	expect_ok(luks_check(l->path, &volume, &err), &err);
	set_label(l->path, "srv");
	expect_differs(l->path, &volume, "the label in the LUKS2 header is srv");
	set_label(l->path, "");
	expect_ok(luks_check(l->path, &volume, &err), &err);
}

/*
 * What somebody with write access can do: change the metadata and make the checksums right again.
 * One copy is a binary header of 4 KiB, its SHA-256 at 448 (LUKS2 On-Disk Format Specification 1.1,
 * 2.1), and JSON behind it, 16 KiB in all.
 */
#define COPY_BYTES 16384
#define JSON_AT 4096
#define CSUM_AT 448
#define CSUM_FIELD 64

static void rewrite_copy(const char *path, off_t at, const char *from, const char *to)
{
	unsigned char copy[COPY_BYTES];
	char json[COPY_BYTES - JSON_AT];
	int fd = open(path, O_RDWR);
	char *found;

	assert_int_equal(pread(fd, copy, COPY_BYTES, at), COPY_BYTES);
	memcpy(json, copy + JSON_AT, sizeof(json));
	found = strstr(json, from);
	assert_non_null(found);
	snprintf((char *)copy + JSON_AT, sizeof(json), "%.*s%s%s", (int)(found - json), json, to,
		 found + strlen(from));
	memset(copy + CSUM_AT, 0, CSUM_FIELD);
	assert_int_equal(EVP_Digest(copy, COPY_BYTES, copy + CSUM_AT, NULL, EVP_sha256(), NULL), 1);
	assert_int_equal(pwrite(fd, copy, COPY_BYTES, at), COPY_BYTES);
	close(fd);
}

static void rewrite(const char *path, const char *from, const char *to)
{
	rewrite_copy(path, 0, from, to);
	rewrite_copy(path, COPY_BYTES, from, to);
}

static void a_digest_that_would_keep_us_busy_for_hours_is_refused(void **state)
{
	const struct lun *l = *state;
	struct cc_error err = {0};

	rewrite(l->path, "\"iterations\":1000", "\"iterations\":2000000000");
	assert_int_equal(luks_verify_key(l->path, &l->key, &err), -1);
	expect_error(&err, CC_E_DEVICE, "", "digest 0");
	expect_differs(l->path, &volume, "digest 0");
}

static void a_segment_that_does_not_fill_the_lun_is_refused(void **state)
{
	const struct lun *l = *state;

	rewrite(l->path, "\"size\":\"dynamic\"", "\"size\":\"1048576\"");
	expect_differs(l->path, &volume, "the segment's size in the LUKS2 header is 1048576");
}

static void an_iv_offset_is_refused(void **state)
{
	const struct lun *l = *state;

	rewrite(l->path, "\"iv_tweak\":\"0\"", "\"iv_tweak\":\"8\"");
	expect_differs(l->path, &volume, "the IV offset in the LUKS2 header is 8");
}

/* In the header's text. */
static bool has_text(const char *path, const char *text)
{
	static char buf[64 * 1024];
	int fd = open(path, O_RDONLY);

	assert_int_equal(pread(fd, buf, sizeof(buf), 0), sizeof(buf));
	close(fd);
	return memmem(buf, sizeof(buf), text, strlen(text)) != NULL;
}

static void a_renamed_volume_is_found_by_its_uuid_with_either_name_in_its_header(void **state)
{
	const struct lun *l = *state;
	struct cc_volume v = volume, other = volume;
	struct cc_error err = {0};

	strcpy(v.name, "other");
	expect_ok(luks_check(l->path, &v, &err), &err);
	expect_ok(luks_set_name(l->path, &v, &err), &err);
	expect_ok(luks_check(l->path, &v, &err), &err);
	expect_ok(luks_check(l->path, &volume, &err), &err);
	assert_true(has_text(l->path, "\"name\":\"other\""));
	assert_false(has_text(l->path, "\"name\":\"pgdata\""));
	strcpy(other.uuid, "3e2c5a0e-7d1b-4c55-9b6f-0a1b2c3d4e60");
	strcpy(other.name, "third");
	assert_int_equal(luks_set_name(l->path, &other, &err), -1);
	assert_false(has_text(l->path, "third"));
}

static void a_changed_token_is_refused(void **state)
{
	const struct lun *l = *state;

	rewrite(l->path, "\"generation\":1", "\"generation\":7");
	expect_differs(l->path, &volume, "the token's key generation in the LUKS2 header is 7");
}

/*
 * CVE-2025-59054 (dstack) and CVE-2025-58356 (Constellation): whoever writes to the disk puts a
 * LUKS2 header of their own there, with cipher_null-ecb or a keyslot of theirs, and the machine
 * writes its secrets under it. Here keyd's record says what the mapping is made of; a header that
 * says something else is refused, and one that says the same has another key's digest.
 */
static void a_header_replaced_as_in_cve_2025_59054_and_58356_is_refused(void **state)
{
	static const struct {
		const char *from, *to, *part;
	} rows[] = {
		{"\"encryption\":\"aes-xts-plain64\"", "\"encryption\":\"cipher_null-ecb\"",
		 "the cipher in the LUKS2 header is cipher_null-ecb"},
		{"\"encryption\":\"aes-xts-plain64\"", "\"encryption\":\"cipher_null\"",
		 "LUKS2 header"},
		{"\"encryption\":\"aes-xts-plain64\"", "\"encryption\":\"aes-cbc-plain64\"",
		 "the cipher in the LUKS2 header is aes-cbc-plain64"},
		{"\"sector_size\":4096", "\"sector_size\":512",
		 "the sector size in the LUKS2 header is 512"},
		{"\"offset\":\"33554432\"", "\"offset\":\"16777216\"",
		 "the data offset in the LUKS2 header is 32768"},
		{"\"type\":\"crypt\"", "\"type\":\"linear\"", "LUKS2 header"},
		{"\"iterations\":1000", "\"iterations\":2000000000", "digest 0"},
		{"\"hash\":\"sha256\"", "\"hash\":\"sha1\"", NULL},
		/* areas as large as the format has them, over the volume's data */
		{"\"keyslots_size\":\"16744448\"", "\"keyslots_size\":\"134184960\"",
		 "LUKS2 header"},
	};
	struct lun *l = *state;
	struct cc_error err = {0};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rewrite(l->path, rows[i].from, rows[i].to);
		if (rows[i].part && luks_check(l->path, &volume, &err) == 0)
			fail_msg("%s is taken", rows[i].to);
		if (rows[i].part && !strstr(err.text, rows[i].part))
			fail_msg("\"%s\" does not say \"%s\"", err.text, rows[i].part);
		/* what the record does not say anything about, the digest tells */
		assert_int_equal(rows[i].part ? -1 : luks_verify_key(l->path, &l->key, &err), -1);
		assert_int_equal(truncate(l->path, 0), 0);
		assert_int_equal(truncate(l->path, FILE_BYTES), 0);
		expect_ok(luks_format(l->path, &volume, &l->key, &err), &err);
	}
}

static void a_header_of_a_strangers_key_is_refused_by_the_digest_cve_2025_58356(void **state)
{
	const struct lun *l = *state;
	cc_auto_secret struct cc_secret theirs = {0};
	struct cc_error err = {0};

	expect_ok(cc_secret_random(&theirs, 64, &err), &err);
	assert_int_equal(truncate(l->path, 0), 0);
	assert_int_equal(truncate(l->path, FILE_BYTES), 0);
	expect_ok(luks_format(l->path, &volume, &theirs, &err), &err);
	expect_ok(luks_check(l->path, &volume, &err), &err);
	assert_int_equal(luks_verify_key(l->path, &l->key, &err), -1);
	expect_error(&err, CC_E_INVALID, "key-digest", "not the one of the LUKS2 header's digest");
}

/* The file, and the name of the LUN, may lead elsewhere by the time they are used. */
static void a_header_is_restored_as_it_was_checked(void **state)
{
	struct lun *l = *state;
	struct cc_error err = {0};
	char file[] = "/tmp/luks-header.XXXXXX", held[32], target[32];
	int header, lun;

	close(mkstemp(file));
	unlink(file);
	expect_ok(luks_backup(l->path, file, &err), &err);
	header = luks_hold(file, &err);
	assert_true(header >= 0);
	luks_fd_path(header, held);
	expect_ok(luks_check(held, &volume, &err), &err);
	/* somebody changes the file, and moves the LUN's name away */
	assert_int_equal(chmod(file, 0600), 0);
	assert_int_equal(truncate(file, 0), 0);
	lun = open(l->path, O_RDWR);
	assert_true(lun >= 0);
	unlink(l->path);
	luks_fd_path(lun, target);
	assert_int_equal(ftruncate(lun, 0), 0);
	assert_int_equal(ftruncate(lun, FILE_BYTES), 0);
	expect_ok(luks_restore(target, held, &err), &err);
	expect_ok(luks_check(target, &volume, &err), &err);
	expect_ok(luks_verify_key(target, &l->key, &err), &err);
	assert_int_equal(write(header, "x", 1), -1);
	assert_int_not_equal(access(l->path, F_OK), 0);
	close(lun);
	close(header);
	unlink(file);
}

static void what_is_no_backup_is_not_read(void **state)
{
	struct cc_error err = {0};
	char big[] = "/tmp/luks-header.XXXXXX";

	(void)state;
	assert_int_equal(luks_hold("/nonexistent/header", &err), -1);
	expect_error(&err, CC_E_DEVICE, "", "/nonexistent/header");
	assert_int_equal(luks_hold("/dev/zero", &err), -1);
	expect_error(&err, CC_E_INVALID, "", "header-backup");
	close(mkstemp(big));
	assert_int_equal(truncate(big, FILE_BYTES), 0);
	assert_int_equal(luks_hold(big, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "header-backup");
	unlink(big);
}

static void a_damaged_header_is_no_header(void **state)
{
	const struct lun *l = *state;

	/* both copies of the metadata */
	poke(l->path, 4096 + 10, "xxxx", 4);
	poke(l->path, 16384 + 4096 + 10, "xxxx", 4);
	expect_differs(l->path, &volume, "carries no LUKS2 header");
}

static void half_a_header_is_still_known_as_the_volume_s(void **state)
{
	const struct lun *l = *state;
	struct cc_error err = {0};
	char uuid[37];

	/* the binary header is there, the metadata behind it is not: a kill between two writes */
	assert_true(luks_claims(l->path, volume.uuid));
	poke(l->path, 4096, "\0\0\0\0", 4);
	poke(l->path, 16384, "\0\0\0\0\0\0\0\0", 8);
	assert_int_equal(luks_read_uuid(l->path, uuid, &err), -1);
	assert_true(luks_claims(l->path, volume.uuid));
	assert_false(luks_claims(l->path, "3e2c5a0e-7d1b-4c55-9b6f-0a1b2c3d4e60"));
}

static void an_empty_lun_carries_no_header(void **state)
{
	const struct lun *l = *state;
	struct cc_error err = {0};
	char uuid[37];

	expect_differs(l->path, &volume, "carries no LUKS2 header");
	assert_int_equal(luks_read_uuid(l->path, uuid, &err), -1);
	expect_error(&err, CC_E_DEVICE, "", "carries no LUKS2 header");
}

static void a_format_that_fails_leaves_the_lun_as_it_was(void **state)
{
	const struct lun *l = *state;
	struct cc_volume v = volume;
	char before[72], after[72];
	struct cc_error err = {0};
	struct cc_secret key = {0};

	poke(l->path, 20 * 1024 * 1024, "precious", 8);
	digest_of(l->path, before);
	/* no AES key has this length */
	expect_ok(cc_secret_random(&key, 48, &err), &err);
	v.sector_size = 1000;
	assert_int_equal(luks_format(l->path, &v, &key, &err), -1);
	cc_secret_clear(&key);
	digest_of(l->path, after);
	assert_string_equal(before, after);
}

static void a_wiped_lun_is_all_zeroes(void **state)
{
	const struct lun *l = *state;
	struct cc_error err = {0};
	char zeroes[72], after[72];
	char *buf = calloc(1, FILE_BYTES);

	cc_sha256_digest(buf, FILE_BYTES, zeroes);
	free(buf);
	expect_ok(luks_wipe(l->path, &err), &err);
	digest_of(l->path, after);
	assert_string_equal(zeroes, after);
}

static void a_device_that_is_not_there_is_a_device_error(void **state)
{
	struct cc_error err = {0};

	(void)state;
	assert_int_equal(luks_check("/nonexistent", &volume, &err), -1);
	assert_int_equal(err.code, CC_E_DEVICE);
}

static int init_secrets(void **state)
{
	struct cc_error err = {0};

	(void)state;
	return cc_secret_heap_init(&err);
}

#define on_volume(test) cmocka_unit_test_setup_teardown(test, make_volume, drop_lun)
#define on_empty(test) cmocka_unit_test_setup_teardown(test, make_lun, drop_lun)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_volume(a_formatted_lun_matches_its_record_and_its_key),
		on_volume(the_header_ends_at_16_mib_and_data_starts_at_32),
		on_volume(another_key_is_refused_by_the_digest),
		on_volume(each_field_that_differs_from_the_record_is_named),
		on_volume(a_header_has_no_label_and_that_of_before_is_accepted),
		on_volume(a_digest_that_would_keep_us_busy_for_hours_is_refused),
		on_volume(a_segment_that_does_not_fill_the_lun_is_refused),
		on_volume(an_iv_offset_is_refused),
		on_volume(a_renamed_volume_is_found_by_its_uuid_with_either_name_in_its_header),
		on_volume(a_changed_token_is_refused),
		on_volume(a_header_replaced_as_in_cve_2025_59054_and_58356_is_refused),
		on_volume(a_header_of_a_strangers_key_is_refused_by_the_digest_cve_2025_58356),
		on_volume(a_header_is_restored_as_it_was_checked),
		on_empty(what_is_no_backup_is_not_read),
		on_volume(a_damaged_header_is_no_header),
		on_volume(half_a_header_is_still_known_as_the_volume_s),
		on_volume(a_wiped_lun_is_all_zeroes),
		on_empty(an_empty_lun_carries_no_header),
		on_empty(a_format_that_fails_leaves_the_lun_as_it_was),
		cmocka_unit_test(a_device_that_is_not_there_is_a_device_error),
	};

	return cmocka_run_group_tests(tests, init_secrets, NULL);
}
