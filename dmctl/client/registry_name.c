// SPDX-License-Identifier: Apache-2.0
#include "client/registry_name.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define HUB "registry-1.docker.io"
#define HUB_KEY "https://index.docker.io/v1/" /* as docker login writes it */
#define NAME_MAX_BYTES 255
#define TAG_MAX 128
#define BASE64 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="

static const char lower[] = "abcdefghijklmnopqrstuvwxyz0123456789";

void registry_name_clear(struct registry_name *n)
{
	free(n->host);
	free(n->repository);
	free(n->reference);
	*n = (struct registry_name){0};
}

int registry_no_memory(struct cc_error *err)
{
	return cc_fail(err, CC_E_NOMEM, "out of memory");
}

/* ---- the name ------------------------------------------------------------------------------ */

static bool is_host(const char *s, size_t n)
{
	return memchr(s, '.', n) || memchr(s, ':', n) ||
	       (n == strlen("localhost") && !strncmp(s, "localhost", n));
}

bool registry_is_local(const char *host)
{
	size_t n = strlen("localhost");

	if (!strncmp(host, "[::1]", strlen("[::1]")))
		return true;
	if (!strncmp(host, "127.", strlen("127.")))
		return strspn(host, "0123456789.") == strcspn(host, ":");
	return !strncmp(host, "localhost", n) && (!host[n] || host[n] == ':');
}

static bool is_good_host(const char *host)
{
	size_t n = strlen(host);

	return n >= 1 && n <= NAME_MAX_BYTES &&
	       strspn(host,
		      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]") == n;
}

/* Words of lower case with ".", "_" or "-" within, and slashes between. */
static bool is_good_repository(const char *s)
{
	if (strlen(s) > NAME_MAX_BYTES)
		return false;
	for (;; s++) {
		size_t n = strcspn(s, "/");

		if (n == 0 || !strchr(lower, s[0]) || !strchr(lower, s[n - 1]))
			return false;
		for (size_t i = 0; i < n; i++)
			if (!strchr(lower, s[i]) && !strchr("._-", s[i]))
				return false;
		s += n;
		if (!*s)
			return true;
	}
}

static bool is_good_tag(const char *s)
{
	size_t n = strlen(s);

	return n >= 1 && n <= TAG_MAX && *s != '.' && *s != '-' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

static int bad_name(const char *image, struct cc_error *err)
{
	return cc_fail(
		err, CC_E_USAGE,
		"\"%.200s\" is not the name of an image, like registry.example/shop/db:1.4.2",
		image);
}

/* Cuts digest and tag off @rest. */
static int take_reference(char *rest, struct registry_name *out, struct cc_error *err)
{
	char *digest = strchr(rest, '@'), *slash, *tag;

	if (digest)
		*digest++ = '\0';
	slash = strrchr(rest, '/');
	tag = strchr(slash ? slash : rest, ':');
	if (tag)
		*tag++ = '\0';
	if ((digest && !cc_is_digest(digest)) || (tag && !is_good_tag(tag)))
		return -1;
	out->is_digest = digest != NULL;
	out->reference = strdup(digest ?: tag ?: "latest");
	return out->reference ? 0 : registry_no_memory(err);
}

static bool is_hub(const char *host)
{
	return !strcmp(host, "docker.io") || !strcmp(host, "index.docker.io") || !strcmp(host, HUB);
}

static int take_host(const char *image, const char **rest, struct registry_name *out,
		     struct cc_error *err)
{
	size_t n = strcspn(image, "/");
	bool named = image[n] && is_host(image, n);

	*rest = named ? image + n + 1 : image;
	out->host = named ? strndup(image, n) : strdup(HUB);
	if (!out->host)
		return registry_no_memory(err);
	out->hub = is_hub(out->host);
	out->local = registry_is_local(out->host);
	if (!out->hub)
		return 0;
	free(out->host);
	out->host = strdup(HUB);
	return out->host ? 0 : registry_no_memory(err);
}

int registry_name_parse(const char *image, struct registry_name *out, struct cc_error *err)
{
	cc_auto_free char *copy = NULL;
	const char *rest;

	*err = (struct cc_error){0};
	if (take_host(image, &rest, out, err))
		return -1;
	copy = strdup(rest);
	if (!copy)
		return registry_no_memory(err);
	if (take_reference(copy, out, err))
		return err->code ? -1 : bad_name(image, err);
	if (asprintf(&out->repository, "%s%s", out->hub && !strchr(copy, '/') ? "library/" : "",
		     copy) < 0) {
		out->repository = NULL;
		return registry_no_memory(err);
	}
	return is_good_host(out->host) && is_good_repository(out->repository)
		       ? 0
		       : bad_name(image, err);
}

/* ---- what it asks for ---------------------------------------------------------------------- */

void registry_challenge_clear(struct registry_challenge *c)
{
	free(c->realm);
	free(c->service);
	*c = (struct registry_challenge){0};
}

/* A parameter's value, a token or quoted; *at goes behind it. NULL: malformed, or no memory. */
static char *parameter_value(const char **at)
{
	const char *s = *at;
	size_t n;

	if (*s != '"') {
		n = strcspn(s, ", \t");
		*at = s + n;
		return strndup(s, n);
	}
	n = strcspn(++s, "\"\\"); /* nobody has a backslash in these */
	if (s[n] != '"')
		return NULL;
	*at = s + n + 1;
	return strndup(s, n);
}

static bool is_called(const char *name, size_t n, const char *what)
{
	return n == strlen(what) && !strncasecmp(name, what, n);
}

static int take_parameter(const char **at, struct registry_challenge *out)
{
	const char *name = *at;
	size_t n = strcspn(name, "= \t,");
	cc_auto_free char *value = NULL;
	char **to = NULL;

	if (n == 0 || name[n] != '=')
		return -1;
	*at = name + n + 1;
	value = parameter_value(at);
	if (!value)
		return -1;
	if (is_called(name, n, "realm"))
		to = &out->realm;
	else if (is_called(name, n, "service"))
		to = &out->service;
	if (to && *to)
		return -1;
	if (to)
		*to = cc_steal(value);
	return 0;
}

static int bad_challenge(struct cc_error *err)
{
	return cc_fail(err, CC_E_INVALID,
		       "the registry asks for a kind of authentication that is not known");
}

int registry_challenge_parse(const char *text, struct registry_challenge *out, struct cc_error *err)
{
	size_t n = strcspn(text, " ");

	out->bearer = is_called(text, n, "Bearer");
	if (!out->bearer && !is_called(text, n, "Basic"))
		return bad_challenge(err);
	for (text += n; text += strspn(text, ", \t"), *text;)
		if (take_parameter(&text, out))
			return bad_challenge(err);
	return out->bearer && !out->realm ? bad_challenge(err) : 0;
}

/* ---- what the engine has for it ------------------------------------------------------------ */

/* "auth" of an entry, which becomes a line of a request; an entry may leave it to a helper. */
static char *auth_of(const json_t *auths, const char *key)
{
	const char *auth = json_string_value(json_object_get(json_object_get(auths, key), "auth"));

	return auth && *auth && !auth[strspn(auth, BASE64)] ? strdup(auth) : NULL;
}

static char *auth_of_hub(const json_t *auths)
{
	static const char *const keys[] = {HUB_KEY, "index.docker.io", "docker.io", HUB};
	char *auth = NULL;

	for (size_t i = 0; !auth && i < sizeof(keys) / sizeof(keys[0]); i++)
		auth = auth_of(auths, keys[i]);
	return auth;
}

char *registry_credentials(const json_t *config, const struct registry_name *name)
{
	const json_t *auths = json_object_get(config, "auths");
	char *auth = NULL, *slash;
	cc_auto_free char *key = NULL;

	if (asprintf(&key, "%s/%s", name->hub ? "docker.io" : name->host, name->repository) < 0) {
		key = NULL;
		return NULL;
	}
	while (!(auth = auth_of(auths, key)) && (slash = strrchr(key, '/')))
		*slash = '\0';
	if (!auth && name->hub)
		auth = auth_of_hub(auths);
	return auth;
}
