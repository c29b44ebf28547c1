// SPDX-License-Identifier: Apache-2.0
/*
 * What a registry keeps as a Sigstore bundle or an envelope: {"layer": its descriptor, "blob":
 * document, "statement": JSON}. The statement's text goes, in base64, where the blob has "@S" for
 * its payload, so that what lies behind the envelope is reached.
 */
#include <string.h>

#include "b64.h"
#include "client/layer_signature.h"
#include "digest.h"
#include "fuzz.h"
#include "json_mutate.h"

#define SHA "2bdaa0647db89bf4f2abff72c0a71c8f75616a2446b6873eb17399a69df06442"
#define BUNDLE "application/vnd.dev.sigstore.bundle.v0.3+json"

static const char start[] =
	"{\"layer\":{\"mediaType\":\"" BUNDLE "\"},\"blob\":{\"mediaType\":\"" BUNDLE
	"\",\"verificationMaterial\":{\"publicKey\":{\"hint\":\"AA==\"}},\"dsseEnvelope\":{"
	"\"payloadType\":\"application/vnd.in-toto+json\",\"payload\":\"@S\",\"signatures\":[{"
	"\"sig\":\"AA==\"}]}},\"statement\":{\"_type\":\"https://in-toto.io/Statement/v1\","
	"\"predicateType\":\"https://sigstore.dev/cosign/sign/v1\",\"predicate\":{},\"subject\":[{"
	"\"digest\":{\"sha256\":\"" SHA "\"}}]}}";

static char *statement_in_base64(const json_t *doc)
{
	cc_auto_free char *text =
		json_dumps(json_object_get(doc, "statement"), JSON_COMPACT | JSON_ENCODE_ANY);

	return text ? cc_b64_encode(text, strlen(text)) : strdup("");
}

/* Malloced; NULL: there is none. */
static char *blob_of(const json_t *doc)
{
	cc_auto_free char *b64 = statement_in_base64(doc);
	char *text = json_dumps(json_object_get(doc, "blob"), JSON_COMPACT | JSON_ENCODE_ANY);
	char *at = text ? strstr(text, "@S") : NULL, *out;

	if (!at)
		return text;
	REQUIRE(asprintf(&out, "%.*s%s%s", (int)(at - text), text, b64, at + 2) > 0);
	free(text);
	return out;
}

static void is_well_formed(const struct layer_signature *s)
{
	REQUIRE(s->of.n >= 1 && s->sig.payload && s->sig.signature);
	for (size_t i = 0; i < s->of.n; i++)
		REQUIRE(cc_is_digest(s->of.v[i]) &&
			strstr(s->sig.payload, s->of.v[i] + strlen("sha256:")));
	REQUIRE(s->sig.statement || !s->provenance);
}

/* Return: whether it is a signature or provenance. */
static bool look_at(const char *text, size_t size)
{
	struct cc_error err = {0};
	cc_auto_json json_t *doc = cc_json_parse(text, size, "bundle", &err);
	cc_cleanup(layer_signature_clear) struct layer_signature s = {0};
	const json_t *layer = json_object_get(doc, "layer");
	cc_auto_free char *blob = doc ? blob_of(doc) : NULL;
	int rc;

	if (!blob || !layer_is_signature(layer))
		return false;
	rc = layer_signature_read(layer, blob, &s, &err);
	REQUIRE(rc >= 0 || (err.code == CC_E_INVALID && err.text[0]));
	if (rc == 0)
		is_well_formed(&s);
	return rc == 0;
}

JSON_TARGET(start, look_at)
