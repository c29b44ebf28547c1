// SPDX-License-Identifier: Apache-2.0
/* The verb that tries an identity on a container, against an agent that says what it is told. */
#include "decide_test.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dmctl/cli/cmd.h"

/* Files of a test, and what the verb said. */
struct world {
	char dir[64], socket[96], file[96], out[96];
	pid_t agent;
	int rc;
	char text[16384];
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	strcpy(w->dir, "/tmp/test-check-XXXXXX");
	if (!mkdtemp(w->dir))
		return -1;
	snprintf(w->socket, sizeof(w->socket), "%s/agent.sock", w->dir);
	snprintf(w->file, sizeof(w->file), "%s/predicate.json", w->dir);
	snprintf(w->out, sizeof(w->out), "%s/out", w->dir);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	unlink(w->socket);
	unlink(w->file);
	unlink(w->out);
	rmdir(w->dir);
	free(w);
	return 0;
}

static _Noreturn void be_agent(int listener, const json_t *m, bool rootfs)
{
	cc_auto_json json_t *answer = json_pack("{s:b, s:O}", "ok", 1, "measurement", m);
	char *text = json_dumps(answer, JSON_COMPACT), request[4096];
	int fd = accept(listener, NULL, NULL);
	ssize_t n = recv(fd, request, sizeof(request) - 1, 0);

	request[n > 0 ? n : 0] = '\0';
	if (!strstr(request, "\"measure\"") || !strstr(request, "\"db\"") ||
	    (strstr(request, "\"rootfs\":true") != NULL) != rootfs)
		_exit(1);
	_exit(send(fd, text, strlen(text), 0) < 0);
}

static void start_agent(struct world *w, const json_t *m, bool rootfs)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%.100s", w->socket);
	unlink(w->socket);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	fflush(NULL);
	w->agent = fork();
	if (w->agent == 0)
		be_agent(fd, m, rootfs);
	close(fd);
}

/* Runs the verb with stdout in a file. */
static void check(struct world *w, bool json, char *option)
{
	char *argv[] = {"dmctl identity check", w->file, "db", option, NULL};
	const struct global_options g = {.json = json, .agent = w->socket, .keyd = "/nonexistent"};
	int out = dup(1), fd = open(w->out, O_RDWR | O_CREAT | O_TRUNC, 0600);
	ssize_t n;

	fflush(stdout);
	dup2(fd, 1);
	optind = 0;
	w->rc = cmd_identity_check(option ? 4 : 3, argv, &g);
	fflush(stdout);
	dup2(out, 1);
	close(out);
	n = pread(fd, w->text, sizeof(w->text) - 1, 0);
	w->text[n > 0 ? n : 0] = '\0';
	close(fd);
}

/* Tries the identity of decide_test.h on its container, both changed by @edits. */
static void check_edited(struct world *w, const char *edits, bool json, char *option)
{
	cc_auto_json json_t *identity = json_of(identity_json), *m = json_of(measurement_json);
	const json_t *predicate = json_object_get(identity, "predicate");
	cc_auto_free char *copy = strdup(edits);
	char *save = NULL;
	int status;

	for (char *e = strtok_r(copy, ";", &save); e; e = strtok_r(NULL, ";", &save))
		edit(e, identity, m);
	assert_int_equal(json_dump_file(predicate, w->file, 0), 0);
	start_agent(w, m, strstr(edits, "rootfsDigest") != NULL);
	check(w, json, option);
	assert_int_equal(waitpid(w->agent, &status, 0), w->agent);
	assert_int_equal(status, 0);
}

static void a_container_that_would_be_let_in_is_status_0(void **state)
{
	struct world *w = *state;

	check_edited(w, "", false, NULL);
	assert_int_equal(w->rc, CC_OK);
	assert_string_equal(w->text, "");
}

static void one_that_runs_already_is_no_reason_to_refuse(void **state)
{
	struct world *w = *state;

	check_edited(w, "m state='running'", false, NULL);
	assert_int_equal(w->rc, CC_OK);
}

static void one_that_would_be_refused_is_status_6_with_a_line_a_fact_and_a_patch(void **state)
{
	struct world *w = *state;

	check_edited(w, "m config.cwd='/tmp';m config.privileged=true", false, NULL);
	assert_int_equal(w->rc, CC_E_REFUSED);
	assert_non_null(strstr(w->text, "cwd: identity wants \"/\" (the image's own), container "
					"has \"/tmp\"\nprivileged: "));
	assert_non_null(strstr(w->text, "\"cwd\": \"/tmp\""));
	assert_non_null(strstr(w->text, "\"privileged\": true"));
	assert_non_null(strstr(w->text, "\"serial\": 4"));
}

static void json_has_facts_patch_and_what_is_left(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *got = NULL;

	check_edited(
		w, "m config.cwd='/tmp';m rootfs={'upper':'dirty','dirty':'/x','firstStart':true}",
		true, NULL);
	assert_int_equal(w->rc, CC_E_REFUSED);
	got = json_loads(w->text, 0, NULL);
	assert_non_null(got);
	assert_true(json_is_false(json_object_get(got, "allowed")));
	assert_int_equal(json_array_size(json_object_get(got, "facts")), 2);
	assert_int_equal(json_integer_value(json_object_get(got, "factCount")), 2);
	assert_int_equal(json_object_size(json_object_get(got, "patches")), 1);
	assert_int_equal(json_array_size(json_object_get(got, "left")), 1);
}

static void values_of_variables_are_said_when_asked_for(void **state)
{
	static const char edits[] = "m config.env=['PATH=/app/bin','MODE=fast','A=hunter2']";
	static char values[] = "--values";
	struct world *w = *state;

	check_edited(w, edits, false, NULL);
	assert_int_equal(w->rc, CC_E_REFUSED);
	assert_null(strstr(w->text, "hunter2"));
	check_edited(w, edits, false, values);
	assert_int_equal(w->rc, CC_E_REFUSED);
	assert_non_null(strstr(w->text, "hunter2"));
}

static void a_digest_of_the_files_is_measured_when_it_is_demanded(void **state)
{
	struct world *w = *state;

	check_edited(w, "i image.rootfsDigest='" DIGEST_B "';m rootfs.digest='" DIGEST_B "'", false,
		     NULL);
	assert_int_equal(w->rc, CC_OK);
}

static void a_file_without_a_predicate_is_status_10_and_nobody_is_asked(void **state)
{
	static const char *const bad[] = {"", "[]", "{\"volume\":\"v\"}",
					  "{\"mountPoint\":\"/x\"}"};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		FILE *f = fopen(w->file, "w");

		fputs(bad[i], f);
		fclose(f);
		check(w, false, NULL);
		assert_int_equal(w->rc, CC_E_INVALID);
	}
}

#define check_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		check_test(a_container_that_would_be_let_in_is_status_0),
		check_test(one_that_runs_already_is_no_reason_to_refuse),
		check_test(one_that_would_be_refused_is_status_6_with_a_line_a_fact_and_a_patch),
		check_test(json_has_facts_patch_and_what_is_left),
		check_test(values_of_variables_are_said_when_asked_for),
		check_test(a_digest_of_the_files_is_measured_when_it_is_demanded),
		check_test(a_file_without_a_predicate_is_status_10_and_nobody_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
