/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyd_served.h - a keyd for the tests of dmctl: the real custodian over an empty database, behind
 * a socket, in a process of its own. It notes what changes something, and can be made to fail.
 */
#ifndef TEST_KEYD_SERVED_H
#define TEST_KEYD_SERVED_H

#include "keyd_world.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "keyd/front/http.h"
#include "keyd/front/route.h"

/**
 * struct served_notes - shared with keyd's process.
 * @changes: "POST /v1/signers\n" … for each request that is not a GET
 * @n: how many
 * @fail_at: the one, counted from 1, that is answered with an error instead; 0: none
 */
struct served_notes {
	char changes[1 << 14];
	size_t n, fail_at;
};

struct served {
	char dir[64], path[96];
	struct served_notes *notes;
	pid_t keyd;
};

/* Head and body; false when the connection ends. */
static inline bool served_read(int fd, struct http_head *head, char *text, size_t size,
			       const char **body)
{
	size_t len = 0, head_len = 0;

	while (len < size - 1) {
		ssize_t n = read(fd, text + len, size - 1 - len);
		const char *end;

		if (n <= 0)
			return false;
		len += (size_t)n;
		text[len] = '\0';
		end = strstr(text, "\r\n\r\n");
		if (!head_len && end) {
			head_len = (size_t)(end - text) + 4;
			if (http_parse_head(text, head_len, head))
				return false;
		}
		if (head_len && head->expect_continue && len == head_len)
			dprintf(fd, "HTTP/1.1 100 Continue\r\n\r\n");
		if (head_len && len >= head_len + head->content_length)
			break;
	}
	*body = text + head_len;
	return true;
}

static inline bool served_notes_take(struct served_notes *notes, const struct http_head *head)
{
	size_t len = strlen(notes->changes);

	if (strcmp(head->method, "GET") == 0)
		return true;
	snprintf(notes->changes + len, sizeof(notes->changes) - len, "%s %s\n", head->method,
		 head->target);
	return ++notes->n != notes->fail_at;
}

static inline void served_answer(struct world *w, struct served_notes *notes, int fd,
				 const struct http_head *head, const char *body)
{
	static const char failure[] = "{\"error\":{\"code\":\"internal\",\"status\":11,\"fact\":"
				      "\"\",\"message\":\"the disk is full\"}}";
	struct request rq = {.plane = PLANE_ADMIN, .peer = 42, .body = body};
	char answer_head[HTTP_ANSWER_HEAD_MAX];
	struct answer a = {0};
	struct route route;

	if (!served_notes_take(notes, head)) {
		a = (struct answer){.http = 500, .text = strdup(failure)};
	} else if (route_find(head->method, head->target, &route)) {
		a = (struct answer){.http = 404, .text = strdup("{}")};
	} else {
		rq.op = route.op;
		rq.paged = route.paged;
		rq.body_len = strlen(body);
		memcpy(rq.arg, route.arg, sizeof(rq.arg));
		memcpy(rq.after, route.after, sizeof(rq.after));
		snprintf(rq.channel, sizeof(rq.channel), "%s", CC_CHANNEL_UNIX);
		custodian_handle(&w->custodian, &rq, &a);
	}
	http_answer_head(answer_head, a.http, "application/json", strlen(a.text), false);
	dprintf(fd, "%s%s", answer_head, a.text);
	free(a.text);
}

static inline _Noreturn void served_run(const struct served *s, int listener)
{
	static char text[1 << 17];
	struct world w = {0};

	memcpy(w.dir, s->dir, sizeof(w.dir));
	open_custodian(&w);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		struct http_head head;
		const char *body;

		if (fd < 0)
			_exit(1);
		if (served_read(fd, &head, text, sizeof(text), &body))
			served_answer(&w, s->notes, fd, &head, body);
		close(fd);
	}
}

static inline struct served *served_start(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct served *s = calloc(1, sizeof(*s));
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_non_null(s);
	strcpy(s->dir, "/tmp/test-served-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->path, sizeof(s->path), "%s/keyd.sock", s->dir);
	s->notes = mmap(NULL, sizeof(*s->notes), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	assert_true(s->notes != MAP_FAILED);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", s->path);
	assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(listener, 8), 0);
	fflush(NULL);
	s->keyd = fork();
	if (s->keyd == 0)
		served_run(s, listener);
	close(listener);
	return s;
}

/* From now on only what comes next is noted. */
static inline void served_forget(struct served *s)
{
	*s->notes = (struct served_notes){0};
}

static inline void served_stop(struct served *s)
{
	kill(s->keyd, SIGKILL);
	assert_int_equal(waitpid(s->keyd, NULL, 0), s->keyd);
	munmap(s->notes, sizeof(*s->notes));
	nftw(s->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(s);
}

#endif
