// SPDX-License-Identifier: Apache-2.0
#include "feed.h"

#include <string.h>

#include "digest.h"
#include "name.h"
#include "provenance.h"
#include "version_order.h"

#define REPOSITORY_MAX 255
#define ANNOTATION_MAX 128

void cc_feed_free(struct cc_feed *feed)
{
	if (!feed)
		return;
	cc_strv_clear(&feed->signed_by);
	free(feed->repository);
	free(feed->annotation);
	free(feed->minimum);
	free(feed->builder);
	free(feed->source);
	free(feed);
}

static void free_ptr(struct cc_feed **feed)
{
	cc_feed_free(*feed);
}

static int demand(bool ok, const char *member, const char *rule, struct cc_error *err)
{
	return ok ? 0 : cc_fail(err, CC_E_INVALID, "identity: image %s must be %s", member, rule);
}

bool cc_feed_is(const json_t *image)
{
	return json_object_get(image, "signedBy") || json_object_get(image, "repository") ||
	       json_object_get(image, "floor") || json_object_get(image, "builtBy");
}

static int parse_signers(const json_t *image, struct cc_feed *feed, struct cc_error *err)
{
	struct cc_strv *list = &feed->signed_by;

	if (cc_json_strv(image, "identity image", "signedBy", true, list, err) ||
	    demand(list->n >= 1 && list->n <= CC_FEED_SIGNERS_MAX, "signedBy",
		   "a list of 1 to 8 signers", err))
		return -1;
	for (size_t i = 0; i < list->n; i++)
		if (demand(cc_is_name(list->v[i]) || cc_is_digest(list->v[i]), "signedBy",
			   "a list of signers' names, or digests of their keys", err))
			return -1;
	return 0;
}

/* A host, with a port maybe, and a path of lower-case names. */
static bool is_repository(const char *s)
{
	static const char host[] = "abcdefghijklmnopqrstuvwxyz0123456789.-:[]";
	static const char path[] = "abcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t n = strspn(s, host);

	if (strlen(s) > REPOSITORY_MAX || n == 0 || s[n] != '/')
		return false;
	for (s += n; *s == '/'; s += n) {
		n = strspn(++s, path);
		if (n == 0)
			return false;
	}
	return *s == '\0';
}

/* Said in so many words, as it lets in whatever the signers sign. */
static bool is_any(const char *repository)
{
	return !strcmp(repository, "*");
}

static int parse_repository(const json_t *image, struct cc_feed *feed, struct cc_error *err)
{
	if (cc_json_str(image, "identity image", "repository", true, &feed->repository, err) ||
	    demand(is_any(feed->repository) || is_repository(feed->repository), "repository",
		   "a registry and a repository in it, without a tag, like "
		   "\"registry.example/shop/db\", or \"*\"",
		   err))
		return -1;
	return demand(strncmp(feed->repository, "docker.io/", strlen("docker.io/")) != 0,
		      "repository", "named as cosign does: index.docker.io in place of docker.io",
		      err);
}

static bool is_annotation(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] <= ' ' || s[i] == 0x7f || s[i] == '=')
			return false;
	return n >= 1 && n <= ANNOTATION_MAX;
}

static int parse_floor(const json_t *image, struct cc_feed *feed, struct cc_error *err)
{
	static const char *const known[] = {"annotation", "minimum", NULL};
	static const char what[] = "identity image floor";
	json_t *floor = NULL;

	if (cc_json_obj(image, "identity image", "floor", false, &floor, err))
		return -1;
	if (!floor)
		return 0;
	if (cc_json_only(floor, what, known, err) ||
	    cc_json_str(floor, what, "annotation", true, &feed->annotation, err) ||
	    cc_json_str(floor, what, "minimum", true, &feed->minimum, err) ||
	    demand(is_annotation(feed->annotation), "floor annotation",
		   "a name without spaces or \"=\"", err))
		return -1;
	return demand(cc_is_version(feed->minimum), "floor minimum", "a version like 1.4.2", err);
}

static int parse_built_by(const json_t *image, struct cc_feed *feed, struct cc_error *err)
{
	static const char *const known[] = {"builder", "source", NULL};
	static const char what[] = "identity image builtBy";
	json_t *built = NULL;

	if (cc_json_obj(image, "identity image", "builtBy", false, &built, err))
		return -1;
	if (!built)
		return 0;
	if (cc_json_only(built, what, known, err) ||
	    cc_json_str(built, what, "builder", true, &feed->builder, err) ||
	    cc_json_str(built, what, "source", true, &feed->source, err) ||
	    demand(cc_is_builder(feed->builder), "builtBy builder",
		   "the id of a builder in SLSA provenance, a URI", err))
		return -1;
	return demand(cc_is_source(feed->source), "builtBy source",
		      "a repository like \"git+https://git.example/shop/db\", without a revision",
		      err);
}

struct cc_feed *cc_feed_from_json(const json_t *image, struct cc_error *err)
{
	static const char *const known[] = {"signedBy", "repository", "floor", "builtBy", NULL};
	cc_cleanup(free_ptr) struct cc_feed *feed = calloc(1, sizeof(*feed));

	if (!feed) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	if (cc_json_only(image, "identity image with signedBy", known, err) ||
	    parse_signers(image, feed, err) || parse_repository(image, feed, err) ||
	    parse_floor(image, feed, err) || parse_built_by(image, feed, err))
		return NULL;
	return cc_steal(feed);
}

bool cc_feed_is_of(const struct cc_feed *feed, const char *reference)
{
	const char *repository = feed->repository;
	size_t n = strlen(repository);
	const char *rest = reference + n;

	if (is_any(repository))
		return true;
	return !strncmp(reference, repository, n) &&
	       (!*rest || ((*rest == ':' || *rest == '@') && !strchr(rest, '/')));
}
