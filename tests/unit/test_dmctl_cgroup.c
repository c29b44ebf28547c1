// SPDX-License-Identifier: Apache-2.0
/* Which container a cgroup path belongs to: the shallowest group an engine made. */
#include "lib_test.h"

#include "dmctl/engine/engine_group.h"
#include "dmctl/host/cgroup.h"
#include "dmctl/engine/engines.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void expect(const char *path, const struct engine *engine, const char *id, const char *group)
{
	struct engine_group m;

	assert_int_equal(engine_group_of(engines, path, &m), 0);
	assert_ptr_equal(m.engine, engine);
	assert_string_equal(m.id, id);
	assert_int_equal(m.len, strlen(group));
}

static void the_groups_of_both_engines_and_drivers_are_known(void **state)
{
	(void)state;
	expect("/docker/" ID_A, &engine_docker, ID_A, "/docker/" ID_A);
	expect("/system.slice/docker-" ID_A ".scope", &engine_docker, ID_A,
	       "/system.slice/docker-" ID_A ".scope");
	expect("/libpod_parent/libpod-" ID_A, &engine_podman, ID_A, "/libpod_parent/libpod-" ID_A);
	expect("/machine.slice/libpod-" ID_A ".scope/container", &engine_podman, ID_A,
	       "/machine.slice/libpod-" ID_A ".scope");
}

static void the_group_below_a_service_that_podman_splits_is_the_containers(void **state)
{
	(void)state;
	expect("/system.slice/db.service/libpod-payload-" ID_A, &engine_podman, ID_A,
	       "/system.slice/db.service/libpod-payload-" ID_A);
	expect("/system.slice/db.service/libpod-payload-" ID_A "/libpod-" ID_B, &engine_podman,
	       ID_A, "/system.slice/db.service/libpod-payload-" ID_A);
}

static void with_the_cgroupfs_driver_dockers_parent_may_be_any(void **state)
{
	(void)state;
	expect("/mine/" ID_A, &engine_docker, ID_A, "/mine/" ID_A);
	expect("/" ID_A, &engine_docker, ID_A, "/" ID_A);
	expect("/a/b/" ID_A "/docker/" ID_B, &engine_docker, ID_A, "/a/b/" ID_A);
}

static void a_group_a_container_made_inside_its_own_does_not_count(void **state)
{
	(void)state;
	expect("/docker/" ID_A "/docker/" ID_B, &engine_docker, ID_A, "/docker/" ID_A);
	expect("/docker/" ID_A "/libpod-" ID_B, &engine_docker, ID_A, "/docker/" ID_A);
	expect("/machine.slice/libpod-" ID_A ".scope/docker-" ID_B ".scope", &engine_podman, ID_A,
	       "/machine.slice/libpod-" ID_A ".scope");
}

static void names_that_only_look_alike_do_not_match(void **state)
{
	static const char *const paths[] = {
		"/",
		"",
		"/docker/" ID_A "a",
		"/docker/A" ID_A,
		"/docker-" ID_A,
		"/docker-" ID_A ".scope2",
		"/libpod-conmon-" ID_A ".scope",
		"/libpod-payload-" ID_A "a",
		"/db.service/supervisor",
		"/docker/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaG",
	};
	struct engine_group m;

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_int_equal(engine_group_of(engines, paths[i], &m), -1);
}

static void a_group_is_as_deep_as_its_path_is_long(void **state)
{
	static const struct {
		const char *path;
		unsigned int level;
	} cases[] = {{"/", 0}, {"", 0}, {"/a", 1}, {"/docker/" ID_A, 2}, {"/a/b/c/", 3}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(cgroup_level(cases[i].path, strlen(cases[i].path)),
				 cases[i].level);
	assert_int_equal(cgroup_level("/docker/" ID_A "/below", strlen("/docker/" ID_A)), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_groups_of_both_engines_and_drivers_are_known),
		cmocka_unit_test(the_group_below_a_service_that_podman_splits_is_the_containers),
		cmocka_unit_test(with_the_cgroupfs_driver_dockers_parent_may_be_any),
		cmocka_unit_test(a_group_a_container_made_inside_its_own_does_not_count),
		cmocka_unit_test(names_that_only_look_alike_do_not_match),
		cmocka_unit_test(a_group_is_as_deep_as_its_path_is_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
