/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Bounce pages that were used a moment ago, kept for the next write on the same processor.
 *
 * They save more than the page allocator's work: kernels that clear pages when they are allocated
 * (init_on_alloc) would spend a good part of a write's time on clearing what is overwritten next.
 * Nothing leaks by that: bounce pages hold ciphertext only. When memory is short they go back.
 */
#ifndef CCRYPT_PAGE_CACHE_H
#define CCRYPT_PAGE_CACHE_H

#include <linux/gfp.h>
#include <linux/log2.h>
#include <linux/sizes.h>

/* Besides single pages there is one larger size: a quarter of what is encrypted in one piece. */
#define CCRYPT_LARGE_SIZE	SZ_32K
#define CCRYPT_LARGE_ORDER	(ilog2(CCRYPT_LARGE_SIZE) > PAGE_SHIFT ? \
				 ilog2(CCRYPT_LARGE_SIZE) - PAGE_SHIFT : 0)

struct page *ccrypt_page_alloc(gfp_t gfp, unsigned int order);
void ccrypt_page_free(struct page *page, unsigned int order);
void ccrypt_page_cache_drain(void);
int ccrypt_page_cache_init(void);
void ccrypt_page_cache_exit(void);

#endif /* CCRYPT_PAGE_CACHE_H */
