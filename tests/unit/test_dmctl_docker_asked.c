// SPDX-License-Identifier: Apache-2.0
/*
 * How often Docker's daemon is asked, which runs three programs for one /info: a daemon that
 * counts, and a store, in a /run and /var/lib of this test's own. Needs root, as the agent does.
 */
#include "docker_tree.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "dmctl/engine/docker_api.h"
#include "dmctl/engine/engines.h"
#include "log.h"
#include "paths.h"

#define ID "1111111111111111111111111111111111111111111111111111111111111111"
#define OTHER "2222222222222222222222222222222222222222222222222222222222222222"
#define ELSEWHERE "/run/elsewhere" /* where nobody but the daemon says it is */
#define RENEWALS 500

static unsigned int *asked; /* requests, in memory that the daemon shares */

/* Says where its files are, whatever it is asked. */
static _Noreturn void be_daemon(int listener)
{
	static const char answer[] =
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
		"Content-Length: 34\r\n\r\n{\"DockerRootDir\":\"" ELSEWHERE "\"}";
	char request[4096];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int fd = accept(listener, NULL, NULL);

		if (recv(fd, request, sizeof(request), 0) > 0)
			__atomic_add_fetch(asked, 1, __ATOMIC_SEQ_CST);
		if (send(fd, answer, strlen(answer), MSG_NOSIGNAL) < 0)
			_exit(1);
		close(fd);
	}
}

static int start_daemon(void **state)
{
	static pid_t pid;
	struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = DOCKER_SOCKET};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	unlink(DOCKER_SOCKET);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 64))
		return -1;
	*asked = 0;
	pid = fork();
	if (pid == 0)
		be_daemon(fd);
	close(fd);
	*state = &pid;
	return 0;
}

static int stop_daemon(void **state)
{
	const pid_t *pid = *state;

	kill(*pid, SIGKILL);
	return waitpid(*pid, NULL, 0) == *pid ? 0 : -1;
}

/* As each renewal does it, in one of the processes that measure. */
static void describe_alone(const char *id)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct engine_container c = {.engine = &engine_docker};
		struct cc_error err;

		_exit(engine_find(engines, id, "docker", &c, &err) ||
		      engine_docker.describe(&c, &err));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void who_renews_does_not_ask_the_daemon(void **state)
{
	(void)state;
	put_container("/var/lib/docker", ID, "overlay2");
	for (int i = 0; i < 16; i++)
		describe_alone(ID);
	assert_int_equal(*asked, 0);
}

static void a_directory_that_only_the_daemon_knows_is_asked_for_once(void **state)
{
	struct engine_container c = {.engine = &engine_docker, .id = strdup(OTHER)};
	struct cc_error err;

	(void)state;
	put_container(ELSEWHERE, OTHER, "overlay2");
	expect_ok(engine_docker.describe(&c, &err), &err);
	assert_int_equal(*asked, 1);
	engine_container_clear(&c);
	for (int i = 0; i < 16; i++)
		describe_alone(OTHER);
	for (int i = 0; i < RENEWALS; i++) {
		struct engine_container again = {.engine = &engine_docker, .id = strdup(OTHER)};

		expect_ok(engine_docker.describe(&again, &err), &err);
		engine_container_clear(&again);
	}
	assert_int_equal(*asked, 1);
}

static int own_dirs(void **state)
{
	(void)state;
	return unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
			       mount("tmpfs", "/run", "tmpfs", 0, NULL) ||
			       mount("tmpfs", "/var/lib", "tmpfs", 0, NULL) ||
			       mkdir(CC_RUN_DIR, 0755) || mkdir(CC_LIB_DIR, 0755)
		       ? -1
		       : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(who_renews_does_not_ask_the_daemon, start_daemon,
						stop_daemon),
		cmocka_unit_test_setup_teardown(
			a_directory_that_only_the_daemon_knows_is_asked_for_once, start_daemon,
			stop_daemon),
	};

	cc_log_init("test", LOG_EMERG);
	asked = mmap(NULL, sizeof(*asked), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	return asked == MAP_FAILED ? 1 : cmocka_run_group_tests(tests, own_dirs, NULL);
}
