// SPDX-License-Identifier: Apache-2.0
/* What is kept of refusals: the last one of a container, found by what people call it, bounded. */
#include "lib_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dmctl/bind/refusal.h"

#define ID "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00"

static char dir[64];

static int make_temp(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test_refusal.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_temp(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static void keep(const char *id, const char *name, const char *volume, const char *text,
		 const json_t *more)
{
	struct cc_error e = {0}, err = {0};

	cc_refuse(&e, "cwd", "%s", text);
	expect_ok(refusal_keep(&(struct refusal){.dir = dir,
						 .container = id,
						 .name = name,
						 .engine = "podman",
						 .volume = volume,
						 .err = &e,
						 .more = more},
			       &err),
		  &err);
}

static const json_t *error_of(const json_t *obj)
{
	return json_object_get(obj, "error");
}

static const char *message(const json_t *obj)
{
	return json_string_value(json_object_get(error_of(obj), "message")) ?: "";
}

static void expect_found(const char *what, const char *text)
{
	struct cc_error err = {0};
	cc_auto_json json_t *got = refusal_find(dir, what, &err);

	if (!got)
		fail_msg("%s: %s", what, err.text);
	assert_string_equal(message(got), text);
}

static void expect_none(const char *what)
{
	struct cc_error err = {0};

	assert_null(refusal_find(dir, what, &err));
	assert_int_equal(err.code, CC_E_NOTFOUND);
}

static void it_is_found_by_id_name_and_volume(void **state)
{
	(void)state;
	keep(ID, "web", "pgdata", "cwd: x", NULL);
	expect_found(ID, "cwd: x");
	expect_found("c0ffee", "cwd: x");
	expect_found("web", "cwd: x");
	expect_found("pgdata", "cwd: x");
	expect_none("c0f");
	expect_none("other");
	expect_none("../c0ffee");
}

static void the_last_one_counts(void **state)
{
	(void)state;
	keep(ID, "web", "pgdata", "cwd: first", NULL);
	keep(ID, "web", "pgdata", "cwd: second", NULL);
	expect_found("web", "cwd: second");
	keep("beef01", "db", "pgdata", "cwd: third", NULL);
	expect_found("pgdata", "cwd: third");
	expect_found("web", "cwd: second");
}

static void what_the_caller_knows_beyond_the_error_is_kept_with_it(void **state)
{
	cc_auto_json json_t *more = json_of("{'facts':[{'fact':'cwd','text':'cwd: x'}],"
					    "'factCount':1,'patch':{'process':{'cwd':'/'}}}");
	struct cc_error err = {0};
	cc_auto_json json_t *got = NULL;

	(void)state;
	keep(ID, NULL, "pgdata", "cwd: x", more);
	got = refusal_find(dir, ID, &err);
	assert_true(json_equal(json_object_get(error_of(got), "patch"),
			       json_object_get(more, "patch")));
	assert_true(json_is_null(json_object_get(got, "name")));
	assert_true(json_is_string(json_object_get(got, "time")));
}

static void it_is_for_root_only(void **state)
{
	struct stat st;
	char path[256];

	(void)state;
	snprintf(path, sizeof(path), "%s/made", dir);
	strcpy(dir + strlen(dir), "/made");
	keep(ID, NULL, "pgdata", "cwd: x", NULL);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	snprintf(path, sizeof(path), "%s/" ID ".json", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	*strrchr(dir, '/') = '\0';
}

static void only_so_many_are_kept_and_the_oldest_goes(void **state)
{
	struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	char id[32], path[256];
	struct dirent *e;
	size_t n = 0;
	DIR *d;

	(void)state;
	for (int i = 0; i < REFUSALS_MAX; i++) {
		snprintf(id, sizeof(id), "beef%04d", i);
		keep(id, NULL, "pgdata", "cwd: x", NULL);
	}
	snprintf(path, sizeof(path), "%s/beef0007.json", dir);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
	keep("c0ffee", NULL, "pgdata", "cwd: x", NULL);
	expect_none("beef0007");
	expect_found("beef0006", "cwd: x");
	expect_found("c0ffee", "cwd: x");
	d = opendir(dir);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	assert_int_equal(n, REFUSALS_MAX);
}

static void one_that_is_too_long_is_kept_without_its_patch(void **state)
{
	cc_auto_json json_t *more = json_object(), *got = NULL;
	struct cc_error err = {0};
	static char text[REFUSAL_BYTES_MAX];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	json_object_set_new(more, "patch", json_string(text));
	json_object_set_new(more, "factCount", json_integer(3));
	keep(ID, NULL, "pgdata", "cwd: x", more);
	got = refusal_find(dir, ID, &err);
	assert_non_null(got);
	assert_null(json_object_get(error_of(got), "patch"));
	assert_int_equal(json_integer_value(json_object_get(error_of(got), "factCount")), 3);
}

static void got(const char *id, const char *name, const char *engine, const char *volume)
{
	refusal_forget(&(struct refusal){
		.dir = dir, .container = id, .name = name, .engine = engine, .volume = volume});
}

static void a_container_that_got_the_volume_is_forgotten_as_refused(void **state)
{
	(void)state;
	keep(ID, "web", "pgdata", "cwd: x", NULL);
	got(ID, NULL, NULL, "other");
	expect_found("web", "cwd: x");
	got("beef", NULL, NULL, "pgdata");
	expect_found("web", "cwd: x");
	got(ID, NULL, NULL, "pgdata");
	expect_none("web");
}

static void an_earlier_container_of_that_name_is_forgotten_too(void **state)
{
	(void)state;
	keep(ID, "web", "pgdata", "cwd: x", NULL);
	got("beef", "db", "podman", "pgdata");
	got("beef", "web", "podman", "other");
	got("beef", "web", "docker", "pgdata");
	expect_found("web", "cwd: x");
	got("beef", "web", "podman", "pgdata");
	expect_none("web");
}

/* What cannot be read is nobody's but that container's. */
static void a_damaged_record_goes_with_its_own_container_only(void **state)
{
	char path[300];
	FILE *f;

	(void)state;
	keep(ID, "web", "pgdata", "cwd: x", NULL);
	snprintf(path, sizeof(path), "%s/" ID ".json", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("{\"name\":\"web\",", f);
	assert_int_equal(fclose(f), 0);
	got("beef", "web", "podman", "pgdata");
	assert_int_equal(access(path, F_OK), 0);
	got(ID, "web", "podman", "pgdata");
	assert_int_equal(access(path, F_OK), -1);
}

static void an_id_is_no_path(void **state)
{
	static const char *const bad[] = {"", ".", "..", "../x", "a/b", "a b"};
	struct cc_error e = {0}, err = {0};

	(void)state;
	cc_refuse(&e, "cwd", "cwd: x");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(
			refusal_keep(&(struct refusal){.dir = dir, .container = bad[i], .err = &e},
				     &err),
			-1);
	expect_none("c0ffee");
}

#define dir_test(f) cmocka_unit_test_setup_teardown(f, make_temp, remove_temp)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		dir_test(it_is_found_by_id_name_and_volume),
		dir_test(the_last_one_counts),
		dir_test(what_the_caller_knows_beyond_the_error_is_kept_with_it),
		dir_test(it_is_for_root_only),
		dir_test(only_so_many_are_kept_and_the_oldest_goes),
		dir_test(one_that_is_too_long_is_kept_without_its_patch),
		dir_test(a_container_that_got_the_volume_is_forgotten_as_refused),
		dir_test(an_earlier_container_of_that_name_is_forgotten_too),
		dir_test(a_damaged_record_goes_with_its_own_container_only),
		dir_test(an_id_is_no_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
