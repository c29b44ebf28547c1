// SPDX-License-Identifier: Apache-2.0
#include "audit_head.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "digest.h"
#include "hex.h"
#include "pkey.h"

#define SIGNED_MAX 512

/* ---- the signature ---- */

/* Each field carries its length, so that no two heads have the same bytes. */
static void put(unsigned char *buf, size_t *at, const char *field)
{
	size_t n = strlen(field);
	const unsigned char len[4] = {0, 0, (unsigned char)(n >> 8), (unsigned char)n};

	memcpy(buf + *at, len, sizeof(len));
	memcpy(buf + *at + sizeof(len), field, n);
	*at += sizeof(len) + n;
}

/* All fields are of bounded length: 28 + 63 + 2 * 20 + 2 * 64 + 20 and 7 lengths. */
static size_t signed_bytes(const struct cc_audit_head *h, unsigned char buf[static SIGNED_MAX])
{
	char start_seq[24], seq[24], start_hash[CC_HEX_32], hash[CC_HEX_32];
	size_t at = 0;

	snprintf(start_seq, sizeof(start_seq), "%" PRIu64, h->start_seq);
	snprintf(seq, sizeof(seq), "%" PRIu64, h->seq);
	cc_hex_encode(h->start_hash, sizeof(h->start_hash), start_hash);
	cc_hex_encode(h->hash, sizeof(h->hash), hash);
	put(buf, &at, "container-crypt audit head 1");
	put(buf, &at, h->realm);
	put(buf, &at, start_seq);
	put(buf, &at, start_hash);
	put(buf, &at, seq);
	put(buf, &at, hash);
	put(buf, &at, h->time);
	return at;
}

int cc_audit_head_sign(struct cc_audit_head *head, EVP_PKEY *key, struct cc_error *err)
{
	cc_auto_md EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char buf[SIGNED_MAX];
	size_t len = signed_bytes(head, buf);
	size_t key_len = sizeof(head->key), sig_len = sizeof(head->signature);

	if (!ctx || EVP_PKEY_get_raw_public_key(key, head->key, &key_len) != 1 ||
	    EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) != 1 ||
	    EVP_DigestSign(ctx, head->signature, &sig_len, buf, len) != 1 ||
	    sig_len != sizeof(head->signature))
		return cc_fail(err, CC_E_INTERNAL, "the audit log's head cannot be signed");
	return 0;
}

int cc_audit_head_verify(const struct cc_audit_head *head, struct cc_error *err)
{
	cc_auto_pkey EVP_PKEY *key =
		EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, head->key, sizeof(head->key));
	cc_auto_md EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	unsigned char buf[SIGNED_MAX];
	size_t len = signed_bytes(head, buf);

	if (!ctx)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (key && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
	    EVP_DigestVerify(ctx, head->signature, sizeof(head->signature), buf, len) == 1)
		return 0;
	cc_fail(err, CC_E_INVALID, "the signature of the audit log's head is not valid");
	return cc_set_fact(err, "audit");
}

/* ---- JSON ---- */

json_t *cc_audit_head_to_json(const struct cc_audit_head *h)
{
	char start[CC_HEX_32], hash[CC_HEX_32], key[CC_HEX_32];
	char signature[2 * CC_AUDIT_SIGNATURE + 1];

	cc_hex_encode(h->start_hash, sizeof(h->start_hash), start);
	cc_hex_encode(h->hash, sizeof(h->hash), hash);
	cc_hex_encode(h->key, sizeof(h->key), key);
	cc_hex_encode(h->signature, sizeof(h->signature), signature);
	return json_pack("{s:s, s:I, s:s, s:I, s:s, s:s, s:s, s:s}", "realm", h->realm, "startSeq",
			 (json_int_t)h->start_seq, "startHash", start, "seq", (json_int_t)h->seq,
			 "hash", hash, "time", h->time, "key", key, "signature", signature);
}

static int get_hex(const json_t *obj, const char *member, unsigned char *bytes, size_t n,
		   struct cc_error *err)
{
	const char *text = json_string_value(json_object_get(obj, member));

	if (text && cc_hex_decode(text, bytes, n) == 0)
		return 0;
	return cc_fail(err, CC_E_INVALID, "%s must be %zu hex digits", member, 2 * n);
}

static int get_text(const json_t *obj, struct cc_audit_head *h, struct cc_error *err)
{
	const char *realm = json_string_value(json_object_get(obj, "realm"));
	const char *time = json_string_value(json_object_get(obj, "time"));
	int64_t t;

	if (!realm || !cc_is_name(realm))
		return cc_fail(err, CC_E_INVALID, "realm must be a name");
	if (!time || cc_time_parse(time, &t))
		return cc_fail(err, CC_E_INVALID, "time must be a time");
	snprintf(h->realm, sizeof(h->realm), "%s", realm);
	snprintf(h->time, sizeof(h->time), "%s", time);
	return 0;
}

int cc_audit_head_from_json(struct cc_audit_head *head, const json_t *obj, struct cc_error *err)
{
	static const char what[] = "audit log's head";
	static const char *const known[] = {"realm", "startSeq", "startHash", "seq", "hash",
					    "time",  "key",	 "signature", NULL};

	*head = (struct cc_audit_head){0};
	if (!json_is_object(obj)) {
		cc_fail(err, CC_E_INVALID, "%s is missing", what);
	} else if (!cc_json_only(obj, what, known, err) && !get_text(obj, head, err) &&
		   !cc_json_u64(obj, what, "startSeq", true, &head->start_seq, err) &&
		   !cc_json_u64(obj, what, "seq", true, &head->seq, err) &&
		   !get_hex(obj, "startHash", head->start_hash, 32, err) &&
		   !get_hex(obj, "hash", head->hash, 32, err) &&
		   !get_hex(obj, "key", head->key, sizeof(head->key), err) &&
		   !get_hex(obj, "signature", head->signature, sizeof(head->signature), err)) {
		return cc_audit_head_verify(head, err);
	}
	cc_prefix(err, "%s", what);
	return cc_set_fact(err, "audit");
}
