// SPDX-License-Identifier: Apache-2.0
#include "image_tries.h"

#include <stdio.h>
#include <string.h>

#include "digest.h"
#include "dsse.h"

void cc_image_tries_clear(struct cc_image_tries *t)
{
	free(t->v);
	*t = (struct cc_image_tries){0};
}

static void id_of(const struct cc_image_signature *sig, const char *keyid,
		  unsigned char id[static 32])
{
	char payload[CC_DIGEST_LEN], signature[CC_DIGEST_LEN], all[3 * CC_DIGEST_LEN + 8];
	int n;

	cc_sha256_digest(sig->payload, strlen(sig->payload), payload);
	cc_sha256_digest(sig->signature, strlen(sig->signature), signature);
	n = snprintf(all, sizeof(all), "%s %s %s %d", keyid, payload, signature, sig->statement);
	cc_sha256(all, (size_t)n, id);
}

static const struct cc_image_try *find_try(const struct cc_image_tries *t,
					   const unsigned char id[static 32])
{
	for (size_t i = 0; i < t->n; i++)
		if (!memcmp(t->v[i].id, id, sizeof(t->v[i].id)))
			return &t->v[i];
	return NULL;
}

static int room_for_try(struct cc_image_tries *t, struct cc_error *err)
{
	if (t->n == CC_IMAGE_TRIES_MAX)
		return cc_refuse(err, "imageSignatures",
				 "imageSignatures: the images of this request took %d "
				 "verifications of signatures already; offer fewer signatures, or "
				 "name fewer signers",
				 CC_IMAGE_TRIES_MAX);
	if (!t->v)
		t->v = calloc(CC_IMAGE_TRIES_MAX, sizeof(*t->v));
	return t->v ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

static int does_not_verify(struct cc_error *err)
{
	return cc_refuse(err, "signature",
			 "signature: the image's signature does not verify under this key");
}

static int verify_payload(const struct cc_image_signature *sig, EVP_PKEY *key, struct cc_error *err)
{
	size_t len = strlen(sig->payload);

	if (sig->statement)
		return cc_dsse_check(CC_DSSE_INTOTO, sig->payload, len, sig->signature, key, err);
	return cc_simplesigning_check(sig->payload, len, sig->signature, key, err);
}

int cc_image_tries_verify(struct cc_image_tries *t, const struct cc_image_signature *sig,
			  const char *keyid, EVP_PKEY *key, struct cc_error *err)
{
	const struct cc_image_try *known;
	struct cc_image_try one;
	int rc;

	id_of(sig, keyid, one.id);
	known = find_try(t, one.id);
	if (known)
		return known->verifies ? 0 : does_not_verify(err);
	if (room_for_try(t, err))
		return -1;
	rc = verify_payload(sig, key, err);
	/* what was not verified is not known: it was too long, no base64, or memory was short */
	if (rc && err->code != CC_E_REFUSED)
		return -1;
	one.verifies = rc == 0;
	t->v[t->n++] = one;
	return rc;
}
