// SPDX-License-Identifier: Apache-2.0
/* The list of what is bound is as long as it is, whatever fits a message. */
#include "lib_test.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dmctl/cli/agent_client.h"
#include "dmctl/agent/agent_list.h"
#include "dmctl/agent/agent_message.h"
#include "dmctl/bind/binding.h"
#include "strv.h"

#define MANY 1000

static char dir[] = "/tmp/agent-list-test.XXXXXX", path[64];

/* As long as a binding gets. */
static json_t *show(const char *volume, struct cc_error *err)
{
	struct binding b = {.device = "/dev/disk/by-id/scsi-36001405aaaaaaaaaaaaaaaaaaaaaaaaa",
			    .engine = "docker",
			    .container_name = "a-container-with-a-long-name",
			    .mount_point = "/var/lib/postgresql/data",
			    .pid = 4194303,
			    .start_time = 1ull << 50,
			    .lease = "00000000-0000-4000-8000-000000000001",
			    .terms = CC_LEASE_TERMS_DEFAULT,
			    .state = BINDING_BOUND};

	if (!strcmp(volume, "gone")) {
		cc_fail(err, CC_E_NOTFOUND, "gone");
		return NULL;
	}
	snprintf(b.volume, sizeof(b.volume), "%s", volume);
	memset(b.container, 'a', 64);
	binding_set_name(&b);
	return binding_to_json(&b);
}

static void add_volumes(struct cc_strv *volumes)
{
	struct cc_error err;
	char name[64];

	for (int i = 0; i < MANY; i++) {
		/* not in order */
		snprintf(name, sizeof(name), "volume-%04d", i * 7 % MANY);
		expect_ok(cc_strv_push(volumes, name, &err), &err);
	}
	expect_ok(cc_strv_push(volumes, "gone", &err), &err);
}

/* An agent that answers; @again: with the first page each time. */
static _Noreturn void serve(int listener, bool again)
{
	static char buf[AGENT_MESSAGE_MAX];
	struct cc_strv volumes = {0};

	add_volumes(&volumes);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		struct agent_message m = {0};
		struct cc_error err;
		char *text;

		if (n <= 0 || agent_message_parse(buf, (size_t)n, false, &m, &err))
			_exit(1);
		text = agent_list_page(&volumes, again ? "" : m.after, show, &err);
		if (!text || send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
			_exit(2);
		free(text);
		close(fd);
	}
}

static pid_t start_agent(bool again)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	pid_t pid;

	snprintf(path, sizeof(path), "%s/sock", dir);
	strcpy(addr.sun_path, path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 8), 0);
	pid = fork();
	if (pid == 0)
		serve(fd, again);
	close(fd);
	return pid;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(path);
}

static void a_thousand_bindings_are_listed(void **state)
{
	cc_auto_json json_t *bindings = NULL;
	pid_t pid = start_agent(false);
	struct cc_error err;

	(void)state;
	expect_ok(agent_bindings(path, &bindings, &err), &err);
	stop(pid);
	assert_int_equal(json_array_size(bindings), MANY);
	for (size_t i = 0; i < MANY; i++) {
		char name[64];

		snprintf(name, sizeof(name), "volume-%04zu", i);
		assert_string_equal(
			json_string_value(json_object_get(json_array_get(bindings, i), "volume")),
			name);
	}
}

static void every_page_fits_a_message(void **state)
{
	struct cc_strv volumes = {0};
	struct cc_error err;
	char after[64] = "";
	bool more = true;
	int pages = 0;

	(void)state;
	add_volumes(&volumes);
	while (more) {
		cc_auto_free char *text = agent_list_page(&volumes, after, show, &err);
		cc_auto_json json_t *page = json_loads(text, 0, NULL);
		json_t *list = json_object_get(page, "bindings");

		assert_in_range(strlen(text), 1, AGENT_MESSAGE_MAX);
		more = json_is_true(json_object_get(page, "more"));
		snprintf(after, sizeof(after), "%s",
			 json_string_value(json_object_get(
				 json_array_get(list, json_array_size(list) - 1), "volume")));
		pages++;
	}
	assert_in_range(pages, 5, 20);
	cc_strv_clear(&volumes);
}

static void nothing_bound_is_one_empty_page(void **state)
{
	struct cc_strv none = {0};
	struct cc_error err;
	cc_auto_free char *text = agent_list_page(&none, "", show, &err);

	(void)state;
	assert_non_null(strstr(text, "\"bindings\":[]"));
	assert_non_null(strstr(text, "\"more\":false"));
}

static void an_agent_that_repeats_itself_is_not_listened_to_for_ever(void **state)
{
	cc_auto_json json_t *bindings = NULL;
	pid_t pid = start_agent(true);
	struct cc_error err;

	(void)state;
	assert_int_equal(agent_bindings(path, &bindings, &err), -1);
	stop(pid);
	expect_error(&err, CC_E_INVALID, "", "do not advance");
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thousand_bindings_are_listed),
		cmocka_unit_test(every_page_fits_a_message),
		cmocka_unit_test(nothing_bound_is_one_empty_page),
		cmocka_unit_test(an_agent_that_repeats_itself_is_not_listened_to_for_ever),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
