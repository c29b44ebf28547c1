// SPDX-License-Identifier: Apache-2.0
/*
 * agent_keyd.c - a connection to keyd that waits for a change: our own over a Unix socket, over TLS
 * that of a process of ours (agent_follow.h).
 */
#include "agent/agent_keyd.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "agent/agent_follow.h"
#include "cleanup.h"
#include "client/keyd_client.h"
#include "client/keyd_tls.h"

#define REQUEST "GET /v1/changes HTTP/1.1\r\nHost: keyd\r\n\r\n"
#define PAUSE_SECONDS 1

/**
 * struct keyd_link - the connection.
 * @readable: of it, NULL while there is none
 * @follower: the process that has it, 0 for none
 * @again: connects anew
 */
struct keyd_link {
	struct event_base *base;
	keyd_heard_fn *heard;
	void *arg;
	struct event *readable, *again;
	pid_t follower;
};

static void hang_up(struct keyd_link *k)
{
	const struct timeval pause = {.tv_sec = PAUSE_SECONDS};

	if (k->readable) {
		close(event_get_fd(k->readable));
		event_free(k->readable);
		k->readable = NULL;
	}
	if (k->follower) {
		kill(k->follower, SIGKILL);
		waitpid(k->follower, NULL, 0);
		k->follower = 0;
	}
	event_add(k->again, &pause);
}

/* An answer, or the end of keyd. */
static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct keyd_link *k = arg;
	char c;
	bool answered = recv(fd, &c, 1, MSG_DONTWAIT) > 0;

	(void)what;
	hang_up(k);
	if (answered)
		k->heard(k->arg, false);
}

/* What the process that follows keyd says; it ends when it cannot go on. */
static void on_told(evutil_socket_t fd, short what, void *arg)
{
	struct keyd_link *k = arg;
	char said;

	(void)what;
	if (recv(fd, &said, 1, MSG_DONTWAIT) == 1)
		k->heard(k->arg, said == FOLLOW_ASKED);
	else
		hang_up(k);
}

static int connect_to(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	cc_auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || strlen(path) >= sizeof(addr.sun_path))
		return -1;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    send(fd, REQUEST, strlen(REQUEST), MSG_NOSIGNAL) != (ssize_t)strlen(REQUEST))
		return -1;
	return cc_steal_fd(&fd);
}

/* Return: whether there is a connection, or a process that makes one. */
static bool reach(struct keyd_link *k)
{
	const char *keyd = keyd_client_socket();
	bool far = keyd_is_url(keyd);
	int fd = far ? keyd_follow_spawn(keyd, &k->follower) : connect_to(keyd);

	if (fd < 0)
		return false;
	k->readable = event_new(k->base, fd, far ? EV_READ | EV_PERSIST : EV_READ,
				far ? on_told : on_readable, k);
	if (!k->readable)
		close(fd);
	return k->readable && event_add(k->readable, NULL) == 0;
}

/* Waits first, then looks: what changes in between is in the answer. */
static void on_again(evutil_socket_t unused, short what, void *arg)
{
	struct keyd_link *k = arg;

	(void)unused;
	(void)what;
	if (!reach(k))
		hang_up(k);
	else if (!k->follower)
		k->heard(k->arg, true);
}

struct keyd_link *keyd_link_open(struct event_base *base, keyd_heard_fn *heard, void *arg,
				 struct cc_error *err)
{
	struct keyd_link *k = calloc(1, sizeof(*k));

	if (k)
		k->again = evtimer_new(base, on_again, k);
	if (!k || !k->again) {
		free(k);
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	k->base = base;
	k->heard = heard;
	k->arg = arg;
	on_again(-1, 0, k);
	return k;
}

void keyd_link_close(struct keyd_link *k)
{
	if (!k)
		return;
	hang_up(k);
	event_free(k->again);
	free(k);
}
