// SPDX-License-Identifier: Apache-2.0
/*
 * peer_check.c - who may ask the agent.
 */
#include "agent/peer_check.h"

#include <poll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>

#include "engine/engine_group.h"
#include "engine/engines.h"
#include "host/proc.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif

static int peer_pidfd(int fd, pid_t pid)
{
	socklen_t len = sizeof(int);
	int pidfd;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &len) == 0)
		return pidfd;
	return pid > 0 ? pidfd_open(pid, 0) : -1;
}

/* A process of the host: what the kernel says of it is no container's. */
static bool is_hosts(pid_t pid)
{
	char cgroup[PROC_PATH_MAX];
	struct engine_group group;
	uint64_t theirs, ours;
	struct cc_error err;
	bool home;

	return proc_ns(pid, "pid", &theirs, &err) == 0 && proc_ns(0, "pid", &ours, &err) == 0 &&
	       theirs == ours && proc_at_home(pid, &home, &err) == 0 && home &&
	       proc_cgroup(pid, cgroup, &err) == 0 && engine_group_of(engines, cgroup, &group) != 0;
}

/*
 * Root, and of the host: a container that was given the socket is neither the hook nor an
 * administrator. A pid namespace alone does not tell, as a container may share the host's
 * (--pid=host). Its root directory does: services with mount namespaces of their own keep the
 * host's, containers have another whatever they share. One that was given the host's root directory
 * to change to is still in its control group; if it may leave that, too, it is root on the host.
 * The pidfd keeps the number from being somebody else's while it is looked at.
 */
int peer_check(int fd, struct cc_error *err)
{
	cc_auto_close int pidfd = -1;
	socklen_t len = sizeof(struct ucred);
	struct pollfd pfd;
	struct ucred cred;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return cc_fail_errno(err, CC_E_INTERNAL, "SO_PEERCRED");
	if (cred.uid != 0)
		return cc_fail(err, CC_E_PERM, "only root may ask the agent");
	pidfd = peer_pidfd(fd, cred.pid);
	pfd = (struct pollfd){.fd = pidfd, .events = POLLIN};
	if (pidfd < 0 || !is_hosts(cred.pid) || poll(&pfd, 1, 0) != 0)
		return cc_fail(
			err, CC_E_PERM,
			"only processes of the host may ask the agent, not those of a container");
	return 0;
}
