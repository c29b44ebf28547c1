// SPDX-License-Identifier: Apache-2.0
/* keyd as it is started: custodian and fronts under their real filters, asked over HTTP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "keyd/init.h"
#include "keyd/serve.h"
#include "log.h"
#include "secret.h"

#define WAIT_MS 60000
#define FDS_MAX 64

struct fixture {
	char dir[64], state[96], kek[96], admin[96], agents[96];
	pid_t keyd;
};

/* In a process of its own: what is initialised for that is not in the one that serves. */
static void in_child(void (*fn)(const struct fixture *f), const struct fixture *f)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		fn(f);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void init(const struct fixture *f)
{
	const struct init_options opts = {f->state, NULL, f->kek, "testing", NULL, 0};
	struct cc_error err;

	_exit(cc_secret_heap_init(&err) || keyd_init(&opts, &err) ? 1 : 0);
}

static int connect_to(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%.100s", path);
	if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return fd;
	close(fd);
	return -1;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	strcpy(f->dir, "/tmp/test-serve-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->state, sizeof(f->state), "%s/state", f->dir);
	snprintf(f->kek, sizeof(f->kek), "%s/kek", f->dir);
	snprintf(f->admin, sizeof(f->admin), "%s/keyd.sock", f->dir);
	snprintf(f->agents, sizeof(f->agents), "%s/keyd-agents.sock", f->dir);
	f->keyd = -1;
	if (geteuid() != 0)
		return 0; /* the tests skip: keyd runs as root */
	umask(077);
	in_child(init, f);
	f->keyd = fork();
	if (f->keyd == 0) {
		const struct serve_options opts = {f->admin, f->state, NULL, f->kek, "nobody", 0};
		struct cc_error err;
		int rc = serve(&opts, &err);

		if (rc)
			fprintf(stderr, "keyd: %s\n", err.text);
		/* Not _exit(): AddressSanitizer asks for the signal stack before that. */
		syscall(SYS_exit_group, rc ? (int)err.code : 0);
	}
	return 0;
}

static int remove_one(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
	(void)sb;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int end(struct fixture *f)
{
	int status;

	assert_int_equal(waitpid(f->keyd, &status, 0), f->keyd);
	f->keyd = -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->keyd > 0) {
		kill(f->keyd, SIGTERM);
		assert_int_equal(end(f), 0);
		assert_int_equal(access(f->admin, F_OK), -1);
		assert_int_equal(access(f->agents, F_OK), -1);
	}
	nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

/* The whole answer to a request that ends its connection; malloced. */
static char *ask(const char *path, const char *request)
{
	char *all = calloc(1, 1 << 16);
	size_t len = 0;
	cc_auto_close int fd = connect_to(path);
	char text[512];

	assert_true(fd >= 0);
	snprintf(text, sizeof(text), "%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		 request);
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	for (;;) {
		struct pollfd p = {fd, POLLIN, 0};
		ssize_t n =
			poll(&p, 1, WAIT_MS) == 1 ? read(fd, all + len, (1 << 16) - 1 - len) : -1;

		if (n <= 0)
			return all;
		len += (size_t)n;
	}
}

/* Both sockets are there from the start; whoever connects is served when keyd is ready. */
static struct fixture *serving(void **state)
{
	struct fixture *f = *state;
	int fd = -1;

	if (geteuid() != 0)
		skip();
	for (int ms = 0; fd < 0 && ms < WAIT_MS; ms += 10) {
		fd = connect_to(f->agents);
		poll(NULL, 0, 10);
	}
	assert_true(fd >= 0);
	close(fd);
	return f;
}

static void assert_answer(const char *path, const char *request, const char *want)
{
	cc_auto_free char *got = ask(path, request);

	if (!strstr(got, want))
		fail_msg("%s: %s", request, got);
}

static void both_planes_are_served_each_what_is_its(void **state)
{
	const struct fixture *f = serving(state);

	assert_answer(f->admin, "GET /healthz", "\"realm\":\"testing\"");
	assert_answer(f->admin, "GET /v1/audit", "\"event\":\"init\"");
	assert_answer(f->agents, "GET /healthz", "\"realm\":\"testing\"");
	assert_answer(f->agents, "GET /v1/volumes", "HTTP/1.1 200 OK");
	assert_answer(f->agents, "GET /v1/audit", "HTTP/1.1 401 ");
}

/* The children of keyd; how many. */
static size_t fronts_of(pid_t keyd, pid_t fronts[static 8])
{
	char path[96];
	size_t n = 0;
	int pid;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", keyd, keyd);
	f = fopen(path, "r");
	assert_non_null(f);
	while (n < 8 && fscanf(f, "%d", &pid) == 1)
		fronts[n++] = pid;
	fclose(f);
	return n;
}

/* The sockets of a process, by inode; how many. */
static size_t sockets_of(pid_t pid, unsigned long inodes[static FDS_MAX])
{
	char path[64];
	const struct dirent *e;
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	assert_non_null(dir);
	while ((e = readdir(dir))) {
		char link[64] = "", full[320];

		snprintf(full, sizeof(full), "%s/%s", path, e->d_name);
		if (readlink(full, link, sizeof(link) - 1) > 0 && atoi(e->d_name) > 2 &&
		    n < FDS_MAX && sscanf(link, "socket:[%lu]", &inodes[n]) == 1)
			n++;
	}
	closedir(dir);
	return n;
}

/* Nothing of the other plane's, of the custodian's, or by which peers come. */
static void a_front_has_its_own_link_and_nothing_else(void **state)
{
	const struct fixture *f = serving(state);
	unsigned long mine[FDS_MAX], theirs[FDS_MAX];
	pid_t fronts[8];
	size_t n;

	assert_answer(f->agents, "GET /healthz", "200 OK");
	n = fronts_of(f->keyd, fronts);
	assert_int_equal(n, 2);
	for (size_t i = 0; i < n; i++) {
		const pid_t others[] = {f->keyd, fronts[1 - i]};
		size_t have = sockets_of(fronts[i], mine);

		assert_true(have >= 1);
		for (size_t o = 0; o < 2; o++) {
			size_t has = sockets_of(others[o], theirs);

			for (size_t a = 0; a < have; a++)
				for (size_t b = 0; b < has; b++)
					assert_true(mine[a] != theirs[b]);
		}
	}
}

static void one_front_that_dies_ends_all(void **state)
{
	struct fixture *f = serving(state);
	pid_t fronts[8];

	assert_answer(f->agents, "GET /healthz", "200 OK");
	assert_int_equal(fronts_of(f->keyd, fronts), 2);
	kill(fronts[1], SIGKILL);
	assert_int_equal(end(f), CC_E_INTERNAL);
	for (int ms = 0; !kill(fronts[0], 0) && ms < WAIT_MS; ms += 10)
		poll(NULL, 0, 10);
	assert_int_equal(kill(fronts[0], 0), -1);
}

#define serve_test(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		serve_test(both_planes_are_served_each_what_is_its),
		serve_test(a_front_has_its_own_link_and_nothing_else),
		serve_test(one_front_that_dies_ends_all),
	};

	cc_log_init("keyd", LOG_WARNING);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
