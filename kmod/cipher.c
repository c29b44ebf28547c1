// SPDX-License-Identifier: GPL-2.0-only
/*
 * AES-XTS over a bio: cipher handles, the IV, and the loop over encryption sectors.
 */
#include <crypto/algapi.h>
#include <crypto/hash.h>

#include "container-crypt.h"

#define CCRYPT_CRYPTO_API_NAME	"xts(aes)"

/*
 * Implementations that allocate memory for a request cannot be used for writeback, and hardware
 * drivers without a synchronous path have a long record of being slower than the CPU and of
 * hanging. Asynchronous ones are welcome: up to 6.15 that is how x86 offers AES-NI.
 *
 * The best one there is when a mapping is made stays the mapping's, whatever is registered later:
 * bios that are on their way have room for its requests only.
 */
#define CCRYPT_CRYPTO_MASK	(CRYPTO_ALG_ALLOCATES_MEMORY | CRYPTO_ALG_KERN_DRIVER_ONLY)

static struct crypto_skcipher *ccrypt_cipher_alloc(const char *name)
{
	struct crypto_skcipher *tfm = crypto_alloc_skcipher(name, 0, CCRYPT_CRYPTO_MASK);

	if (IS_ERR(tfm))
		return tfm;
	if (crypto_skcipher_ivsize(tfm) != sizeof_field(struct ccrypt_io, iv)) {
		crypto_free_skcipher(tfm);
		return ERR_PTR(-EINVAL);
	}
	/* Have the cipher itself refuse equal halves, whatever the kernel's FIPS mode. */
	crypto_skcipher_set_flags(tfm, CRYPTO_TFM_REQ_FORBID_WEAK_KEYS);
	return tfm;
}

/**
 * ccrypt_prototype_alloc() - choose an implementation of the cipher
 *
 * Context: process; may load a module.
 * Return: a handle without a key, to be freed with crypto_free_skcipher(); or an error pointer.
 */
struct crypto_skcipher *ccrypt_prototype_alloc(void)
{
	return ccrypt_cipher_alloc(CCRYPT_CRYPTO_API_NAME);
}

/**
 * ccrypt_cipher_create() - put a volume key into a cipher handle
 * @raw: the key, both halves
 * @size: its size in bytes, a valid one
 * @prototype: a handle of the implementation to use
 *
 * Context: process.
 * Return: the handle, to be freed with crypto_free_skcipher(); -EKEYREJECTED where the halves are
 * equal; -ENOPKG where the implementation is no longer what it was; another error of the crypto
 * API.
 */
struct crypto_skcipher *ccrypt_cipher_create(const u8 *raw, unsigned int size,
					     struct crypto_skcipher *prototype)
{
	const char *driver = crypto_tfm_alg_driver_name(crypto_skcipher_tfm(prototype));
	struct crypto_skcipher *tfm;
	int r;

	if (!crypto_memneq(raw, raw + size / 2, size / 2))
		return ERR_PTR(-EKEYREJECTED);

	tfm = ccrypt_cipher_alloc(driver);
	/* -ENOENT would be taken for something that is not there, but the cipher was. */
	if (IS_ERR(tfm))
		return PTR_ERR(tfm) == -ENOENT ? ERR_PTR(-ENOPKG) : tfm;
	/* An instance of a template is made anew when a part of it was replaced. */
	if (crypto_skcipher_reqsize(tfm) > crypto_skcipher_reqsize(prototype))
		r = -ENOPKG;
	else
		r = crypto_skcipher_setkey(tfm, raw, size);
	if (!r)
		return tfm;
	crypto_free_skcipher(tfm);
	return ERR_PTR(r);
}

/**
 * ccrypt_key_create() - make a key of what an unlock brings
 * @unlock: the volume key; or two of a rekey: slot 0 gets the old one, slot 1 the new one
 * @prototype: a handle of the implementation to use
 *
 * Context: process.
 * Return: the key; or an error of ccrypt_cipher_create().
 */
struct ccrypt_key *ccrypt_key_create(const struct ccrypt_unlock *unlock,
				     struct crypto_skcipher *prototype)
{
	const unsigned int slot = unlock->old_size ? 1 : 0;
	struct ccrypt_key *key;
	int r;

	key = kzalloc(sizeof(*key), GFP_KERNEL);
	if (!key)
		return ERR_PTR(-ENOMEM);

	key->tfm[slot] = ccrypt_cipher_create(unlock->raw, unlock->size, prototype);
	if (IS_ERR(key->tfm[slot])) {
		r = PTR_ERR(key->tfm[slot]);
		goto free_key;
	}
	if (!slot)
		return key;
	key->tfm[0] = ccrypt_cipher_create(unlock->old_raw, unlock->old_size, prototype);
	if (IS_ERR(key->tfm[0])) {
		r = PTR_ERR(key->tfm[0]);
		goto free_tfm;
	}
	return key;

free_tfm:
	crypto_free_skcipher(key->tfm[slot]);
free_key:
	kfree(key);
	return ERR_PTR(r);
}

/**
 * ccrypt_key_free() - wipe a key
 * @key: one that nobody uses any more
 *
 * The crypto API clears a handle's memory, and with it the round keys, before it frees it.
 */
void ccrypt_key_free(struct ccrypt_key *key)
{
	crypto_free_skcipher(key->tfm[0]);
	crypto_free_skcipher(key->tfm[1]);
	crypto_free_shash(key->mac);
	kfree(key);
}

static struct skcipher_request *ccrypt_request(struct ccrypt_io *io)
{
	return (struct skcipher_request *)(io + 1);
}

/* The crypto API is done with a request for which it returned -EINPROGRESS or -EBUSY. */
static void ccrypt_crypt_done(CCRYPT_CRYPTO_ARG *arg, int error)
{
	struct ccrypt_io *io = ccrypt_crypto_data(arg);

	/* The request that met a full queue has now entered it. */
	if (error == -EINPROGRESS)
		return;

	io->error = error;
	ccrypt_io_continue(io);
}

/**
 * ccrypt_crypt_init() - get ready for ccrypt_crypt()
 * @io: with @io->iter, @io->out and @io->sector at the start
 * @key: what ccrypt_key_get() returned
 */
void ccrypt_crypt_init(struct ccrypt_io *io, struct ccrypt_key *key)
{
	struct skcipher_request *req = ccrypt_request(io);

	io->error = 0;
	sg_init_table(io->src, 1);
	sg_init_table(io->dst, 1);
	skcipher_request_set_tfm(req, key->tfm[io->slot]);
	/*
	 * Backlog: a full queue of an asynchronous implementation must delay a request, not fail
	 * it. No CRYPTO_TFM_REQ_MAY_SLEEP: the cipher would yield inside the read section, and has
	 * nothing to allocate for sectors made of whole blocks.
	 */
	skcipher_request_set_callback(req, CRYPTO_TFM_REQ_MAY_BACKLOG, ccrypt_crypt_done, io);
}

/* Contiguous memory at the position of @iter. */
static unsigned int ccrypt_segment(struct bio *bio, struct bvec_iter *iter, struct scatterlist *sg,
				   unsigned int max)
{
	unsigned int len = min(mp_bvec_iter_len(bio->bi_io_vec, *iter), max);

	sg_set_page(sg, bvec_iter_page(bio->bi_io_vec, *iter), len,
		    bvec_iter_offset(bio->bi_io_vec, *iter));
	bvec_iter_advance_single(bio->bi_io_vec, iter, len);
	return len;
}

/*
 * The next sector of the data, as io->src. Nearly always one piece, as XTS implementations like it
 * best; several where a buffer is not aligned to the sector size.
 */
static bool ccrypt_next_sector(struct ccrypt_io *io)
{
	const unsigned int size = io->cc->sector_size;
	unsigned int left, n;

	left = size - ccrypt_segment(io->bio, &io->iter, io->src, size);
	if (likely(!left))
		return true;

	/* sg_init_table() clears the entries, and with them the piece just found. */
	sg_unmark_end(io->src);
	for (n = 1; left && n < CCRYPT_SEGMENTS_MAX; n++) {
		sg_init_table(io->src + n, 1);
		left -= ccrypt_segment(io->bio, &io->iter, io->src + n, left);
		if (left)
			sg_unmark_end(io->src + n);
	}
	return !left;
}

/**
 * ccrypt_crypt() - encrypt a write into its bounce bio, or decrypt a read in place
 * @io: after ccrypt_crypt_init(), or after a request that completed asynchronously
 * @max: bytes after which to return, a multiple of the sector size
 *
 * Context: any but hard interrupt.
 * Return: 0 when that much or everything is done; -EINPROGRESS when the crypto API took a request
 * for later: @io must not be touched then, ccrypt_io_continue() is called in its time; other errors
 * are final.
 */
int ccrypt_crypt(struct ccrypt_io *io, unsigned int max)
{
	struct skcipher_request *req = ccrypt_request(io);
	const unsigned int size = io->cc->sector_size;
	int r = io->error;

	for (; !r && io->iter.bi_size && max; max -= size) {
		/* A sector in several pieces leaves the list longer than the next one needs. */
		sg_mark_end(io->src);
		if (unlikely(!ccrypt_next_sector(io)))
			return -EIO;
		if (io->bounce)
			ccrypt_segment(io->bounce, &io->out, io->dst, size);

		io->iv[0] = cpu_to_le64(io->sector);
		io->iv[1] = 0;
		io->sector += size >> SECTOR_SHIFT;

		skcipher_request_set_crypt(req, io->src, io->bounce ? io->dst : io->src, size,
					   io->iv);
		if (io->bounce)
			r = crypto_skcipher_encrypt(req);
		else
			r = crypto_skcipher_decrypt(req);
	}
	return r == -EBUSY ? -EINPROGRESS : r;
}
