/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp_program.h - what a seccomp filter, a program of classic BPF over struct seccomp_data
 * (seccomp(2)), answers. Pure: nothing here asks the kernel.
 */
#ifndef CC_SECCOMP_PROGRAM_H
#define CC_SECCOMP_PROGRAM_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define SECCOMP_PROGRAM_MAX 4096 /* instructions, BPF_MAXINSNS */
#define SECCOMP_ANSWERS_MAX 16
#define SECCOMP_WORDS_MAX 1024

/**
 * seccomp_program_check - @p is what the kernel takes for a filter: known instructions only, loads
 * inside of the data, jumps forward and inside of the program, a return at its end. What is below
 * is for such a program alone.
 *
 * Return: 0; -1 with CC_E_INVALID.
 */
int seccomp_program_check(const struct sock_filter *p, size_t n, struct cc_error *err);

/* What it answers to @d: SECCOMP_RET_… with its data. */
uint32_t seccomp_program_run(const struct sock_filter *p, size_t n, const struct seccomp_data *d);

/**
 * struct seccomp_answers - what a filter may answer to a system call, whatever its arguments are.
 * @answer: each once
 * @cost: of finding them, about as many instructions
 * @more: something else decides, too: what is computed, where the call comes from, or words that
 *        did not fit
 * @word: values that halves of arguments are compared with: of args[at / 2] the low 32 bits, or the
 *        high ones with an odd @at; of these the bits of @mask
 */
struct seccomp_answers {
	size_t n;
	uint32_t answer[SECCOMP_ANSWERS_MAX];
	size_t cost;
	bool more;
	size_t n_words;
	struct {
		unsigned int at;
		uint32_t mask, value;
	} word[SECCOMP_WORDS_MAX];
};

/**
 * seccomp_program_answers - follows both ways where an argument, or where the call comes from,
 * decides. It may find answers that no argument leads to, and misses none.
 *
 * Return: 0; -1 when there are too many ways, too many answers, or one that is computed.
 */
int seccomp_program_answers(const struct sock_filter *p, size_t n, uint32_t arch, uint32_t nr,
			    struct seccomp_answers *out);

bool seccomp_answers_has(const struct seccomp_answers *a, uint32_t answer);

#endif
