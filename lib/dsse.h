/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsse.h - Dead Simple Signing Envelope (github.com/secure-systems-lab/dsse,
 * envelope.md and protocol.md v1), and cosign simple signing.
 *
 * The algorithm belongs to the key: ECDSA P-256 with SHA-256 or Ed25519. It is
 * never taken from the message. What comes out of a verify is the verified
 * bytes, nothing else.
 */
#ifndef CC_DSSE_H
#define CC_DSSE_H

#include <stddef.h>
#include <openssl/evp.h>
#include "digest.h"
#include "error.h"
#include "json.h"
#include "strv.h"

#define CC_DSSE_INTOTO "application/vnd.in-toto+json"
#define CC_DSSE_SIGS_MAX 16
#define CC_DSSE_PAYLOAD_MAX (128 * 1024) /* bytes, decoded */

/**
 * cc_dsse_verify - verifies an envelope.
 * @env: envelope JSON, @len bytes
 * @type: the payloadType that is demanded
 *   base64 of either alphabet, padded or not; unknown members are ignored, as the specification
 *   wants, but no key may appear twice
 * @key: trusted public key; one signature that verifies under it is enough, keyid is only a hint
 * @payload: out, the verified bytes, malloced, NUL terminated behind *payload_len
 *
 * Return: 0; -1 with CC_E_INVALID fact "envelope" (malformed) or CC_E_REFUSED
 * fact "signature" (no signature verifies under @key). CC_E_NOMEM and CC_E_INTERNAL, without a fact:
 * it could not be found out. So do the others here.
 */
int cc_dsse_verify(const char *env, size_t len, const char *type, EVP_PKEY *key, char **payload,
		   size_t *payload_len, struct cc_error *err);

/**
 * cc_dsse_check - verifies one signature of a payload that was taken out of its envelope, and
 * parses nothing.
 * @type: the payloadType that was signed with it
 * @sig_b64: "sig" of the envelope
 *
 * Return: 0; -1 with CC_E_REFUSED fact "signature", or CC_E_INVALID fact "envelope".
 */
int cc_dsse_check(const char *type, const char *payload, size_t len, const char *sig_b64,
		  EVP_PKEY *key, struct cc_error *err);

/**
 * cc_dsse_keyids - whose keys an envelope says it is signed with; not verified, only a hint.
 * @out: empty; one keyid a signature, "" where there is none
 */
int cc_dsse_keyids(const char *env, size_t len, struct cc_strv *out, struct cc_error *err);

/* Signs @payload; *env is the envelope JSON text, malloced. */
int cc_dsse_sign(const char *type, const char *payload, size_t len, EVP_PKEY *key, char **env,
		 struct cc_error *err);

/**
 * struct cc_simplesigning - what `cosign sign` says of an image (SIGNATURE_SPEC.md).
 * @digest: of the manifest or index
 * @reference: docker-reference: the repository, as whoever signed it names it
 * @optional: the annotations, an object; NULL: there are none
 */
struct cc_simplesigning {
	char digest[CC_DIGEST_LEN];
	char *reference;
	json_t *optional;
};

void cc_simplesigning_clear(struct cc_simplesigning *s);

/**
 * cc_simplesigning_check - verifies a cosign simple-signing payload, and parses nothing.
 * Return: 0; -1 as cc_simplesigning_verify().
 */
int cc_simplesigning_check(const char *payload, size_t len, const char *sig_b64, EVP_PKEY *key,
			   struct cc_error *err);

/* The second half of cc_simplesigning_verify(), of a payload that cc_simplesigning_check() took. */
int cc_simplesigning_parse(const char *payload, size_t len, struct cc_simplesigning *out,
			   struct cc_error *err);

/**
 * cc_simplesigning_verify - verifies a cosign simple-signing payload, then parses it.
 * @sig_b64: base64 signature (annotation dev.cosignproject.cosign/signature)
 * @out: empty; what was signed, to be cleared in any case
 *
 * Members of "critical" other than cosign's three are refused.
 * Return: 0; -1 with CC_E_REFUSED fact "signature", or CC_E_INVALID fact "envelope".
 */
int cc_simplesigning_verify(const char *payload, size_t len, const char *sig_b64, EVP_PKEY *key,
			    struct cc_simplesigning *out, struct cc_error *err);

#endif
