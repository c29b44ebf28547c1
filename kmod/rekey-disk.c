// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rekey area: headers and payload, read, checked and written. Nothing here knows what is next.
 *
 * A header is believed when its MAC is right. The MAC is keyed by what both ciphers make of a
 * label, under a tweak that no sector has: who can make that has both keys, in this order.
 */
#include <crypto/algapi.h>
#include <crypto/hash.h>

#include "rekey.h"

#define CCRYPT_MAC_BYTES	offsetof(struct container_crypt_rekey_header, mac)

/* What each cipher gives to the MAC's key. */
#define CCRYPT_PROOF_BYTES	64

static const unsigned int ccrypt_header_sector[2] = {
	CONTAINER_CRYPT_REKEY_HEADER_A,
	CONTAINER_CRYPT_REKEY_HEADER_B,
};

static int ccrypt_proof(struct crypto_skcipher *tfm, struct skcipher_request *request, u8 *proof)
{
	DECLARE_CRYPTO_WAIT(wait);
	struct scatterlist sg;
	u8 iv[16];

	/* Sectors have zeroes in the upper half. */
	memset(iv, 0xff, sizeof(iv));
	memset(proof, 0, CCRYPT_PROOF_BYTES);
	strscpy(proof, CONTAINER_CRYPT_REKEY_LABEL, CCRYPT_PROOF_BYTES);
	sg_init_one(&sg, proof, CCRYPT_PROOF_BYTES);
	skcipher_request_set_tfm(request, tfm);
	skcipher_request_set_callback(request, CRYPTO_TFM_REQ_MAY_BACKLOG, crypto_req_done, &wait);
	skcipher_request_set_crypt(request, &sg, &sg, CCRYPT_PROOF_BYTES, iv);
	return crypto_wait_req(crypto_skcipher_encrypt(request), &wait);
}

/**
 * ccrypt_rekey_key_mac() - key the MAC of a rekey's headers
 * @mac: hmac(sha256)
 * @old: has the key that is replaced
 * @new: has the one that replaces it
 * @request: of the ciphers
 *
 * Context: process; the ciphers are kept by the caller.
 * Return: 0; -EKEYREJECTED where the keys are equal; an error of the crypto API.
 */
int ccrypt_rekey_key_mac(struct crypto_shash *mac, struct crypto_skcipher *old,
			 struct crypto_skcipher *new, struct skcipher_request *request)
{
	u8 *proofs = kzalloc(2 * CCRYPT_PROOF_BYTES, GFP_KERNEL);
	int r;

	if (!proofs)
		return -ENOMEM;
	r = ccrypt_proof(old, request, proofs);
	if (!r)
		r = ccrypt_proof(new, request, proofs + CCRYPT_PROOF_BYTES);
	if (!r && !crypto_memneq(proofs, proofs + CCRYPT_PROOF_BYTES, CCRYPT_PROOF_BYTES))
		r = -EKEYREJECTED;
	if (!r)
		r = crypto_shash_setkey(mac, proofs, 2 * CCRYPT_PROOF_BYTES);
	kfree_sensitive(proofs);
	return r;
}

/**
 * ccrypt_rekey_transfer() - read or write, and wait for it
 * @rk: whose bio it is
 * @cc: whose device it is
 * @opf: operation and flags
 * @sector: on the device
 * @pages: what is read or written
 * @bytes: how much
 *
 * Context: process; one at a time.
 * Return: 0 or a negative error.
 */
int ccrypt_rekey_transfer(struct ccrypt_rekey *rk, struct ccrypt_target *cc, blk_opf_t opf,
			  sector_t sector, struct page **pages, unsigned int bytes)
{
	struct bio bio;
	int r;

	bio_init(&bio, cc->dev->bdev, rk->vecs, ARRAY_SIZE(rk->vecs), opf | REQ_SYNC);
	bio.bi_iter.bi_sector = sector;
	for (; bytes; pages++) {
		const unsigned int len = min_t(unsigned int, bytes, PAGE_SIZE);

		__bio_add_page(&bio, *pages, len, 0);
		bytes -= len;
	}
	r = submit_bio_wait(&bio);
	bio_uninit(&bio);
	return r;
}

static int ccrypt_mac(struct crypto_shash *mac, const struct container_crypt_rekey_header *header,
		      u8 *out)
{
	SHASH_DESC_ON_STACK(desc, mac);
	int r;

	desc->tfm = mac;
	r = crypto_shash_digest(desc, (const u8 *)header, CCRYPT_MAC_BYTES, out);
	shash_desc_zero(desc);
	return r;
}

/* What is the same in every header of the rekey. */
static void ccrypt_header_init(struct ccrypt_rekey *rk, struct container_crypt_rekey_header *header)
{
	const struct ccrypt_data_id *id = &rk->state->id;
	uuid_t volume;

	memset(header, 0, sizeof(*header));
	memcpy(header->magic, CONTAINER_CRYPT_REKEY_MAGIC, sizeof(header->magic));
	header->version = cpu_to_le32(CONTAINER_CRYPT_REKEY_VERSION);
	header->sector_size = cpu_to_le32(id->sector_size);
	/* The table's parser has found it valid. */
	if (!uuid_parse(id->volume, &volume))
		export_uuid(header->volume, &volume);
	header->iv_offset = cpu_to_le64(id->iv_offset);
	header->start = cpu_to_le64(id->start);
}

/* Positions that a header of this kind can have. */
static bool ccrypt_header_is_sane(const struct container_crypt_rekey_header *header)
{
	const u64 begin = le64_to_cpu(header->begin);
	const u64 end = le64_to_cpu(header->end);
	const u64 len = le64_to_cpu(header->len);

	if (!header->seq || !end || begin > end ||
	    (begin != end && begin % CCRYPT_WINDOW_SECTORS))
		return false;
	return !len || len == min_t(u64, CCRYPT_WINDOW_SECTORS, end - begin);
}

static int ccrypt_header_check(struct ccrypt_rekey *rk, struct crypto_shash *mac,
			       const struct container_crypt_rekey_header *header, bool *valid)
{
	u8 sum[CONTAINER_CRYPT_REKEY_HASH_SIZE];
	struct container_crypt_rekey_header same;
	int r;

	*valid = false;
	r = ccrypt_mac(mac, header, sum);
	if (r || crypto_memneq(sum, header->mac, sizeof(sum)))
		return r;
	/* It is ours; but the volume may have been mapped in another way. */
	ccrypt_header_init(rk, &same);
	*valid = !memcmp(header, &same, offsetof(struct container_crypt_rekey_header, rekey)) &&
		 header->iv_offset == same.iv_offset && header->start == same.start &&
		 ccrypt_header_is_sane(header);
	return 0;
}

/**
 * ccrypt_rekey_find() - read both headers
 * @rk: the rekey; its mover is stopped
 * @cc: whose device it is
 * @mac: what tells which are valid, or NULL
 * @found: what there is
 *
 * Context: process.
 * Return: 0; an error of the device or the crypto API.
 */
int ccrypt_rekey_find(struct ccrypt_rekey *rk, struct ccrypt_target *cc, struct crypto_shash *mac,
		      struct ccrypt_rekey_found *found)
{
	void *block = page_address(rk->header);
	unsigned int i;
	int r;

	memset(found, 0, sizeof(*found));
	for (i = 0; i < 2; i++) {
		r = ccrypt_rekey_transfer(rk, cc, REQ_OP_READ, cc->area + ccrypt_header_sector[i],
					  &rk->header, CONTAINER_CRYPT_REKEY_BLOCK_SIZE);
		if (r)
			return r;
		found->zero[i] = !memchr_inv(block, 0, sizeof(found->header[i]));
		memcpy(&found->header[i], block, sizeof(found->header[i]));
		if (mac && !found->zero[i])
			r = ccrypt_header_check(rk, mac, &found->header[i], &found->valid[i]);
		if (r)
			return r;
	}
	return 0;
}

/**
 * ccrypt_rekey_newest() - the newest valid header
 * @found: what there is
 *
 * Return: it, or NULL.
 */
const struct container_crypt_rekey_header *
ccrypt_rekey_newest(const struct ccrypt_rekey_found *found)
{
	const u64 a = le64_to_cpu(found->header[0].seq);
	const u64 b = le64_to_cpu(found->header[1].seq);

	if (found->valid[0] && (!found->valid[1] || a > b))
		return &found->header[0];
	return found->valid[1] ? &found->header[1] : NULL;
}

/**
 * ccrypt_rekey_may_clear() - whether headers that nobody can check may be forgotten
 * @found: what there is
 *
 * They may where they say that their rekey is at its end, and where it was being cleared or had not
 * begun. It is the caller who knows; this is against mistakes.
 */
bool ccrypt_rekey_may_clear(const struct ccrypt_rekey_found *found)
{
	const struct container_crypt_rekey_header *newest = NULL;
	unsigned int i;

	if (found->zero[0] || found->zero[1])
		return true;
	for (i = 0; i < 2; i++) {
		const struct container_crypt_rekey_header *header = &found->header[i];

		if (memcmp(header->magic, CONTAINER_CRYPT_REKEY_MAGIC, sizeof(header->magic)))
			continue;
		if (!newest || le64_to_cpu(header->seq) > le64_to_cpu(newest->seq))
			newest = header;
	}
	return newest && !newest->len && newest->begin == newest->end;
}

/**
 * ccrypt_rekey_digest() - SHA-256 of the window
 * @rk: the rekey
 * @bytes: of it
 * @digest: gets the result
 *
 * Return: 0 or an error of the crypto API.
 */
int ccrypt_rekey_digest(struct ccrypt_rekey *rk, unsigned int bytes, u8 *digest)
{
	SHASH_DESC_ON_STACK(desc, rk->sha);
	struct page **pages = rk->pages;
	int r;

	desc->tfm = rk->sha;
	r = crypto_shash_init(desc);
	for (; bytes && !r; pages++) {
		const unsigned int len = min_t(unsigned int, bytes, PAGE_SIZE);

		r = crypto_shash_update(desc, page_address(*pages), len);
		bytes -= len;
	}
	if (!r)
		r = crypto_shash_final(desc, digest);
	shash_desc_zero(desc);
	return r;
}

/**
 * ccrypt_rekey_read_payload() - read the payload that a header speaks of
 * @rk: the rekey; its mover is stopped
 * @cc: whose device it is
 * @header: a valid one with a payload
 *
 * Context: process.
 * Return: 0; -EBADMSG where it is not what the header says; an error of the device.
 */
int ccrypt_rekey_read_payload(struct ccrypt_rekey *rk, struct ccrypt_target *cc,
			      const struct container_crypt_rekey_header *header)
{
	const unsigned int bytes = to_bytes(le64_to_cpu(header->len));
	int r;

	r = ccrypt_rekey_transfer(rk, cc, REQ_OP_READ, cc->area + CONTAINER_CRYPT_REKEY_PAYLOAD,
				  rk->pages, bytes);
	if (!r)
		r = ccrypt_rekey_digest(rk, bytes, rk->digest);
	if (!r && memcmp(rk->digest, header->digest, sizeof(rk->digest)))
		r = -EBADMSG;
	return r;
}

/**
 * ccrypt_rekey_make_header() - make the header that is due
 * @rk: the rekey, of which @rk->header_payload and @rk->header_begin say what is in it
 * @mac: keyed for it; the caller keeps it
 *
 * Return: 0 or an error of the crypto API.
 */
int ccrypt_rekey_make_header(struct ccrypt_rekey *rk, struct crypto_shash *mac)
{
	struct container_crypt_rekey_header *header = page_address(rk->header);

	memset(header, 0, CONTAINER_CRYPT_REKEY_BLOCK_SIZE);
	ccrypt_header_init(rk, header);
	export_uuid(header->rekey, &rk->uuid);
	header->end = cpu_to_le64(rk->end);
	header->seq = cpu_to_le64(rk->seq + 1);
	header->begin = cpu_to_le64(rk->header_begin);
	if (rk->header_payload) {
		header->len = cpu_to_le64(ccrypt_rekey_len(rk));
		memcpy(header->digest, rk->digest, sizeof(header->digest));
	}
	return ccrypt_mac(mac, header, header->mac);
}

/**
 * ccrypt_rekey_write_header() - write the header that was made, for good
 * @rk: the rekey
 * @cc: whose device it is
 *
 * What was written before is made durable first. After an error nobody knows which of it is there.
 *
 * Context: process.
 * Return: 0 or an error of the device.
 */
int ccrypt_rekey_write_header(struct ccrypt_rekey *rk, struct ccrypt_target *cc)
{
	const sector_t sector = cc->area + ccrypt_header_sector[rk->block];
	int r = ccrypt_rekey_transfer(rk, cc, REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA, sector,
				      &rk->header, CONTAINER_CRYPT_REKEY_BLOCK_SIZE);

	if (r)
		WRITE_ONCE(rk->error_sector, sector);
	return r;
}

/**
 * ccrypt_rekey_zero_headers() - forget a rekey for good
 * @rk: the rekey; its mover is stopped
 * @cc: whose device it is
 *
 * The first block first: a crash in between leaves one that is zero, as before a start.
 *
 * Context: process.
 * Return: 0 or an error of the device, after which some of it may be there still.
 */
int ccrypt_rekey_zero_headers(struct ccrypt_rekey *rk, struct ccrypt_target *cc)
{
	unsigned int i;
	int r = 0;

	clear_page(page_address(rk->header));
	for (i = 0; i < 2 && !r; i++)
		r = ccrypt_rekey_transfer(rk, cc, REQ_OP_WRITE | REQ_PREFLUSH | REQ_FUA,
					  cc->area + ccrypt_header_sector[i], &rk->header,
					  CONTAINER_CRYPT_REKEY_BLOCK_SIZE);
	return r;
}
