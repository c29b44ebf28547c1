// SPDX-License-Identifier: Apache-2.0
/*
 * http_unix.c - one HTTP request over a Unix socket, by libcurl.
 */
#include "host/http_unix.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

#include "cleanup.h"

#define CONNECT_SECONDS 5L

struct transfer {
	const struct http_request *request;
	struct http_answer *answer;
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

/* Says why in the system's words: libcurl speaks of the port of a host that does not exist. */
static int unreachable(CURL *c, CURLcode rc, const struct http_request *r, struct cc_error *err)
{
	long os_errno = 0;

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

int http_unix(const struct http_request *r, struct http_answer *a, struct cc_error *err)
{
	cc_cleanup(slist_free_ptr) struct curl_slist *headers = NULL;
	cc_cleanup(http_line_close) struct http_line own = {0};
	CURL *c = handle_of(r->line ? r->line : &own);
	struct transfer t = {.request = r, .answer = a};
	cc_auto_free char *url = NULL;
	CURLcode rc;

	*a = (struct http_answer){0};
	headers = curl_slist_append(NULL, "Content-Type: application/json");
	if (asprintf(&url, "http://%s%s", r->who, r->path) < 0)
		url = NULL;
	if (!c || !headers || !url)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, r->socket);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http");
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
	rc = curl_easy_perform(c);
	if (rc != CURLE_OK) {
		http_answer_clear(a);
		return unreachable(c, rc, r, err);
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
