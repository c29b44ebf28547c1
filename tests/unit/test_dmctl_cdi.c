// SPDX-License-Identifier: Apache-2.0
/* CDI specs: one file a volume, exactly keyd's volumes. */
#include "lib_test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dmctl/agent/job_kind.h"
#include "dmctl/plugin/cdi.h"
#include "paths.h"
#include "strv.h"

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/test-cdi.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char command[96];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

static bool exists(const char *name)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return stat(path, &st) == 0;
}

static void touch(const char *name)
{
	cc_auto_close int fd = -1;
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
}

static void a_spec_runs_the_hook_at_create_runtime_with_an_empty_environment(void **state)
{
	cc_auto_json json_t *spec = cdi_spec("pgdata");
	json_t *device = json_array_get(json_object_get(spec, "devices"), 0);
	json_t *hook = json_array_get(
		json_object_get(json_object_get(device, "containerEdits"), "hooks"), 0);

	(void)state;
	assert_string_equal(json_string_value(json_object_get(spec, "cdiVersion")), "0.6.0");
	assert_string_equal(json_string_value(json_object_get(spec, "kind")), CC_CDI_KIND);
	assert_string_equal(json_string_value(json_object_get(device, "name")), "pgdata");
	assert_string_equal(json_string_value(json_object_get(hook, "hookName")), "createRuntime");
	assert_string_equal(json_string_value(json_object_get(hook, "path")), CC_HOOK_PATH);
	assert_int_equal(json_array_size(json_object_get(hook, "args")), 3);
	assert_true(json_is_array(json_object_get(hook, "env")));
	assert_int_equal(json_array_size(json_object_get(hook, "env")), 0);
	/* of 300 starts at one moment the last has its turn, though each takes 15 s */
	assert_true(json_integer_value(json_object_get(hook, "timeout")) >=
		    300 / job_lane_places(JOB_LANE_ASKED) * 15);
}

static void the_sample_that_is_shipped_is_what_the_agent_writes(void **state)
{
	cc_auto_json json_t *sample =
		json_load_file("packaging/cdi/container-crypt-pgdata.json", 0, NULL);
	cc_auto_json json_t *spec = cdi_spec("pgdata");

	(void)state;
	assert_true(sample && json_equal(sample, spec));
}

static void the_files_are_those_of_the_volumes(void **state)
{
	char *names[] = {"a", "a.b", "a-b"};
	struct cc_strv volumes = {3, names};
	struct cc_error err;

	(void)state;
	expect_ok(cdi_refresh(dir, &volumes, &err), &err);
	assert_true(exists("container-crypt-a.json") && exists("container-crypt-a.b.json") &&
		    exists("container-crypt-a-b.json"));
	volumes.n = 1;
	expect_ok(cdi_refresh(dir, &volumes, &err), &err);
	assert_true(exists("container-crypt-a.json"));
	assert_false(exists("container-crypt-a.b.json") || exists("container-crypt-a-b.json"));
}

static void leftovers_of_a_crash_go_and_others_files_stay(void **state)
{
	char *names[] = {"a"};
	const struct cc_strv volumes = {1, names};
	struct cc_error err;

	(void)state;
	touch("container-crypt-a.json.AbCdEf");
	touch("nvidia.json");
	expect_ok(cdi_refresh(dir, &volumes, &err), &err);
	assert_false(exists("container-crypt-a.json.AbCdEf"));
	assert_true(exists("nvidia.json") && exists("container-crypt-a.json"));
}

static void a_file_that_is_right_is_not_written_again(void **state)
{
	char *names[] = {"a"};
	const struct cc_strv volumes = {1, names};
	struct stat before, after;
	struct cc_error err;
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/container-crypt-a.json", dir);
	expect_ok(cdi_refresh(dir, &volumes, &err), &err);
	assert_int_equal(stat(path, &before), 0);
	expect_ok(cdi_refresh(dir, &volumes, &err), &err);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(truncate(path, 5), 0);
	expect_ok(cdi_refresh(dir, &volumes, &err), &err);
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_size, after.st_size);
}

static void a_directory_it_makes_may_be_read_by_all(void **state)
{
	static char *names[] = {"pgdata"};
	const struct cc_strv volumes = {.n = 1, .v = names};
	struct cc_error err;
	struct stat st;
	mode_t mask;

	(void)state;
	assert_int_equal(rmdir(dir), 0);
	mask = umask(077);
	expect_ok(cdi_refresh(dir, &volumes, &err), &err);
	umask(mask);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(chmod(dir, 0700), 0); /* what somebody else made stays as it is */
	expect_ok(cdi_refresh(dir, &volumes, &err), &err);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_spec_runs_the_hook_at_create_runtime_with_an_empty_environment),
		cmocka_unit_test(the_sample_that_is_shipped_is_what_the_agent_writes),
		cmocka_unit_test_setup_teardown(the_files_are_those_of_the_volumes, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(leftovers_of_a_crash_go_and_others_files_stay,
						make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_file_that_is_right_is_not_written_again, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(a_directory_it_makes_may_be_read_by_all, make_dir,
						remove_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
