// SPDX-License-Identifier: Apache-2.0
/* An image's own configuration. */
#include "lib_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "dmctl/container/image_config.h"
#include "dmctl/container/measure.h"
#include "dmctl/container/start_mark.h"

static int parse(const char *single_quoted, struct image_config *c, struct cc_error *err)
{
	cc_auto_json json_t *doc = json_of(single_quoted);
	cc_auto_free char *text = json_dumps(doc, JSON_COMPACT);

	return image_config_parse(text, strlen(text), c, err);
}

static void entrypoint_and_command_make_the_arguments(void **state)
{
	cc_cleanup(image_config_clear) struct image_config c = {0};
	struct cc_error err;

	(void)state;
	expect_ok(
		parse("{'config':{'Entrypoint':['/app','-x'],'Cmd':['y'],'Env':['A=b'],'User':'pg',"
		      "'WorkingDir':'/srv'},'rootfs':{}}",
		      &c, &err),
		&err);
	assert_int_equal(c.args.n, 3);
	assert_string_equal(c.args.v[2], "y");
	assert_string_equal(c.env.v[0], "A=b");
	assert_string_equal(c.cwd, "/srv");
	assert_string_equal(c.user, "pg");
}

static void what_the_image_does_not_say_is_the_root_users_root(void **state)
{
	cc_cleanup(image_config_clear) struct image_config c = {0};
	struct cc_error err;

	(void)state;
	expect_ok(parse("{'config':{'Entrypoint':null,'Cmd':null,'Env':null,'WorkingDir':''}}", &c,
			&err),
		  &err);
	assert_int_equal(c.args.n + c.env.n, 0);
	assert_string_equal(c.cwd, "/");
	assert_string_equal(c.user, "");
}

/* Build packs keep their bill of materials in labels. */
static void an_image_with_360_kib_of_labels_is_read(void **state)
{
	static const size_t size = 360 * 1024;
	cc_cleanup(image_config_clear) struct image_config c = {0};
	cc_auto_free char *label = calloc(1, size + 1), *text = NULL;
	struct cc_error err;

	(void)state;
	memset(label, 'x', size);
	assert_true(asprintf(&text, "{\"config\":{\"Cmd\":[\"/app\"],\"Labels\":{\"bom\":\"%s\"}}}",
			     label) > 0);
	expect_ok(image_config_parse(text, strlen(text), &c, &err), &err);
	assert_string_equal(c.args.v[0], "/app");
}

static void malformed_ones_are_refused(void **state)
{
	static const char *const texts[] = {
		"[]",
		"{}",
		"{'config':[]}",
		"{'config':{'Cmd':'sh'}}",
		"{'config':{'Env':[1]}}",
		"{'config':{'User':0}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		cc_cleanup(image_config_clear) struct image_config c = {0};
		struct cc_error err;

		assert_int_equal(parse(texts[i], &c, &err), -1);
		assert_int_equal(err.code, CC_E_INVALID);
	}
}

#define PASSWD_LINE "app:x:7:8::/:/bin/sh\n"

/* A root file system with an empty /etc. */
static void make_root(char root[static 32])
{
	char path[64];

	snprintf(root, 32, "/tmp/cc-image.XXXXXX");
	assert_non_null(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/etc", root);
	assert_int_equal(mkdir(path, 0755), 0);
}

static void remove_root(const char *root)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/etc/passwd", root);
	unlink(path);
	snprintf(path, sizeof(path), "%s/etc", root);
	rmdir(path);
	rmdir(root);
}

static int passwd_open(const char *root)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/etc/passwd", root);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	return fd;
}

static void a_user_is_looked_up_in_the_images_passwd(void **state)
{
	struct cc_user u = {0};
	struct cc_error err;
	char root[32];
	int fd;

	(void)state;
	make_root(root);
	fd = passwd_open(root);
	assert_int_equal(write(fd, PASSWD_LINE, strlen(PASSWD_LINE)), strlen(PASSWD_LINE));
	close(fd);
	expect_ok(image_user("app", root, &u, &err), &err);
	assert_int_equal(u.uid, 7);
	assert_int_equal(u.gid, 8);
	remove_root(root);
}

static void write_passwd(const char *root, const char *line)
{
	int fd = passwd_open(root);

	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(write(fd, line, strlen(line)), strlen(line));
	close(fd);
}

/* As measured of this very process, with the mark that @marks has of it. */
static uint32_t measured_uid(const char *marks, const char *root)
{
	measure_auto struct measured s = MEASURED_NONE;
	start_mark_auto struct start_mark k = {0};
	struct cc_error err;

	s.m = cc_measurement_new();
	expect_ok(proc_open(&s.proc, getpid(), &err), &err);
	start_mark_load(marks, "docker", "c0ffee", &k);
	expect_ok(measure_image_user(&s, &k, "app", root, &err), &err);
	return s.m->image_user.uid;
}

static void remember_user(const char *marks, struct cc_user user, uint64_t older)
{
	proc_auto_ref struct proc_ref p = PROC_REF_NONE;
	struct start_mark k = {.pid = getpid(), .settled = true, .user = user};
	struct cc_error err;

	expect_ok(proc_open(&p, getpid(), &err), &err);
	k.start_time = p.start_time - older;
	expect_ok(start_mark_save(marks, "docker", "c0ffee", &k, &err), &err);
}

static void a_bound_container_that_changes_its_passwd_keeps_its_user(void **state)
{
	char root[32], marks[48];
	struct cc_error err;

	(void)state;
	make_root(root);
	snprintf(marks, sizeof(marks), "%s/marks", root);
	write_passwd(root, PASSWD_LINE);
	assert_int_equal(measured_uid(marks, root), 7);
	remember_user(marks, (struct cc_user){.uid = 7, .gid = 8}, 0);
	write_passwd(root, "app:x:9:8::/:\n");
	assert_int_equal(measured_uid(marks, root), 7);
	/* of another process of that container nothing is settled */
	remember_user(marks, (struct cc_user){.uid = 7, .gid = 8}, 1);
	assert_int_equal(measured_uid(marks, root), 9);
	expect_ok(start_mark_remove(marks, "docker", "c0ffee", &err), &err);
	rmdir(marks);
	remove_root(root);
}

static void a_home_is_that_of_the_user(void **state)
{
	static const char lines[] = "root:x:0:0::/root:\ntoor:x:0:0::/:\nx:x:5:5:::\n";
	char root[32];
	int fd;

	(void)state;
	make_root(root);
	assert_true(image_home_is("/", 0, "/srv", root));
	assert_true(image_home_is("/srv", 0, "/srv", root));
	assert_true(image_home_is("", 0, "/srv", root)); /* Podman's, without a passwd file */
	fd = passwd_open(root);
	assert_int_equal(write(fd, lines, strlen(lines)), strlen(lines));
	close(fd);
	assert_true(image_home_is("/root", 0, "/srv", root));
	assert_true(image_home_is("/", 0, "/srv", root)); /* of the other name */
	assert_false(image_home_is("/srv", 0, "/srv", root));
	assert_false(image_home_is("", 0, "/srv", root));
	assert_false(image_home_is("/root/", 0, "/srv", root));
	assert_true(image_home_is("/", 5, "/srv", root));
	assert_true(image_home_is("/", 1000, "/srv", root));
	assert_true(image_home_is("/srv", 1000, "/srv", root));
	assert_false(image_home_is("/root", 1000, "/srv", root));
	remove_root(root);
}

/* To open a device is to use it. */
static void what_is_no_file_is_not_even_opened(void **state)
{
	cc_auto_close int watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	char root[32], path[64], event[512];
	struct cc_user u = {0};
	struct cc_error err;

	(void)state;
	make_root(root);
	snprintf(path, sizeof(path), "%s/etc/passwd", root);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_true(inotify_add_watch(watch, path, IN_OPEN) >= 0);
	assert_int_equal(image_user("app", root, &u, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "not in its /etc/passwd");
	assert_int_equal(read(watch, event, sizeof(event)), -1);
	assert_int_equal(errno, EAGAIN);
	remove_root(root);
}

static void a_file_without_end_is_not_read(void **state)
{
	struct cc_user u = {0};
	struct cc_error err;
	char root[32];
	int fd;

	(void)state;
	make_root(root);
	fd = passwd_open(root);
	assert_int_equal(write(fd, PASSWD_LINE, strlen(PASSWD_LINE)), strlen(PASSWD_LINE));
	assert_int_equal(ftruncate(fd, 1 << 30), 0);
	close(fd);
	assert_int_equal(image_user("app", root, &u, &err), -1);
	remove_root(root);
}

static void a_user_in_more_groups_than_anybody_has_is_refused(void **state)
{
	struct cc_user u = {0};
	struct cc_error err;
	char root[32], path[64];
	FILE *f;
	int fd;

	(void)state;
	make_root(root);
	fd = passwd_open(root);
	assert_int_equal(write(fd, PASSWD_LINE, strlen(PASSWD_LINE)), strlen(PASSWD_LINE));
	close(fd);
	snprintf(path, sizeof(path), "%s/etc/group", root);
	f = fopen(path, "w");
	assert_non_null(f);
	for (int i = 0; i < 12000; i++)
		fprintf(f, "g%d:x:%d:app\n", i, 10000 + i);
	fclose(f);
	assert_int_equal(image_user("app", root, &u, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "more than 256 groups");
	free(u.groups);
	assert_int_equal(unlink(path), 0);
	remove_root(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entrypoint_and_command_make_the_arguments),
		cmocka_unit_test(what_the_image_does_not_say_is_the_root_users_root),
		cmocka_unit_test(an_image_with_360_kib_of_labels_is_read),
		cmocka_unit_test(malformed_ones_are_refused),
		cmocka_unit_test(a_user_is_looked_up_in_the_images_passwd),
		cmocka_unit_test(a_home_is_that_of_the_user),
		cmocka_unit_test(what_is_no_file_is_not_even_opened),
		cmocka_unit_test(a_file_without_end_is_not_read),
		cmocka_unit_test(a_user_in_more_groups_than_anybody_has_is_refused),
		cmocka_unit_test(a_bound_container_that_changes_its_passwd_keeps_its_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
