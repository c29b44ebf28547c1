// SPDX-License-Identifier: Apache-2.0
#include "client/bundle.h"

#include <string.h>

#include "b64.h"
#include "dsse.h"
#include "json.h"

static const char what[] = "bundle";

bool bundle_is(const char *media_type)
{
	return !strncmp(media_type, "application/vnd.dev.sigstore.bundle",
			strlen("application/vnd.dev.sigstore.bundle"));
}

bool envelope_is(const char *media_type)
{
	return !strcmp(media_type, "application/vnd.dsse.envelope.v1+json");
}

static int invalid(const char *why, struct cc_error *err)
{
	return cc_fail(err, CC_E_INVALID, "%s: %s", what, why);
}

static int take_payload(const json_t *envelope, char **out, struct cc_error *err)
{
	cc_auto_free char *b64 = NULL;
	cc_auto_free unsigned char *body = NULL;
	size_t len;

	if (cc_json_str(envelope, what, "payload", true, &b64, err) ||
	    cc_b64_decode(b64, strlen(b64), CC_DSSE_PAYLOAD_MAX, "bundle payload", &body, &len,
			  err))
		return -1;
	if (strlen((char *)body) != len)
		return invalid("its payload is not a text", err);
	*out = (char *)cc_steal(body);
	return 0;
}

static int open_envelope(const json_t *envelope, struct cc_image_signature *out,
			 struct cc_error *err)
{
	cc_auto_free char *type = NULL;
	json_t *list = NULL;

	if (cc_json_str(envelope, what, "payloadType", true, &type, err) ||
	    cc_json_arr(envelope, what, "signatures", true, &list, err))
		return -1;
	if (strcmp(type, CC_DSSE_INTOTO) != 0)
		return invalid("its payload is not an in-toto statement", err);
	if (json_array_size(list) != 1 || !json_is_object(json_array_get(list, 0)))
		return invalid("must have one signature", err);
	out->statement = true;
	return take_payload(envelope, &out->payload, err) ||
			       cc_json_str(json_array_get(list, 0), what, "sig", true,
					   &out->signature, err)
		       ? -1
		       : 0;
}

int bundle_open(const char *text, size_t len, struct cc_image_signature *out, struct cc_error *err)
{
	cc_auto_json json_t *doc = cc_json_parse_max(text, len, BUNDLE_MAX, what, err);
	json_t *envelope = NULL;
	const char *type;

	if (!doc)
		return -1;
	if (!json_is_object(doc))
		return invalid("must be an object", err);
	if (json_object_get(doc, "payloadType"))
		return open_envelope(doc, out, err);
	type = json_string_value(json_object_get(doc, "mediaType"));
	if (!type || !bundle_is(type))
		return invalid("neither a Sigstore bundle nor an envelope", err);
	if (json_object_get(doc, "messageSignature"))
		return invalid("signs bytes and no statement about an image", err);
	if (cc_json_obj(doc, what, "dsseEnvelope", true, &envelope, err))
		return -1;
	return open_envelope(envelope, out, err);
}
