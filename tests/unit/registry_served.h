/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry_served.h - a registry on loopback that answers as a table says: a child with a socket,
 * one request a connection (RFC 9112; OCI distribution specification 1.1 for what is asked), by TLS
 * where it has a certificate.
 */
#ifndef CC_REGISTRY_SERVED_H
#define CC_REGISTRY_SERVED_H

#include "lib_test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define PAGES_MAX 64
#define NO_AUTHORIZATION "none" /* of struct page: what has one is refused */

/**
 * struct page - what a GET is answered with.
 * @authorization: a request without this one is answered 401; NULL: none is wanted
 * @header: lines with CRLF; @body: NULL: the connection is left open without an answer
 */
struct page {
	char path[256];
	const char *authorization, *header;
	int status;
	const char *body;
};

/*
 * @challenge: the header's line of a 401, with CRLF
 * @silent: a byte comes when a request was read that is not answered
 */
static struct registry_served {
	pid_t pid;
	int fd, port, silent[2];
	const char *challenge;
	SSL_CTX *tls; /* NULL: without */
	size_t n;
	struct page pages[PAGES_MAX];
} served;

/* A socket is there, and its port; what is served may depend on it. */
static inline void registry_new(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(in);

	memset(&served, 0, sizeof(served));
	served.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(served.fd >= 0);
	assert_int_equal(bind(served.fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(served.fd, 16), 0);
	assert_int_equal(getsockname(served.fd, (struct sockaddr *)&in, &len), 0);
	served.port = ntohs(in.sin_port);
	assert_int_equal(pipe2(served.silent, O_CLOEXEC), 0);
}

/* @body is borrowed until the end; @path: of printf(3) with one string, @of */
static inline struct page *serve(const char *path, const char *of, const char *body)
{
	struct page *p = &served.pages[served.n++];

	assert_true(served.n <= PAGES_MAX);
	snprintf(p->path, sizeof(p->path), "/v2/shop/db/%s%s", path, of);
	p->status = 200;
	p->body = body;
	return p;
}

static inline const struct page *page_of(const char *request)
{
	for (size_t i = 0; i < served.n; i++) {
		size_t n = strlen(served.pages[i].path);

		if (!strncmp(request, "GET ", 4) &&
		    !strncmp(request + 4, served.pages[i].path, n) && strchr(" ?", request[4 + n]))
			return &served.pages[i];
	}
	return NULL;
}

static inline bool is_let_in(const struct page *p, const char *request)
{
	char line[256];

	if (!p->authorization)
		return true;
	if (!strcmp(p->authorization, NO_AUTHORIZATION))
		return !strstr(request, "\r\nAuthorization:");
	snprintf(line, sizeof(line), "\r\nAuthorization: %s\r\n", p->authorization);
	return strstr(request, line) != NULL;
}

/* Malloced; the whole answer. */
static inline char *answer_to(const char *request)
{
	const struct page *p = page_of(request);
	bool in = p && is_let_in(p, request);
	const char *body = in ? p->body : "{}";
	char *text;

	if (!body && write(served.silent[1], "", 1) == 1)
		pause();
	if (asprintf(&text,
		     "HTTP/1.1 %d x\r\nContent-Length: %zu\r\nConnection: close\r\n%s%s\r\n%s",
		     !p	   ? 404
		     : !in ? 401
			   : p->status,
		     strlen(body), p && !in ? served.challenge : "",
		     in && p->header ? p->header : "", body) < 0)
		_exit(1);
	return text;
}

/* @tls: NULL: over @fd itself */
static inline void answer_one(int fd, SSL *tls)
{
	char request[8192], *text;
	size_t n = 0;
	ssize_t more;

	do {
		size_t room = sizeof(request) - 1 - n;

		more = tls ? SSL_read(tls, request + n, (int)room) : read(fd, request + n, room);
		n += more > 0 ? (size_t)more : 0;
		request[n] = '\0';
	} while (more > 0 && !strstr(request, "\r\n\r\n"));
	if (!n)
		return;
	text = answer_to(request);
	if (tls)
		SSL_write(tls, text, (int)strlen(text));
	else
		cc_write_all(fd, text, strlen(text));
	free(text);
}

static inline void answer_connection(int fd)
{
	SSL *tls = served.tls ? SSL_new(served.tls) : NULL;

	if (!tls) {
		answer_one(fd, NULL);
	} else if (SSL_set_fd(tls, fd) == 1 && SSL_accept(tls) == 1) {
		answer_one(fd, tls);
		SSL_shutdown(tls);
	}
	SSL_free(tls);
	close(fd);
}

/* A certificate of 127.0.0.1, issued by itself, which is written to @path. */
static inline void registry_with_tls(const char *path)
{
	cc_auto_fclose FILE *f = fopen(path, "we");
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	X509 *cert = X509_new();
	X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
	X509_NAME *name = X509_get_subject_name(cert);

	assert_true(f && key && san);
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"registry", -1,
				   -1, 0);
	X509_set_issuer_name(cert, name);
	X509_set_pubkey(cert, key);
	X509_add_ext(cert, san, -1);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_X509(f, cert), 1);
	served.tls = SSL_CTX_new(TLS_server_method());
	assert_int_equal(SSL_CTX_use_certificate(served.tls, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(served.tls, key), 1);
	X509_EXTENSION_free(san);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static inline void registry_start(void)
{
	served.pid = fork();
	assert_true(served.pid >= 0);
	if (served.pid > 0)
		return;
	for (;;) {
		int fd = accept(served.fd, NULL, NULL);

		if (fd >= 0)
			answer_connection(fd);
	}
}

static inline void registry_stop(void)
{
	if (served.pid > 0) {
		kill(served.pid, SIGKILL);
		waitpid(served.pid, NULL, 0);
	}
	close(served.fd);
	SSL_CTX_free(served.tls);
	close(served.silent[0]);
	close(served.silent[1]);
}

#endif
