/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry_served.h - a registry on loopback that answers as a table says: a child with a socket,
 * one request a connection (RFC 9112; OCI distribution specification 1.1 for what is asked).
 */
#ifndef CC_REGISTRY_SERVED_H
#define CC_REGISTRY_SERVED_H

#include "lib_test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGES_MAX 64

/**
 * struct page - what a GET is answered with.
 * @authorization: a request without this one is answered 401; NULL: none is wanted
 * @header: lines with CRLF; @body: NULL: the connection is left open without an answer
 */
struct page {
	char path[256];
	const char *authorization, *header;
	int status;
	const char *body;
};

/*
 * @challenge: the header's line of a 401, with CRLF
 * @silent: a byte comes when a request was read that is not answered
 */
static struct registry_served {
	pid_t pid;
	int fd, port, silent[2];
	const char *challenge;
	size_t n;
	struct page pages[PAGES_MAX];
} served;

/* A socket is there, and its port; what is served may depend on it. */
static inline void registry_new(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(in);

	memset(&served, 0, sizeof(served));
	served.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(served.fd >= 0);
	assert_int_equal(bind(served.fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(served.fd, 16), 0);
	assert_int_equal(getsockname(served.fd, (struct sockaddr *)&in, &len), 0);
	served.port = ntohs(in.sin_port);
	assert_int_equal(pipe2(served.silent, O_CLOEXEC), 0);
}

/* @body is borrowed until the end; @path: of printf(3) with one string, @of */
static inline struct page *serve(const char *path, const char *of, const char *body)
{
	struct page *p = &served.pages[served.n++];

	assert_true(served.n <= PAGES_MAX);
	snprintf(p->path, sizeof(p->path), "/v2/shop/db/%s%s", path, of);
	p->status = 200;
	p->body = body;
	return p;
}

static inline const struct page *page_of(const char *request)
{
	for (size_t i = 0; i < served.n; i++) {
		size_t n = strlen(served.pages[i].path);

		if (!strncmp(request, "GET ", 4) &&
		    !strncmp(request + 4, served.pages[i].path, n) && strchr(" ?", request[4 + n]))
			return &served.pages[i];
	}
	return NULL;
}

static inline bool is_let_in(const struct page *p, const char *request)
{
	char line[256];

	if (!p->authorization)
		return true;
	snprintf(line, sizeof(line), "\r\nAuthorization: %s\r\n", p->authorization);
	return strstr(request, line) != NULL;
}

static inline void answer(int fd, const char *request)
{
	const struct page *p = page_of(request);
	bool in = p && is_let_in(p, request);
	const char *body = in ? p->body : "{}";

	if (!body && write(served.silent[1], "", 1) == 1)
		pause();
	dprintf(fd, "HTTP/1.1 %d x\r\nContent-Length: %zu\r\nConnection: close\r\n%s%s\r\n%s",
		!p    ? 404
		: !in ? 401
		      : p->status,
		strlen(body), p && !in ? served.challenge : "", in && p->header ? p->header : "",
		body);
}

static inline void answer_one(int fd)
{
	char request[8192];
	size_t n = 0;
	ssize_t more;

	do {
		more = read(fd, request + n, sizeof(request) - 1 - n);
		n += more > 0 ? (size_t)more : 0;
		request[n] = '\0';
	} while (more > 0 && !strstr(request, "\r\n\r\n"));
	if (n)
		answer(fd, request);
	close(fd);
}

static inline void registry_start(void)
{
	served.pid = fork();
	assert_true(served.pid >= 0);
	if (served.pid > 0)
		return;
	for (;;) {
		int fd = accept(served.fd, NULL, NULL);

		if (fd >= 0)
			answer_one(fd);
	}
}

static inline void registry_stop(void)
{
	if (served.pid > 0) {
		kill(served.pid, SIGKILL);
		waitpid(served.pid, NULL, 0);
	}
	close(served.fd);
	close(served.silent[0]);
	close(served.silent[1]);
}

#endif
