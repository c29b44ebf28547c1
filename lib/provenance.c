// SPDX-License-Identifier: Apache-2.0
#include "provenance.h"

#include <string.h>

#define GIT "git+"

/* Printable ASCII. */
static bool is_plain(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] > '~')
			return false;
	return n >= 1 && n <= CC_PROVENANCE_MAX;
}

bool cc_is_builder(const char *s)
{
	return is_plain(s);
}

static const char *without_git(const char *s)
{
	return !strncmp(s, GIT, strlen(GIT)) ? s + strlen(GIT) : s;
}

bool cc_is_source(const char *s)
{
	const char *at = without_git(s), *authority = strstr(at, "://");
	const char *path = authority ? strchr(authority + strlen("://"), '/') : NULL;

	return is_plain(s) && at != s && authority && (!path || !strpbrk(path, "@#"));
}

/* A repository's name may have an "@", so that not all that is behind one is a revision. */
static bool is_revision(const char *s)
{
	size_t n = strlen(s);

	return !strncmp(s, "refs/", strlen("refs/")) ||
	       ((n == 40 || n == 64) && strspn(s, "0123456789abcdef") == n);
}

/* How much of it is the repository. */
static size_t without_revision(const char *s)
{
	size_t n = strcspn(s, "#");
	const char *at = s[n] ? NULL : strrchr(s, '@');

	return at && is_revision(at + 1) ? (size_t)(at - s) : n;
}

/* @revision: @said may have one */
static bool is_same_source(const char *said, bool revision, const char *wanted)
{
	const char *at = without_git(said);
	size_t n = revision ? without_revision(at) : strlen(at);

	wanted = without_git(wanted);
	return n == strlen(wanted) && !memcmp(at, wanted, n);
}

static const json_t *value_at(const json_t *obj, const char *in, const char *key)
{
	return json_object_get(json_object_get(obj, in), key);
}

static const char *builder_of(const struct cc_image_statement *st)
{
	const json_t *at = st->predicate;

	if (!strcmp(st->type, CC_STATEMENT_SLSA_V1))
		at = json_object_get(at, "runDetails");
	return json_string_value(value_at(at, "builder", "id"));
}

/* The one of a v1 that is there; NULL: none, or two. */
static const char *source_of_v1(const json_t *predicate, bool *revision)
{
	const json_t *given = value_at(predicate, "buildDefinition", "externalParameters");
	const json_t *source = json_object_get(given, "source");
	const char *all[] = {
		json_string_value(value_at(given, "workflow", "repository")),
		json_string_value(json_is_object(source) ? json_object_get(source, "uri") : source),
		json_string_value(value_at(given, "configSource", "uri")),
	};
	const char *found = NULL;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i] && found)
			return NULL;
		found = all[i] ?: found;
	}
	*revision = !all[0];
	return found;
}

/* @revision: out, whether it may have one */
static const char *source_of(const struct cc_image_statement *st, bool *revision)
{
	*revision = true;
	if (!strcmp(st->type, CC_STATEMENT_SLSA_V1))
		return source_of_v1(st->predicate, revision);
	return json_string_value(
		value_at(json_object_get(st->predicate, "invocation"), "configSource", "uri"));
}

int cc_provenance_check(const struct cc_image_statement *st, const char *builder,
			const char *source, struct cc_error *err)
{
	const char *by = builder_of(st), *from;
	bool revision;

	if (!by || strcmp(by, builder) != 0)
		return cc_refuse(err, "imageBuilder",
				 "imageBuilder: identity wants an image built by %s, the "
				 "provenance says %.200s",
				 builder, by ? by : "no builder");
	from = source_of(st, &revision);
	if (!from || !is_same_source(from, revision, source))
		return cc_refuse(err, "imageSource",
				 "imageSource: identity wants an image built from %s, the "
				 "provenance says %.200s",
				 source, from ? from : "no source, or several");
	return 0;
}
