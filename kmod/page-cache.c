// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recently used bounce pages, per processor. See page-cache.h.
 *
 * Nobody but its processor touches a cache, with interrupts off; that is what makes it cheap. Where
 * memory is short the shrinker asks the processors one by one.
 */
#include <linux/cpuhotplug.h>
#include <linux/irqflags.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/smp.h>

#include "compat.h"
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

static struct shrinker *ccrypt_page_shrinker;
static int ccrypt_page_hotplug;

/* The counts are read by other processors, for an estimate. */
static struct page *ccrypt_pop(struct page **pages, unsigned int *count)
{
	WRITE_ONCE(*count, *count - 1);
	return pages[*count];
}

static void ccrypt_push(struct page **pages, unsigned int *count, struct page *page)
{
	pages[*count] = page;
	WRITE_ONCE(*count, *count + 1);
}

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
		page = ccrypt_pop(cache->single, &cache->singles);
	else if (order && cache->larges)
		page = ccrypt_pop(cache->large, &cache->larges);
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
		ccrypt_push(cache->single, &cache->singles, page);
		page = NULL;
	} else if (order && cache->larges < CCRYPT_CACHED_LARGE) {
		ccrypt_push(cache->large, &cache->larges, page);
		page = NULL;
	}
	local_irq_restore(flags);

	if (page)
		__free_pages(page, order);
}

static unsigned int ccrypt_cached_pages(const struct ccrypt_page_cache *cache)
{
	return READ_ONCE(cache->singles) + (READ_ONCE(cache->larges) << CCRYPT_LARGE_ORDER);
}

/* Move what a processor has onto a list. Runs there with interrupts off, or when it is offline. */
static void ccrypt_take_out(struct ccrypt_page_cache *cache, struct list_head *pages)
{
	while (cache->singles)
		list_add(&ccrypt_pop(cache->single, &cache->singles)->lru, pages);
	while (cache->larges)
		list_add(&ccrypt_pop(cache->large, &cache->larges)->lru, pages);
}

static void ccrypt_take_out_here(void *pages)
{
	ccrypt_take_out(this_cpu_ptr(&ccrypt_page_cache), pages);
}

/* To the page allocator; how many there were. */
static unsigned long ccrypt_free_list(struct list_head *pages)
{
	unsigned long freed = 0;
	struct page *page, *next;

	list_for_each_entry_safe(page, next, pages, lru) {
		unsigned int order = PageCompound(page) ? CCRYPT_LARGE_ORDER : 0;

		list_del(&page->lru);
		__free_pages(page, order);
		freed += 1UL << order;
	}
	return freed;
}

static unsigned long ccrypt_page_cache_count(struct shrinker *shrinker, struct shrink_control *sc)
{
	unsigned long count = 0;
	int cpu;

	for_each_online_cpu(cpu)
		count += ccrypt_cached_pages(per_cpu_ptr(&ccrypt_page_cache, cpu));
	return count ?: SHRINK_EMPTY;
}

static unsigned long ccrypt_page_cache_scan(struct shrinker *shrinker, struct shrink_control *sc)
{
	unsigned long freed = 0;
	LIST_HEAD(pages);
	int cpu;

	for_each_online_cpu(cpu) {
		if (!ccrypt_cached_pages(per_cpu_ptr(&ccrypt_page_cache, cpu)))
			continue;
		/* One that has gone offline meanwhile is left to ccrypt_page_cache_dead(). */
		smp_call_function_single(cpu, ccrypt_take_out_here, &pages, true);
		freed += ccrypt_free_list(&pages);
		if (freed >= sc->nr_to_scan)
			break;
	}
	return freed ?: SHRINK_STOP;
}

static int ccrypt_page_cache_dead(unsigned int cpu)
{
	LIST_HEAD(pages);

	ccrypt_take_out(per_cpu_ptr(&ccrypt_page_cache, cpu), &pages);
	ccrypt_free_list(&pages);
	return 0;
}

/**
 * ccrypt_page_cache_init() - have pages taken back when memory is short or a processor goes
 *
 * Return: 0 or a negative error.
 */
int ccrypt_page_cache_init(void)
{
	int r = cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "dm-container-crypt:pages", NULL,
					  ccrypt_page_cache_dead);

	if (r < 0)
		return r;
	ccrypt_page_hotplug = r;
	ccrypt_page_shrinker = ccrypt_shrinker_register("dm-container-crypt",
							ccrypt_page_cache_count,
							ccrypt_page_cache_scan);
	if (ccrypt_page_shrinker)
		return 0;
	cpuhp_remove_state_nocalls(ccrypt_page_hotplug);
	return -ENOMEM;
}

/**
 * ccrypt_page_cache_exit() - undo ccrypt_page_cache_init()
 */
void ccrypt_page_cache_exit(void)
{
	ccrypt_shrinker_unregister(ccrypt_page_shrinker);
	cpuhp_remove_state_nocalls(ccrypt_page_hotplug);
}

/**
 * ccrypt_page_cache_drain() - give everything to the page allocator
 *
 * Context: process, with no spinlock held.
 */
void ccrypt_page_cache_drain(void)
{
	LIST_HEAD(pages);
	int cpu;

	for_each_online_cpu(cpu) {
		smp_call_function_single(cpu, ccrypt_take_out_here, &pages, true);
		ccrypt_free_list(&pages);
	}
}
