// SPDX-License-Identifier: Apache-2.0
/*
 * A volume is removed, and with it its key: from the database, its log, its copies. Here fsync(),
 * fdatasync() and ftruncate() are the test's: the process dies at any of them, and what is cut off
 * a log is looked at.
 */
#include "keyd_copies.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keyd/custodian/volume_key.h"
#include "keyd/store/store_sql.h"

#define DIED 77
#define CALLS_MAX 200

static unsigned int syncs, die_at; /* 0: it does not */
static unsigned int logs_cut, logs_not_zero;

static int count_sync(long call, int fd)
{
	if (die_at && ++syncs == die_at)
		syscall(SYS_exit_group, DIED);
	return (int)syscall(call, fd);
}

int fsync(int fd)
{
	return count_sync(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return count_sync(SYS_fdatasync, fd);
}

static bool is_log(int fd)
{
	char link[64], path[256] = "";

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return readlink(link, path, sizeof(path) - 1) > 4 && strstr(path, STORE_FILE "-wal");
}

static int cut(int fd, off_t size)
{
	unsigned char bytes[4096];
	ssize_t n;

	if (is_log(fd)) {
		logs_cut++;
		for (off_t at = size; (n = pread(fd, bytes, sizeof(bytes), at)) > 0; at += n)
			for (ssize_t i = 0; i < n; i++)
				logs_not_zero += bytes[i] != 0;
	}
	return (int)syscall(SYS_ftruncate, fd, size);
}

int ftruncate(int fd, off_t size)
{
	return cut(fd, size);
}

/* SQLite's */
int ftruncate64(int fd, off64_t size)
{
	return cut(fd, size);
}

/* ---- the world ---- */

static int setup(void **state)
{
	struct world *w;

	die_at = logs_cut = logs_not_zero = 0;
	world_setup(state);
	w = *state;
	snprintf(w->anchor, sizeof(w->anchor), "%s/anchor", w->dir);
	reopen_custodian(w);
	add_volume(w, "other", UUID_OTHER);
	return 0;
}

static int key_of(struct world *w, const char *name, struct cc_secret *key)
{
	struct custodian *c = &w->custodian;
	struct store_volume v;
	const struct kek *kek;
	struct cc_error err;

	assert_int_equal(store_volume_get(c->store, name, &v, &err), 0);
	kek = domain_find(&c->domain, &c->kek, v.kek_id, &err);
	if (!kek)
		return -1;
	return volume_key_open(kek, &v, key, &err);
}

static bool is_in_file(const struct world *w, const char *name, const void *bytes, size_t len)
{
	cc_auto_free unsigned char *file = calloc(1, 8 * 1024 * 1024);
	int fd = open(path_of(w, name), O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, file, 8 * 1024 * 1024);

	assert_non_null(file);
	if (fd >= 0)
		close(fd);
	return n > 0 && memmem(file, (size_t)n, bytes, len);
}

static json_int_t erased_of(const struct got *g, const char *member)
{
	return json_integer_value(json_object_get(json_object_get(g->body, "erased"), member));
}

static const char *log_of(const struct got *g)
{
	return json_string_value(json_object_get(json_object_get(g->body, "erased"), "log"));
}

/* ---- what is gone ---- */

static void a_copy_of_before_opens_no_key_not_even_with_the_kek(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	struct domain d;
	struct cc_error err = {0};

	copy_as(w, "old");
	g = ask(w, OP_VOLUME_DELETE, "other", NULL);
	assert_int_equal(g.http, 200);
	assert_int_equal(erased_of(&g, "generation"), 1);
	custodian_close(&w->custodian);
	copy_back(w, "old");
	w->anchor[0] = '\0';
	assert_int_equal(start_custodian(w, STORE_SERVE, &err), 0);
	assert_int_equal(
		domain_open(&d, w->custodian.store, &w->custodian.kek, path_of(w, "anchor"), &err),
		-1);
	assert_int_equal(err.code, CC_E_INVALID);
	assert_string_equal(err.fact, "generation");
	domain_close(&d);
}

static void the_secret_and_the_wrapped_keys_are_in_no_file(void **state)
{
	struct world *w = *state;
	unsigned char secret[DOMAIN_SECRET_LEN], domain_key[32];
	struct store_volume v;
	struct cc_error err;

	memcpy(secret, w->custodian.domain.gen[0].secret.p, sizeof(secret));
	assert_int_equal(store_volume_get(w->custodian.store, "other", &v, &err), 0);
	memcpy(domain_key, v.wrapped + 12, sizeof(domain_key));
	assert_true(is_in_file(w, "anchor/" DOMAIN_FILE, secret, sizeof(secret)));
	ask_ok(w, OP_VOLUME_DELETE, "other", NULL);
	assert_false(is_in_file(w, "anchor/" DOMAIN_FILE, secret, sizeof(secret)));
	assert_false(is_in_file(w, STORE_FILE, domain_key, sizeof(domain_key)));
	assert_false(is_in_file(w, STORE_FILE "-wal", domain_key, sizeof(domain_key)));
}

static void what_is_cut_off_the_log_was_overwritten(void **state)
{
	struct world *w = *state;
	auto_got struct got g = ask(w, OP_VOLUME_DELETE, "other", NULL);

	assert_string_equal(log_of(&g), "overwritten");
	assert_true(logs_cut > 0);
	assert_int_equal(logs_not_zero, 0);
}

static void a_log_that_somebody_reads_is_said_to_be_busy(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path_of(w, STORE_FILE), &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN; SELECT * FROM setting", NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_busy_timeout(w->custodian.store->db, 1);
	g = ask(w, OP_VOLUME_DELETE, "other", NULL);
	assert_int_equal(g.http, 200);
	assert_int_equal(erased_of(&g, "generation"), 1);
	assert_string_equal(log_of(&g), "busy");
	sqlite3_close(db);
}

/* ---- what stays ---- */

static void other_volumes_keep_their_keys(void **state)
{
	struct world *w = *state;
	cc_auto_secret struct cc_secret before = {0}, after = {0}, again = {0};
	auto_got struct got g = {0};

	assert_int_equal(key_of(w, "pgdata", &before), 0);
	g = ask(w, OP_VOLUME_DELETE, "other", NULL);
	assert_int_equal(erased_of(&g, "rewrapped"), 1);
	assert_int_equal(key_of(w, "pgdata", &after), 0);
	assert_true(cc_secret_eq(&before, &after));
	reopen_custodian(w);
	assert_int_equal(key_of(w, "pgdata", &again), 0);
	assert_true(cc_secret_eq(&before, &again));
	g = (got_clear(&g), release_to(w, BOOT_1, CONTAINER_1));
	assert_int_equal(g.http, 200);
}

static void more_volumes_than_fit_in_a_transaction_are_wrapped_again(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char name[32], uuid[37];

	sqlite3_exec(w->custodian.store->db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
	for (int i = 0; i < 501; i++) {
		snprintf(name, sizeof(name), "v%d", i);
		snprintf(uuid, sizeof(uuid), "0a000000-0000-4000-8000-%012d", 100 + i);
		ask_ok(w, OP_VOLUME_CREATE, "", volume_body(name, uuid));
	}
	g = ask(w, OP_VOLUME_DELETE, "other", NULL);
	assert_int_equal(erased_of(&g, "rewrapped"), 502);
	assert_int_equal(w->custodian.domain.n, 1);
}

static void a_volume_that_was_never_ready_costs_no_generation(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	ask_ok(w, OP_VOLUME_CREATE, "",
	       volume_body("half", "0a000000-0000-4000-8000-000000000003"));
	g = ask(w, OP_VOLUME_DELETE, "half", NULL);
	assert_int_equal(g.http, 200);
	assert_int_equal(erased_of(&g, "generation"), 0);
	assert_int_equal(w->custodian.domain.gen[0].number, 1);
}

/* Somebody may put it back as it was. */
static void a_key_that_does_not_open_keeps_its_generation(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	add_volume(w, "broken", "0a000000-0000-4000-8000-000000000003");
	tamper(w, "UPDATE volume SET generation = 2 WHERE name = 'broken'");
	g = ask(w, OP_VOLUME_DELETE, "other", NULL);
	assert_int_equal(g.http, 200);
	assert_int_equal(erased_of(&g, "generation"), 0);
	tamper(w, "UPDATE volume SET generation = 1 WHERE name = 'broken'");
	reopen_custodian(w);
	assert_int_equal(w->custodian.domain.n, 1);
	assert_int_equal(w->custodian.domain.gen[0].number, 2);
	assert_int_equal(key_of(w, "broken", &(struct cc_secret){0}), 0);
}

static void keys_under_the_kek_itself_get_a_generation(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	struct store_volume v;
	struct cc_error err;

	assert_int_equal(store_volume_get(w->custodian.store, "pgdata", &v, &err), 0);
	assert_string_not_equal(v.kek_id, w->custodian.kek.id);
	g = ask(w, OP_VOLUME_DELETE, "other", NULL);
	assert_true(
		json_is_null(json_object_get(json_object_get(g.body, "erased"), "copiesBefore")));
	w->custodian.domain.created += 10; /* made before there were generations */
	tamper(w, "UPDATE kek SET created = created + 10 WHERE number = 1");
	g = (got_clear(&g), ask(w, OP_VOLUME_DELETE, "pgdata", NULL));
	assert_string_equal(json_string_value(json_object_get(json_object_get(g.body, "erased"),
							      "copiesBefore")),
			    "2027-01-15T08:00:10Z");
}

static void a_database_of_before_generations_does_not_erase_those_of_the_newest(void **state)
{
	struct world *w = *state;
	struct domain d;
	struct cc_error err = {0};

	tamper(w, "DELETE FROM kek; DELETE FROM setting WHERE key = 'generations'");
	assert_int_equal(domain_open(&d, w->custodian.store, &w->custodian.kek, w->anchor, &err),
			 -1);
	assert_string_equal(err.fact, "generation");
	domain_close(&d);
}

/* The old copy knows the generation that the newest database is under. */
static void in_a_quarantine_nothing_is_erased_that_the_newest_database_needs(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	copy_as(w, "old");
	add_volume(w, "newer", "0a000000-0000-4000-8000-000000000003");
	copy_as(w, "newest");
	custodian_close(&w->custodian);
	copy_back(w, "old");
	open_custodian(w);
	assert_true(quarantine_on(&w->custodian));
	g = ask(w, OP_VOLUME_DELETE, "other", NULL);
	assert_error(&g, 409, "busy", "quarantine");
	ask_ok(w, OP_VOLUME_CREATE, "",
	       volume_body("half", "0a000000-0000-4000-8000-000000000004"));
	g = (got_clear(&g), ask(w, OP_VOLUME_DELETE, "half", NULL));
	assert_int_equal(g.http, 200);
	assert_int_equal(erased_of(&g, "generation"), 0);
	custodian_close(&w->custodian);
	copy_back(w, "newest");
	open_custodian(w);
	fake_boot_ms += 1000000;
	g = (got_clear(&g), release_to(w, BOOT_1, CONTAINER_1));
	if (g.http != 200)
		fail_msg("%s", g.text);
	assert_int_equal(key_of(w, "newer", &(struct cc_secret){0}), 0);
}

/* The copy was made between a removal and what follows it. */
static void in_a_quarantine_what_was_retired_is_not_destroyed(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	struct erased e;

	assert_int_equal(store_kek_retire(w->custodian.store, &err), 0);
	w->custodian.domain.sure = false;
	assert_int_equal(domain_erase(&w->custodian.domain, w->custodian.store, &w->custodian.kek,
				      fake_real, &e, &err),
			 0);
	assert_int_equal(e.generation, 0);
	assert_int_equal(w->custodian.domain.gen[0].number, 1);
	assert_int_equal(key_of(w, "pgdata", &(struct cc_secret){0}), 0);
	reopen_custodian(w);
	assert_int_equal(w->custodian.domain.n, 1);
	assert_int_equal(w->custodian.domain.gen[0].number, 2);
}

static void a_file_that_is_lost_is_an_error_and_makes_no_other(void **state)
{
	struct world *w = *state;
	struct domain d;
	struct cc_error err = {0};

	assert_int_equal(unlink(path_of(w, "anchor/" DOMAIN_FILE)), 0);
	assert_int_equal(domain_open(&d, w->custodian.store, &w->custodian.kek, w->anchor, &err),
			 -1);
	assert_string_equal(err.fact, "generation");
	domain_close(&d);
}

/* ---- whenever it is broken off ---- */

static void snapshot(const struct world *w, const char *from, const char *to)
{
	cc_auto_free char *cmd = NULL;

	assert_true(asprintf(&cmd,
			     "cd %s && rm -rf %s && mkdir -p %s && rm -rf %s/anchor && "
			     "cp -a %s/keyd.db* %s/anchor %s/",
			     w->dir, !strcmp(to, ".") ? "keyd.db-wal keyd.db-shm anchor" : to, to,
			     to, from, from, to) > 0);
	assert_int_equal(system(cmd), 0);
}

static int die_in_child(struct world *w, unsigned int at)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		auto_got struct got g = {0};

		open_custodian(w);
		die_at = at;
		g = ask(w, OP_VOLUME_DELETE, "other", NULL);
		syscall(SYS_exit_group, g.http == 200 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void assert_whole(struct world *w, const struct cc_secret *pgdata)
{
	cc_auto_secret struct cc_secret key = {0}, other = {0};
	const struct domain *d = &w->custodian.domain;
	struct store_volume v;
	struct cc_error err;

	assert_int_equal(key_of(w, "pgdata", &key), 0);
	assert_true(cc_secret_eq(&key, pgdata));
	assert_int_equal(d->n, 1);
	if (store_volume_get(w->custodian.store, "other", &v, &err) == 0) {
		assert_int_equal(d->gen[0].number, 1);
		assert_int_equal(key_of(w, "other", &other), 0);
	} else {
		/* The next number, or one more when it was in the file already. */
		assert_true(d->gen[0].number > 1);
	}
}

static void whenever_keyd_dies_the_next_one_goes_on(void **state)
{
	struct world *w = *state;
	cc_auto_secret struct cc_secret pgdata = {0};
	unsigned char secret[DOMAIN_SECRET_LEN];
	unsigned int at = 0;
	int status;

	assert_int_equal(key_of(w, "pgdata", &pgdata), 0);
	memcpy(secret, w->custodian.domain.gen[0].secret.p, sizeof(secret));
	custodian_close(&w->custodian);
	snapshot(w, ".", "start");
	do {
		snapshot(w, "start", ".");
		status = die_in_child(w, ++at);
		assert_true(status == 0 || status == DIED);
		open_custodian(w);
		assert_whole(w, &pgdata);
		if (w->custodian.domain.gen[0].number > 1)
			assert_false(is_in_file(w, "anchor/" DOMAIN_FILE, secret, sizeof(secret)));
		custodian_close(&w->custodian);
	} while (status == DIED && at < CALLS_MAX);
	assert_int_equal(status, 0);
	print_message("# died at each of %u syncs\n", at - 1);
	assert_true(at > 8);
	open_custodian(w);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, world_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_copy_of_before_opens_no_key_not_even_with_the_kek),
		test(the_secret_and_the_wrapped_keys_are_in_no_file),
		test(what_is_cut_off_the_log_was_overwritten),
		test(a_log_that_somebody_reads_is_said_to_be_busy),
		test(other_volumes_keep_their_keys),
		test(more_volumes_than_fit_in_a_transaction_are_wrapped_again),
		test(a_volume_that_was_never_ready_costs_no_generation),
		test(a_key_that_does_not_open_keeps_its_generation),
		test(keys_under_the_kek_itself_get_a_generation),
		test(a_database_of_before_generations_does_not_erase_those_of_the_newest),
		test(in_a_quarantine_nothing_is_erased_that_the_newest_database_needs),
		test(in_a_quarantine_what_was_retired_is_not_destroyed),
		test(a_file_that_is_lost_is_an_error_and_makes_no_other),
		test(whenever_keyd_dies_the_next_one_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
