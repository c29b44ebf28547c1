// SPDX-License-Identifier: Apache-2.0
#include "front/http.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define CRLF "\r\n"

/* One header line, not terminated. */
struct field {
	const char *name, *value;
	size_t name_len, value_len;
};

/* What may come once only. */
struct seen {
	bool length, host, type;
};

/* RFC 9110, section 5.6.2. */
static bool is_token(const char *s, size_t len)
{
	static const char chars[] = "!#$%&'*+-.^_`|~0123456789"
				    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

	for (size_t i = 0; i < len; i++)
		if (!s[i] || !strchr(chars, s[i]))
			return false;
	return len > 0;
}

/* No control characters, and in a target (not in a field's @value) ASCII without spaces only. */
static bool is_clean(const char *s, size_t len, bool value)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (value && (c == '\t' || c == ' ' || c > 0x7f))
			continue;
		if (c <= ' ' || c >= 0x7f)
			return false;
	}
	return true;
}

static bool name_is(const struct field *f, const char *name)
{
	return strlen(name) == f->name_len && !strncasecmp(f->name, name, f->name_len);
}

static bool value_is(const struct field *f, const char *value)
{
	return strlen(value) == f->value_len && !strncasecmp(f->value, value, f->value_len);
}

static int parse_request_line(const char *line, size_t len, struct http_head *head)
{
	const char *space = memchr(line, ' ', len);
	const char *target, *end;
	size_t n;

	if (!space || !is_token(line, (size_t)(space - line)) ||
	    (size_t)(space - line) >= sizeof(head->method))
		return 400;
	memcpy(head->method, line, (size_t)(space - line));

	target = space + 1;
	end = memchr(target, ' ', len - (size_t)(target - line));
	if (!end)
		return 400;
	n = (size_t)(end - target);
	if (n >= sizeof(head->target))
		return 414;
	if (n == 0 || target[0] != '/' || !is_clean(target, n, false))
		return 400;
	memcpy(head->target, target, n);

	n = len - (size_t)(end + 1 - line);
	if (n != 8 || memcmp(end + 1, "HTTP/", 5) != 0)
		return 400;
	if (memcmp(end + 6, "1.", 2) != 0 || (end[8] != '0' && end[8] != '1'))
		return 505;
	head->keep_alive = end[8] == '1';
	return 0;
}

static int parse_length(const struct field *f, size_t *length)
{
	size_t v = 0;

	if (f->value_len == 0 || f->value_len > 9)
		return 400;
	for (size_t i = 0; i < f->value_len; i++) {
		if (f->value[i] < '0' || f->value[i] > '9')
			return 400;
		v = v * 10 + (size_t)(f->value[i] - '0');
	}
	*length = v;
	return 0;
}

static bool is_json(const struct field *f)
{
	static const char type[] = "application/json";
	const size_t n = sizeof(type) - 1;

	if (f->value_len < n || strncasecmp(f->value, type, n) != 0)
		return false;
	return f->value_len == n || f->value[n] == ';' || f->value[n] == ' ';
}

static int take_field(const struct field *f, struct http_head *head, struct seen *seen)
{
	bool *once = NULL;

	if (name_is(f, "Transfer-Encoding"))
		return 501;
	if (name_is(f, "Content-Length"))
		once = &seen->length;
	else if (name_is(f, "Host"))
		once = &seen->host;
	else if (name_is(f, "Content-Type"))
		once = &seen->type;
	if (once && *once)
		return 400;
	if (once)
		*once = true;

	if (once == &seen->length)
		return parse_length(f, &head->content_length);
	if (once == &seen->type)
		head->json = is_json(f);
	else if (name_is(f, "Connection"))
		head->keep_alive = head->keep_alive && !value_is(f, "close");
	else if (name_is(f, "Expect"))
		head->expect_continue = value_is(f, "100-continue");
	return 0;
}

static int parse_field(const char *line, size_t len, struct http_head *head, struct seen *seen)
{
	const char *colon = memchr(line, ':', len);
	struct field f;

	if (!colon)
		return 400;
	f.name = line;
	f.name_len = (size_t)(colon - line);
	f.value = colon + 1;
	f.value_len = len - f.name_len - 1;
	while (f.value_len && (*f.value == ' ' || *f.value == '\t')) {
		f.value++;
		f.value_len--;
	}
	while (f.value_len && (f.value[f.value_len - 1] == ' ' || f.value[f.value_len - 1] == '\t'))
		f.value_len--;
	/* A token has no space, so a folded line is refused here. */
	if (!is_token(f.name, f.name_len) || !is_clean(f.value, f.value_len, true))
		return 400;
	return take_field(&f, head, seen);
}

int http_parse_head(const char *buf, size_t len, struct http_head *head)
{
	struct seen seen = {0};
	bool first = true;

	*head = (struct http_head){0};
	if (len > HTTP_HEAD_MAX)
		return 431;
	while (len > 0) {
		const char *end = memmem(buf, len, CRLF, 2);
		size_t line = end ? (size_t)(end - buf) : 0;
		int status;

		if (!end)
			return 400;
		/* The empty line ends the head, and the head ends with it. */
		if (line == 0)
			return first || len != 2 || !seen.host ? 400 : 0;
		status = first ? parse_request_line(buf, line, head)
			       : parse_field(buf, line, head, &seen);
		if (status)
			return status;
		first = false;
		buf += line + 2;
		len -= line + 2;
	}
	return 400;
}

static const char *reason(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 403:
		return "Forbidden";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	case 408:
		return "Request Timeout";
	case 409:
		return "Conflict";
	case 413:
		return "Content Too Large";
	case 415:
		return "Unsupported Media Type";
	case 422:
		return "Unprocessable Content";
	case 429:
		return "Too Many Requests";
	case 431:
		return "Request Header Fields Too Large";
	case 500:
		return "Internal Server Error";
	case 503:
		return "Service Unavailable";
	default:
		return "Error";
	}
}

size_t http_answer_head(char buf[static HTTP_ANSWER_HEAD_MAX], int status, const char *type,
			size_t len, bool keep_alive)
{
	int n = snprintf(buf, HTTP_ANSWER_HEAD_MAX,
			 "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
			 "Cache-Control: no-store\r\nConnection: %s\r\n\r\n",
			 status, reason(status), type, len, keep_alive ? "keep-alive" : "close");

	return (size_t)n;
}
