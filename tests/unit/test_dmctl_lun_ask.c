// SPDX-License-Identifier: Apache-2.0
/*
 * Which block devices are asked for a volume, and that none is waited for: a sysfs made here, and
 * devices that answer, or never do, as their names say.
 */
#include "tree_test.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "dmctl/host/boottime.h"
#include "dmctl/volume/lun_ask.h"

#define UUID "3e2c5a0e-7d1b-4c55-9b6f-0a1b2c3d4e5f"

static char sys[80], locks[80];

static bool claims(const char *device, const char *uuid)
{
	assert_string_equal(uuid, UUID);
	if (strstr(device, "hung"))
		for (;;)
			pause();
	return strstr(device, "ours") != NULL;
}

static const struct lun_asker asker = {.sys = sys,
				       .locks = locks,
				       .claims = claims,
				       .each_ms = 1500};

static void put(const char *name, const char *file, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", sys, name);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%s/%s", sys, name, file);
	*strrchr(path, '/') = '\0';
	mkdir(path, 0755);
	path[strlen(path)] = '/';
	f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "%s\n", text);
	fclose(f);
}

static void add_device(const char *name)
{
	put(name, "size", "2097152");
}

static int setup(void **state)
{
	(void)state;
	if (top_new())
		return -1;
	snprintf(sys, sizeof(sys), "%s/sys", top);
	snprintf(locks, sizeof(locks), "%s/locks", top);
	return mkdir(sys, 0755);
}

static void ask(const char *first, struct cc_strv *found, struct cc_strv *silent)
{
	struct cc_error err;

	cc_strv_clear(found);
	cc_strv_clear(silent);
	expect_ok(lun_ask(&asker, UUID, first, found, silent, &err), &err);
}

static void every_device_that_carries_the_volume_is_found(void **state)
{
	cc_cleanup(cc_strv_clear) struct cc_strv found = {0}, silent = {0};

	(void)state;
	add_device("sda");
	add_device("sdb-ours");
	add_device("nvme0n1");
	add_device("cciss!c0d0-ours");
	ask(NULL, &found, &silent);
	assert_int_equal(found.n, 2);
	assert_true(cc_strv_has(&found, "sdb-ours") && cc_strv_has(&found, "cciss!c0d0-ours"));
	assert_int_equal(silent.n, 0);
	ask("sdb-ours", &found, &silent);
	assert_int_equal(found.n, 2);
	assert_string_equal(found.v[0], "sdb-ours");
}

static void what_says_that_it_would_not_answer_is_not_asked(void **state)
{
	(void)state;
	add_device("sda");
	put("sda", "device/state", "running");
	add_device("nvme0n1");
	put("nvme0n1", "device/state", "live");
	add_device("vda");
	add_device("dm-0");
	put("dm-0", "dm/suspended", "0");
	add_device("dm-1");
	put("dm-1", "dm/suspended", "1");
	add_device("sdb");
	put("sdb", "device/state", "transport-offline");
	add_device("nvme1n1");
	put("nvme1n1", "device/state", "connecting");
	assert_string_equal(lun_excuse(sys, "sda"), "");
	assert_string_equal(lun_excuse(sys, "nvme0n1"), "");
	assert_string_equal(lun_excuse(sys, "vda"), "");
	assert_string_equal(lun_excuse(sys, "dm-0"), "");
	assert_string_equal(lun_excuse(sys, "dm-1"), "suspended");
	assert_string_equal(lun_excuse(sys, "sdb"), "not running");
	assert_string_equal(lun_excuse(sys, "nvme1n1"), "not running");
}

static void what_can_carry_no_volume_is_not_even_mentioned(void **state)
{
	cc_cleanup(cc_strv_clear) struct cc_strv found = {0}, silent = {0};

	(void)state;
	put("loop0-ours", "size", "0");
	put("floppy-ours", "size", "128");
	add_device("dm-2-ours");
	put("dm-2-ours", "dm/uuid", "CONTAINER-CRYPT-x");
	put("dm-2-ours", "dm/suspended", "1");
	ask(NULL, &found, &silent);
	assert_int_equal(found.n + silent.n, 0);
}

/* One that hangs keeps a process; what it has locked keeps the next from joining it there. */
static void a_device_that_does_not_answer_is_named_and_waited_for_once(void **state)
{
	cc_cleanup(cc_strv_clear) struct cc_strv found = {0}, silent = {0};
	uint64_t start;

	(void)state;
	add_device("hung");
	add_device("sda");
	add_device("sdb-ours");
	ask("hung", &found, &silent);
	assert_int_equal(found.n, 1);
	assert_string_equal(found.v[0], "sdb-ours");
	assert_int_equal(silent.n, 1);
	assert_string_equal(silent.v[0], "hung (no answer)");
	start = boottime_ms();
	for (int i = 0; i < 100; i++)
		ask(NULL, &found, &silent);
	assert_int_equal(found.n, 1);
	assert_int_equal(silent.n, 1);
	assert_true(boottime_ms() - start < 100 * asker.each_ms / 2);
}

/* Each start of a storm is a process of its own: one that hangs may not cost each its whole time. */
static void a_device_that_another_process_asks_in_vain_is_not_waited_for(void **state)
{
	cc_cleanup(cc_strv_clear) struct cc_strv found = {0}, silent = {0};
	struct lun_asker patient = asker;
	struct cc_error err;
	char lock[96];
	uint64_t start;
	pid_t other;

	(void)state;
	add_device("hung-too");
	add_device("sda-ours");
	patient.each_ms = 60000;
	other = fork();
	if (other == 0) {
		lun_ask(&patient, UUID, "hung-too", &found, &silent, &err);
		_exit(0);
	}
	snprintf(lock, sizeof(lock), "%s/hung-too", locks);
	for (struct stat st = {0}; st.st_size == 0; usleep(1000))
		(void)stat(lock, &st);
	start = boottime_ms();
	expect_ok(lun_ask(&patient, UUID, NULL, &found, &silent, &err), &err);
	assert_true(boottime_ms() - start < patient.each_ms / 4);
	assert_string_equal(found.v[0], "sda-ours");
	assert_string_equal(silent.v[0], "hung-too (no answer)");
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
}

#define sys_test(f) cmocka_unit_test_setup_teardown(f, setup, top_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		sys_test(every_device_that_carries_the_volume_is_found),
		sys_test(what_says_that_it_would_not_answer_is_not_asked),
		sys_test(what_can_carry_no_volume_is_not_even_mentioned),
		sys_test(a_device_that_does_not_answer_is_named_and_waited_for_once),
		sys_test(a_device_that_another_process_asks_in_vain_is_not_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
