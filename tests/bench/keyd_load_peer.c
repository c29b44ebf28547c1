// SPDX-License-Identifier: Apache-2.0
#include "keyd_load.h"

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX (1 << 20)

int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

int64_t cpu_ns(int pid)
{
	char path[64];
	long long ns;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	f = fopen(path, "r");
	if (!f || fscanf(f, "%lld", &ns) != 1)
		errx(1, "%s: this kernel does not say what a process has run", path);
	fclose(f);
	return ns;
}

void peer_take(struct peer *p, int fd)
{
	*p = (struct peer){.fd = fd, .in = malloc(ANSWER_MAX + 1)};
	if (!p->in)
		errx(1, "memory");
}

void peer_connect(struct peer *p, const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), status;
	pid_t child;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	/* The credentials of a connection are those of who connects: a child with our files. */
	child = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
	if (child == 0)
		_exit(connect(fd, (struct sockaddr *)&addr, sizeof(addr)) ? errno : 0);
	if (fd < 0 || child < 0 || waitpid(child, &status, 0) != child || status)
		errx(1, "cannot connect to %s", path);
	peer_take(p, fd);
}

void peer_order(struct peer *p, const char *path, const char *body, int64_t due_ns)
{
	struct order *o = &p->orders[p->n++];
	int n;

	if (p->n > PER_PEER)
		errx(1, "too many orders");
	*o = (struct order){.due_ns = due_ns};
	n = body ? asprintf(&o->text,
			    "POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
			    "Content-Length: %zu\r\n\r\n%s",
			    path, strlen(body), body)
		 : asprintf(&o->text, "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", path);
	if (n < 0)
		errx(1, "memory");
	o->len = (size_t)n;
}

static void send_next(struct peer *p)
{
	struct order *o = &p->orders[p->sent++];

	if (!o->due_ns)
		o->due_ns = clock_ns(CLOCK_MONOTONIC);
	for (size_t at = 0; at < o->len;) {
		ssize_t n = write(p->fd, o->text + at, o->len - at);

		if (n <= 0)
			err(1, "write");
		at += (size_t)n;
	}
}

/* True with the body in @p->answer when all of an answer has come. */
static int take_answer(struct peer *p)
{
	ssize_t n = read(p->fd, p->in + p->in_len, ANSWER_MAX - p->in_len);
	const char *end, *length;
	size_t head, want;

	if (n <= 0)
		err(1, "the server hung up");
	p->in_len += (size_t)n;
	p->in[p->in_len] = '\0';
	end = strstr(p->in, "\r\n\r\n");
	length = strcasestr(p->in, "Content-Length:");
	if (!end || !length)
		return 0;
	head = (size_t)(end - p->in) + 4;
	want = strtoul(length + 15, NULL, 10);
	if (p->in_len < head + want)
		return 0;
	if (!p->refusals && strncmp(p->in, "HTTP/1.1 200", 12) != 0)
		errx(1, "asked: %.300s\nanswer: %s", p->orders[p->answered].text, p->in);
	free(p->answer);
	p->answer = strndup(p->in + head, want);
	p->in_len = 0;
	p->orders[p->answered].took_ns = clock_ns(CLOCK_MONOTONIC) - p->orders[p->answered].due_ns;
	p->answered++;
	return 1;
}

/* Sends what is due; how long until the next is, in ns, -1 for never. */
static int64_t send_due(struct peer *peers, size_t n, size_t *open)
{
	int64_t now = clock_ns(CLOCK_MONOTONIC), wait = -1;

	*open = 0;
	for (size_t i = 0; i < n; i++) {
		struct peer *p = &peers[i];
		int64_t left;

		*open += p->answered < p->n;
		if (p->sent > p->answered || p->sent == p->n)
			continue;
		left = p->orders[p->sent].due_ns - now;
		if (left <= 0)
			send_next(p);
		else if (wait < 0 || left < wait)
			wait = left;
	}
	return wait;
}

void peers_run(struct peer *peers, size_t n)
{
	struct pollfd fds[PEERS];
	size_t open;

	for (;;) {
		int64_t wait = send_due(peers, n, &open);
		struct timespec t = {wait / 1000000000, wait % 1000000000};

		if (!open)
			return;
		for (size_t i = 0; i < n; i++)
			fds[i] = (struct pollfd){peers[i].fd, POLLIN, 0};
		if (ppoll(fds, n, wait < 0 ? NULL : &t, NULL) < 0)
			err(1, "poll");
		for (size_t i = 0; i < n; i++)
			if (fds[i].revents)
				take_answer(&peers[i]);
	}
}

void peers_run_in_turn(struct peer *peers, size_t n)
{
	for (size_t k = 0; k < PER_PEER; k++) {
		for (size_t i = 0; i < n; i++) {
			if (peers[i].sent == peers[i].n)
				continue;
			send_next(&peers[i]);
			while (!take_answer(&peers[i]))
				;
		}
	}
}

void peers_clear(struct peer *peers, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < peers[i].n; k++)
			free(peers[i].orders[k].text);
		peers[i].n = peers[i].sent = peers[i].answered = 0;
	}
}

json_t *peer_ask(struct peer *p, const char *path, const char *body)
{
	json_t *obj;

	peers_clear(p, 1);
	peer_order(p, path, body, 0);
	peers_run_in_turn(p, 1);
	peers_clear(p, 1);
	obj = json_loads(p->answer, 0, NULL);
	if (!obj)
		errx(1, "%s: not JSON", path);
	return obj;
}
