/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure_filter.h - the seccomp filter that the kernel has for a program against the one of
 * config.json, by what they answer: runtimes, and versions of libseccomp, make different programs
 * of the same rules.
 *
 * Of each system call of this machine: where no argument decides in config.json, whatever the
 * filter may answer to any of them; where one does, each answer for the values that rules and
 * filter compare it with, and those beside them. Of the machine's other architectures (i386, x32,
 * arm) each answer must be one that config.json has for the call at all.
 */
#ifndef CC_MEASURE_FILTER_H
#define CC_MEASURE_FILTER_H

#include <linux/filter.h>

#include "json.h"

/**
 * measure_filter - Pure.
 * @filter: linux.seccomp of config.json
 * @p, @n: the program, as the kernel gave it
 *
 * Return: 0; -1 with CC_E_REFUSED, fact "seccomp", that names the call or says why it cannot be told,
 * CC_E_INVALID: @p is no program, or CC_E_NOMEM.
 */
int measure_filter(const json_t *filter, const struct sock_filter *p, size_t n,
		   struct cc_error *err);

/*
 * The number of filters that runtimes make of @filter, which may be NULL: at least, at most. One
 * that lets everything pass need not be made.
 */
void measure_filter_count(const json_t *filter, unsigned int *least, unsigned int *most);

#endif
