// SPDX-License-Identifier: Apache-2.0
/* How the database's write-ahead log gets to its file: before the one sync, or not at all. */
#include "keyd_rows.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- what is done to the file ---- */

static char done[64]; /* 'w' for a write to the log, 's' for a sync of it */
static bool is_full;
static ssize_t (*real_write)(int fd, const void *p, size_t n, off_t at);

static bool is_log(int fd)
{
	char link[32], path[256] = "";
	size_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, path, sizeof(path) - 1) < 0)
		return false;
	len = strlen(path);
	return len > 4 && !strcmp(path + len - 4, "-wal");
}

static void note(char what)
{
	size_t n = strlen(done);

	if (n + 1 < sizeof(done))
		done[n] = what;
}

static ssize_t write_noted(int fd, const void *p, size_t n, off_t at)
{
	if (!is_log(fd))
		return real_write(fd, p, n, at);
	if (is_full) {
		errno = ENOSPC;
		return -1;
	}
	note('w');
	return real_write(fd, p, n, at);
}

/* Stands in for libc's, which SQLite calls. */
int fdatasync(int fd)
{
	if (is_log(fd))
		note('s');
	return (int)syscall(SYS_fdatasync, fd);
}

/* SQLite calls one of both, as it was compiled. */
static void watch(bool on)
{
	static const char *const names[] = {"pwrite64", "pwrite"};
	sqlite3_vfs *vfs = sqlite3_vfs_find("unix");

	for (size_t i = 0; i < 2; i++) {
		if (on && vfs->xGetSystemCall(vfs, names[i]))
			real_write = (ssize_t(*)(int, const void *, size_t,
						 off_t))vfs->xGetSystemCall(vfs, names[i]);
		vfs->xSetSystemCall(vfs, names[i], on ? (sqlite3_syscall_ptr)write_noted : NULL);
	}
	memset(done, 0, sizeof(done));
	is_full = false;
}

/* ---- */

static uint64_t rows_of_log(struct world *w)
{
	struct cc_error err;
	uint64_t rows;

	if (store_audit_verify(w->custodian.store, &rows, &err))
		fail_msg("%s", err.text);
	return rows;
}

static void a_release_is_written_to_the_log_and_synced_once(void **state)
{
	struct world *w = *state;
	size_t writes;
	char id[37];

	hold(w, id);
	watch(true);
	hold(w, id);
	writes = strspn(done, "w");
	assert_true(writes > 0);
	assert_string_equal(done + writes, "s");
	watch(false);
}

static void a_log_that_cannot_be_written_gives_no_key_and_loses_nothing(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	uint64_t before;
	char id[37];

	hold(w, id);
	before = rows_of_log(w);
	watch(true);
	is_full = true;
	g = release_to(w, BOOT_1, CONTAINER_1);
	assert_int_not_equal(g.http, 200);
	assert_null(strstr(g.text, "jwe"));
	assert_null(strchr(done, 's'));
	watch(false);
	assert_int_equal(rows_of_log(w), before);
	hold(w, id);
	assert_int_equal(rows_of_log(w), before + 1);
	reopen_custodian(w);
	assert_false(quarantine_on(&w->custodian));
	assert_int_equal(rows_of_log(w), before + 1);
}

static int count_volume(void *arg, const struct store_volume *v, struct cc_error *err)
{
	(void)v;
	(void)err;
	++*(unsigned int *)arg;
	return 0;
}

static void execute(struct store *st, const char *sql, int want)
{
	assert_int_equal(sqlite3_exec(st->db, sql, NULL, NULL, NULL), want);
}

/* In a transaction that SQLite has no room for: it writes pages to the log before the end. */
static void add_many(struct store *st)
{
	struct store_volume v;
	struct cc_error err;

	execute(st, "PRAGMA cache_size = 10", SQLITE_OK);
	assert_int_equal(store_volume_get(st, "pgdata", &v, &err), 0);
	assert_int_equal(store_begin(st, &err), 0);
	for (unsigned int i = 0; i < 500; i++) {
		snprintf(v.rec.name, sizeof(v.rec.name), "v%u", i);
		snprintf(v.rec.uuid, sizeof(v.rec.uuid), "0b000000-0000-4000-8000-%012u", i);
		assert_int_equal(store_volume_add(st, &v, &err), 0);
	}
}

static struct store *open_another(struct world *w)
{
	struct cc_error err;
	struct store *st = store_open(w->dir, STORE_SERVE, &err);

	assert_non_null(st);
	assert_int_equal(store_start(st, &w->custodian.seal.ops, fake_real, &err), 0);
	return st;
}

static void expect_whole(struct world *w, unsigned int volumes)
{
	store_auto struct store *st = open_another(w);
	struct cc_error err;
	unsigned int n = 0;

	if (store_check(st, &err))
		fail_msg("%s", err.text);
	assert_int_equal(store_volume_each(st, count_volume, &n, &err), 0);
	assert_int_equal(n, volumes);
}

/* SQLite writes pages of a transaction that it has no room for, and reads them back. */
static void a_transaction_that_is_larger_than_memory_is_written_whole(void **state)
{
	struct world *w = *state;
	struct store *st = w->custodian.store;
	struct cc_error err;
	unsigned int n = 0, seen = 0;

	assert_int_equal(store_volume_each(st, count_volume, &n, &err), 0);
	add_many(st);
	assert_int_equal(store_volume_each(st, count_volume, &seen, &err), 0);
	assert_int_equal(seen, n + 500);
	assert_int_equal(store_commit(st, &err), 0);

	expect_whole(w, n + 500);
	rows_of_log(w);
}

/* Another process writes in the place of it; then the first one looks at the log again. */
static void what_was_rolled_back_never_gets_to_the_log_afterwards(void **state)
{
	struct world *w = *state;
	struct store *st = w->custodian.store;
	store_auto struct store *other = NULL;
	struct cc_error err;
	unsigned int n = 0;

	assert_int_equal(store_volume_each(st, count_volume, &n, &err), 0);
	/* SQLite reads nothing of an empty log when it rolls back */
	assert_int_equal(store_checkpoint(st, &err), 0);
	add_many(st);
	assert_int_equal(sqlite3_db_cacheflush(st->db), SQLITE_OK);
	store_rollback(st);
	other = open_another(w);
	add_many(other);
	assert_int_equal(store_commit(other, &err), 0);
	execute(st, "SELECT * FROM volume", SQLITE_OK);
	expect_whole(w, n + 500);
}

/* SQLite may go on without the one statement; what it wrote before that must not be missing. */
static void what_the_disk_had_no_room_for_is_committed_whole_or_not_at_all(void **state)
{
	struct world *w = *state;
	struct store *st = w->custodian.store;
	struct cc_error err;
	unsigned int n = 0;

	assert_int_equal(store_volume_each(st, count_volume, &n, &err), 0);
	add_many(st);
	assert_int_equal(sqlite3_db_cacheflush(st->db), SQLITE_OK);
	watch(true);
	is_full = true;
	assert_int_not_equal(
		sqlite3_exec(st->db, "UPDATE volume SET uuid = uuid || 'x'", NULL, NULL, NULL),
		SQLITE_OK);
	watch(false);
	if (store_is_open(st)) {
		assert_int_equal(store_commit(st, &err), 0);
		n += 500;
	}
	store_rollback(st);
	expect_whole(w, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		rows_test(a_release_is_written_to_the_log_and_synced_once),
		rows_test(a_log_that_cannot_be_written_gives_no_key_and_loses_nothing),
		rows_test(a_transaction_that_is_larger_than_memory_is_written_whole),
		rows_test(what_was_rolled_back_never_gets_to_the_log_afterwards),
		rows_test(what_the_disk_had_no_room_for_is_committed_whole_or_not_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
