// SPDX-License-Identifier: Apache-2.0
#include "image_proof.h"

#include <string.h>

void cc_image_proof_free(struct cc_image_proof *p)
{
	if (!p)
		return;
	free(p->manifest);
	free(p->index);
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].payload);
		free(p->v[i].signature);
	}
	free(p);
}

size_t cc_image_proof_size(const struct cc_image_proof *p)
{
	size_t size = strlen(p->manifest) + (p->index ? strlen(p->index) : 0);

	for (size_t i = 0; i < p->n; i++)
		size += strlen(p->v[i].payload) + strlen(p->v[i].signature);
	return size;
}

bool cc_image_signature_eq(const struct cc_image_signature *a, const struct cc_image_signature *b)
{
	return a->statement == b->statement && !strcmp(a->payload, b->payload) &&
	       !strcmp(a->signature, b->signature);
}

bool cc_image_proof_has_room(const struct cc_image_proof *p, size_t more)
{
	return p->n < CC_IMAGE_SIGNATURES_MAX &&
	       cc_image_proof_size(p) + more <= CC_IMAGE_PROOF_MAX;
}

int cc_image_proof_add(struct cc_image_proof *p, const struct cc_image_signature *sig,
		       struct cc_error *err)
{
	struct cc_image_signature *to = &p->v[p->n++];

	to->payload = strdup(sig->payload);
	to->signature = strdup(sig->signature);
	to->statement = sig->statement;
	return to->payload && to->signature ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

static const char *payload_member(const struct cc_image_signature *s)
{
	return s->statement ? "statement" : "payload";
}

json_t *cc_image_proof_to_json(const struct cc_image_proof *p)
{
	cc_auto_json json_t *list = json_array();

	for (size_t i = 0; i < p->n; i++)
		if (json_array_append_new(list, json_pack("{s:s, s:s}", payload_member(&p->v[i]),
							  p->v[i].payload, "signature",
							  p->v[i].signature)))
			return NULL;
	return json_pack("{s:s, s:s*, s:O}", "manifest", p->manifest, "index", p->index,
			 "signatures", list);
}

static int signature_from_json(const json_t *obj, struct cc_image_proof *p, struct cc_error *err)
{
	static const char *const of_payload[] = {"payload", "signature", NULL};
	static const char *const of_statement[] = {"statement", "signature", NULL};
	static const char what[] = "image proof signature";
	struct cc_image_signature *s = &p->v[p->n];

	if (!json_is_object(obj))
		return cc_fail(err, CC_E_INVALID, "%s: must be an object", what);
	p->n++; /* from here on it is freed with the others */
	s->statement = json_object_get(obj, "statement") != NULL;
	return cc_json_only(obj, what, s->statement ? of_statement : of_payload, err) ||
			       cc_json_str(obj, what, payload_member(s), true, &s->payload, err) ||
			       cc_json_str(obj, what, "signature", true, &s->signature, err)
		       ? -1
		       : 0;
}

static int read_members(const json_t *obj, struct cc_image_proof *p, struct cc_error *err)
{
	static const char *const known[] = {"manifest", "index", "signatures", NULL};
	static const char what[] = "image proof";
	json_t *list = NULL;

	if (cc_json_only(obj, what, known, err) ||
	    cc_json_str(obj, what, "manifest", true, &p->manifest, err) ||
	    cc_json_str(obj, what, "index", false, &p->index, err) ||
	    cc_json_arr(obj, what, "signatures", true, &list, err))
		return -1;
	if (json_array_size(list) > CC_IMAGE_SIGNATURES_MAX)
		return cc_fail(err, CC_E_INVALID, "%s: %zu signatures, must be at most %d", what,
			       json_array_size(list), CC_IMAGE_SIGNATURES_MAX);
	for (size_t i = 0; i < json_array_size(list); i++)
		if (signature_from_json(json_array_get(list, i), p, err))
			return -1;
	if (cc_image_proof_size(p) > CC_IMAGE_PROOF_MAX)
		return cc_fail(err, CC_E_INVALID, "%s: longer than %d bytes", what,
			       CC_IMAGE_PROOF_MAX);
	return 0;
}

struct cc_image_proof *cc_image_proof_from_json(const json_t *obj, struct cc_error *err)
{
	cc_auto_image_proof struct cc_image_proof *p = calloc(1, sizeof(*p));

	if (!p) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	return read_members(obj, p, err) ? NULL : cc_steal(p);
}
