// SPDX-License-Identifier: Apache-2.0
/* keyd over TLS: who is served, who is not, and what nobody can do to the others. */
#include "keyd_tls.h"

#include <openssl/core_names.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#define CROWD 60 /* connections at once */

static void an_agent_is_served_with_its_certificate(void **state)
{
	struct far *f = far_of(state);
	SSL *ssl = far_agent(f);

	assert_says(ssl, "GET /healthz", "", "\"realm\":\"testing\"");
	assert_says(ssl, "POST /v1/challenge", "{}", "\"nonce\"");
	assert_says(ssl, "GET /v1/volumes", "", "HTTP/1.1 200");
	assert_string_equal(SSL_get_version(ssl), "TLSv1.3");
	hang_up(ssl);
}

static void what_administrators_may_is_refused_over_tls(void **state)
{
	static const char *const ops[] = {
		"DELETE /v1/agents/host1",
		"POST /v1/agents",
		"POST /v1/agents/host2/invite",
		"POST /v1/signers",
		"POST /v1/volumes",
		"GET /v1/audit",
		"GET /v1/agents",
		"GET /metrics",
		"DELETE /v1/volumes/x",
		"POST /v1/identities",
		"POST /v1/volumes/x/export",
	};
	struct far *f = far_of(state);

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		SSL *ssl = far_agent(f);

		assert_says(ssl, ops[i], strncmp(ops[i], "POST", 4) ? "" : "{}",
			    "\"fact\":\"plane\"");
		hang_up(ssl);
	}
}

static void without_a_certificate_one_can_only_enrol(void **state)
{
	static const char *const ops[] = {"GET /healthz", "POST /v1/challenge", "GET /v1/changes",
					  "GET /v1/volumes", "POST /v1/agents/host1/certificate"};
	struct far *f = far_of(state);
	SSL *ssl;

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		ssl = far_dial(f, (struct dial){0});
		assert_says(ssl, ops[i], ops[i][0] == 'P' ? "{}" : "", "\"fact\":\"certificate\"");
		hang_up(ssl);
	}
	ssl = far_dial(f, (struct dial){0});
	assert_says(ssl, "POST /v1/enrol", "{}", "\\\"token\\\" is missing");
	hang_up(ssl);
	/* who has one has no need to */
	ssl = far_agent(f);
	assert_says(ssl, "POST /v1/enrol", "{}", "\"fact\":\"plane\"");
	hang_up(ssl);
}

/* One for this key, signed by @signer. */
static X509 *certificate_by(const X509 *like, EVP_PKEY *signer)
{
	X509 *x = X509_dup(like);

	assert_true(X509_sign(x, signer, EVP_sha256()) > 0);
	return x;
}

static void a_certificate_of_another_ca_is_refused(void **state)
{
	struct far *f = far_of(state);
	EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	X509 *forged = certificate_by(f->cert, other);

	assert_refused(far_dial(f, (struct dial){.cert = forged, .key = f->key}));
	X509_free(forged);
	EVP_PKEY_free(other);
}

/* The public part of @theirs with another private one: OpenSSL compares the public parts only. */
static EVP_PKEY *pretended(EVP_PKEY *theirs)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	unsigned char point[65], d[32];
	OSSL_PARAM params[4];
	EVP_PKEY *key = NULL;
	size_t n;

	assert_int_equal(EVP_PKEY_get_octet_string_param(theirs, OSSL_PKEY_PARAM_PUB_KEY, point,
							 sizeof(point), &n),
			 1);
	RAND_bytes(d, sizeof(d));
	d[31] = 0x7f; /* below the order, in either byte order */
	d[0] = 0x7f;
	params[0] = OSSL_PARAM_construct_utf8_string("group", (char *)"P-256", 0);
	params[1] = OSSL_PARAM_construct_octet_string("pub", point, n);
	params[2] = OSSL_PARAM_construct_BN("priv", d, sizeof(d));
	params[3] = OSSL_PARAM_construct_end();
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params), 1);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static void a_stolen_certificate_is_nothing_without_its_key(void **state)
{
	struct far *f = far_of(state);
	EVP_PKEY *key = pretended(f->key);

	assert_refused(far_dial(f, (struct dial){.cert = f->cert, .key = key}));
	EVP_PKEY_free(key);
}

static void keyds_own_certificate_and_the_cas_are_not_agents(void **state)
{
	struct far *f = far_of(state);
	SSL *ssl = far_agent(f);
	X509 *shown = SSL_get1_peer_certificate(ssl);
	EVP_PKEY *key = pretended(X509_get0_pubkey(shown));

	assert_true(X509_check_purpose(shown, X509_PURPOSE_SSL_SERVER, 0) > 0);
	assert_false(X509_check_purpose(f->cert, X509_PURPOSE_SSL_SERVER, 0) > 0);
	assert_false(X509_check_purpose(shown, X509_PURPOSE_SSL_CLIENT, 0) > 0);
	assert_refused(far_dial(f, (struct dial){.cert = shown, .key = key}));
	EVP_PKEY_free(key);
	X509_free(shown);
	hang_up(ssl);
}

static void tls_1_2_is_refused(void **state)
{
	struct far *f = far_of(state);

	assert_null(far_dial(
		f, (struct dial){.cert = f->cert, .key = f->key, .version = TLS1_2_VERSION}));
}

static void no_session_is_resumed_and_no_early_data_taken(void **state)
{
	struct far *f = far_of(state);
	SSL *ssl = far_agent(f);
	SSL_SESSION *session;

	assert_says(ssl, "GET /healthz", "", "HTTP/1.1 200");
	session = SSL_get1_session(ssl);
	assert_false(SSL_SESSION_is_resumable(session));
	assert_int_equal(SSL_SESSION_get_max_early_data(session), 0);
	SSL_SESSION_free(session);
	hang_up(ssl);
	/* what somebody offers who has a ticket of another time */
	ssl = far_dial(f, (struct dial){.cert = f->cert, .key = f->key, .ticket = true});
	assert_says(ssl, "GET /healthz", "", "HTTP/1.1 200");
	assert_int_equal(SSL_session_reused(ssl), 0);
	hang_up(ssl);
}

static void a_removed_agent_is_shut_out_at_once(void **state)
{
	struct far *f = far_of(state);
	SSL *idle = far_agent(f), *waiting = far_agent(f), *late;
	cc_auto_json json_t *answer = NULL;
	cc_auto_free char *text = request_text("GET /v1/changes", "", false), *heard = NULL;
	char c;

	assert_says(idle, "GET /healthz", "", "HTTP/1.1 200");
	SSL_write(waiting, text, (int)strlen(text));
	poll(NULL, 0, 300);
	answer = far_admin(f, "DELETE /v1/agents/host1", "");
	assert_null(json_object_get(answer, "error"));
	assert_true(SSL_read(idle, &c, 1) <= 0);
	heard = far_hear(waiting);
	late = far_agent(f);
	assert_says(late, "GET /healthz", "", "\"fact\":\"agent\"");
	hang_up(late);
	late = far_agent(f);
	assert_says(late, "GET /v1/changes", "", "\"fact\":\"agent\"");
	hang_up(idle);
	hang_up(waiting);
	hang_up(late);
}

/* Who is enrolled again is somebody else: the old certificate does not come back. */
static void a_certificate_is_of_one_enrolment(void **state)
{
	struct far *f = far_of(state);
	cc_auto_json json_t *gone = far_admin(f, "DELETE /v1/agents/host1", "");
	cc_auto_json json_t *public = NULL, *body = NULL, *again = NULL, *answer = NULL;
	cc_auto_free char *text = NULL;
	struct cc_error err;
	X509 *cert;
	SSL *ssl;

	public = cc_jwk_public(f->agent, &err);
	body = json_pack("{s:s, s:O}", "name", "host1", "jwk", public);
	text = json_dumps(body, 0);
	again = far_admin(f, "POST /v1/agents", text);
	assert_null(json_object_get(again, "error"));
	ssl = far_agent(f);
	assert_says(ssl, "GET /healthz", "", "\"fact\":\"agent\"");
	hang_up(ssl);
	answer = far_admin(f, "POST /v1/agents/host1/certificate", "{}");
	cert = pem_cert(answer, "certificate");
	ssl = far_dial(f, (struct dial){.cert = cert, .key = f->key});
	assert_says(ssl, "GET /healthz", "", "HTTP/1.1 200");
	hang_up(ssl);
	X509_free(cert);
}

static void an_agent_renews_its_certificate_and_no_other(void **state)
{
	struct far *f = far_of(state);
	SSL *ssl = far_agent(f);
	cc_auto_free char *got = far_ask(ssl, "POST /v1/agents/host1/certificate", "{}");

	assert_non_null(strstr(got, "BEGIN CERTIFICATE"));
	assert_says(ssl, "POST /v1/agents/host2/certificate", "{}", "\"fact\":\"agent\"");
	hang_up(ssl);
}

static void who_says_nothing_is_closed_in_time(void **state)
{
	struct far *f = far_of(state);
	int mute = far_tcp(f, 0);
	SSL *slow = far_agent(f);
	cc_auto_free char *got = NULL;
	char c;

	/* neither a handshake that does not begin, nor a head that does not end */
	SSL_write(slow, "GET /healthz HT", 15);
	assert_true(read(mute, &c, 1) <= 0);
	got = far_hear(slow);
	assert_non_null(strstr(got, "HTTP/1.1 408"));
	close(mute);
	hang_up(slow);
}

static void a_crowd_from_one_address_keeps_nobody_else_out(void **state)
{
	struct far *f = far_of(state);
	int crowd[CROWD], closed = 0;
	SSL *ssl;

	for (size_t i = 0; i < CROWD; i++)
		crowd[i] = far_tcp(f, 0);
	ssl = far_dial(f, (struct dial){.cert = f->cert, .key = f->key, .from = 2});
	assert_says(ssl, "GET /healthz", "", "HTTP/1.1 200");
	for (size_t i = 0; i < CROWD; i++) {
		struct pollfd p = {crowd[i], POLLIN, 0};

		closed += poll(&p, 1, 0) == 1;
		close(crowd[i]);
	}
	/* All but PLANE_STRANGERS are turned away before anything is done for them. */
	assert_in_range(closed, CROWD - 16, CROWD);
	hang_up(ssl);
}

static void what_is_too_large_is_refused(void **state)
{
	struct far *f = far_of(state);
	static const char large[] =
		"POST /v1/renew HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n";
	cc_auto_free char *head = malloc(1 << 14), *got = NULL, *second = NULL;
	SSL *ssl = far_agent(f);

	memset(head, 'x', 1 << 14);
	memcpy(head, "GET /", 5);
	SSL_write(ssl, head, 1 << 14);
	got = far_hear(ssl);
	assert_non_null(strstr(got, "HTTP/1.1 431"));
	hang_up(ssl);
	ssl = far_agent(f);
	SSL_write(ssl, large, sizeof(large) - 1);
	second = far_hear(ssl);
	assert_non_null(strstr(second, "HTTP/1.1 413"));
	hang_up(ssl);
	/* more certificates than TLS_CERTS_MAX has bytes for */
	assert_refused(far_dial(f, (struct dial){.cert = f->cert, .key = f->key, .extra = 40}));
}

static void what_is_not_tls_is_closed(void **state)
{
	struct far *f = far_of(state);
	static const char plain[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
	int fd = far_tcp(f, 0);
	char c[64];
	ssize_t n;

	assert_int_equal(write(fd, plain, sizeof(plain) - 1), sizeof(plain) - 1);
	while ((n = read(fd, c, sizeof(c))) > 0)
		assert_null(memmem(c, (size_t)n, "HTTP", 4));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		far_test(an_agent_is_served_with_its_certificate),
		far_test(what_administrators_may_is_refused_over_tls),
		far_test(without_a_certificate_one_can_only_enrol),
		far_test(a_certificate_of_another_ca_is_refused),
		far_test(a_stolen_certificate_is_nothing_without_its_key),
		far_test(keyds_own_certificate_and_the_cas_are_not_agents),
		far_test(tls_1_2_is_refused),
		far_test(no_session_is_resumed_and_no_early_data_taken),
		far_test(a_removed_agent_is_shut_out_at_once),
		far_test(a_certificate_is_of_one_enrolment),
		far_test(an_agent_renews_its_certificate_and_no_other),
		far_test(who_says_nothing_is_closed_in_time),
		far_test(a_crowd_from_one_address_keeps_nobody_else_out),
		far_test(what_is_too_large_is_refused),
		far_test(what_is_not_tls_is_closed),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
