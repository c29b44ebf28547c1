// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * rawcipher - time stamp counter ticks of one 4096-byte request to the crypto API's AES-256-XTS,
 * the part of an encrypting target's work that no target can save. A kernel module; the benchmark
 * builds it in the guest, loads it, and reads "rawcipher: encrypt=N decrypt=N" from the log.
 */
#include <linux/module.h>
#include <linux/random.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <asm/msr.h>
#include <crypto/skcipher.h>

#define UNCOUNTED 200
#define COUNTED 2000

/* Set up anew each time, as a caller does who encrypts one sector. */
static int rawcipher_one(struct crypto_skcipher *tfm, struct skcipher_request *req, void *data,
			 bool encrypt)
{
	DECLARE_CRYPTO_WAIT(wait);
	struct scatterlist sg;
	__le64 iv[2] = {};

	sg_init_one(&sg, data, PAGE_SIZE);
	skcipher_request_set_tfm(req, tfm);
	skcipher_request_set_callback(req, CRYPTO_TFM_REQ_MAY_BACKLOG, crypto_req_done, &wait);
	skcipher_request_set_crypt(req, &sg, &sg, PAGE_SIZE, iv);
	return crypto_wait_req(
		encrypt ? crypto_skcipher_encrypt(req) : crypto_skcipher_decrypt(req), &wait);
}

static s64 rawcipher_mean(struct crypto_skcipher *tfm, struct skcipher_request *req, void *data,
			  bool encrypt)
{
	u64 start = 0;
	int i, r;

	for (i = -UNCOUNTED; i < COUNTED; i++) {
		if (!i)
			start = rdtsc_ordered();
		r = rawcipher_one(tfm, req, data, encrypt);
		if (r)
			return r;
	}
	return (rdtsc_ordered() - start) / COUNTED;
}

static int __init rawcipher_init(void)
{
	struct skcipher_request *req = NULL;
	struct crypto_skcipher *tfm;
	u8 key[64];
	void *data;
	int r;

	tfm = crypto_alloc_skcipher("xts(aes)", 0,
				    CRYPTO_ALG_ALLOCATES_MEMORY | CRYPTO_ALG_KERN_DRIVER_ONLY);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	get_random_bytes(key, sizeof(key));
	r = crypto_skcipher_setkey(tfm, key, sizeof(key));
	data = (void *)get_zeroed_page(GFP_KERNEL);
	if (!r && data)
		req = skcipher_request_alloc(tfm, GFP_KERNEL);
	if (req)
		pr_info("rawcipher: encrypt=%lld decrypt=%lld\n",
			rawcipher_mean(tfm, req, data, true),
			rawcipher_mean(tfm, req, data, false));
	else
		r = r ?: -ENOMEM;
	skcipher_request_free(req);
	free_page((unsigned long)data);
	crypto_free_skcipher(tfm);
	return r;
}

static void __exit rawcipher_exit(void)
{
}

module_init(rawcipher_init);
module_exit(rawcipher_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("counts what a request to AES-XTS costs");
