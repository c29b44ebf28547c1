/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyd_tls.h - the real keyd, custodian and fronts under their filters, over loopback TLS, and
 * clients of OpenSSL's that do what they should or not.
 */
#ifndef TEST_KEYD_TLS_H
#define TEST_KEYD_TLS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <ftw.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "jwk.h"
#include "keyd/init.h"
#include "keyd/serve.h"
#include "secret.h"

#define WAIT_MS 60000
#define ANSWER_LEN (1 << 16)

/* @agent: private JWK of host1, who is enrolled; @cert: his certificate, @ca: keyd's */
struct far {
	char dir[64], state[96], kek[96], admin[96], jwk[96];
	int port;
	pid_t keyd;
	json_t *agent;
	X509 *cert, *ca;
	EVP_PKEY *key;
};

static inline void far_init(const struct far *f)
{
	char *agents[] = {(char *)f->jwk};
	const struct init_options opts = {f->state, NULL, f->kek, "testing", agents, 1};
	struct cc_error err;

	if (cc_secret_heap_init(&err) || keyd_init(&opts, &err)) {
		fprintf(stderr, "%s\n", err.text);
		_exit(1);
	}
	_exit(0);
}

static inline int far_listen(int *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(a);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 128), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static inline _Noreturn void far_serve(const struct far *f, int listener)
{
	const struct serve_options opts = {f->admin, f->state, NULL, f->kek, "nobody", listener};
	struct cc_error err;
	int rc = serve(&opts, &err);

	if (rc)
		fprintf(stderr, "keyd: %s\n", err.text);
	/* Not _exit(): AddressSanitizer asks for the signal stack before that. */
	syscall(SYS_exit_group, rc ? (int)err.code : 0);
	abort();
}

/* ---- over the administrators' socket ---- */

static inline int far_connect(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = -1;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%.100s", path);
	for (int ms = 0; ms < WAIT_MS; ms += 10) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (!connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
			return fd;
		close(fd);
		poll(NULL, 0, 10);
	}
	fail_msg("%s does not answer", path);
	return -1;
}

static inline char *request_text(const char *what, const char *body, bool last)
{
	char *text;

	assert_true(asprintf(&text,
			     "%s HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
			     "%sContent-Length: %zu\r\n\r\n%s",
			     what, last ? "Connection: close\r\n" : "", strlen(body), body) > 0);
	return text;
}

/* The body of the answer, malloced; *whole too when it is asked for. */
static inline json_t *far_admin(const struct far *f, const char *what, const char *body)
{
	cc_auto_free char *text = request_text(what, body, true);
	cc_auto_free char *all = calloc(1, ANSWER_LEN);
	cc_auto_close int fd = far_connect(f->admin);
	const char *end;
	size_t len = 0;
	ssize_t n;

	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	while ((n = read(fd, all + len, ANSWER_LEN - 1 - len)) > 0)
		len += (size_t)n;
	end = strstr(all, "\r\n\r\n");
	assert_non_null(end);
	return json_loads(end + 4, 0, NULL);
}

static inline X509 *pem_cert(const json_t *answer, const char *member)
{
	const char *pem = json_string_value(json_object_get(answer, member));
	BIO *bio;
	X509 *x;

	assert_non_null(pem);
	bio = BIO_new_mem_buf(pem, -1);
	x = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	assert_non_null(x);
	return x;
}

/* ---- life ---- */

static inline int far_setup(void **state)
{
	struct far *f = calloc(1, sizeof(*f));
	cc_auto_json json_t *answer = NULL;
	struct cc_error err;
	int listener, status;
	pid_t pid;

	*state = f;
	strcpy(f->dir, "/tmp/test-tls-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->state, sizeof(f->state), "%s/state", f->dir);
	snprintf(f->kek, sizeof(f->kek), "%s/kek", f->dir);
	snprintf(f->admin, sizeof(f->admin), "%s/keyd.sock", f->dir);
	snprintf(f->jwk, sizeof(f->jwk), "%s/agent.jwk", f->dir);
	if (geteuid() != 0)
		return 0; /* the tests skip: keyd runs as root */
	umask(077);
	f->agent = cc_jwk_new("host1", false, &err);
	assert_int_equal(json_dump_file(f->agent, f->jwk, 0), 0);
	f->key = cc_jwk_pkey(f->agent, true, "ES256", &err);
	pid = fork();
	if (pid == 0)
		far_init(f);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	listener = far_listen(&f->port);
	f->keyd = fork();
	if (f->keyd == 0)
		far_serve(f, listener);
	close(listener);
	answer = far_admin(f, "POST /v1/agents/host1/certificate", "{}");
	f->cert = pem_cert(answer, "certificate");
	f->ca = pem_cert(answer, "ca");
	return 0;
}

static inline int far_remove(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
	(void)sb;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int far_teardown(void **state)
{
	struct far *f = *state;
	int status;

	if (f->keyd > 0) {
		kill(f->keyd, SIGTERM);
		assert_int_equal(waitpid(f->keyd, &status, 0), f->keyd);
		assert_int_equal(status, 0);
	}
	X509_free(f->cert);
	X509_free(f->ca);
	EVP_PKEY_free(f->key);
	json_decref(f->agent);
	nftw(f->dir, far_remove, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

static inline struct far *far_of(void **state)
{
	struct far *f = *state;

	if (geteuid() != 0)
		skip();
	return f;
}

/* ---- clients ---- */

/**
 * struct dial - how somebody connects.
 * @cert, @key: what is shown; NULL: nothing
 * @from: last byte of 127.0.0.x
 * @version: the highest; 0 is 1.3
 * @ticket: a session that keyd does not know is offered to be gone on with
 * @extra: this many certificates more are shown
 */
struct dial {
	X509 *cert;
	EVP_PKEY *key;
	unsigned char from;
	int version;
	bool ticket;
	int extra;
};

static inline int far_tcp(const struct far *f, unsigned char from)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	const struct timeval limit = {.tv_sec = WAIT_MS / 1000};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + (from ? from : 1));
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)f->port);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static inline SSL_CTX *far_context(const struct far *f, const struct dial *d)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_max_proto_version(ctx, d->version);
	X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), f->ca);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	if (d->cert)
		assert_int_equal(SSL_CTX_use_certificate(ctx, d->cert), 1);
	if (d->key)
		assert_int_equal(SSL_CTX_use_PrivateKey(ctx, d->key), 1);
	for (int i = 0; i < d->extra; i++)
		assert_int_equal(SSL_CTX_add1_chain_cert(ctx, f->ca), 1);
	return ctx;
}

static inline int far_ticket(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *len,
			     SSL_SESSION **session)
{
	static const unsigned char ticket[32] = {1, 2, 3}, suite[2] = {0x13, 0x02};

	(void)md;
	*session = SSL_SESSION_new();
	*id = ticket;
	*len = sizeof(ticket);
	SSL_SESSION_set_protocol_version(*session, TLS1_3_VERSION);
	SSL_SESSION_set_cipher(*session, SSL_CIPHER_find(ssl, suite));
	return SSL_SESSION_set1_master_key(*session, ticket, sizeof(ticket));
}

/* NULL when there is no connection. In TLS 1.3 what the server says of us comes later. */
static inline SSL *far_dial(const struct far *f, struct dial d)
{
	SSL_CTX *ctx = far_context(f, &d);
	SSL *ssl = SSL_new(ctx);
	int fd = far_tcp(f, d.from);

	SSL_CTX_free(ctx);
	SSL_set_fd(ssl, fd);
	SSL_set1_host(ssl, "keyd");
	if (d.ticket)
		SSL_set_psk_use_session_callback(ssl, far_ticket);
	if (SSL_connect(ssl) == 1)
		return ssl;
	SSL_free(ssl);
	close(fd);
	return NULL;
}

static inline SSL *far_agent(const struct far *f)
{
	return far_dial(f, (struct dial){.cert = f->cert, .key = f->key});
}

static inline void hang_up(SSL *ssl)
{
	if (!ssl)
		return;
	close(SSL_get_fd(ssl));
	SSL_free(ssl);
}

/* All that comes until the end, or until one whole short answer is there; malloced. */
static inline char *far_hear(SSL *ssl)
{
	char *all = calloc(1, ANSWER_LEN);
	size_t len = 0;

	for (;;) {
		const char *head = strstr(all, "\r\n\r\n");
		const char *said = head ? strstr(all, "Content-Length: ") : NULL;
		int n;

		if (said && strlen(head + 4) >= strtoul(said + 16, NULL, 10))
			return all;
		n = SSL_read(ssl, all + len, (int)(ANSWER_LEN - 1 - len));
		if (n <= 0)
			return all;
		len += (size_t)n;
	}
}

static inline char *far_ask(SSL *ssl, const char *what, const char *body)
{
	cc_auto_free char *text = request_text(what, body, false);

	assert_non_null(ssl);
	SSL_write(ssl, text, (int)strlen(text));
	return far_hear(ssl);
}

static inline void assert_says(SSL *ssl, const char *what, const char *body, const char *want)
{
	cc_auto_free char *got = far_ask(ssl, what, body);

	if (!strstr(got, want))
		fail_msg("%s: \"%s\" is not in: %s", what, want, got);
}

/* Nobody answers on it. */
static inline void assert_refused(SSL *ssl)
{
	cc_auto_free char *got = ssl ? far_ask(ssl, "GET /healthz", "") : NULL;

	if (got && got[0])
		fail_msg("answered: %s", got);
	hang_up(ssl);
}

#define far_test(t) cmocka_unit_test_setup_teardown(t, far_setup, far_teardown)

#endif
