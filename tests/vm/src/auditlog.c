// SPDX-License-Identifier: Apache-2.0
/*
 * auditlog - turns the kernel's audit on and prints the device-mapper records, one a line.
 *
 *	auditlog
 *
 * Prints "listening" first, then "<type> <text>" for each; runs until it is killed. Audit is off
 * again only after the next boot, or by whoever turns it off.
 */
#include <err.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* since 5.16, in the headers of newer C libraries */
#ifndef AUDIT_DM_CTRL
#define AUDIT_DM_CTRL 1338
#define AUDIT_DM_EVENT 1339
#endif

/* On a busy host we may not run for a while: what does not fit by then would be lost. */
static int open_socket(unsigned int groups)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK, .nl_groups = groups};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	int room = 8 << 20;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)))
		err(1, "netlink");
	return fd;
}

static void enable(void)
{
	struct {
		struct nlmsghdr head;
		struct audit_status status;
	} set = {
		.head = {.nlmsg_len = sizeof(set),
			 .nlmsg_type = AUDIT_SET,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK},
		.status = {.mask = AUDIT_STATUS_ENABLED, .enabled = 1},
	};
	struct {
		struct nlmsghdr head;
		struct nlmsgerr error;
	} answer = {0};
	int fd = open_socket(0);

	if (send(fd, &set, sizeof(set), 0) != sizeof(set) ||
	    recv(fd, &answer, sizeof(answer), 0) < (ssize_t)sizeof(answer))
		err(1, "AUDIT_SET");
	if (answer.head.nlmsg_type != NLMSG_ERROR || answer.error.error)
		errx(1, "AUDIT_SET: %s", strerror(-answer.error.error));
	close(fd);
}

int main(void)
{
	union {
		struct nlmsghdr head;
		char bytes[NLMSG_SPACE(9000)];
	} message;
	int fd = open_socket(1U << (AUDIT_NLGRP_READLOG - 1));

	enable();
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("listening");
	for (;;) {
		ssize_t n = recv(fd, &message, sizeof(message), 0);

		if (n < (ssize_t)sizeof(message.head))
			err(1, "recv");
		/* nlmsg_len of these does not count the header */
		if (message.head.nlmsg_type == AUDIT_DM_CTRL ||
		    message.head.nlmsg_type == AUDIT_DM_EVENT)
			printf("%u %.*s\n", message.head.nlmsg_type,
			       (int)(n - (ssize_t)NLMSG_HDRLEN), message.bytes + NLMSG_HDRLEN);
	}
}
