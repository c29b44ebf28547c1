// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recently used bounce pages, per processor. See page-cache.h.
 */
#include <linux/percpu.h>
#include <linux/irqflags.h>

#include "page-cache.h"

/* What a processor keeps at most: 64 single pages and as much again in large ones. */
#define CCRYPT_CACHED_SINGLE	64
#define CCRYPT_CACHED_LARGE	8

struct ccrypt_page_cache {
	unsigned int singles;
	unsigned int larges;
	struct page *single[CCRYPT_CACHED_SINGLE];
	struct page *large[CCRYPT_CACHED_LARGE];
};

/* Used with interrupts off: pages come back where writes complete. */
static DEFINE_PER_CPU(struct ccrypt_page_cache, ccrypt_page_cache);

/**
 * ccrypt_page_alloc() - a page from the cache or the page allocator, with any content
 * @gfp: for the allocator; __GFP_COMP for an order above 0
 * @order: 0 or CCRYPT_LARGE_ORDER
 *
 * Context: any that @gfp allows.
 */
struct page *ccrypt_page_alloc(gfp_t gfp, unsigned int order)
{
	struct ccrypt_page_cache *cache;
	struct page *page = NULL;
	unsigned long flags;

	local_irq_save(flags);
	cache = this_cpu_ptr(&ccrypt_page_cache);
	if (!order && cache->singles)
		page = cache->single[--cache->singles];
	else if (order && cache->larges)
		page = cache->large[--cache->larges];
	local_irq_restore(flags);

	return page ?: alloc_pages(gfp, order);
}

/**
 * ccrypt_page_free() - give a page back
 * @page: from ccrypt_page_alloc()
 * @order: as it was allocated
 *
 * Context: any.
 */
void ccrypt_page_free(struct page *page, unsigned int order)
{
	struct ccrypt_page_cache *cache;
	unsigned long flags;

	local_irq_save(flags);
	cache = this_cpu_ptr(&ccrypt_page_cache);
	if (!order && cache->singles < CCRYPT_CACHED_SINGLE) {
		cache->single[cache->singles++] = page;
		page = NULL;
	} else if (order && cache->larges < CCRYPT_CACHED_LARGE) {
		cache->large[cache->larges++] = page;
		page = NULL;
	}
	local_irq_restore(flags);

	if (page)
		__free_pages(page, order);
}

/**
 * ccrypt_page_cache_drain() - give everything to the page allocator
 *
 * Context: any, while nobody uses the cache.
 */
void ccrypt_page_cache_drain(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct ccrypt_page_cache *cache = per_cpu_ptr(&ccrypt_page_cache, cpu);

		while (cache->singles)
			__free_page(cache->single[--cache->singles]);
		while (cache->larges)
			__free_pages(cache->large[--cache->larges], CCRYPT_LARGE_ORDER);
	}
}
