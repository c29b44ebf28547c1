// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bounce bios: the ciphertext of a write must not overwrite the caller's plaintext, so it gets
 * pages of its own.
 *
 * Forward progress under memory pressure: the reserve holds enough pages for one bio of the largest
 * size. Several bios that each hold a part of it and wait for the rest would deadlock; so pages are
 * first taken without waiting, and whoever has to wait does so alone, under bounce_lock, starting
 * from nothing.
 */
#include "container-crypt.h"

#define CCRYPT_RESERVE_PAGES	DIV_ROUND_UP(CCRYPT_MAX_WRITE, PAGE_SIZE)
#define CCRYPT_RESERVE_BIOS	64

int ccrypt_bounce_init(struct ccrypt_target *cc)
{
	int r;

	mutex_init(&cc->bounce_lock);
	r = mempool_init_page_pool(&cc->pages, CCRYPT_RESERVE_PAGES, 0);
	if (r)
		return r;
	return bioset_init(&cc->bios, CCRYPT_RESERVE_BIOS, 0, BIOSET_NEED_BVECS);
}

/* Tolerates a ccrypt_bounce_init() that failed, or was never called, on cleared memory. */
void ccrypt_bounce_exit(struct ccrypt_target *cc)
{
	bioset_exit(&cc->bios);
	mempool_exit(&cc->pages);
	mutex_destroy(&cc->bounce_lock);
}

static void ccrypt_free_pages(struct ccrypt_target *cc, struct bio *bounce)
{
	struct bio_vec *bv;
	int i;

	bio_for_each_bvec_all(bv, bounce, i) {
		if (PageCompound(bv->bv_page))
			__free_pages(bv->bv_page, compound_order(bv->bv_page));
		else
			mempool_free(bv->bv_page, &cc->pages);
	}
	bounce->bi_vcnt = 0;
	bounce->bi_iter.bi_size = 0;
}

/* One physically contiguous piece as large as possible: fewer calls, fewer segments below. */
static struct page *ccrypt_alloc_pages(struct ccrypt_target *cc, unsigned int size, gfp_t gfp,
				       unsigned int *order)
{
	const gfp_t optional = GFP_NOWAIT | __GFP_NORETRY | __GFP_NOMEMALLOC | __GFP_NOWARN |
			       __GFP_COMP;
	struct page *page;

	for (*order = min(*order, (unsigned int)ilog2(DIV_ROUND_UP(size, PAGE_SIZE))); *order;
	     (*order)--) {
		page = alloc_pages(optional, *order);
		if (page)
			return page;
	}
	return mempool_alloc(&cc->pages, gfp);
}

static bool ccrypt_fill(struct ccrypt_target *cc, struct bio *bounce, unsigned int size, gfp_t gfp)
{
	unsigned int order = gfpflags_allow_blocking(gfp) ? 0 : ilog2(CCRYPT_RESERVE_PAGES);

	while (size) {
		struct page *page = ccrypt_alloc_pages(cc, size, gfp, &order);
		unsigned int len;

		if (!page) {
			ccrypt_free_pages(cc, bounce);
			return false;
		}
		len = min_t(unsigned int, size, PAGE_SIZE << order);
		__bio_add_page(bounce, page, len, 0);
		size -= len;
	}
	return true;
}

/**
 * ccrypt_bounce_alloc() - a bio for the ciphertext of @io
 * @io: a write that has not started
 *
 * The bio is addressed like @io->bio and carries its flags and priority, but for polling: dm core
 * polls its own clone only.
 *
 * Context: process; waits for memory unless the bio is REQ_NOWAIT.
 * Return: the bio, or NULL where REQ_NOWAIT forbids to wait.
 */
struct bio *ccrypt_bounce_alloc(struct ccrypt_io *io)
{
	struct ccrypt_target *cc = io->cc;
	const unsigned int size = io->iter.bi_size;
	const bool nowait = io->bio->bi_opf & REQ_NOWAIT;
	struct bio *bounce;

	bounce = bio_alloc_bioset(cc->dev->bdev, DIV_ROUND_UP(size, PAGE_SIZE),
				  io->bio->bi_opf & ~REQ_POLLED,
				  nowait ? GFP_NOWAIT | __GFP_NOWARN : GFP_NOIO, &cc->bios);
	if (!bounce)
		return NULL;
	bounce->bi_ioprio = io->bio->bi_ioprio;

	if (likely(ccrypt_fill(cc, bounce, size, GFP_NOWAIT | __GFP_NOWARN)))
		return bounce;
	if (nowait) {
		bio_put(bounce);
		return NULL;
	}
	mutex_lock(&cc->bounce_lock);
	ccrypt_fill(cc, bounce, size, GFP_NOIO);
	mutex_unlock(&cc->bounce_lock);
	return bounce;
}

/**
 * ccrypt_bounce_free() - give a bounce bio and its pages back
 * @cc: the target
 * @bounce: the bio
 *
 * Context: any.
 */
void ccrypt_bounce_free(struct ccrypt_target *cc, struct bio *bounce)
{
	ccrypt_free_pages(cc, bounce);
	bio_put(bounce);
}
