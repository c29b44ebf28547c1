// SPDX-License-Identifier: Apache-2.0
/* dmctl and a keyd on another machine, both real: enrolment, evidence, certificates. */
#include "keyd_tls.h"

#include <pthread.h>
#include <time.h>

#include "dmctl/agent/agent_follow.h"
#include "dmctl/client/keyd_client.h"
#include "dmctl/client/keyd_enrol.h"
#include "dmctl/client/keyd_route.h"
#include "dmctl/client/keyd_tls.h"
#include "file.h"
#include "paths.h"

/* A host that has nothing but a key, beside the keyd of @far. */
struct host {
	struct far *far;
	char url[64], dir[96], key[128];
	json_t *jwk;
};

static int setup(void **state)
{
	struct host *h = calloc(1, sizeof(*h));
	void *far = NULL;
	struct cc_error err;

	far_setup(&far);
	*state = h;
	h->far = far;
	if (geteuid() != 0)
		return 0;
	snprintf(h->url, sizeof(h->url), "https://127.0.0.1:%d", h->far->port);
	snprintf(h->dir, sizeof(h->dir), "%s/host", h->far->dir);
	snprintf(h->key, sizeof(h->key), "%s/agent.jwk", h->dir);
	mkdir(h->dir, 0700);
	h->jwk = cc_jwk_new("host2", false, &err);
	json_dump_file(h->jwk, h->key, 0);
	keyd_tls_set_dir(h->dir);
	keyd_client_set_socket(h->url);
	return 0;
}

static int teardown(void **state)
{
	struct host *h = *state;
	void *far = h->far;

	far_teardown(&far);
	json_decref(h->jwk);
	free(h);
	return 0;
}

static struct host *host_of(void **state)
{
	if (geteuid() != 0)
		skip();
	return *state;
}

static char *invite(const struct far *f, const char *name, const char *body)
{
	cc_auto_json json_t *answer = NULL;
	char what[96];

	snprintf(what, sizeof(what), "POST /v1/agents/%s/invite", name);
	answer = far_admin(f, what, body);
	assert_non_null(json_object_get(answer, "token"));
	return strdup(json_string_value(json_object_get(answer, "token")));
}

static int enrol(const struct host *h, const char *token, struct cc_error *err)
{
	struct cc_enrol_token t;

	*err = (struct cc_error){0};
	assert_int_equal(cc_enrol_token_parse(token, strlen(token), &t, err), 0);
	return keyd_enrol(h->url, &t, token, h->jwk, err);
}

static void enrolled(const struct host *h)
{
	cc_auto_free char *token = invite(h->far, "host2", "{\"volumes\":\"pg*\"}");
	struct cc_error err;

	if (enrol(h, token, &err))
		fail_msg("%s", err.text);
}

static void a_host_enrols_with_a_token_and_is_served(void **state)
{
	struct host *h = host_of(state);
	cc_auto_json json_t *answer = NULL, *agents = NULL, *audit = NULL;
	cc_auto_free char *text = NULL;
	struct cc_error err;
	char url[KEYD_URL_LEN];

	assert_int_equal(keyd_request("GET", "/healthz", NULL, NULL, &err), -1);
	assert_int_equal(err.code, CC_E_NOTFOUND);
	enrolled(h);
	if (keyd_request("GET", "/healthz", NULL, &answer, &err))
		fail_msg("%s", err.text);
	assert_int_equal(keyd_url_read(url, &err), 0);
	assert_string_equal(url, h->url);
	agents = far_admin(h->far, "GET /v1/agents", "");
	text = json_dumps(agents, 0);
	assert_non_null(strstr(text, "\"pg*\""));
	free(text);
	audit = far_admin(h->far, "GET /v1/audit", "");
	text = json_dumps(audit, 0);
	assert_non_null(strstr(text, "\"agent.invite\""));
	assert_non_null(strstr(text, "\"enrol\""));
}

/* The one that evidence and challenge come over is the same, and keyd knows which. */
static void evidence_is_taken_over_the_connection_it_was_made_for(void **state)
{
	struct host *h = host_of(state);
	struct cc_error err = {0};

	enrolled(h);
	/* a lease that is not there is none to return: all of the evidence was good */
	if (keyd_lease_return("b0000000-0000-4000-8000-000000000001", h->key, &err))
		fail_msg("%s", err.text);
}

static void evidence_of_another_enrolment_is_refused(void **state)
{
	struct host *h = host_of(state);
	struct cc_measurement *m = NULL;
	struct cc_secret key = {0};
	cc_auto_json json_t *answer = NULL;
	struct cc_error err = {0};

	enrolled(h);
	/* the certificate is host2's, the evidence is signed by host1, who is enrolled as well */
	assert_int_equal(keyd_release("format", "0a000000-0000-4000-8000-000000000001", m, NULL,
				      h->far->jwk, &key, &answer, NULL, &err),
			 -1);
	assert_string_equal(err.fact, "certificate");
}

static void a_token_is_good_once(void **state)
{
	struct host *h = host_of(state);
	cc_auto_free char *token = invite(h->far, "host2", "{}");
	struct cc_error err;

	assert_int_equal(enrol(h, token, &err), 0);
	assert_int_equal(enrol(h, token, &err), -1);
	assert_int_equal(err.code, CC_E_REFUSED);
	assert_string_equal(err.fact, "token");
}

static void a_token_that_is_over_is_refused(void **state)
{
	struct host *h = host_of(state);
	cc_auto_free char *token = invite(h->far, "host2", "{\"seconds\":1}");
	struct cc_error err;

	poll(NULL, 0, 2100);
	assert_int_equal(enrol(h, token, &err), -1);
	assert_string_equal(err.fact, "token");
}

static void a_token_that_was_replaced_is_refused(void **state)
{
	struct host *h = host_of(state);
	cc_auto_free char *first = invite(h->far, "host2", "{}");
	cc_auto_free char *second = invite(h->far, "host2", "{}");
	struct cc_error err;

	assert_int_equal(enrol(h, first, &err), -1);
	assert_string_equal(err.fact, "token");
	assert_int_equal(enrol(h, second, &err), 0);
}

/* It does not get as far as the token: that is not shown to whom it is not for. */
static void a_token_of_another_keyd_is_not_shown_to_this_one(void **state)
{
	struct host *h = host_of(state);
	cc_auto_free char *token = invite(h->far, "host2", "{}");
	struct cc_enrol_token t;
	char other[CC_ENROL_TOKEN_LEN];
	struct cc_error err;

	assert_int_equal(cc_enrol_token_parse(token, strlen(token), &t, &err), 0);
	t.pin[0] ^= 1;
	assert_int_equal(cc_enrol_token_format(&t, other, &err), 0);
	assert_int_equal(enrol(h, other, &err), -1);
	assert_int_equal(err.code, CC_E_INVALID);
	assert_int_equal(enrol(h, token, &err), 0);
}

static void another_keyd_with_the_same_address_is_noticed(void **state)
{
	struct host *h = host_of(state);
	cc_auto_free char *ca = NULL, *path = NULL;
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	X509 *other;
	struct cc_error err = {0};
	FILE *f;

	enrolled(h);
	other = X509_dup(h->far->ca);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(other), "CN", MBSTRING_ASC,
				   (const unsigned char *)"another", -1, -1, 0);
	X509_set_pubkey(other, key);
	X509_sign(other, key, EVP_sha256());
	assert_true(asprintf(&path, "%s/keyd-ca.pem", h->dir) > 0);
	f = fopen(path, "w");
	PEM_write_X509(f, other);
	fclose(f);
	assert_int_equal(keyd_request("GET", "/healthz", NULL, NULL, &err), -1);
	assert_int_equal(err.code, CC_E_INVALID);
	X509_free(other);
	EVP_PKEY_free(key);
}

static void a_key_that_one_does_not_have_is_not_enrolled(void **state)
{
	struct host *h = host_of(state);
	cc_auto_free char *token = invite(h->far, "host2", "{}");
	cc_auto_free char *proof = NULL;
	struct cc_enrol_token t;
	struct cc_error err = {0};
	cc_auto_json json_t *theirs = cc_jwk_public(h->far->agent, &err);
	cc_auto_json json_t *body = NULL;
	struct keyd_url parts;
	struct http_tls tls = {.pin = t.pin};
	struct keyd_route to = {.socket = h->url, .tls = &tls};

	assert_int_equal(cc_enrol_token_parse(token, strlen(token), &t, &err), 0);
	assert_int_equal(keyd_url_parse(h->url, &parts, &err), 0);
	tls.host = parts.host;
	tls.port = parts.port;
	proof = cc_enrol_prove(&t, h->jwk, &err);
	body = json_pack("{s:s, s:O, s:s}", "token", token, "jwk", theirs, "proof", proof);
	assert_int_equal(keyd_request_at(&to, "POST", "/v1/enrol", body, NULL, &err), -1);
	assert_string_equal(err.fact, "proof");
}

static void a_name_that_is_taken_is_not_taken_over(void **state)
{
	struct host *h = host_of(state);
	cc_auto_free char *token = invite(h->far, "host1", "{}");
	struct cc_enrol_token t;
	struct cc_error err = {0};
	cc_auto_json json_t *jwk = cc_jwk_new("host1", false, &err);

	assert_int_equal(cc_enrol_token_parse(token, strlen(token), &t, &err), 0);
	assert_int_equal(keyd_enrol(h->url, &t, token, jwk, &err), -1);
	assert_int_equal(err.code, CC_E_EXISTS);
	/* who it is enrols again as himself, with what is left of the invitation */
	assert_int_equal(keyd_enrol(h->url, &t, token, h->far->agent, &err), 0);
}

static void a_certificate_is_renewed_with_itself(void **state)
{
	struct host *h = host_of(state);
	struct cc_error err = {0};

	enrolled(h);
	assert_non_null(keyd_tls_open(h->url, &err));
	assert_false(keyd_tls_is_due((int64_t)time(NULL)));
	assert_true(keyd_tls_is_due((int64_t)time(NULL) + 4 * 86400));
	if (keyd_certificate_renew("host2", &err))
		fail_msg("%s", err.text);
	if (keyd_request("GET", "/healthz", NULL, NULL, &err))
		fail_msg("%s", err.text);
	assert_int_equal(keyd_certificate_renew("host1", &err), -1);
	assert_string_equal(err.fact, "certificate");
}

static void change_scope(struct host *h)
{
	json_decref(far_admin(h->far, "POST /v1/agents/host1/set", "{\"volumes\":\"*\"}"));
}

static bool is_said(int fd, int ms)
{
	struct pollfd p = {fd, POLLIN, 0};

	return poll(&p, 1, ms) == 1;
}

/*
 * What changes before keyd has got the question is not told, and who asks cannot know when that is:
 * so there are changes until one is heard.
 */
static bool change_until(struct host *h, int fd)
{
	for (int i = 0; i < 20; i++) {
		change_scope(h);
		if (is_said(fd, 1000))
			return true;
	}
	return false;
}

/* @heard: the end of a pipe that is closed when one was heard */
struct changer {
	struct host *h;
	int heard;
};

static void *change(void *arg)
{
	struct changer *c = arg;

	change_until(c->h, c->heard);
	return NULL;
}

static void note_sent(void *arg)
{
	*(bool *)arg = true;
}

static void a_change_is_heard_by_who_waits(void **state)
{
	struct host *h = host_of(state);
	struct cc_error err = {0};
	bool sent = false;
	pthread_t thread;
	struct changer c = {.h = h};
	int ends[2];

	enrolled(h);
	assert_int_equal(pipe(ends), 0);
	c.heard = ends[0];
	pthread_create(&thread, NULL, change, &c);
	if (keyd_wait(30, note_sent, &sent, &err))
		fail_msg("%s", err.text);
	close(ends[1]);
	pthread_join(thread, NULL);
	close(ends[0]);
	assert_true(sent);
}

static char next_said(int fd)
{
	char c = 0;

	assert_true(is_said(fd, 20000));
	assert_int_equal(read(fd, &c, 1), 1);
	return c;
}

static void the_agents_process_tells_what_it_hears_and_follows_again(void **state)
{
	struct host *h = host_of(state);
	int pair[2];
	pid_t pid;

	enrolled(h);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pid = fork();
	if (pid == 0)
		_exit(keyd_follow(pair[1]));
	close(pair[1]);
	assert_int_equal(next_said(pair[0]), FOLLOW_ASKED);
	assert_true(change_until(h, pair[0]));
	assert_int_equal(next_said(pair[0]), FOLLOW_CHANGED);
	assert_int_equal(next_said(pair[0]), FOLLOW_ASKED);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(pair[0]);
}

static void a_host_that_was_removed_is_told_so(void **state)
{
	struct host *h = host_of(state);
	cc_auto_json json_t *answer = NULL;
	struct cc_error err = {0};

	enrolled(h);
	answer = far_admin(h->far, "DELETE /v1/agents/host2", "");
	assert_int_equal(keyd_request("GET", "/healthz", NULL, NULL, &err), -1);
	assert_string_equal(err.fact, "agent");
}

static void urls_say_where_keyd_is(void **state)
{
	static const struct {
		const char *url, *host, *port;
	} good[] = {
		{"https://keyd.example.org:8443", "keyd.example.org", "8443"},
		{"https://192.0.2.7", "192.0.2.7", "8443"},
		{"https://[2001:db8::7]:9/", "[2001:db8::7]", "9"},
	};
	static const char *const bad[] = {
		"http://x:1",	     "https://",	 "https://x:",	      "https://x:123456",
		"https://x:8443/v1", "https://u@x:8443", "https://[::1:8443", "https://x y",
		"https://[]:8443",   "ftp://x",
	};
	struct keyd_url url;
	struct cc_error err;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(keyd_url_parse(good[i].url, &url, &err), 0);
		assert_string_equal(url.host, good[i].host);
		assert_string_equal(url.port, good[i].port);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(keyd_url_parse(bad[i], &url, &err), -1);
		assert_int_equal(err.code, CC_E_USAGE);
	}
	assert_false(keyd_is_url("/run/container-crypt/keyd.sock"));
}

#define host_test(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		host_test(a_host_enrols_with_a_token_and_is_served),
		host_test(evidence_is_taken_over_the_connection_it_was_made_for),
		host_test(evidence_of_another_enrolment_is_refused),
		host_test(a_token_is_good_once),
		host_test(a_token_that_is_over_is_refused),
		host_test(a_token_that_was_replaced_is_refused),
		host_test(a_token_of_another_keyd_is_not_shown_to_this_one),
		host_test(another_keyd_with_the_same_address_is_noticed),
		host_test(a_key_that_one_does_not_have_is_not_enrolled),
		host_test(a_name_that_is_taken_is_not_taken_over),
		host_test(a_certificate_is_renewed_with_itself),
		host_test(a_change_is_heard_by_who_waits),
		host_test(the_agents_process_tells_what_it_hears_and_follows_again),
		host_test(a_host_that_was_removed_is_told_so),
		cmocka_unit_test(urls_say_where_keyd_is),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
