// SPDX-License-Identifier: Apache-2.0
/*
 * crew.c - pieces of work in children, with time limits.
 */
#include "host/crew.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "host/boottime.h"

#define CHILD_FD 3

/* First byte of what a child sends. */
enum { SENT_RESULT, SENT_LONG };

/**
 * struct place - of one child.
 * @pid: 0: there is none
 * @fd: to it
 * @busy: it does @piece, until @limit at the latest
 */
struct place {
	pid_t pid;
	int fd;
	bool busy;
	size_t piece;
	uint64_t limit;
};

/**
 * struct shift - the work while it is done.
 * @next, @n: pieces that were not begun
 * @buf: what a child sent, with room for its NUL
 * @over: nothing is begun or told any more
 */
struct shift {
	const struct crew *crew;
	struct place places[CREW_WIDTH_MAX];
	size_t next, n;
	uint64_t end;
	char *buf;
	bool over;
};

void crew_alone(int first)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close_range((unsigned int)first, ~0U, 0);
}

/* ---- a child ------------------------------------------------------------------------------- */

static int send_result(int fd, const char *text)
{
	size_t len = strlen(text);
	cc_auto_free char *message = malloc(len + 1);
	const char is_long = SENT_LONG;

	if (len > CREW_TEXT_MAX)
		return send(fd, &is_long, 1, MSG_NOSIGNAL) < 0 ? -1 : 0;
	if (!message)
		return -1;
	message[0] = SENT_RESULT;
	memcpy(message + 1, text, len);
	return send(fd, message, len + 1, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

static _Noreturn void be_child(const struct crew *crew, int fd, pid_t parent)
{
	size_t piece;

	if (fd != CHILD_FD && dup2(fd, CHILD_FD) < 0)
		_exit(1);
	crew_alone(CHILD_FD + 1);
	if (getppid() != parent)
		_exit(1);
	while (recv(CHILD_FD, &piece, sizeof(piece), 0) == sizeof(piece)) {
		cc_auto_free char *text = crew->work(crew->arg, piece);

		if (!text || send_result(CHILD_FD, text))
			_exit(1);
	}
	_exit(0);
}

static int start_child(const struct crew *crew, struct place *p)
{
	pid_t parent = getpid();
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -1;
	p->pid = fork();
	if (p->pid == 0)
		be_child(crew, pair[1], parent);
	close(pair[1]);
	p->fd = pair[0];
	if (p->pid > 0)
		return 0;
	close(p->fd);
	p->pid = 0;
	return -1;
}

/* One that is idle dies at once; one that is late is not waited for. */
static void end_child(struct place *p)
{
	if (!p->pid)
		return;
	kill(p->pid, SIGKILL);
	close(p->fd);
	waitpid(p->pid, NULL, p->busy ? WNOHANG : 0);
	*p = (struct place){0};
}

/* ---- the parent ---------------------------------------------------------------------------- */

static void tell(struct shift *s, size_t piece, enum crew_end end, const char *text)
{
	if (!s->over && !s->crew->done(s->crew->arg, piece, end, text))
		s->over = true;
}

static void skip_unwanted(struct shift *s)
{
	while (s->next < s->n && s->crew->wanted && !s->crew->wanted(s->crew->arg, s->next))
		s->next++;
}

/* False when there is nothing that could be begun. */
static bool begin_piece(struct shift *s, struct place *p)
{
	uint64_t now = boottime_ms();

	skip_unwanted(s);
	if (s->over || s->next == s->n || now >= s->end || (!p->pid && start_child(s->crew, p)))
		return false;
	p->busy = true;
	p->piece = s->next++;
	p->limit = now + s->crew->piece_ms;
	if (send(p->fd, &p->piece, sizeof(p->piece), MSG_NOSIGNAL) == sizeof(p->piece))
		return true;
	end_child(p);
	tell(s, s->next - 1, CREW_DIED, NULL);
	return true;
}

static void take_result(struct shift *s, struct place *p)
{
	ssize_t n = recv(p->fd, s->buf, CREW_TEXT_MAX + 1, MSG_DONTWAIT);
	size_t piece = p->piece;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		end_child(p);
		tell(s, piece, CREW_DIED, NULL);
		return;
	}
	p->busy = false;
	s->buf[n] = '\0';
	if (s->buf[0] == SENT_LONG)
		tell(s, piece, CREW_LONG, NULL);
	else
		tell(s, piece, CREW_DONE, s->buf + 1);
}

static void give_up(struct shift *s, struct place *p)
{
	size_t piece = p->piece;

	end_child(p);
	tell(s, piece, CREW_LATE, NULL);
}

/* Waits for the first of those that are busy, or for the end of its time. */
static void wait_for_one(struct shift *s)
{
	struct pollfd fds[CREW_WIDTH_MAX];
	uint64_t first = s->crew->tick ? s->crew->tick(s->crew->arg) : UINT64_MAX, now;

	if (!first) {
		s->over = true;
		return;
	}
	now = boottime_ms();
	for (unsigned int i = 0; i < s->crew->width; i++) {
		const struct place *p = &s->places[i];

		fds[i] = (struct pollfd){.fd = p->busy ? p->fd : -1, .events = POLLIN};
		if (p->busy && p->limit < first)
			first = p->limit;
	}
	poll(fds, s->crew->width, first > now ? (int)(first - now) : 0);
	now = boottime_ms();
	for (unsigned int i = 0; i < s->crew->width; i++) {
		struct place *p = &s->places[i];

		if (p->busy && fds[i].revents)
			take_result(s, p);
		else if (p->busy && now >= p->limit)
			give_up(s, p);
	}
}

/* How many work now. */
static unsigned int fill_places(struct shift *s)
{
	unsigned int busy = 0;

	for (unsigned int i = 0; i < s->crew->width; i++) {
		struct place *p = &s->places[i];

		while (!p->busy && begin_piece(s, p))
			;
		busy += p->busy;
	}
	return busy;
}

int crew_work(const struct crew *crew, size_t n, size_t *begun, struct cc_error *err)
{
	cc_auto_free char *buf = malloc(CREW_TEXT_MAX + 2);
	struct shift s = {.crew = crew, .n = n, .end = boottime_ms() + crew->all_ms, .buf = buf};

	if (!buf)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	while (fill_places(&s) && !s.over)
		wait_for_one(&s);
	for (unsigned int i = 0; i < crew->width; i++)
		end_child(&s.places[i]);
	*begun = s.next;
	if (s.next < s.n && !s.over && boottime_ms() < s.end)
		return cc_fail(err, CC_E_INTERNAL, "no process could be started");
	return 0;
}
