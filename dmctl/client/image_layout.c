// SPDX-License-Identifier: Apache-2.0
#include "client/image_layout.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "client/layer_signature.h"
#include "digest.h"
#include "file.h"
#include "image_doc.h"
#include "json.h"

#define CREATED_MAX 40		 /* RFC 3339 */
#define REFERRER_MAX (64 * 1024) /* bytes of a manifest that refers to an image */
#define BLOBS_MAX 65536
#define TRIES_MAX 1024 /* layers that are read as signatures */
#define DEPTH_MAX 3    /* index.json, an index in it, one in that */

/* @text: its bytes, owned */
struct blob {
	char digest[CC_DIGEST_LEN];
	char *text;
};

/* @config: digest */
struct image {
	struct blob manifest;
	char config[CC_DIGEST_LEN];
};

/* @created: when its manifest says that it was made; "" where it does not */
struct signature {
	char created[CREATED_MAX];
	struct layer_signature is;
};

/**
 * struct layout - what was found.
 * @passed_over: signatures that cannot be read, or are too many
 * @looked_at: digests of the manifests that were read: one counts once, however often it is named
 * @tries: layers that were read as signatures
 */
struct layout {
	const char *dir;
	struct cc_strv looked_at;
	size_t passed_over, tries;
	size_t n_images, n_indexes, n_signatures;
	struct image images[IMAGE_LAYOUT_MAX];
	struct blob indexes[IMAGE_LAYOUT_MAX];
	struct signature signatures[IMAGE_LAYOUT_MAX];
};

static void layout_free(struct layout **at)
{
	struct layout *l = *at;

	if (!l)
		return;
	for (size_t i = 0; i < l->n_images; i++)
		free(l->images[i].manifest.text);
	for (size_t i = 0; i < l->n_indexes; i++)
		free(l->indexes[i].text);
	for (size_t i = 0; i < l->n_signatures; i++)
		layer_signature_clear(&l->signatures[i].is);
	cc_strv_clear(&l->looked_at);
	free(l);
}

static int too_many(const char *what, struct cc_error *err)
{
	return cc_fail(err, CC_E_INVALID, "the layout has more than %d %s", IMAGE_LAYOUT_MAX, what);
}

/* ---- blobs --------------------------------------------------------------------------------- */

static int read_blob(const struct layout *l, const char *digest, size_t max, struct blob *b,
		     struct cc_error *err)
{
	cc_auto_free char *path = NULL, *text = NULL;
	size_t len;

	if (!cc_is_digest(digest))
		return cc_fail(err, CC_E_INVALID, "\"%.80s\" is not a sha256 digest", digest);
	if (asprintf(&path, "%s/blobs/sha256/%s", l->dir, digest + strlen("sha256:")) < 0) {
		path = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	if (cc_read_file_max(path, max, &text, &len, err))
		return -1;
	cc_sha256_digest(text, len, b->digest);
	if (strcmp(b->digest, digest) != 0)
		return cc_fail(err, CC_E_INVALID, "%s: its digest is %s", path, b->digest);
	if (strlen(text) != len)
		return cc_fail(err, CC_E_INVALID, "%s: not a text", path);
	b->text = cc_steal(text);
	return 0;
}

/* ---- signatures ---------------------------------------------------------------------------- */

/* Anybody may push one that is none; a blob that is not its digest's is another matter. */
static int pass_over(struct layout *l, const struct blob *b, const char *digest,
		     struct cc_error *err)
{
	if (err->code != CC_E_INVALID || (b->digest[0] && strcmp(b->digest, digest) != 0))
		return -1;
	l->passed_over++;
	return 0;
}

/*
 * The newest first: by the time in their manifest; those without one, as of cosign 2, behind them,
 * in the order in which they come.
 */
static struct signature *new_signature(struct layout *l, const char *created)
{
	size_t i = l->n_signatures++;

	for (; i > 0 && strncmp(created, l->signatures[i - 1].created, CREATED_MAX - 1) > 0; i--)
		l->signatures[i] = l->signatures[i - 1];
	l->signatures[i] = (struct signature){0};
	snprintf(l->signatures[i].created, CREATED_MAX, "%s", created);
	return &l->signatures[i];
}

static int add_signature(struct layout *l, const json_t *layer, const char *created,
			 struct cc_error *err)
{
	cc_cleanup(layer_signature_clear) struct layer_signature got = {0};
	const char *digest = layer_text(layer, "digest");
	cc_auto_free char *text = NULL;
	struct blob b = {0};
	int rc;

	if (l->n_signatures == IMAGE_LAYOUT_MAX || l->tries++ >= TRIES_MAX) {
		l->passed_over++;
		return 0;
	}
	if (read_blob(l, digest, BUNDLE_MAX, &b, err))
		return pass_over(l, &b, digest, err);
	text = b.text;
	rc = layer_signature_read(layer, text, &got, err);
	if (rc)
		return rc < 0 ? pass_over(l, &b, digest, err) : 0;
	new_signature(l, created)->is = got;
	got = (struct layer_signature){0};
	return 0;
}

/* cosign 2 appends: the last is the newest. */
static int add_signatures(struct layout *l, const json_t *manifest, struct cc_error *err)
{
	const json_t *layers = json_object_get(manifest, "layers");
	const char *created = layer_text(json_object_get(manifest, "annotations"),
					 "org.opencontainers.image.created");

	for (size_t i = json_array_size(layers); i-- > 0;) {
		const json_t *layer = json_array_get(layers, i);

		if (layer_is_signature(layer) && add_signature(l, layer, created, err))
			return -1;
	}
	return 0;
}

/* ---- images -------------------------------------------------------------------------------- */

/* What is no image that can run (provenance, an SBOM, a chart) is passed over. Takes @b over. */
static int add_image(struct layout *l, struct blob *b, struct cc_error *err)
{
	struct image *im = &l->images[l->n_images];
	char config[CC_DIGEST_LEN];
	struct cc_error none;

	if (cc_image_manifest_config(b->text, strlen(b->text), config, &none))
		return 0;
	if (l->n_images == IMAGE_LAYOUT_MAX)
		return too_many("images", err);
	*im = (struct image){.manifest = *b};
	memcpy(im->config, config, sizeof(im->config));
	b->text = NULL;
	l->n_images++;
	return 0;
}

static int look_at_manifest(struct layout *l, const char *digest, bool in_index,
			    struct cc_error *err)
{
	cc_auto_json json_t *doc = NULL;
	struct blob b = {0};
	int rc;

	if (cc_strv_has(&l->looked_at, digest))
		return 0;
	/* of an index that was copied for one platform the others are not there */
	if (read_blob(l, digest, CC_IMAGE_DOC_MAX, &b, err))
		return in_index && err->code == CC_E_NOTFOUND ? 0 : -1;
	doc = cc_strv_push(&l->looked_at, digest, err)
		      ? NULL
		      : cc_json_parse_max(b.text, strlen(b.text), CC_IMAGE_DOC_MAX, "manifest",
					  err);
	rc = !doc			  ? -1
	     : layers_have_signature(doc) ? add_signatures(l, doc, err)
					  : add_image(l, &b, err);
	free(b.text);
	return rc;
}

/* ---- the walk ------------------------------------------------------------------------------ */

/* A level of it: @list of index.json or of an index. */
struct level {
	const json_t *list;
	int depth;
};

static int walk(struct layout *l, struct level at, struct cc_error *err);

static int look_at_index(struct layout *l, const char *digest, int depth, struct cc_error *err)
{
	struct blob *b = &l->indexes[l->n_indexes];
	cc_auto_json json_t *doc = NULL;

	if (l->n_indexes == IMAGE_LAYOUT_MAX)
		return too_many("indexes", err);
	if (depth > DEPTH_MAX)
		return cc_fail(err, CC_E_INVALID, "the layout's indexes are nested too deeply");
	if (read_blob(l, digest, CC_IMAGE_DOC_MAX, b, err))
		return -1;
	l->n_indexes++;
	doc = cc_json_parse_max(b->text, strlen(b->text), CC_IMAGE_DOC_MAX, "image index", err);
	return doc ? walk(l, (struct level){json_object_get(doc, "manifests"), depth}, err) : -1;
}

static int walk(struct layout *l, struct level at, struct cc_error *err)
{
	const json_t *entry;
	size_t i;

	json_array_foreach(at.list, i, entry) {
		const char *type = layer_text(entry, "mediaType"),
			   *digest = layer_text(entry, "digest");

		if ((cc_image_is_index(type) && look_at_index(l, digest, at.depth + 1, err)) ||
		    (cc_image_is_manifest(type) && look_at_manifest(l, digest, at.depth > 0, err)))
			return -1;
	}
	return 0;
}

/* ---- what index.json does not name --------------------------------------------------------- */

/* A manifest that refers to an image, by its blob; what is none is passed over. */
static int look_at_blob(struct layout *l, const char *name, struct cc_error *err)
{
	char digest[CC_DIGEST_LEN];
	cc_auto_json json_t *doc = NULL;
	struct blob b = {0};
	struct cc_error none;
	int rc = 0;

	if (snprintf(digest, sizeof(digest), "sha256:%s", name) >= CC_DIGEST_LEN ||
	    !cc_is_digest(digest) || cc_strv_has(&l->looked_at, digest))
		return 0;
	if (read_blob(l, digest, REFERRER_MAX, &b, &none))
		return none.code == CC_E_NOMEM ? cc_fail(err, CC_E_NOMEM, "out of memory") : 0;
	if (strstr(b.text, "\"subject\""))
		doc = cc_json_parse(b.text, strlen(b.text), "manifest", &none);
	if (json_is_object(json_object_get(doc, "subject")) && layers_have_signature(doc))
		rc = add_signatures(l, doc, err);
	free(b.text);
	return rc;
}

/* cosign 3 saves what refers to an image with it, and leaves it out of index.json. */
static int look_at_referrers(struct layout *l, struct cc_error *err)
{
	cc_auto_free char *path = NULL;
	cc_auto_closedir DIR *d = NULL;
	const struct dirent *e;
	size_t n = 0;

	if (asprintf(&path, "%s/blobs/sha256", l->dir) < 0) {
		path = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (++n > BLOBS_MAX)
			return cc_fail(err, CC_E_INVALID, "the layout has more than %d blobs",
				       BLOBS_MAX);
		if (look_at_blob(l, e->d_name, err))
			return -1;
	}
	return 0;
}

static int read_layout(struct layout *l, struct cc_error *err)
{
	cc_auto_free char *path = NULL, *text = NULL;
	cc_auto_json json_t *doc = NULL;
	size_t len;

	if (asprintf(&path, "%s/index.json", l->dir) < 0) {
		path = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	if (cc_read_file_max(path, CC_IMAGE_DOC_MAX, &text, &len, err))
		return -1;
	doc = cc_json_parse_max(text, len, CC_IMAGE_DOC_MAX, path, err);
	if (!doc || walk(l, (struct level){json_object_get(doc, "manifests"), 0}, err))
		return -1;
	return look_at_referrers(l, err);
}

/* ---- what is made of it -------------------------------------------------------------------- */

static bool is_of(const struct signature *s, const struct blob *b)
{
	return b && cc_strv_has(&s->is.of, b->digest);
}

static int put_text(char **out, const char *text, struct cc_error *err)
{
	*out = strdup(text);
	return *out ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

/* @provenance: what says how it was built counts as well */
static bool is_signed(const struct layout *l, const struct blob *b, bool provenance)
{
	for (size_t i = 0; i < l->n_signatures; i++) {
		const struct signature *s = &l->signatures[i];

		if (is_of(s, b) && (provenance || !s->is.provenance))
			return true;
	}
	return false;
}

static const struct blob *index_with(const struct layout *l, const struct image *im,
				     bool provenance)
{
	for (size_t i = 0; i < l->n_indexes; i++) {
		const struct blob *b = &l->indexes[i];
		struct cc_error none;

		if (is_signed(l, b, provenance) &&
		    !cc_image_index_names(b->text, strlen(b->text), im->manifest.digest, &none))
			return b;
	}
	return NULL;
}

/* Whatever else names the image, a signed index is what it is let in by. */
static const struct blob *signed_index(const struct layout *l, const struct image *im)
{
	return index_with(l, im, false) ?: index_with(l, im, true);
}

/* With the index from the first signature of it on. False: there is no room for it. */
static bool has_room(const struct cc_image_proof *p, const struct signature *s,
		     const struct blob *index)
{
	size_t more = strlen(s->is.sig.payload) + strlen(s->is.sig.signature);

	if (is_of(s, index) && !p->index)
		more += strlen(index->text);
	return cc_image_proof_has_room(p, more);
}

static int take_signature(struct cc_image_proof *p, const struct signature *s,
			  const struct blob *index, struct cc_error *err)
{
	if (cc_image_proof_add(p, &s->is.sig, err))
		return -1;
	return is_of(s, index) && !p->index ? put_text(&p->index, index->text, err) : 0;
}

/* Of one image: the signatures of it that are not in the proof yet. */
struct choice {
	const struct signature *of[IMAGE_LAYOUT_MAX];
	size_t n;
};

static void choose_from(const struct layout *l, const struct image *im, const struct blob *index,
			struct choice *c)
{
	for (size_t i = 0; i < l->n_signatures; i++) {
		const struct signature *s = &l->signatures[i];

		if (is_of(s, &im->manifest) || is_of(s, index))
			c->of[c->n++] = s;
	}
}

/* The newest of its kind that there is room for, so that neither kind crowds out the other. */
static int take_newest(struct choice *c, bool provenance, struct cc_image_proof *p,
		       const struct blob *index, struct cc_error *err)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct signature *s = c->of[i];

		if (s->is.provenance != provenance || !has_room(p, s, index))
			continue;
		memmove(&c->of[i], &c->of[i + 1], (--c->n - i) * sizeof(c->of[0]));
		return take_signature(p, s, index, err);
	}
	return 0;
}

/* The newest signatures that there is room for. @left_out: out, how many there is none for */
static int make_proof(const struct layout *l, const struct image *im, struct cc_image_proof *p,
		      size_t *left_out, struct cc_error *err)
{
	const struct blob *index = signed_index(l, im);
	struct choice c = {.n = 0};

	*left_out = 0;
	choose_from(l, im, index, &c);
	if (put_text(&p->manifest, im->manifest.text, err) ||
	    take_newest(&c, false, p, index, err) || take_newest(&c, true, p, index, err))
		return -1;
	for (size_t i = 0; i < c.n; i++) {
		if (!has_room(p, c.of[i], index))
			++*left_out;
		else if (take_signature(p, c.of[i], index, err))
			return -1;
	}
	if (p->n || !*left_out)
		return 0;
	return cc_fail(
		err, CC_E_INVALID,
		"image %s: manifest, index and a signature are longer than the %d bytes that "
		"evidence has room for: sign the platform's manifest, not the index",
		im->config, CC_IMAGE_PROOF_MAX);
}

static int say_each(const struct layout *l, signed_image_fn *fn, void *arg, struct cc_error *err)
{
	size_t said = 0;

	for (size_t i = 0; i < l->n_images; i++) {
		cc_auto_image_proof struct cc_image_proof *p = calloc(1, sizeof(*p));
		struct signed_image found = {.config = l->images[i].config, .proof = p};
		int rc;

		if (!p)
			return cc_fail(err, CC_E_NOMEM, "out of memory");
		if (make_proof(l, &l->images[i], p, &found.left_out, err))
			return -1;
		if (p->n == 0)
			continue;
		rc = fn(arg, &found, err);
		if (rc)
			return rc;
		said++;
	}
	if (said)
		return 0;
	return cc_fail(
		err, CC_E_INVALID,
		"%s: none of its %zu images is signed by one of its %zu signatures, %zu more were passed over",
		l->dir, l->n_images, l->n_signatures, l->passed_over);
}

int image_layout_each(const char *dir, signed_image_fn *fn, void *arg, size_t *passed_over,
		      struct cc_error *err)
{
	cc_cleanup(layout_free) struct layout *l = calloc(1, sizeof(*l));

	if (!l)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	l->dir = dir;
	if (read_layout(l, err))
		return -1;
	*passed_over = l->passed_over;
	return say_each(l, fn, arg, err);
}
