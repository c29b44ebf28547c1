// SPDX-License-Identifier: Apache-2.0
#include "front/crowd.h"

#include <sys/ioctl.h>
#include <event2/bufferevent.h>

/* A request has come that only waits for its turn to be read. */
static bool has_sent(const struct conn *c)
{
	int n = 0;

	return ioctl(bufferevent_getfd(c->bev), FIONREAD, &n) == 0 && n > 0;
}

/* The higher, the sooner it makes room; 0 never does. */
static unsigned int ease(const struct conn *c)
{
	switch (c->state) {
	case CONN_IDLE:
		return has_sent(c) ? 0 : 3;
	case CONN_LINGERING:
	case CONN_HELD:
		return 3;
	case CONN_HANDSHAKE:
	case CONN_HEAD:
	case CONN_BODY:
		return 2;
	case CONN_ANSWERING:
		return 1;
	default:
		return 0;
	}
}

static bool counts(const struct conn *c, bool held)
{
	return c->state != CONN_DEAD && (c->state == CONN_HELD) == held;
}

size_t crowd_count(const struct conns *all, bool held)
{
	const struct conn *c;
	size_t n = 0;

	TAILQ_FOREACH(c, all, all)
		n += counts(c, held);
	return n;
}

/* What decides, the weightier first. */
struct weight {
	size_t user, process;
	unsigned int ease;
	int64_t since_ms;
};

static struct weight weigh(const struct conns *all, const struct conn *one, bool held)
{
	struct weight w = {.ease = ease(one), .since_ms = one->since_ms};
	const struct conn *c;

	TAILQ_FOREACH(c, all, all) {
		bool same = counts(c, held) && c->who.peer.uid == one->who.peer.uid;

		w.user += same;
		w.process += same && c->who.peer.pid == one->who.peer.pid;
	}
	return w;
}

/* Whether @a makes room before @b. */
static bool before(const struct weight *a, const struct weight *b)
{
	if (a->user != b->user)
		return a->user > b->user;
	if (a->ease != b->ease)
		return a->ease > b->ease;
	if (a->process != b->process)
		return a->process > b->process;
	return a->since_ms < b->since_ms;
}

struct conn *crowd_yields(const struct conns *all, bool held)
{
	struct conn *c, *first = NULL;
	struct weight least = {0};

	TAILQ_FOREACH(c, all, all) {
		struct weight w;

		if (!counts(c, held))
			continue;
		w = weigh(all, c, held);
		if (!w.ease || (first && !before(&w, &least)))
			continue;
		first = c;
		least = w;
	}
	return first;
}

/* ---- turns ---- */

static struct weight at_work(const struct conn *one, struct conn *const *sent, size_t n)
{
	struct weight w = {0};

	for (size_t i = 0; i < n; i++) {
		bool same = sent[i] && sent[i]->who.peer.uid == one->who.peer.uid;

		w.user += same;
		w.process += same && sent[i]->who.peer.pid == one->who.peer.pid;
	}
	return w;
}

static bool has_fewer(const struct weight *a, const struct weight *b)
{
	return a->user != b->user ? a->user < b->user : a->process < b->process;
}

struct conn *crowd_turn(const struct conns *queue, struct conn *const *sent, size_t n)
{
	struct conn *c, *first = NULL;
	struct weight least = {0};

	TAILQ_FOREACH(c, queue, queue) {
		struct weight w = at_work(c, sent, n);

		if (first && !has_fewer(&w, &least))
			continue;
		first = c;
		least = w;
	}
	return first;
}
