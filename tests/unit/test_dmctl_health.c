// SPDX-License-Identifier: Apache-2.0
/* Health checks: the image's own, and what somebody put in their place. */
#include "lib_test.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "dmctl/engine/engine_store.h"
#include "dmctl/container/measure.h"
#include "dmctl/engine/podman_db.h"
#include "strv.h"

#define IMAGE "{\"config\":{\"Healthcheck\":{\"Test\":[\"CMD\",\"/ok\"],\"Interval\":5}}}"
#define NO_CHECK "{\"config\":{}}"
#define ID "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* Settings for the HealthConfigs @a and @b (NULL: only one) of a container. */
static struct cc_strv settings(const char *a, const char *b, const char *image)
{
	cc_auto_measurement struct cc_measurement *m = cc_measurement_new();
	engine_auto_container struct engine_container c = {0};
	cc_auto_json json_t *first = json_of(a), *second = b ? json_of(b) : NULL;
	struct cc_strv out;
	struct cc_error err;

	expect_ok(engine_add_health(&c, first, &err), &err);
	expect_ok(engine_add_health(&c, second, &err), &err);
	expect_ok(measure_health(c.health, image, strlen(image), m, &err), &err);
	out = m->settings;
	m->settings = (struct cc_strv){0};
	return out;
}

static void the_images_own_or_none_is_no_setting(void **state)
{
	static const char *const configs[] = {
		"{'Test':['CMD','/ok'],'Interval':9}",
		"{'Test':['NONE']}",
		"{'Test':[]}",
		"{'Interval':9}",
		"{}",
		"null",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++)
		assert_int_equal(settings(configs[i], configs[i], IMAGE).n, 0);
}

static void any_other_is_a_setting(void **state)
{
	static const char config[] = "{'Test':['CMD-SHELL','cat /data/*']}";
	static const char setting[] = "healthcheck=[\"CMD-SHELL\",\"cat /data/*\"]";
	struct cc_strv over = settings(config, NULL, IMAGE);
	struct cc_strv new = settings("{}", config, NO_CHECK);

	(void)state;
	assert_int_equal(over.n, 1);
	assert_string_equal(over.v[0], setting);
	assert_int_equal(new.n, 1);
	assert_string_equal(new.v[0], setting);
	cc_strv_clear(&over);
	cc_strv_clear(&new);
}

static void what_is_not_known_is_a_setting(void **state)
{
	cc_auto_measurement struct cc_measurement *m = cc_measurement_new();
	cc_auto_json json_t *health = json_of("['unknown']");
	struct cc_error err;

	(void)state;
	expect_ok(measure_health(health, NO_CHECK, strlen(NO_CHECK), m, &err), &err);
	assert_int_equal(m->settings.n, 1);
	assert_string_equal(m->settings.v[0], "healthcheck=\"unknown\"");
}

/* ---- podman's data base -------------------------------------------------------------------- */

static void make_db(const char *dir, const char *sql)
{
	char path[64];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/db.sql", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA journal_mode=WAL", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void podmans_configuration_is_read_by_id(void **state)
{
	char dir[] = "/tmp/test-health.XXXXXX", command[64];
	cc_auto_json json_t *config = NULL, *none = NULL;
	struct cc_error err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	const char *const dirs[] = {"/nowhere", dir, NULL};

	assert_null(podman_db_config(dirs, ID, &err));
	expect_error(&err, CC_E_NOTFOUND, "", "no database");
	make_db(dir, "CREATE TABLE ContainerConfig(ID TEXT PRIMARY KEY, JSON TEXT);"
		     "INSERT INTO ContainerConfig VALUES('" ID
		     "', '{\"healthcheck\":{\"Test\":[\"CMD\",\"x\"]}}');"
		     "INSERT INTO ContainerConfig VALUES('bad', '{');");
	config = podman_db_config(dirs, ID, &err);
	assert_non_null(json_object_get(config, "healthcheck"));
	assert_null(podman_db_config(dirs, "bbbb", &err));
	expect_error(&err, CC_E_NOTFOUND, "", "no database");
	assert_null(podman_db_config(dirs, "bad", &err));
	expect_error(&err, CC_E_INVALID, "", "line 1");
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

static void another_data_base_is_an_error(void **state)
{
	char dir[] = "/tmp/test-health.XXXXXX", command[64];
	struct cc_error err;

	(void)state;
	assert_non_null(mkdtemp(dir));
	make_db(dir, "CREATE TABLE Other(ID TEXT)");
	assert_null(podman_db_config((const char *const[]){dir, NULL}, ID, &err));
	expect_error(&err, CC_E_INTERNAL, "", "ContainerConfig");
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_images_own_or_none_is_no_setting),
		cmocka_unit_test(any_other_is_a_setting),
		cmocka_unit_test(what_is_not_known_is_a_setting),
		cmocka_unit_test(podmans_configuration_is_read_by_id),
		cmocka_unit_test(another_data_base_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
