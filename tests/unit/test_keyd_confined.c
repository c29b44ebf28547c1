// SPDX-License-Identifier: Apache-2.0
/*
 * The custodian in a process of its own under its real system call filter, while another process,
 * this one, has its database: `sqlite3 .backup`, `keyd check`, `dmctl init` again. What the filter
 * does not allow ends the process by SIGSYS.
 */
#include "keyd_world.h"

#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "decide.h"
#include "decide_env.h"
#include "keyd/confine.h"

#define HELD_MS 300	 /* how long it has to wait */
#define ANSWER_MS 120000 /* a machine may be slow */

/* The custodian's process and our end of the socket to it; the lock on its database. */
struct confined {
	pid_t pid;
	int link;
	sqlite3 *db;
};

/* The filter is loaded with CAP_IPC_LOCK, which an ordinary user has in a namespace of his. */
static int confine_self(void)
{
	struct cc_error err;

	return (geteuid() != 0 && unshare(CLONE_NEWUSER)) || confine_custodian(&err) ? -1 : 0;
}

/* Not _exit(): AddressSanitizer asks for the signal stack before, which the filter ends it for. */
static void leave(int status)
{
	syscall(SYS_exit_group, status);
}

/* Each byte is a request: a volume to set, which writes. The answer is the HTTP status. */
static void be_custodian(struct world *w, int link)
{
	char go;

	snprintf(w->anchor, sizeof(w->anchor), "%s/anchor", w->dir);
	open_custodian(w);
	if (confine_self())
		leave(1);
	while (read(link, &go, 1) == 1) {
		auto_got struct got g =
			ask(w, OP_VOLUME_SET, "pgdata", json_pack("{s:i}", "leaseMs", 300000 + go));

		if (write(link, &g.http, sizeof(g.http)) != sizeof(g.http))
			break;
	}
	leave(0);
}

static int start(void **state)
{
	struct confined *f = calloc(1, sizeof(*f));
	char path[128];
	struct world *w;
	int pair[2];

	assert_non_null(f);
	world_setup(state);
	w = *state;
	custodian_close(&w->custodian); /* SQLite's handles do not go through a fork */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	f->pid = fork();
	assert_true(f->pid >= 0);
	if (f->pid == 0) {
		close(pair[0]);
		be_custodian(w, pair[1]);
	}
	close(pair[1]);
	f->link = pair[0];
	snprintf(path, sizeof(path), "%s/" STORE_FILE, w->dir);
	assert_int_equal(sqlite3_open(path, &f->db), SQLITE_OK);
	w->confined = f;
	return 0;
}

static int stop(void **state)
{
	struct world *w = *state;
	struct confined *f = w->confined;
	int status;

	sqlite3_close(f->db);
	close(f->link);
	assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
	free(f);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fail_msg("the custodian ended with status %x", (unsigned int)status);
	return world_teardown(state);
}

static void send_request(const struct confined *f, char which)
{
	assert_int_equal(write(f->link, &which, 1), 1);
}

static bool answers_within(const struct confined *f, int ms)
{
	struct pollfd p = {f->link, POLLIN, 0};

	return poll(&p, 1, ms) == 1;
}

static int answer_of(const struct confined *f)
{
	int http = 0;

	assert_true(answers_within(f, ANSWER_MS));
	if (read(f->link, &http, sizeof(http)) != sizeof(http))
		fail_msg("the custodian is gone");
	return http;
}

static void lock_database(const struct confined *f)
{
	assert_int_equal(sqlite3_exec(f->db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
}

static void unlock_database(const struct confined *f)
{
	assert_int_equal(sqlite3_exec(f->db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
}

static void a_request_waits_for_the_database(void **state)
{
	const struct confined *f = ((struct world *)*state)->confined;

	send_request(f, 1);
	assert_int_equal(answer_of(f), 200);
	lock_database(f);
	send_request(f, 2);
	assert_false(answers_within(f, HELD_MS));
	unlock_database(f);
	assert_int_equal(answer_of(f), 200);
}

static void it_waits_so_long_and_no_longer(void **state)
{
	const struct confined *f = ((struct world *)*state)->confined;

	send_request(f, 1);
	assert_int_equal(answer_of(f), 200);
	lock_database(f);
	send_request(f, 2);
	assert_int_equal(answer_of(f), 500);
	unlock_database(f);
	send_request(f, 3);
	assert_int_equal(answer_of(f), 200);
}

static void a_backup_is_made_beside_it_and_it_goes_on(void **state)
{
	const struct world *w = *state;
	store_auto struct store *st = NULL;
	char path[128];
	struct cc_error err;
	uint64_t rows;

	send_request(w->confined, 1);
	assert_int_equal(answer_of(w->confined), 200);
	snprintf(path, sizeof(path), "%s/copy", w->dir);
	st = store_open(w->dir, STORE_LOOK, &err);
	assert_non_null(st);
	send_request(w->confined, 2);
	if (store_backup(st, path, &rows, &err))
		fail_msg("%s", err.text);
	assert_int_equal(answer_of(w->confined), 200);
	send_request(w->confined, 3);
	assert_int_equal(answer_of(w->confined), 200);
}

/* Each answer is in the mark before it leaves. */
static void it_writes_the_high_water_mark(void **state)
{
	const struct world *w = *state;
	mark_auto struct mark_file before = {.slots.fd = -1}, after = {.slots.fd = -1};
	struct cc_error err;
	char anchor[80];

	send_request(w->confined, 1);
	assert_int_equal(answer_of(w->confined), 200);
	snprintf(anchor, sizeof(anchor), "%s/anchor", w->dir);
	assert_int_equal(mark_open(&before, anchor, false, &err), 0);
	send_request(w->confined, 2);
	assert_int_equal(answer_of(w->confined), 200);
	assert_int_equal(mark_open(&after, anchor, false, &err), 0);
	assert_int_equal(after.mark.seq, before.mark.seq + 1);
}

/* SQLite sleeps also where no busy handler is asked, when readers race for the log. */
static void every_sleep_of_sqlite_is_allowed(void **state)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find("keyd");
	int status;
	pid_t pid;

	(void)state;
	assert_non_null(vfs);
	pid = fork();
	if (pid == 0)
		leave(confine_self() || vfs->xSleep(vfs, 1500) < 1500);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* As many variables as there may be, in the image and in the container. */
static struct cc_measurement *many_variables(struct cc_identity **id)
{
	cc_auto_json json_t *m = measurement(CONTAINER_1), *pred = predicate(3);
	cc_auto_free char *statement = NULL;
	struct cc_strv subjects = {0};
	json_t *env = json_array();
	struct cc_measurement *out;
	struct cc_error err;

	for (unsigned int i = 0; i < CC_ENV_MAX; i++)
		json_array_append_new(env, json_sprintf("V%u=%u", i * 2654435761U, i));
	json_object_set(json_object_get(m, "image"), "env", env);
	json_object_set_new(json_object_get(m, "config"), "env", env);
	out = cc_measurement_from_json(m, &err);
	assert_non_null(out);
	assert_int_equal(cc_strv_push(&subjects, DIGEST_2, &err), 0);
	statement = cc_identity_statement(pred, &subjects, "registry/app", &err);
	*id = cc_identity_parse(statement, strlen(statement), &err);
	assert_non_null(*id);
	cc_strv_clear(&subjects);
	return out;
}

/* Whatever is measured. Not before the fork as well: what libc asks the kernel it asks once. */
static void a_decision_makes_no_system_call_that_is_not_allowed(void **state)
{
	const struct cc_policy policy = {.volume = "pgdata", .now = 1800000000};
	struct cc_identity *id;
	struct cc_measurement *m = many_variables(&id);
	struct cc_error err = {0};
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0)
		leave(confine_self() || cc_decide(id, m, &policy, &err));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	cc_measurement_free(m);
	cc_identity_free(id);
}

#define confined_test(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		confined_test(a_request_waits_for_the_database),
		confined_test(it_waits_so_long_and_no_longer),
		confined_test(a_backup_is_made_beside_it_and_it_goes_on),
		confined_test(it_writes_the_high_water_mark),
		confined_test(every_sleep_of_sqlite_is_allowed),
		cmocka_unit_test(a_decision_makes_no_system_call_that_is_not_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
