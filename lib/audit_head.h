/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_head.h - where the audit log begins and ends, signed by keyd: whoever computes the chain of
 * hashes again, or cuts it, has no signature for it.
 *
 * The signature is Ed25519 (RFC 8032) over, for each of "container-crypt audit head 1", realm,
 * start_seq, start_hash, seq, hash, time: 4-byte big-endian length || bytes. Numbers are decimal,
 * hashes 64 lower-case hex digits.
 */
#ifndef CC_AUDIT_HEAD_H
#define CC_AUDIT_HEAD_H

#include <stdint.h>
#include <openssl/evp.h>

#include "json.h"
#include "name.h"
#include "timestamp.h"

#define CC_AUDIT_KEY 32
#define CC_AUDIT_SIGNATURE 64

/**
 * struct cc_audit_head - what is signed.
 * @realm: of the keyd whose log it is
 * @start_seq, @start_hash: the last row that was pruned: the first one that is kept has this as
 * "prev"; 0 and zeros while nothing was
 * @seq, @hash: the last row; 0 and zeros while there is none
 * @time: when it was signed
 * @key: public key of keyd for this
 */
struct cc_audit_head {
	char realm[CC_NAME_LEN];
	uint64_t start_seq, seq;
	unsigned char start_hash[32], hash[32];
	char time[CC_TIME_LEN];
	unsigned char key[CC_AUDIT_KEY], signature[CC_AUDIT_SIGNATURE];
};

/* Fills in key and signature. */
int cc_audit_head_sign(struct cc_audit_head *head, EVP_PKEY *key, struct cc_error *err);

/* CC_E_INVALID with fact "audit" if the signature was not made by @head->key over the rest. */
int cc_audit_head_verify(const struct cc_audit_head *head, struct cc_error *err);

/*
 * As in docs/api.md; NULL without memory. The way back checks every member, and the signature:
 * CC_E_INVALID with fact "audit".
 */
json_t *cc_audit_head_to_json(const struct cc_audit_head *head);
int cc_audit_head_from_json(struct cc_audit_head *head, const json_t *obj, struct cc_error *err);

#endif
