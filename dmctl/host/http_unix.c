// SPDX-License-Identifier: Apache-2.0
/*
 * http_unix.c - one HTTP request over a Unix socket, or to a keyd on another machine, by libcurl.
 */
#include "host/http_unix.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#include "cleanup.h"

#define CONNECT_SECONDS 5L

/* @said: it is known that the request was sent */
struct transfer {
	CURL *curl;
	const struct http_request *request;
	struct http_answer *answer;
	bool said;
};

void http_answer_clear(struct http_answer *a)
{
	free(a->body);
	*a = (struct http_answer){0};
}

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct http_answer *a = t->answer;
	size_t more = size * n;
	char *p;

	/* libcurl has the connection at hand only while it is in use. */
	if (t->request->tls && t->request->line)
		t->request->line->bound = !http_tls_exporter(t->curl, t->request->line->exporter);
	if (more > t->request->max - a->len)
		return 0; /* libcurl ends the transfer with CURLE_WRITE_ERROR */
	p = realloc(a->body, a->len + more + 1);
	if (!p)
		return 0;
	a->body = p;
	memcpy(a->body + a->len, data, more);
	a->len += more;
	a->body[a->len] = '\0';
	return more;
}

static void slist_free_ptr(struct curl_slist **l)
{
	curl_slist_free_all(*l);
}

/* About once a second while it waits. */
static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	struct transfer *t = arg;
	long bytes = 0;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	if (!t->said && curl_easy_getinfo(t->curl, CURLINFO_REQUEST_SIZE, &bytes) == CURLE_OK &&
	    bytes > 0) {
		t->said = true;
		t->request->sent(t->request->arg);
	}
	return 0;
}

/* What libcurl says of TLS names the alert of the other end, but not what to do. */
static int no_tls(CURLcode rc, const char *detail, const struct http_request *r,
		  struct cc_error *err)
{
	const char *why = detail[0] ? detail : curl_easy_strerror(rc);

	if (rc == CURLE_PEER_FAILED_VERIFICATION)
		return cc_fail(err, CC_E_INVALID,
			       "what answers on %s is not the keyd that this host knows (%s): it "
			       "is another one, or the clocks differ",
			       r->socket, why);
	return cc_fail(err, CC_E_UNREACHABLE,
		       "%s does not answer on %s (%s); where it refuses this host's certificate, "
		       "enrol the host again (\"dmctl agents invite\" on keyd's machine)",
		       r->who, r->socket, why);
}

/* Says why in the system's words: libcurl speaks of the port of a host that does not exist. */
static int unreachable(CURL *c, CURLcode rc, const char *detail, const struct http_request *r,
		       struct cc_error *err)
{
	long os_errno = 0;

	if (r->tls && rc != CURLE_COULDNT_CONNECT)
		return no_tls(rc, detail, r, err);

	curl_easy_getinfo(c, CURLINFO_OS_ERRNO, &os_errno);
	if (rc == CURLE_COULDNT_CONNECT && (os_errno == EACCES || os_errno == EPERM))
		return cc_fail(err, CC_E_PERM,
			       "this user has no access to %s (%s: %s); try as root", r->who,
			       r->socket, strerror((int)os_errno));
	return cc_fail(err, CC_E_UNREACHABLE, "%s does not answer on %s (%s)", r->who, r->socket,
		       rc == CURLE_COULDNT_CONNECT && os_errno ? strerror((int)os_errno)
							       : curl_easy_strerror(rc));
}

void http_line_close(struct http_line *l)
{
	curl_easy_cleanup(l->curl);
	l->curl = NULL;
}

/* What an earlier request set is forgotten, its connection is not. */
static CURL *handle_of(struct http_line *l)
{
	if (l->curl)
		curl_easy_reset(l->curl);
	else
		l->curl = curl_easy_init();
	return l->curl;
}

static int set_target(CURL *c, const struct http_request *r, struct curl_slist **connect_to,
		      struct cc_error *err)
{
	cc_auto_free char *url = NULL;
	int n = r->tls ? asprintf(&url, "https://keyd:%s%s", r->tls->port, r->path)
		       : asprintf(&url, "http://%s%s", r->who, r->path);

	if (n < 0)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	curl_easy_setopt(c, CURLOPT_URL, url);
	if (r->tls)
		return http_tls_set(c, r->tls, connect_to, err);
	curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, r->socket);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http");
	return 0;
}

int http_unix(const struct http_request *r, struct http_answer *a, struct cc_error *err)
{
	cc_cleanup(slist_free_ptr) struct curl_slist *headers = NULL, *connect_to = NULL;
	cc_cleanup(http_line_close) struct http_line own = {0};
	CURL *c = handle_of(r->line ? r->line : &own);
	struct transfer t = {.curl = c, .request = r, .answer = a};
	char detail[CURL_ERROR_SIZE] = "";
	CURLcode rc;

	*a = (struct http_answer){0};
	headers = curl_slist_append(NULL, "Content-Type: application/json");
	if (!c || !headers)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (set_target(c, r, &connect_to, err))
		return -1;
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, detail);
	curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, r->seconds);
	curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, r->method);
	curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, &t);
	if (r->body)
		curl_easy_setopt(c, CURLOPT_POSTFIELDS, r->body);
	if (r->sent) {
		curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
		curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
		curl_easy_setopt(c, CURLOPT_XFERINFODATA, &t);
	}
	rc = curl_easy_perform(c);
	/* What is of this request only; the connection may go on without it. */
	curl_easy_setopt(c, CURLOPT_ERRORBUFFER, NULL);
	curl_easy_setopt(c, CURLOPT_CONNECT_TO, NULL);
	if (rc != CURLE_OK) {
		http_answer_clear(a);
		return unreachable(c, rc, detail, r, err);
	}
	curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &a->status);
	return 0;
}

char *http_escape(const char *s)
{
	char *escaped = curl_easy_escape(NULL, s, 0);
	char *copy = escaped ? strdup(escaped) : NULL;

	curl_free(escaped);
	return copy;
}
