// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bounce bios: the ciphertext of a write must not overwrite the caller's plaintext, so it gets
 * pages of its own.
 *
 * Forward progress under memory pressure: the reserve holds enough pages for one bio of the largest
 * size. Several bios that each hold a part of it and wait for the rest would deadlock; so pages are
 * first taken without waiting, and whoever has to wait does so alone, under bounce_lock, starting
 * from nothing.
 *
 * What is in flight is limited too: a device with a deep queue would otherwise let one large write
 * hold much of the memory a second time. A target over its share works from its reserve.
 */
#include "container-crypt.h"
#include "page-cache.h"

#define CCRYPT_RESERVE_PAGES	DIV_ROUND_UP(CCRYPT_PIECE, PAGE_SIZE)
#define CCRYPT_RESERVE_BIOS	64

/* All targets together may hold this share of memory. */
#define CCRYPT_MEMORY_PERCENT	2

static DEFINE_SPINLOCK(ccrypt_share_lock);
static unsigned long ccrypt_targets;	/* protected by ccrypt_share_lock */
static unsigned long ccrypt_share;	/* pages for each of them */

static void ccrypt_count_target(int change)
{
	unsigned long pages;
	bool last;

	spin_lock(&ccrypt_share_lock);
	ccrypt_targets += change;
	pages = totalram_pages() * CCRYPT_MEMORY_PERCENT / 100 / max(ccrypt_targets, 1UL);
	WRITE_ONCE(ccrypt_share, max_t(unsigned long, pages, CCRYPT_RESERVE_PAGES));
	last = !ccrypt_targets;
	spin_unlock(&ccrypt_share_lock);
	if (last)
		ccrypt_page_cache_drain();
}

static bool ccrypt_may_use(struct ccrypt_target *cc, unsigned int pages)
{
	return percpu_counter_read_positive(&cc->pages_used) + pages <= READ_ONCE(ccrypt_share);
}

static void *ccrypt_pool_alloc(gfp_t gfp, void *pool_data)
{
	struct ccrypt_target *cc = pool_data;
	struct page *page;

	/* Without __GFP_NORETRY it is the reserve itself that is being made. */
	if ((gfp & __GFP_NORETRY) && !ccrypt_may_use(cc, 1))
		return NULL;
	page = ccrypt_page_alloc(gfp, 0);
	if (likely(page))
		percpu_counter_inc(&cc->pages_used);
	return page;
}

static void ccrypt_pool_free(void *page, void *pool_data)
{
	struct ccrypt_target *cc = pool_data;

	ccrypt_page_free(page, 0);
	percpu_counter_dec(&cc->pages_used);
}

/**
 * ccrypt_bounce_init() - make the reserves of a target
 * @cc: the target
 *
 * Return: 0 or a negative error; ccrypt_bounce_exit() is due in either case.
 */
int ccrypt_bounce_init(struct ccrypt_target *cc)
{
	int r;

	mutex_init(&cc->bounce_lock);
	ccrypt_count_target(1);
	r = percpu_counter_init(&cc->pages_used, 0, GFP_KERNEL);
	if (r)
		return r;
	r = mempool_init(&cc->pages, CCRYPT_RESERVE_PAGES, ccrypt_pool_alloc, ccrypt_pool_free, cc);
	if (r)
		return r;
	return bioset_init(&cc->bios, CCRYPT_RESERVE_BIOS, 0, BIOSET_NEED_BVECS);
}

/**
 * ccrypt_bounce_exit() - undo ccrypt_bounce_init()
 * @cc: the target
 */
void ccrypt_bounce_exit(struct ccrypt_target *cc)
{
	bioset_exit(&cc->bios);
	mempool_exit(&cc->pages);
	percpu_counter_destroy(&cc->pages_used);
	ccrypt_count_target(-1);
	mutex_destroy(&cc->bounce_lock);
}

/* A large piece, if there is one to be had: fewer calls, fewer segments below. */
static struct page *ccrypt_alloc_large(struct ccrypt_target *cc)
{
	const gfp_t optional = GFP_NOWAIT | __GFP_NORETRY | __GFP_NOMEMALLOC | __GFP_NOWARN |
			       __GFP_COMP;
	struct page *page;

	if (!ccrypt_may_use(cc, 1 << CCRYPT_LARGE_ORDER))
		return NULL;
	page = ccrypt_page_alloc(optional, CCRYPT_LARGE_ORDER);
	if (page)
		percpu_counter_add(&cc->pages_used, 1 << CCRYPT_LARGE_ORDER);
	return page;
}

static void ccrypt_free_pages(struct ccrypt_target *cc, struct bio *bounce)
{
	struct bio_vec *bv;
	int i;

	bio_for_each_bvec_all(bv, bounce, i) {
		if (PageCompound(bv->bv_page)) {
			ccrypt_page_free(bv->bv_page, CCRYPT_LARGE_ORDER);
			percpu_counter_sub(&cc->pages_used, 1 << CCRYPT_LARGE_ORDER);
		} else {
			mempool_free(bv->bv_page, &cc->pages);
		}
	}
	bounce->bi_vcnt = 0;
	bounce->bi_iter.bi_size = 0;
}

/* Single pages for what the bio still lacks. On failure it has none at all any more. */
static bool ccrypt_fill(struct ccrypt_target *cc, struct bio *bounce, unsigned int size, gfp_t gfp)
{
	while (bounce->bi_iter.bi_size < size) {
		struct page *page = mempool_alloc(&cc->pages, gfp);
		unsigned int len;

		if (!page) {
			ccrypt_free_pages(cc, bounce);
			return false;
		}
		len = min_t(unsigned int, size - bounce->bi_iter.bi_size, PAGE_SIZE);
		__bio_add_page(bounce, page, len, 0);
	}
	return true;
}

/**
 * ccrypt_bounce_alloc() - a bio for the ciphertext of @io
 * @io: a write that has not started
 *
 * The bio carries the flags, the priority and the write hints of @io->bio, but for polling: dm core
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
	ccrypt_copy_write_hints(bounce, io->bio);

	while (CCRYPT_LARGE_ORDER && size - bounce->bi_iter.bi_size >= CCRYPT_LARGE_SIZE) {
		struct page *page = ccrypt_alloc_large(cc);

		if (!page)
			break;
		__bio_add_page(bounce, page, CCRYPT_LARGE_SIZE, 0);
	}
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
