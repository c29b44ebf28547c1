// SPDX-License-Identifier: Apache-2.0
#include "front/listen_net.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "cleanup.h"

#define BACKLOG 128
#define ADDRESS_LEN 64

static void addrinfo_free(struct addrinfo **a)
{
	if (*a)
		freeaddrinfo(*a);
}

/* What accepted sockets inherit (tcp(7)), as no process of keyd sets options of theirs. */
static int set_options(int fd, struct cc_error *err)
{
	static const int on = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)))
		return cc_fail_errno(err, CC_E_INTERNAL, "the socket for TLS");
	return 0;
}

int listen_net_adopt(int fd, struct cc_error *err)
{
	int flags = fcntl(fd, F_GETFL);

	if (sd_is_socket_inet(fd, AF_UNSPEC, SOCK_STREAM, 1, 0) <= 0)
		return cc_fail(err, CC_E_USAGE,
			       "the socket that keyd was started with is not a listening TCP "
			       "socket: see container-crypt-keyd-tls.socket");
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC))
		return cc_fail_errno(err, CC_E_INTERNAL, "the socket for TLS");
	return set_options(fd, err);
}

/* getaddrinfo() takes "" for a port, and 65537 for 1. */
static bool is_port(const char *s)
{
	size_t len = strspn(s, "0123456789");

	return len > 0 && len <= 5 && s[len] == '\0' && strtoul(s, NULL, 10) <= UINT16_MAX;
}

/* "1.2.3.4:5" or "[::1]:5" in two parts. */
static int split(const char *address, char host[static ADDRESS_LEN], const char **port)
{
	const char *colon = strrchr(address, ':');
	size_t len = colon ? (size_t)(colon - address) : 0;

	if (len && address[0] == '[') {
		if (address[len - 1] != ']')
			return -1;
		address++;
		len -= 2;
	} else if (len && memchr(address, ':', len)) {
		return -1;
	}
	if (len == 0 || len >= ADDRESS_LEN || !is_port(colon + 1))
		return -1;
	memcpy(host, address, len);
	host[len] = '\0';
	*port = colon + 1;
	return 0;
}

static int resolve(const char *address, struct addrinfo **out, struct cc_error *err)
{
	static const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
	};
	char host[ADDRESS_LEN];
	const char *port;

	if (split(address, host, &port) || getaddrinfo(host, port, &hints, out))
		return cc_fail(err, CC_E_USAGE,
			       "\"%.80s\" is not an address to listen on: give one like "
			       "192.0.2.7:8443 or [::]:8443",
			       address);
	return 0;
}

static int listen_on(const char *address, int *out, struct cc_error *err)
{
	cc_cleanup(addrinfo_free) struct addrinfo *a = NULL;
	static const int on = 1;
	cc_auto_close int fd = -1;

	if (resolve(address, &a, err) || !a)
		return -1;
	fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, a->ai_addr, a->ai_addrlen) || listen(fd, BACKLOG))
		return cc_fail_errno(err, errno == EADDRINUSE ? CC_E_BUSY : CC_E_INTERNAL,
				     "cannot listen on %s", address);
	if (set_options(fd, err))
		return -1;
	*out = cc_steal_fd(&fd);
	return 0;
}

int listen_net(const char *address, int *fd, struct cc_error *err)
{
	int n;

	*fd = -1;
	if (address)
		return listen_on(address, fd, err);
	n = sd_listen_fds(1);
	if (n <= 0)
		return 0;
	if (n > 1)
		return cc_fail(err, CC_E_USAGE, "keyd was started with %d sockets, and takes one",
			       n);
	*fd = SD_LISTEN_FDS_START;
	return listen_net_adopt(*fd, err);
}
