// SPDX-License-Identifier: Apache-2.0
/*
 * The table of engines, with a third row that is made up: nothing outside a row may take one engine
 * for another. And what else a row's name must be in.
 */
#include "lib_test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dmctl/cli/verbs.h"
#include "dmctl/container/measure.h"
#include "dmctl/container/oci.h"
#include "dmctl/engine/engine_group.h"
#include "dmctl/engine/engines.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define ID_C "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

/* ---- three engines, each with containers of its own ---------------------------------------- */

static int find_in(const char *const *ids, const char *id, struct engine_container *c,
		   struct cc_error *err)
{
	for (; *ids; ids++)
		if (strcmp(*ids, id) == 0) {
			c->id = strdup(id);
			return c->id ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
		}
	return cc_fail(err, CC_E_NOTFOUND, "there is no container %s", id);
}

static int find_a(const char *id, struct engine_container *c, struct cc_error *err)
{
	return find_in((const char *const[]){ID_A, NULL}, id, c, err);
}

static int find_b(const char *id, struct engine_container *c, struct cc_error *err)
{
	return find_in((const char *const[]){ID_B, NULL}, id, c, err);
}

static int find_c(const char *id, struct engine_container *c, struct cc_error *err)
{
	return find_in((const char *const[]){ID_A, ID_C, NULL}, id, c, err);
}

static int find_nothing(const char *id, struct engine_container *c, struct cc_error *err)
{
	(void)id;
	(void)c;
	return cc_fail(err, CC_E_UNREACHABLE, "the engine does not answer");
}

static bool always(void)
{
	return true;
}

static pid_t own_hook(const char *list, const json_t *hook, const char *id)
{
	(void)hook;
	return strcmp(list, "poststop") == 0 && strcmp(id, ID_C) == 0 ? 77 : 0;
}

/* Much as containerd's CRI plugin has it below the kubelet's groups. */
static const struct engine_cgroup groups_c[] = {
	{NULL, "cri-", ".scope"},
	{"pods", "", ""},
	{0},
};
static const struct engine_file files_c[] = {{"/etc/hosts", "etc-hosts"}, {0}};
static const char *const scratch_c[] = {"/scratch", NULL};

static const struct engine_cgroup groups_a[] = {{NULL, "docker-", ".scope"}, {0}};
static const struct engine row_a = {
	.name = "docker",
	.program = "dockerd",
	.list_command = "docker ps -a",
	.answer_seconds = 100,
	.cgroups = groups_a,
	.present = always,
	.find = find_a,
};
static const struct engine row_b = {
	.name = "podman",
	.program = "podman",
	.list_command = "podman ps -a",
	.answer_seconds = 4,
	.present = always,
	.find = find_b,
};
static const struct engine row_c = {
	.name = "third",
	.program = "test_dmctl_engine",
	.list_command = "third ps",
	.answer_seconds = 7,
	.cgroups = groups_c,
	.files = files_c,
	.scratch = scratch_c,
	.own_hook = own_hook,
	.present = always,
	.find = find_c,
};
static const struct engine *const rows[] = {&row_a, &row_b, &row_c, NULL};

/* ---- first starts -------------------------------------------------------------------------- */

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/engine-test.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

static const char *mark_path(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void mark(const char *name)
{
	int fd = open(mark_path(name), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	close(fd);
}

/* Whether the mark is still there; removes it. */
static bool marked(const char *name)
{
	return unlink(mark_path(name)) == 0;
}

static void each_engine_is_asked_for_its_own_marks(void **state)
{
	(void)state;
	mark("docker-" ID_A);
	mark("docker-" ID_B);
	mark("podman-" ID_B);
	mark("podman-" ID_A);
	mark("third-" ID_C);
	mark("third-" ID_B);
	measure_forget_removed_in(dir, rows);
	assert_true(marked("docker-" ID_A));
	assert_false(marked("docker-" ID_B));
	assert_true(marked("podman-" ID_B));
	assert_false(marked("podman-" ID_A));
	assert_true(marked("third-" ID_C));
	assert_false(marked("third-" ID_B));
}

static void a_name_may_have_a_dash(void **state)
{
	static const struct engine dashed = {.name = "third-b", .find = find_b};
	static const struct engine *const two[] = {&row_c, &dashed, NULL};

	(void)state;
	mark("third-b-" ID_B);
	mark("third-b-" ID_C);
	measure_forget_removed_in(dir, two);
	assert_true(marked("third-b-" ID_B));
	assert_false(marked("third-b-" ID_C));
}

static void marks_of_an_engine_that_is_not_known_stay(void **state)
{
	static const struct engine *const two[] = {&row_a, &row_b, NULL};

	(void)state;
	mark("third-" ID_C);
	mark("dockerd-" ID_B);
	mark("-" ID_B);
	mark(ID_B);
	mark("docker-" ID_B "0");
	mark("docker-");
	measure_forget_removed_in(dir, two);
	assert_true(marked("third-" ID_C));
	assert_true(marked("dockerd-" ID_B));
	assert_true(marked("-" ID_B));
	assert_true(marked(ID_B));
	assert_true(marked("docker-" ID_B "0"));
	assert_true(marked("docker-"));
}

static void marks_stay_while_an_engine_does_not_answer(void **state)
{
	static const struct engine mute = {.name = "docker", .find = find_nothing};
	static const struct engine *const one[] = {&mute, NULL};

	(void)state;
	mark("docker-" ID_B);
	measure_forget_removed_in(dir, one);
	assert_true(marked("docker-" ID_B));
}

/* ---- control groups ------------------------------------------------------------------------ */

static void expect_group(const char *path, const struct engine *engine, const char *id, size_t len)
{
	struct engine_group g;

	assert_int_equal(engine_group_of(rows, path, &g), 0);
	assert_ptr_equal(g.engine, engine);
	assert_string_equal(g.id, id);
	assert_int_equal(g.len, len);
}

static void a_group_is_its_makers(void **state)
{
	static const char c[] = "/kubepods.slice/cri-" ID_C ".scope";
	static const char below[] = "/kubepods.slice/cri-" ID_C ".scope/docker-" ID_A ".scope";
	static const char pods[] = "/pods/" ID_C "/x";
	struct engine_group g;

	(void)state;
	expect_group(c, &row_c, ID_C, strlen(c));
	expect_group(below, &row_c, ID_C, strlen(c));
	expect_group(pods, &row_c, ID_C, strlen(pods) - 2);
	expect_group("/docker-" ID_A ".scope/cri-" ID_C ".scope", &row_a, ID_A,
		     strlen("/docker-" ID_A ".scope"));
	/* nobody's here, though the real rows know one of them */
	assert_int_equal(engine_group_of(rows, "/libpod-" ID_A, &g), -1);
	assert_int_equal(engine_group_of(engines, c, &g), -1);
}

/* ---- who has a container ------------------------------------------------------------------- */

static void a_container_is_found_wherever_it_is(void **state)
{
	engine_auto_container struct engine_container b = {0}, c = {0};
	struct cc_error err;

	(void)state;
	expect_ok(engine_find(rows, ID_B, NULL, &b, &err), &err);
	assert_ptr_equal(b.engine, &row_b);
	expect_ok(engine_find(rows, ID_C, "third", &c, &err), &err);
	assert_ptr_equal(c.engine, &row_c);
}

static void texts_name_the_engines_there_are(void **state)
{
	engine_auto_container struct engine_container a = {0}, x = {0};
	struct cc_error err;

	(void)state;
	assert_int_equal(engine_find(rows, ID_A, NULL, &a, &err), -1);
	expect_error(&err, CC_E_USAGE, "", "both docker and third have a container " ID_A);
	assert_int_equal(engine_find(rows, "x", NULL, &x, &err), -1);
	expect_error(&err, CC_E_NOTFOUND, "",
		     "neither docker nor podman nor third has a container x; see "
		     "\"docker ps -a\" and \"podman ps -a\" and \"third ps\"");
	assert_int_equal(engine_find(rows, "x", "lxc", &x, &err), -1);
	expect_error(&err, CC_E_USAGE, "", "use docker or podman or third");
}

static void who_is_no_engine_may_wait_as_long_as_the_most_patient_one(void **state)
{
	static const struct engine *const two[] = {&row_a, &row_b, NULL};

	(void)state;
	/* comm has 15 characters */
	assert_int_equal(engine_answer_seconds(rows, getpid()), 100);
	assert_int_equal(engine_answer_seconds(two, 0x7fffffff), 100);
	assert_int_equal(engine_answer_seconds(&two[1], getpid()), 4);
}

static void an_engines_program_has_its_own_limit(void **state)
{
	struct engine own = row_c;
	const struct engine *const with_own[] = {&row_a, &row_b, &own, NULL};

	(void)state;
	own.program = "test_dmctl_engi";
	assert_int_equal(engine_answer_seconds(with_own, getpid()), 7);
}

/* ---- what an engine makes ------------------------------------------------------------------ */

static void only_what_its_own_engine_makes_is_the_engines(void **state)
{
	static char own[] = "/run/third/" ID_C;
	static char *own_dirs[] = {own};
	static const struct cc_strv dirs = {1, own_dirs};
	const struct oci_context theirs = {
		.engine = &row_c, .id = ID_C, .bundle = "/run/bundle", .own_dirs = &dirs};
	const struct oci_context docker = {
		.engine = &engine_docker, .id = ID_C, .bundle = "/run/bundle", .own_dirs = &dirs};
	const struct oci_context *const contexts[] = {&theirs, &docker};
	cc_auto_json json_t *mounts =
		json_of("[{'destination':'/etc/hosts','type':'bind','source':'/run/third/" ID_C
			"/etc-hosts','options':['rbind']},"
			"{'destination':'/scratch','type':'tmpfs','source':'tmpfs'}]");
	struct cc_error err;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		cc_auto_measurement struct cc_measurement *m = cc_measurement_new();

		m->readonly_rootfs = true;
		expect_ok(oci_mounts_parse(mounts, contexts[i], m, &err), &err);
		assert_int_equal(m->mounts[0].engine, i == 0);
		assert_int_equal(m->mounts[1].engine, i == 0);
	}
}

/* ---- the real rows ------------------------------------------------------------------------- */

static void every_row_is_whole(void **state)
{
	(void)state;
	for (const struct engine *const *e = engines; *e; e++) {
		assert_ptr_equal(engine_named(engines, (*e)->name), *e);
		assert_true(strlen((*e)->program) <= 15);
		assert_true((*e)->answer_seconds > 0);
		assert_non_null((*e)->list_command);
		assert_true((*e)->cgroups && (*e)->files);
		assert_true((*e)->present && (*e)->find && (*e)->describe && (*e)->check);
	}
	assert_null(engine_named(engines, "made-up"));
	assert_null(engine_named(engines, NULL));
}

static void every_rows_name_is_in_the_format_of_measurements(void **state)
{
	cc_auto_json json_t *doc = NULL;
	struct cc_error err;

	(void)state;
	for (const struct engine *const *e = engines; *e; e++) {
		cc_auto_measurement struct cc_measurement *m = NULL;

		json_decref(doc);
		doc = json_pack("{s:s}", "engine", (*e)->name);
		/* it lacks all else, which is looked at after that */
		m = cc_measurement_from_json(doc, &err);
		assert_null(m);
		assert_null(strstr(err.text, "engine"));
	}
	json_object_set_new(doc, "engine", json_string("made-up"));
	assert_null(cc_measurement_from_json(doc, &err));
	assert_non_null(strstr(err.text, "engine"));
}

static void every_rows_name_is_in_the_help(void **state)
{
	static char *bind[] = {(char *)"dmctl", (char *)"bind", NULL};
	int words;
	const struct verb *verb = verb_find(2, bind, &words);

	(void)state;
	assert_non_null(verb);
	for (const struct engine *const *e = engines; *e; e++)
		assert_non_null(strstr(verb->options, (*e)->name));
}

int main(void)
{
#define WITH_DIR(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		WITH_DIR(each_engine_is_asked_for_its_own_marks),
		WITH_DIR(a_name_may_have_a_dash),
		WITH_DIR(marks_of_an_engine_that_is_not_known_stay),
		WITH_DIR(marks_stay_while_an_engine_does_not_answer),
		cmocka_unit_test(a_group_is_its_makers),
		cmocka_unit_test(a_container_is_found_wherever_it_is),
		cmocka_unit_test(texts_name_the_engines_there_are),
		cmocka_unit_test(who_is_no_engine_may_wait_as_long_as_the_most_patient_one),
		cmocka_unit_test(an_engines_program_has_its_own_limit),
		cmocka_unit_test(only_what_its_own_engine_makes_is_the_engines),
		cmocka_unit_test(every_row_is_whole),
		cmocka_unit_test(every_rows_name_is_in_the_format_of_measurements),
		cmocka_unit_test(every_rows_name_is_in_the_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
