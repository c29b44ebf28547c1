// SPDX-License-Identifier: Apache-2.0
/*
 * plugin_http.c - the volume plugin's socket.
 */
#include "agent/plugin_http.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <stdio.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>

#include "agent/peer_check.h"
#include "agent/queue.h"
#include "engine/engines.h"
#include "log.h"
#include "plugin/plugin_request.h"

#define TYPE "application/vnd.docker.plugins.v1.2+json"
#define HEAD_MAX (8 * 1024)
#define BODY_MAX (16 * 1024)
#define WAITING_MAX 128
#define BACKLOG 64
#define IDLE_SECONDS 30

/**
 * struct waiting - a request that is in the queue.
 * @limit: the end of the engine's patience
 */
struct waiting {
	TAILQ_ENTRY(waiting) entry;
	struct plugin *plugin;
	struct evhttp_request *req;
	struct event *limit;
};

struct plugin {
	struct evhttp *http;
	struct evhttp_bound_socket *bound;
	struct event_base *base;
	struct queue *queue;
	char path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	unsigned int n_waiting;
	TAILQ_HEAD(, waiting) waiting;
};

/* ---- answers ------------------------------------------------------------------------------- */

static void reply(struct evhttp_request *req, int status, const json_t *body)
{
	cc_auto_free char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
	struct evbuffer *buf = evbuffer_new();

	if (!buf || !text || evbuffer_add(buf, text, strlen(text)))
		status = 500;
	evhttp_add_header(evhttp_request_get_output_headers(req), "Content-Type", TYPE);
	evhttp_send_reply(req, status, status == 200 ? "OK" : "Error", buf);
	if (buf)
		evbuffer_free(buf);
}

static void reply_error(struct evhttp_request *req, int status, const char *text)
{
	cc_auto_json json_t *body = json_pack("{s:s}", "Err", text);

	reply(req, status, body);
}

/* ---- waiting for the worker ---------------------------------------------------------------- */

static void waiting_free(struct waiting *w)
{
	TAILQ_REMOVE(&w->plugin->waiting, w, entry);
	w->plugin->n_waiting--;
	if (w->limit)
		event_free(w->limit);
	free(w);
}

static bool on_done(void *arg, const struct job_end *end)
{
	struct waiting *w = arg;

	if (end->err)
		reply_error(w->req, 500, end->err->text);
	else
		reply(w->req, 200, json_object_get(end->answer, "body"));
	waiting_free(w);
	return true;
}

/* The worker goes on: what it makes is found by the next try. */
static void on_limit(evutil_socket_t fd, short what, void *arg)
{
	struct waiting *w = arg;

	(void)fd;
	(void)what;
	queue_cancel(w->plugin->queue, w);
	reply_error(w->req, 500,
		    "container-crypt is still working on it; run the same command again");
	waiting_free(w);
}

static int engine_fd(struct evhttp_request *req)
{
	struct evhttp_connection *c = evhttp_request_get_connection(req);

	return c ? bufferevent_getfd(evhttp_connection_get_bufferevent(c)) : -1;
}

/* How long the process that asks waits; what is no engine, as long as the most patient one. */
static struct timeval answer_limit(int fd)
{
	struct ucred cred = {0};
	socklen_t len = sizeof(cred);

	getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	return (struct timeval){.tv_sec = engine_answer_seconds(engines, cred.pid)};
}

static struct waiting *waiting_new(struct plugin *p, struct evhttp_request *req)
{
	const struct timeval limit = answer_limit(engine_fd(req));
	struct waiting *w = p->n_waiting < WAITING_MAX ? calloc(1, sizeof(*w)) : NULL;

	if (!w)
		return NULL;
	w->plugin = p;
	w->req = req;
	TAILQ_INSERT_TAIL(&p->waiting, w, entry);
	p->n_waiting++;
	w->limit = evtimer_new(p->base, on_limit, w);
	if (w->limit && event_add(w->limit, &limit) == 0)
		return w;
	waiting_free(w);
	return NULL;
}

/* Submits @text. -1: nothing is done, the caller answers. */
static int hand_on(struct plugin *p, struct evhttp_request *req, const char *text,
		   struct cc_error *err)
{
	agent_auto_message struct agent_message m = {0};
	struct waiting *w;

	if (agent_message_parse(text, strlen(text), false, &m, err))
		return -1;
	w = waiting_new(p, req);
	if (!w)
		return cc_fail(err, CC_E_BUSY, "the agent has too much to do; try again");
	if (queue_submit(p->queue, &m, on_done, w, err) == 0)
		return 0;
	waiting_free(w);
	return -1;
}

/* ---- requests ------------------------------------------------------------------------------ */

/* The request to the agent; malloced, NULL for bytes that are not text. */
static char *request_text(const char *path, struct evbuffer *in)
{
	cc_auto_json json_t *body = NULL, *obj = NULL;
	size_t len = evbuffer_get_length(in);
	const char *bytes = len ? (const char *)evbuffer_pullup(in, -1) : "";

	body = bytes ? json_stringn(bytes, len) : NULL;
	obj = body ? json_pack("{s:s, s:s, s:O}", "op", "plugin", "path", path, "body", body)
		   : NULL;
	return obj ? json_dumps(obj, JSON_COMPACT) : NULL;
}

static void on_request(struct evhttp_request *req, void *arg)
{
	const char *path = evhttp_request_get_uri(req);
	int fd = engine_fd(req);
	cc_auto_free char *text = NULL;
	enum plugin_call call;
	struct cc_error err;

	if (peer_check(fd, &err)) {
		cc_log(LOG_WARNING, "a request to the volume plugin was refused: %s", err.text);
		reply_error(req, 500, err.text);
	} else if (!plugin_call_find(path, &call)) {
		reply_error(req, 404, "the plugin has no such call");
	} else {
		text = request_text(path, evhttp_request_get_input_buffer(req));
		if (!text || strlen(text) > AGENT_MESSAGE_MAX)
			reply_error(req, 500, "the request is not text");
		else if (hand_on(arg, req, text, &err))
			reply_error(req, 500, err.text);
	}
}

/* ---- the socket ---------------------------------------------------------------------------- */

static int make_dirs(const char *dir, struct cc_error *err)
{
	cc_auto_free char *path = strdup(dir);

	if (!path)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	for (char *s = strchr(path + 1, '/');; s = strchr(s + 1, '/')) {
		if (s)
			*s = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
		if (!s)
			return 0;
		*s = '/';
	}
}

/* The agent's lock is held, so a socket that is there already is a dead one. */
static int listen_on(struct plugin *p, const char *dir, struct cc_error *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	cc_auto_close int fd = -1;
	int n = snprintf(p->path, sizeof(p->path), "%s/" PLUGIN_SOCKET_NAME, dir);

	if (n < 0 || (size_t)n >= sizeof(p->path))
		return cc_fail(err, CC_E_USAGE, "the path of the plugin's socket is too long");
	if (make_dirs(dir, err))
		return -1;
	memcpy(addr.sun_path, p->path, (size_t)n + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "socket");
	if (unlink(p->path) && errno != ENOENT)
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", p->path);
	/* umask 077: nobody else may connect from the first moment on */
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || chmod(p->path, 0600) ||
	    listen(fd, BACKLOG))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", p->path);
	p->bound = evhttp_accept_socket_with_handle(p->http, fd);
	if (!p->bound)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	cc_steal_fd(&fd);
	return 0;
}

struct plugin *plugin_open(struct event_base *base, const char *dir, struct queue *queue,
			   struct cc_error *err)
{
	struct plugin *p = calloc(1, sizeof(*p));

	if (p) {
		TAILQ_INIT(&p->waiting);
		p->base = base;
		p->queue = queue;
		p->http = evhttp_new(base);
	}
	if (!p || !p->http) {
		free(p);
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	evhttp_set_allowed_methods(p->http, EVHTTP_REQ_POST);
	evhttp_set_max_headers_size(p->http, HEAD_MAX);
	evhttp_set_max_body_size(p->http, BODY_MAX);
	/* who sends more still gets to read the answer */
	evhttp_set_flags(p->http, EVHTTP_SERVER_LINGERING_CLOSE);
	evhttp_set_timeout(p->http, IDLE_SECONDS);
	evhttp_set_gencb(p->http, on_request, p);
	if (listen_on(p, dir, err)) {
		plugin_close(p);
		return NULL;
	}
	return p;
}

void plugin_close(struct plugin *p)
{
	struct waiting *w;

	if (!p)
		return;
	while ((w = TAILQ_FIRST(&p->waiting))) {
		queue_cancel(p->queue, w);
		reply_error(w->req, 500, "the agent is stopping; run the same command again");
		waiting_free(w);
	}
	if (p->bound)
		unlink(p->path);
	evhttp_free(p->http);
	free(p);
}
