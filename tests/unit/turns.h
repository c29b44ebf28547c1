/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turns.h - keyd for what asks it over a real socket: the test says what must be asked, and answers
 * it, turn by turn.
 */
#ifndef CC_TURNS_H
#define CC_TURNS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <ftw.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agents_socket.h"
#include "cleanup.h"
#include "dmctl/client/keyd_client.h"
#include "jwk.h"

/* A request that must come, and what it is answered with; @same: over the connection of before. */
struct turn {
	const char *request;
	int status;
	const char *body;
	bool same;
};

struct fixture {
	char dir[64], path[96], key[96];
	pid_t keyd;
};

static inline int listen_at(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%.100s", path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

/* The head and, for a POST, the body up to its closing brace. */
static inline void read_request(int fd, char *text, size_t size)
{
	size_t len = 0;

	memset(text, 0, size);
	while (len < size - 1) {
		ssize_t n = read(fd, text + len, size - 1 - len);
		const char *end;

		if (n <= 0)
			return;
		len += (size_t)n;
		end = strstr(text, "\r\n\r\n");
		if (end && (strncmp(text, "POST", 4) != 0 || text[len - 1] == '}'))
			return;
	}
}

/* Ends with 0 when all turns came, in their order. */
static inline _Noreturn void be_keyd(int listener, const struct turn *turns, size_t n)
{
	static char text[1 << 17];
	int fd = -1;

	for (size_t i = 0; i < n; i++) {
		if (!turns[i].same) {
			if (fd >= 0)
				close(fd);
			fd = accept(listener, NULL, NULL);
		}
		read_request(fd, text, sizeof(text));
		if (strncmp(text, turns[i].request, strlen(turns[i].request)) != 0) {
			fprintf(stderr, "wanted %s, got %.80s\n", turns[i].request, text);
			_exit(1);
		}
		dprintf(fd, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n%s", turns[i].status,
			strlen(turns[i].body), turns[i].body);
	}
	_exit(0);
}

static inline void start_at(struct fixture *f, const char *path, const struct turn *turns, size_t n)
{
	int listener = listen_at(path);

	fflush(NULL);
	f->keyd = fork();
	if (f->keyd == 0)
		be_keyd(listener, turns, n);
	close(listener);
}

#define start(f, turns) start_n((f), (turns), sizeof(turns) / sizeof((turns)[0]))

static inline void start_n(struct fixture *f, const struct turn *turns, size_t n)
{
	start_at(f, f->path, turns, n);
}

static inline void all_came(struct fixture *f)
{
	int status;

	assert_int_equal(waitpid(f->keyd, &status, 0), f->keyd);
	assert_int_equal(status, 0);
}

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	cc_auto_json json_t *jwk = NULL;
	struct cc_error err;

	assert_non_null(f);
	strcpy(f->dir, "/tmp/test-client-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/keyd.sock", f->dir);
	snprintf(f->key, sizeof(f->key), "%s/agent.jwk", f->dir);
	assert_int_equal(cc_secret_heap_init(&err), 0);
	jwk = cc_jwk_new("host1", false, &err);
	assert_int_equal(json_dump_file(jwk, f->key, 0), 0);
	chmod(f->key, 0600);
	keyd_client_set_socket(f->path);
	*state = f;
	return 0;
}

static inline int remove_one(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
	(void)sb;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

#define client_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
