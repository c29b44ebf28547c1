// SPDX-License-Identifier: Apache-2.0
/*
 * container-crypt-hook - the OCI createRuntime hook (runtime-spec, config.md "POSIX-platform
 * Hooks"). It hands the state it gets on stdin to the host agent, waits for the verdict and fails
 * closed: a container whose volume cannot be bound does not start, and the engine shows the reason.
 *
 * It decides nothing, parses nothing but the verdict, and uses nothing but libc, linked statically:
 * it runs in front of every container that asks for a volume, with an environment that an engine
 * chose.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "paths.h"
#include "verdict.h"

#define STATE_MAX (60 * 1024)	/* bytes of a state; with the rest it fits the agent's 64 KiB */
#define MESSAGE_MAX (64 * 1024) /* bytes of a request or an answer */
#define VOLUME_MAX 63
#define WAIT_SECONDS 55 /* for the agent's next word; far below what the engine gives the hook */

enum {
	STATUS_USAGE = 1,
	STATUS_PERM = 2,
	STATUS_UNREACHABLE = 7,
	STATUS_INVALID = 10,
	STATUS_INTERNAL = 11
};

static int fail(int status, const char *text)
{
	fprintf(stderr, "container-crypt: %s\n", text);
	return status;
}

/* One line a fact. */
static int fail_as(struct verdict *v)
{
	char *save = NULL;

	fail(v->status, v->text);
	for (char *s = strtok_r(v->others, "\n", &save); s; s = strtok_r(NULL, "\n", &save))
		fail(v->status, s);
	if (v->more)
		fprintf(stderr, "container-crypt: and %u more\n", v->more);
	return v->status;
}

static int fail_errno(int status, const char *text, const char *next)
{
	fprintf(stderr, "container-crypt: %s: %s%s\n", text, strerror(errno), next);
	return status;
}

/* Nothing that is inherited but stdin and stderr is of use here. */
static int isolate(void)
{
	clearenv();
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	if (close_range(3, ~0U, 0) || chdir("/"))
		return -1;
	return 0;
}

/* Volume names: [a-z0-9][a-z0-9_.-]{0,62}. */
static bool is_volume(const char *s)
{
	size_t len = strlen(s);

	return len >= 1 && len <= VOLUME_MAX && strchr("_.-", s[0]) == NULL &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_.-") == len;
}

static const char *volume_argument(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "--volume") == 0 && is_volume(argv[2]))
		return argv[2];
	return NULL;
}

/* For every container: is it one that has to have a volume? */
static bool is_to_require(int argc, char **argv)
{
	return argc == 2 && strcmp(argv[1], "--require") == 0;
}

/* The whole of stdin; -1 when it is longer than @max. */
static ssize_t read_state(char *buf, size_t max)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(STDIN_FILENO, buf + len, max - len)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		len += (size_t)n;
		if (len == max) {
			errno = E2BIG;
			return -1;
		}
	}
	return (ssize_t)len;
}

static int connect_agent(void)
{
	const struct timeval limit = {.tv_sec = WAIT_SECONDS};
	const struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = CC_AGENT_SOCKET};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), saved;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ||
	    connect(fd, (const struct sockaddr *)&addr, sizeof(addr))) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

/*
 * After connect_agent(). Nobody but root may use the socket, and root's hook is never kept from it.
 */
static int no_agent(void)
{
	if (errno == EACCES)
		return fail_errno(STATUS_PERM,
				  "an engine that an ordinary user runs cannot have volumes, as "
				  "binding and mounting need root",
				  "; run the container as root (\"sudo podman run ...\"), see "
				  "container-crypt-plugin(8), ROOTLESS ENGINES");
	return fail_errno(STATUS_UNREACHABLE, "the agent does not answer on " CC_AGENT_SOCKET,
			  "; start it with \"systemctl start container-crypt-agent\"");
}

/* Waits for the last answer; the ones before it only tell how far the agent is. */
static int wait_verdict(int fd)
{
	static char answer[MESSAGE_MAX + 1];
	static struct verdict v;
	ssize_t n;

	for (;;) {
		n = recv(fd, answer, MESSAGE_MAX, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(STATUS_UNREACHABLE, "the agent did not answer in time",
					  "; see \"journalctl -u container-crypt-agent\"");
		if (n == 0)
			return fail(STATUS_UNREACHABLE,
				    "the agent hung up before it answered; see \"journalctl -u "
				    "container-crypt-agent\"");
		answer[n] = '\0';
		if (verdict_parse(answer, &v))
			return fail(STATUS_INVALID, "the agent's answer cannot be understood");
		if (v.final)
			break;
	}
	return v.status ? fail_as(&v) : 0;
}

int main(int argc, char **argv)
{
	static char state[STATE_MAX], request[MESSAGE_MAX];
	const char *volume = volume_argument(argc, argv);
	bool require = is_to_require(argc, argv);
	ssize_t len;
	int fd, n;

	if (isolate())
		return fail_errno(STATUS_INTERNAL, "the hook cannot set itself up", "");
	if (!volume && !require)
		return fail(STATUS_USAGE,
			    "usage: container-crypt-hook --volume NAME|--require <state.json; it "
			    "is run by container engines, see container-crypt-hook(8)");
	len = read_state(state, sizeof(state));
	if (len < 0)
		return fail_errno(STATUS_INVALID, "the container's state cannot be read", "");
	n = volume ? snprintf(request, sizeof(request),
			      "{\"op\":\"hook\",\"volume\":\"%s\",\"state\":%.*s}", volume,
			      (int)len, state)
		   : snprintf(request, sizeof(request), "{\"op\":\"require\",\"state\":%.*s}",
			      (int)len, state);
	fd = connect_agent();
	if (fd < 0)
		return no_agent();
	if (send(fd, request, (size_t)n, MSG_NOSIGNAL) < 0)
		return fail_errno(STATUS_UNREACHABLE, "the agent did not take the request", "");
	return wait_verdict(fd);
}
