// SPDX-License-Identifier: Apache-2.0
/* Programs that work on volumes' file systems: what "dmctl ps" says of them. */
#include "lib_test.h"

#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "dmctl/bind/upkeep.h"
#include "dmctl/cli/ps_upkeep.h"

static char dir[] = "/tmp/test-upkeep-XXXXXX";

static pid_t start_program(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void end_program(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static json_t *list(void)
{
	json_t *all = NULL;
	struct cc_error err;

	expect_ok(upkeep_list(dir, &all, &err), &err);
	return all;
}

static void expect_running(size_t n)
{
	cc_auto_json json_t *all = list();

	assert_int_equal(json_array_size(all), n);
}

/* Nothing but the directory itself. */
static void expect_nothing_left(void)
{
	assert_int_equal(rmdir(dir), 0);
	expect_running(0);
}

static void begin(struct upkeep *u, const char *volume, enum upkeep_kind kind, const char *command,
		  pid_t pid)
{
	struct cc_error err;

	expect_ok(upkeep_open(u, dir, volume, &err), &err);
	expect_ok(upkeep_begun(u, kind, command, pid, &err), &err);
}

static const char *text(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key));
}

static void a_program_is_shown_from_its_beginning_to_its_end(void **state)
{
	pid_t pid = start_program(), other = start_program();
	struct upkeep b, a;
	cc_auto_json json_t *all = NULL;
	const json_t *one;

	(void)state;
	begin(&b, "pg.b", UPKEEP_CHECK, "e2fsck -p /dev/mapper/x", other);
	begin(&a, "pg.a", UPKEEP_MAINTAIN, "sh -c 'fsck {}'", pid);
	all = list();
	assert_int_equal(json_array_size(all), 2);
	one = json_array_get(all, 0);
	assert_string_equal(text(one, "volume"), "pg.a");
	assert_string_equal(text(one, "kind"), "maintain");
	assert_string_equal(text(one, "command"), "sh -c 'fsck {}'");
	assert_int_equal(json_integer_value(json_object_get(one, "pid")), pid);
	assert_non_null(text(one, "since"));
	assert_true(json_is_integer(json_object_get(one, "elapsedMs")));
	assert_true(json_is_null(json_object_get(one, "progress")));
	assert_string_equal(text(json_array_get(all, 1), "kind"), "check");
	upkeep_close(&a);
	expect_running(1);
	upkeep_close(&b);
	expect_nothing_left();
	end_program(pid);
	end_program(other);
}

static void what_was_killed_is_not_shown_and_what_it_left_is_removed(void **state)
{
	pid_t pid = start_program();
	struct upkeep u;

	(void)state;
	begin(&u, "vol", UPKEEP_MAINTAIN, "sleep", pid);
	expect_running(1);
	end_program(pid);
	expect_running(0);
	upkeep_forget(dir, "vol");
	upkeep_close(&u);
	expect_nothing_left();
}

static void expect_no_progress(void)
{
	cc_auto_json json_t *all = list();

	assert_true(json_is_null(json_object_get(json_array_get(all, 0), "progress")));
}

static void leave_file(const char *name, const char *said)
{
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(said, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void a_program_is_not_shown_with_the_progress_of_one_that_was_killed(void **state)
{
	static const char *const left[] = {"vol.progress", "vol.progress.new", "vol.json.new"};
	pid_t pid = start_program();
	struct upkeep u;

	(void)state;
	assert_int_equal(mkdir(dir, 0700), 0);
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
		leave_file(left[i], "5 99");
	begin(&u, "vol", UPKEEP_MAINTAIN, "sleep", pid);
	expect_no_progress();
	upkeep_close(&u);
	expect_nothing_left();
	end_program(pid);
}

/* Until the file with the progress has been replaced. */
static void await_progress(int notify)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));

	for (;;) {
		ssize_t n = read(notify, buf, sizeof(buf));

		assert_true(n > 0);
		for (char *p = buf; p < buf + n;) {
			const struct inotify_event *e = (const void *)p;

			if (e->len && strcmp(e->name, "vol.progress") == 0)
				return;
			p += sizeof(*e) + e->len;
		}
	}
}

static void expect_progress(unsigned int pass, unsigned int percent)
{
	cc_auto_json json_t *all = list();
	const json_t *p = json_object_get(json_array_get(all, 0), "progress");

	assert_int_equal(json_integer_value(json_object_get(p, "pass")), pass);
	assert_int_equal(json_integer_value(json_object_get(p, "percent")), percent);
}

static void how_far_a_program_says_that_it_is_is_shown(void **state)
{
	static const char first[] = "nonsense\n1 1 4 /dev/mapper/x\n1 3 4 /dev/",
			  second[] = "mapper/x\n2 9 10 /dev/mapper/x\n";
	pid_t pid = start_program();
	cc_auto_close int notify = inotify_init1(IN_CLOEXEC);
	struct upkeep u;

	(void)state;
	begin(&u, "vol", UPKEEP_MAINTAIN, "e2fsck -C 3", pid);
	assert_true(inotify_add_watch(notify, dir, IN_MOVED_TO) >= 0);
	assert_int_equal(write(u.progress, first, strlen(first)), (ssize_t)strlen(first));
	await_progress(notify);
	expect_progress(1, 25);
	assert_int_equal(write(u.progress, second, strlen(second)), (ssize_t)strlen(second));
	await_progress(notify);
	expect_progress(2, 90);
	upkeep_close(&u);
	expect_nothing_left();
	end_program(pid);
}

static void lines_of_progress_are_those_that_e2fsck_writes(void **state)
{
	static const char *const none[] = {
		"",
		"1",
		"1 2",
		"1 2 3",
		"0 1 2 /dev/x",
		"6 1 2 /x",
		"1 3 2 /dev/x",
		"-1 1 2 /dev/x",
		"1 -1 2 /dev/x",
		"1 1\t-1 /dev/x",
		"1 999999999999999999 999999999999999999 /dev/x",
		"a b c /dev/x",
	};
	char image[64], lines[64], command[512], line[256];
	unsigned int pass = 0, percent = 0, n = 0;
	FILE *f;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(upkeep_progress(none[i], &pass, &percent));
	assert_int_equal(mkdir(dir, 0700), 0);
	snprintf(image, sizeof(image), "%s/image", dir);
	snprintf(lines, sizeof(lines), "%s/lines", dir);
	snprintf(
		command, sizeof(command),
		"/usr/sbin/mke2fs -q -t ext4 %s 16M && /usr/sbin/e2fsck -f -p -C 3 %s 3>%s >/dev/null",
		image, image, lines);
	assert_int_equal(system(command), 0);
	f = fopen(lines, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		assert_true(upkeep_progress(line, &pass, &percent));
		n++;
	}
	fclose(f);
	assert_true(n > 0);
	assert_int_equal(pass, 5);
	assert_int_equal(percent, 100);
	unlink(image);
	unlink(lines);
	rmdir(dir);
}

/* ---- the rows of "dmctl ps" ---------------------------------------------------------------- */

#define BINDINGS                                                              \
	"[{'volume':'a','container':'c0','state':'leased','shown':'leased'}," \
	"{'volume':'b','container':'c1','state':'bound','shown':'bound'}]"
#define UPKEEP                                                                                       \
	"[{'volume':'a','kind':'check','command':'e2fsck -p /dev/mapper/container-crypt-a','pid':7," \
	"'since':'2026-01-02T03:04:05Z','elapsedMs':2000,'progress':null},"                          \
	"{'volume':'c','kind':'maintain','command':'/usr/sbin/e2fsck -f -C 3','pid':1234,"           \
	"'since':'2026-01-02T03:04:05Z','elapsedMs':303000,'progress':{'pass':1,'percent':37}}]"

static json_t *rows_of(const char *bindings)
{
	cc_auto_json json_t *upkeep = json_of(UPKEEP);
	json_t *rows = json_of(bindings);
	struct cc_error err;

	expect_ok(ps_upkeep_add(rows, upkeep, &err), &err);
	return rows;
}

static void a_container_that_waits_for_a_check_has_that_as_its_state(void **state)
{
	cc_auto_json json_t *rows = rows_of(BINDINGS);

	(void)state;
	assert_string_equal(text(json_array_get(rows, 0), "shown"), "check");
	assert_string_equal(text(json_array_get(rows, 0), "container"), "c0");
	assert_string_equal(text(json_array_get(rows, 1), "shown"), "bound");
}

static void a_maintenance_has_a_row_of_its_own(void **state)
{
	cc_auto_json json_t *rows = rows_of(BINDINGS);
	const json_t *row = json_array_get(rows, 2);

	(void)state;
	assert_int_equal(json_array_size(rows), 3);
	assert_string_equal(text(row, "volume"), "c");
	assert_string_equal(text(row, "shown"), "maintain");
	assert_string_equal(text(row, "short"), "e2fsck[1234]");
	assert_string_equal(text(row, "since"), "2026-01-02T03:04:05Z");
	assert_true(ps_upkeep_is(row));
	assert_false(ps_upkeep_is(json_array_get(rows, 0)));
}

static void a_check_whose_binding_is_not_seen_has_a_row_all_the_same(void **state)
{
	cc_auto_json json_t *rows = rows_of("[]");

	(void)state;
	assert_int_equal(json_array_size(rows), 2);
	assert_string_equal(text(json_array_get(rows, 0), "shown"), "check");
}

static void what_runs_is_said_with_its_time_and_progress(void **state)
{
	cc_auto_json json_t *rows = rows_of(BINDINGS);
	cc_auto_free char *said = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&said, &len);

	(void)state;
	ps_upkeep_print(f, rows);
	fclose(f);
	assert_string_equal(
		said, "dmctl: volume a: e2fsck -p /dev/mapper/container-crypt-a (process 7) has "
		      "been running for 2s\n"
		      "dmctl: volume c: /usr/sbin/e2fsck -f -C 3 (process 1234) has been running "
		      "for 5m 3s: pass 1 of 5, 37 %\n");
}

static void scripts_get_containers_and_programs_apart(void **state)
{
	cc_auto_json json_t *rows = rows_of(BINDINGS), *upkeep = ps_upkeep_split(rows);
	cc_auto_json json_t *want = json_of(UPKEEP);

	(void)state;
	assert_int_equal(json_array_size(rows), 2);
	assert_null(json_object_get(json_array_get(rows, 0), "upkeep"));
	assert_true(json_equal(upkeep, want));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_program_is_shown_from_its_beginning_to_its_end),
		cmocka_unit_test(what_was_killed_is_not_shown_and_what_it_left_is_removed),
		cmocka_unit_test(a_program_is_not_shown_with_the_progress_of_one_that_was_killed),
		cmocka_unit_test(how_far_a_program_says_that_it_is_is_shown),
		cmocka_unit_test(lines_of_progress_are_those_that_e2fsck_writes),
		cmocka_unit_test(a_container_that_waits_for_a_check_has_that_as_its_state),
		cmocka_unit_test(a_maintenance_has_a_row_of_its_own),
		cmocka_unit_test(a_check_whose_binding_is_not_seen_has_a_row_all_the_same),
		cmocka_unit_test(what_runs_is_said_with_its_time_and_progress),
		cmocka_unit_test(scripts_get_containers_and_programs_apart),
	};

	return mkdtemp(dir) && rmdir(dir) == 0 ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
