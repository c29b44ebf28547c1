// SPDX-License-Identifier: Apache-2.0
#include "client/registry_http.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "json.h"

#define CONNECT_SECONDS 10L
#define SECONDS 60L
#define SLOW_SECONDS 20L /* without 100 bytes a second */
#define REDIRECTS 5L
#define TOKEN_MAX (64 * 1024)

struct transfer {
	struct registry *registry;
	struct registry_answer *answer;
	size_t max;
	bool too_long;
};

void registry_close(struct registry *r)
{
	curl_easy_cleanup(r->curl);
	r->curl = NULL;
	free(r->authorization);
	r->authorization = NULL;
}

static void slist_free_ptr(struct curl_slist **l)
{
	curl_slist_free_all(*l);
}

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct registry_answer *a = t->answer;
	size_t more = size * n;
	char *p;

	t->too_long =
		more > t->max - a->len || more > (size_t)REGISTRY_BYTES_MAX - t->registry->bytes;
	p = t->too_long ? NULL : realloc(a->body, a->len + more + 1);
	if (!p)
		return 0; /* libcurl ends the transfer with CURLE_WRITE_ERROR */
	a->body = p;
	memcpy(a->body + a->len, data, more);
	a->len += more;
	t->registry->bytes += more;
	a->body[a->len] = '\0';
	return more;
}

static int failed(const struct transfer *t, const char *url, const char *why, struct cc_error *err)
{
	if (t->too_long)
		return cc_fail(err, CC_E_INVALID, "%s: the answer is too long", url);
	return cc_fail(err, CC_E_UNREACHABLE, "%s: %s", url, why);
}

static int add_header(struct curl_slist **list, const char *name, const char *value,
		      struct cc_error *err)
{
	cc_auto_free char *line = NULL;
	struct curl_slist *longer;

	if (!value)
		return 0;
	if (asprintf(&line, "%s%s", name, value) < 0) {
		line = NULL;
		return registry_no_memory(err);
	}
	longer = curl_slist_append(*list, line);
	if (!longer)
		return registry_no_memory(err);
	*list = longer;
	return 0;
}

static void set_options(struct registry *r, const char *url, struct transfer *t)
{
	CURL *c = r->curl;

	curl_easy_reset(c);
	curl_easy_setopt(c, CURLOPT_URL, url);
	curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, r->plain ? "http,https" : "https");
	curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, r->plain ? "http,https" : "https");
	curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(c, CURLOPT_MAXREDIRS, REDIRECTS);
	curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, CONNECT_SECONDS);
	curl_easy_setopt(c, CURLOPT_TIMEOUT, SECONDS);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 100L);
	curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, SLOW_SECONDS);
	curl_easy_setopt(c, CURLOPT_USERAGENT, "dmctl");
	if (r->name->local)
		curl_easy_setopt(c, CURLOPT_PROXY, "");
	curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
	if (r->ca) {
		struct curl_blob pem = {(void *)(uintptr_t)r->ca, strlen(r->ca), CURL_BLOB_COPY};

		curl_easy_setopt(c, CURLOPT_CAINFO_BLOB, &pem);
		curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	}
}

/* One request. @authorization: a header's value, NULL: none */
static int get_url(struct registry *r, const char *url, const char *accept,
		   const char *authorization, size_t max, struct registry_answer *a,
		   struct cc_error *err)
{
	cc_cleanup(slist_free_ptr) struct curl_slist *headers = NULL;
	struct transfer t = {.registry = r, .answer = a, .max = max};
	char why[CURL_ERROR_SIZE] = "";
	long status = 0;
	CURLcode rc;

	registry_answer_clear(a);
	if (r->requests++ == REGISTRY_REQUESTS_MAX)
		return cc_fail(err, CC_E_INVALID, "%s: more than %d requests for one image",
			       r->name->host, REGISTRY_REQUESTS_MAX);
	if (!r->curl)
		r->curl = curl_easy_init();
	if (!r->curl)
		return registry_no_memory(err);
	if (add_header(&headers, "Accept: ", accept, err) ||
	    add_header(&headers, "Authorization: ", authorization, err))
		return -1;
	set_options(r, url, &t);
	curl_easy_setopt(r->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(r->curl, CURLOPT_ERRORBUFFER, why);
	rc = curl_easy_perform(r->curl);
	curl_easy_setopt(r->curl, CURLOPT_ERRORBUFFER, NULL);
	if (rc != CURLE_OK)
		return failed(&t, url, *why ? why : curl_easy_strerror(rc), err);
	curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		registry_answer_clear(a);
	a->status = status;
	return 0;
}

/* ---- what it asks for ---------------------------------------------------------------------- */

static bool is_https(const char *url)
{
	return !strncasecmp(url, "https://", strlen("https://"));
}

/* By the parser that the request goes by, so that no "user@" misleads. */
static bool is_here(const char *url)
{
	CURLU *u = curl_url();
	char *host = NULL;
	bool here = u && !curl_url_set(u, CURLUPART_URL, url, 0) &&
		    !curl_url_get(u, CURLUPART_HOST, &host, 0) && registry_is_local(host);

	curl_free(host);
	curl_url_cleanup(u);
	return here;
}

/* Credentials go there. */
static bool may_give_tokens(const struct registry *r, const char *realm)
{
	return is_https(realm) || r->plain_said || (r->plain && is_here(realm));
}

/* The last answer is of the registry's, whose @url was asked, not of where it redirects to. */
static bool is_its_answer(const struct registry *r, const char *url, const char *path)
{
	size_t origin = strlen(url) - strlen(path) + 1; /* with the "/" behind it */
	char *last = NULL;

	return !curl_easy_getinfo(r->curl, CURLINFO_EFFECTIVE_URL, &last) && last &&
	       !strncmp(last, url, origin);
}

static int put_authorization(struct registry *r, const char *kind, const char *what,
			     struct cc_error *err)
{
	free(r->authorization);
	if (asprintf(&r->authorization, "%s %s", kind, what) >= 0)
		return 0;
	r->authorization = NULL;
	return registry_no_memory(err);
}

/* Malloced; NULL without memory. */
static char *token_url(const struct registry *r, const struct registry_challenge *c)
{
	char *service = c->service ? curl_easy_escape(NULL, c->service, 0) : NULL;
	char *scope = curl_easy_escape(NULL, r->name->repository, 0);
	char *url = NULL;

	if (scope && asprintf(&url, "%s%cscope=repository:%s:pull%s%s", c->realm,
			      strchr(c->realm, '?') ? '&' : '?', scope, service ? "&service=" : "",
			      service ? service : "") < 0)
		url = NULL;
	curl_free(service);
	curl_free(scope);
	return url;
}

static const char *token_in(const json_t *doc)
{
	const char *token = json_string_value(json_object_get(doc, "token"));

	token = token ?: json_string_value(json_object_get(doc, "access_token"));
	/* it becomes a line of a request */
	return token && *token &&
			       !token[strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmno"
						    "pqrstuvwxyz0123456789-._~+/=")]
		       ? token
		       : NULL;
}

static int fetch_token(struct registry *r, const struct registry_challenge *c, struct cc_error *err)
{
	cc_cleanup(registry_answer_clear) struct registry_answer a = {0};
	cc_auto_free char *url = NULL, *basic = NULL;
	cc_auto_json json_t *doc = NULL;

	if (!may_give_tokens(r, c->realm))
		return cc_fail(err, CC_E_INVALID, "%s: wants a token of %.200s, which is not https",
			       r->name->host, c->realm);
	url = token_url(r, c);
	if (!url || (r->basic && asprintf(&basic, "Basic %s", r->basic) < 0)) {
		basic = NULL;
		return registry_no_memory(err);
	}
	if (get_url(r, url, NULL, basic, TOKEN_MAX, &a, err))
		return -1;
	if (a.status != 200)
		return cc_fail(err, CC_E_PERM,
			       "%s: no token of %.200s (HTTP %ld); log in with the engine, or name "
			       "its credentials with --auth-file",
			       r->name->host, c->realm, a.status);
	doc = a.body ? cc_json_parse(a.body, a.len, "token", err) : NULL;
	if (!doc || !token_in(doc))
		return cc_fail(err, CC_E_INVALID, "%s: %.200s gave no token", r->name->host,
			       c->realm);
	return put_authorization(r, "Bearer", token_in(doc), err);
}

/* After 401. Return: 0 when it may be asked again; 1 when there is nothing to ask with; -1. */
static int authorize(struct registry *r, struct cc_error *err)
{
	auto_registry_challenge c = {0};
	struct curl_header *h;

	if (curl_easy_header(r->curl, "WWW-Authenticate", 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
		return 1;
	if (registry_challenge_parse(h->value, &c, err))
		return cc_prefix(err, "%s", r->name->host);
	if (c.bearer)
		return fetch_token(r, &c, err);
	return r->basic ? put_authorization(r, "Basic", r->basic, err) : 1;
}

int registry_get(void *arg, const char *path, const char *accept, size_t max,
		 struct registry_answer *a, struct cc_error *err)
{
	struct registry *r = arg;
	cc_auto_free char *url = NULL;
	int rc;

	if (asprintf(&url, "%s://%s%s", r->plain ? "http" : "https", r->name->host, path) < 0) {
		url = NULL;
		return registry_no_memory(err);
	}
	if (get_url(r, url, accept, r->authorization, max, a, err))
		return -1;
	if (a->status != 401 || !is_its_answer(r, url, path))
		return 0;
	rc = authorize(r, err);
	return rc ? (rc > 0 ? 0 : -1) : get_url(r, url, accept, r->authorization, max, a, err);
}
