// SPDX-License-Identifier: Apache-2.0
/*
 * agent_follow.c - a process of the agent that waits for changes of a keyd on another machine.
 */
#include "agent/agent_follow.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>

#include "agent/confine.h"
#include "cleanup.h"
#include "client/keyd_client.h"
#include "client/keyd_enrol.h"
#include "client/keyd_tls.h"
#include "log.h"
#include "paths.h"

#define WAIT_SECONDS 330 /* keyd answers after 300 (docs/api.md) */
#define PAUSE_SECONDS 1
#define PAUSE_MAX_SECONDS 15
#define RENEW_AGAIN_SECONDS 600

int keyd_follow_spawn(const char *url, pid_t *pid)
{
	cc_auto_close int ours = -1, theirs = -1;
	char number[16];
	char *const argv[] = {"dmctl", "--keyd", (char *)url, "agent", "--follow", number, NULL};
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -1;
	ours = pair[0];
	theirs = pair[1];
	*pid = fork();
	if (*pid < 0) {
		*pid = 0;
		return -1;
	}
	if (*pid == 0) {
		snprintf(number, sizeof(number), "%d", theirs);
		if (fcntl(theirs, F_SETFD, 0) == 0)
			execv("/proc/self/exe", argv);
		_exit(127);
	}
	return cc_steal_fd(&ours);
}

/* @said: the last thing that was logged; said once, not every few seconds */
struct follower {
	int fd;
	bool asked;
	int64_t renew_at;
	char said[CC_TEXT_MAX];
};

static void complain(struct follower *f, const char *what, const struct cc_error *err)
{
	if (strcmp(f->said, err->text) != 0)
		cc_log(LOG_WARNING, "%s: %s", what, err->text);
	snprintf(f->said, sizeof(f->said), "%s", err->text);
}

static void tell_agent(struct follower *f, enum follow_said what)
{
	const char c = (char)what;

	if (send(f->fd, &c, 1, MSG_NOSIGNAL) != 1)
		_exit(0); /* the agent is gone */
}

static void on_sent(void *arg)
{
	struct follower *f = arg;

	f->asked = true;
	tell_agent(f, FOLLOW_ASKED);
}

/* The certificate of before is good for as long again. */
static void renew(struct follower *f)
{
	const int64_t now = (int64_t)time(NULL);
	struct cc_error err;
	char name[64];

	if (now < f->renew_at || !keyd_tls_open(keyd_client_socket(), &err) ||
	    !keyd_tls_is_due(now))
		return;
	f->renew_at = now + RENEW_AGAIN_SECONDS;
	if (keyd_agent_name(CC_AGENT_KEY, name, &err) || keyd_certificate_renew(name, &err))
		complain(f, "this host's certificate is not renewed", &err);
	else
		cc_log(LOG_INFO, "this host has a new certificate");
}

/* Return: seconds to pause. */
static unsigned int follow_once(struct follower *f, unsigned int pause)
{
	struct cc_error err;

	f->asked = false;
	if (keyd_wait(WAIT_SECONDS, on_sent, f, &err)) {
		complain(f, "keyd's changes are not followed", &err);
		return pause * 2 < PAUSE_MAX_SECONDS ? pause * 2 : PAUSE_MAX_SECONDS;
	}
	f->said[0] = '\0';
	/* An answer that came before it was said that keyd was asked. */
	if (!f->asked)
		tell_agent(f, FOLLOW_ASKED);
	tell_agent(f, FOLLOW_CHANGED);
	return PAUSE_SECONDS;
}

int keyd_follow(int fd)
{
	struct follower f = {.fd = fd};
	unsigned int pause = PAUSE_SECONDS;
	struct cc_error err;

	signal(SIGPIPE, SIG_IGN);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() == 1)
		return CC_E_INTERNAL;
	if (confine_worker(&err)) {
		cc_log(LOG_ERR, "%s", err.text);
		return (int)err.code;
	}
	for (;;) {
		renew(&f);
		pause = follow_once(&f, pause);
		sleep(pause);
	}
}
