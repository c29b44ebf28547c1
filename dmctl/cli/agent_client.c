// SPDX-License-Identifier: Apache-2.0
/*
 * agent_client.c - requests to the host agent's socket.
 */
#include "cli/agent_client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "bind/binding.h"
#include "host/boottime.h"

#define MESSAGE_MAX (64 * 1024)
#define LONG_MS 3600000	    /* that much of a long wait at a time */
#define TIMEOUT_SECONDS 150 /* a bind may have to wait for the engine and for keyd */

static int unreachable(const char *path, struct cc_error *err)
{
	if (errno == EACCES || errno == EPERM)
		return cc_fail(err, CC_E_PERM,
			       "this user has no access to the agent (%s: %s); try as root", path,
			       strerror(errno));
	return cc_fail(err, CC_E_UNREACHABLE,
		       "the agent does not answer on %s (%s); start it with \"systemctl start "
		       "container-crypt-agent\"",
		       path, strerror(errno));
}

static int connect_to(const char *path, struct cc_error *err)
{
	const struct timeval timeout = {.tv_sec = TIMEOUT_SECONDS};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	cc_auto_close int fd = -1;

	if (strlen(path) >= sizeof(addr.sun_path))
		return cc_fail(err, CC_E_USAGE, "the path of the agent's socket is too long");
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)))
		return cc_fail_errno(err, CC_E_INTERNAL, "socket");
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
		return unreachable(path, err);
	return cc_steal_fd(&fd);
}

pid_t agent_pid(const char *socket_path)
{
	struct cc_error ignored;
	cc_auto_close int fd = connect_to(socket_path, &ignored);
	socklen_t len = sizeof(struct ucred);
	struct ucred peer;

	return fd < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) ? -1 : peer.pid;
}

/* One answer, new reference. */
static json_t *receive(int fd, const char *path, char *buf, struct cc_error *err)
{
	ssize_t n;

	do
		n = recv(fd, buf, MESSAGE_MAX, MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		unreachable(path, err);
		return NULL;
	}
	if (n == 0) {
		cc_fail(err, CC_E_UNREACHABLE,
			"the agent hung up before it answered; see \"journalctl -u "
			"container-crypt-agent\"");
		return NULL;
	}
	if (n > MESSAGE_MAX) {
		cc_fail(err, CC_E_INVALID, "the agent's answer is too long");
		return NULL;
	}
	return cc_json_parse(buf, (size_t)n, "the agent's answer", err);
}

/* Return: the connection, or -1. */
static int send_request(const char *path, const json_t *request, struct cc_error *err)
{
	cc_auto_free char *text = json_dumps(request, JSON_COMPACT);
	cc_auto_close int fd = -1;

	if (!text)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	fd = connect_to(path, err);
	if (fd < 0)
		return -1;
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		return unreachable(path, err);
	return cc_steal_fd(&fd);
}

int agent_request(const char *socket_path, const json_t *request, json_t **answer,
		  struct cc_error *err)
{
	cc_auto_free char *buf = malloc(MESSAGE_MAX);
	cc_auto_close int fd = -1;

	if (answer)
		*answer = NULL;
	if (!buf)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	fd = send_request(socket_path, request, err);
	if (fd < 0)
		return -1;
	/* answers without "ok" only tell how far the agent is */
	for (;;) {
		cc_auto_json json_t *obj = receive(fd, socket_path, buf, err);

		if (!obj)
			return -1;
		if (cc_error_from_json(err, obj)) {
			if (answer)
				*answer = cc_steal(obj);
			return -1;
		}
		if (json_is_true(json_object_get(obj, "ok"))) {
			if (answer)
				*answer = cc_steal(obj);
			return 0;
		}
	}
}

/* Appends a page; *after: in and out, the last name so far. */
static int take_page(json_t *all, const json_t *page, char after[static BINDING_NAME_LEN],
		     struct cc_error *err)
{
	const json_t *last = json_array_get(page, json_array_size(page) - 1);
	const char *name = json_string_value(json_object_get(last, "name"));

	if (json_array_extend(all, (json_t *)page))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	/* names only go up: an agent that repeats itself does not keep us here */
	if (!name || !binding_is_name(name) || strcmp(name, after) <= 0)
		return cc_fail(err, CC_E_INVALID, "the agent's answer: its pages do not advance");
	snprintf(after, BINDING_NAME_LEN, "%s", name);
	return 0;
}

int agent_bindings(const char *socket_path, json_t **bindings, struct cc_error *err)
{
	cc_auto_json json_t *all = json_array();
	char after[BINDING_NAME_LEN] = "";
	bool more = true;

	while (more) {
		cc_auto_json json_t *request =
			json_pack("{s:s, s:s*}", "op", "list", "after", *after ? after : NULL);
		cc_auto_json json_t *answer = NULL;
		json_t *page = NULL;

		if (!all || !request)
			return cc_fail(err, CC_E_NOMEM, "out of memory");
		if (agent_request(socket_path, request, &answer, err) ||
		    cc_json_arr(answer, "the agent's answer", "bindings", true, &page, err) ||
		    cc_json_bool(answer, "the agent's answer", "more", true, &more, err) ||
		    ((more || json_array_size(page)) && take_page(all, page, after, err)))
			return -1;
	}
	*bindings = cc_steal(all);
	return 0;
}

/* Waits for a message. 1: time is over. */
static int await(int fd, uint64_t until_ms, const char *path, struct cc_error *err)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	for (;;) {
		uint64_t now = boottime_ms();
		uint64_t left = until_ms > now ? until_ms - now : 0;
		int rc = poll(&p, 1, left > LONG_MS ? LONG_MS : (int)left);

		if (rc > 0)
			return 0;
		if (rc < 0 && errno != EINTR)
			return unreachable(path, err);
		if (!left)
			return 1;
	}
}

int agent_follow(const char *socket_path, const json_t *request, uint64_t until_ms,
		 agent_said_fn *said, void *arg, struct cc_error *err)
{
	cc_auto_free char *buf = malloc(MESSAGE_MAX);
	cc_auto_close int fd = -1;

	if (!buf)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	fd = send_request(socket_path, request, err);
	if (fd < 0)
		return -1;
	for (;;) {
		cc_auto_json json_t *obj = NULL;
		int rc = await(fd, until_ms, socket_path, err);

		if (rc)
			return rc;
		obj = receive(fd, socket_path, buf, err);
		if (!obj || cc_error_from_json(err, obj))
			return -1;
		if (json_is_true(json_object_get(obj, "ok")) || !said(arg, obj))
			return 0;
	}
}

bool agent_is_of_container(const json_t *obj, const char *container)
{
	const char *name = json_string_value(json_object_get(obj, "containerName")) ?: "";
	const char *id = json_string_value(json_object_get(obj, "container")) ?: "";

	return container[0] &&
	       (strcmp(name, container) == 0 || strncmp(id, container, strlen(container)) == 0);
}

void agent_refresh(const char *socket_path)
{
	cc_auto_json json_t *request = json_pack("{s:s}", "op", "refresh");
	struct cc_error err;

	if (request && agent_request(socket_path, request, NULL, &err) &&
	    err.code != CC_E_UNREACHABLE)
		fprintf(stderr, "dmctl: the agent could not refresh its volumes: %s\n", err.text);
}
