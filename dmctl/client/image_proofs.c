// SPDX-License-Identifier: Apache-2.0
#include "client/image_proofs.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "digest.h"
#include "file.h"
#include "image_statement.h"
#include "json.h"

#define FILE_MAX (2 * CC_IMAGE_PROOF_MAX + 4096) /* as JSON text, whose quotes are escaped */
#define HEX_OF(digest) ((digest) + strlen("sha256:"))

static int no_memory(struct cc_error *err)
{
	return cc_fail(err, CC_E_NOMEM, "out of memory");
}

static int check_config(const char *config, struct cc_error *err)
{
	if (cc_is_digest(config))
		return 0;
	return cc_fail(err, CC_E_INVALID, "\"%.80s\" is not a sha256 digest", config);
}

/* One file for what signatures can be of: the manifest, and the index that names it. */
static char *path_of(const char *dir, const char *config, const struct cc_image_proof *p,
		     struct cc_error *err)
{
	char manifest[CC_DIGEST_LEN], index[CC_DIGEST_LEN] = "";
	char *path;
	int n;

	cc_sha256_digest(p->manifest, strlen(p->manifest), manifest);
	if (p->index)
		cc_sha256_digest(p->index, strlen(p->index), index);
	n = asprintf(&path, "%s/%s-%s%s%s.json", dir, HEX_OF(config), HEX_OF(manifest),
		     p->index ? "-" : "", p->index ? HEX_OF(index) : "");
	if (n >= 0)
		return path;
	no_memory(err);
	return NULL;
}

static struct cc_image_proof *read_proof(const char *path, struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	cc_auto_json json_t *obj = NULL;
	struct cc_image_proof *p;
	size_t len;

	if (cc_read_file_max(path, FILE_MAX, &text, &len, err))
		return NULL;
	obj = cc_json_parse(text, len, path, err);
	p = obj ? cc_image_proof_from_json(obj, err) : NULL;
	if (!p)
		cc_prefix(err, "%s: remove it, and offer the image again", path);
	return p;
}

/* ---- several in one ------------------------------------------------------------------------ */

static bool has_signature(const struct cc_image_proof *p, const struct cc_image_signature *s)
{
	for (size_t i = 0; i < p->n; i++)
		if (cc_image_signature_eq(&p->v[i], s))
			return true;
	return false;
}

/* Behind those of @to. @lost: goes up by each that there is no room for */
static int append_all(struct cc_image_proof *to, const struct cc_image_proof *from, size_t *lost,
		      struct cc_error *err)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct cc_image_signature *s = &from->v[i];

		if (has_signature(to, s))
			continue;
		if (!cc_image_proof_has_room(to, strlen(s->payload) + strlen(s->signature)))
			++*lost;
		else if (cc_image_proof_add(to, s, err))
			return -1;
	}
	return 0;
}

static struct cc_image_proof *copy_of(const struct cc_image_proof *p, struct cc_error *err)
{
	cc_auto_json json_t *obj = cc_image_proof_to_json(p);

	if (obj)
		return cc_image_proof_from_json(obj, err);
	cc_fail(err, CC_E_INVALID, "an image's documents are not UTF-8");
	return NULL;
}

static int write_proof(const char *path, const struct cc_image_proof *p, struct cc_error *err)
{
	cc_auto_json json_t *obj = cc_image_proof_to_json(p);
	cc_auto_free char *text = obj ? json_dumps(obj, JSON_COMPACT) : NULL;

	if (!text)
		return no_memory(err);
	if (strlen(text) > FILE_MAX)
		return cc_fail(err, CC_E_INVALID, "%s: too long as JSON", path);
	return cc_replace_file(path, text, strlen(text), 0600, err);
}

int image_proofs_put(const char *dir, const char *config, const struct cc_image_proof *proof,
		     size_t *lost, struct cc_error *err)
{
	cc_auto_image_proof struct cc_image_proof *all = NULL, *before = NULL;
	cc_auto_free char *path = NULL;

	*lost = 0;
	if (check_config(config, err))
		return -1;
	path = path_of(dir, config, proof, err);
	all = path ? copy_of(proof, err) : NULL;
	if (!all)
		return -1;
	if (mkdir(dir, 0700) && errno != EEXIST)
		return cc_fail_errno(err, CC_E_INTERNAL, "cannot make %s", dir);
	before = read_proof(path, err);
	if (!before && err->code != CC_E_NOTFOUND)
		return -1;
	if (before && append_all(all, before, lost, err))
		return -1;
	return write_proof(path, all, err);
}

/* ---- the one to bring ---------------------------------------------------------------------- */

/**
 * struct choice - the best so far.
 * @fits: it has a signature for the repository that is wanted
 * @time: when it was offered last
 */
struct choice {
	const struct cc_feed *feed;
	struct cc_image_proof *best;
	bool fits;
	struct timespec time;
};

/* Of a signature by cosign 3; NULL of another statement. */
static json_t *statement_reference(const json_t *doc)
{
	const char *type = json_string_value(json_object_get(doc, "predicateType"));
	const char *text;

	if (!type || !cc_statement_is_signature(type))
		return NULL;
	text = cc_subject_repository(json_array_get(json_object_get(doc, "subject"), 0));
	return text ? json_string(text) : NULL;
}

json_t *image_signature_reference(const struct cc_image_signature *s)
{
	cc_auto_json json_t *doc = json_loads(s->payload, 0, NULL);
	const json_t *identity = json_object_get(json_object_get(doc, "critical"), "identity");

	if (s->statement)
		return statement_reference(doc);
	return json_incref(json_object_get(identity, "docker-reference"));
}

/* Not verified: it is only what to bring. */
static bool is_wanted(const struct cc_feed *feed, const struct cc_image_proof *p)
{
	for (size_t i = 0; feed && i < p->n; i++) {
		cc_auto_json json_t *reference = image_signature_reference(&p->v[i]);
		const char *text = json_string_value(reference);

		if (cc_feed_is_of(feed, text ? text : ""))
			return true;
	}
	return false;
}

static bool is_later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

static int consider(struct choice *c, const char *path, struct cc_error *err)
{
	cc_auto_image_proof struct cc_image_proof *p = read_proof(path, err);
	struct stat st;
	bool fits;

	if (!p || stat(path, &st))
		/* it was removed since */
		return !p && err->code != CC_E_NOTFOUND ? -1 : 0;
	fits = is_wanted(c->feed, p);
	if (c->best && (fits != c->fits ? c->fits : !is_later(&st.st_mtim, &c->time)))
		return 0;
	cc_image_proof_free(c->best);
	c->best = cc_steal(p);
	c->fits = fits;
	c->time = st.st_mtim;
	return 0;
}

/* Of an image "CONFIG-MANIFEST.json" and "CONFIG-MANIFEST-INDEX.json". */
static bool is_file_of(const char *name, const char *config)
{
	size_t n = strlen(HEX_OF(config)), len = strlen(name);

	return !strncmp(name, HEX_OF(config), n) && name[n] == '-' && len > strlen(".json") &&
	       !strcmp(name + len - strlen(".json"), ".json");
}

static int consider_each(struct choice *c, DIR *dir, const char *path, const char *config,
			 struct cc_error *err)
{
	const struct dirent *e;

	while (errno = 0, (e = readdir(dir))) {
		cc_auto_free char *file = NULL;

		if (!is_file_of(e->d_name, config))
			continue;
		if (asprintf(&file, "%s/%s", path, e->d_name) < 0) {
			file = NULL;
			return no_memory(err);
		}
		if (consider(c, file, err))
			return -1;
	}
	return errno ? cc_fail_errno(err, CC_E_INTERNAL, "cannot read %s", path) : 0;
}

int image_proofs_get(const char *dir, const char *config, const struct cc_feed *feed,
		     struct cc_image_proof **proof, struct cc_error *err)
{
	cc_auto_closedir DIR *d = NULL;
	struct choice c = {.feed = feed};

	*proof = NULL;
	if (check_config(config, err))
		return -1;
	d = opendir(dir);
	if (!d)
		return errno == ENOENT ? 0
				       : cc_fail_errno(err, CC_E_INTERNAL, "cannot read %s", dir);
	if (consider_each(&c, d, dir, config, err)) {
		cc_image_proof_free(c.best);
		return -1;
	}
	*proof = c.best;
	return 0;
}
