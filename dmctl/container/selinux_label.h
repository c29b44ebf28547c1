/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selinux_label.h - SELinux labels, user:role:type[:level], as the kernel and config.json write
 * them: the kernel sorts the categories of a level and writes three that follow each other as a
 * span (c1.c3). Pure.
 */
#ifndef CC_SELINUX_LABEL_H
#define CC_SELINUX_LABEL_H

#include <stdbool.h>

/* Both are the same level, or range of two; what is neither is the same only to the letter. */
bool selinux_level_eq(const char *a, const char *b);

bool selinux_label_eq(const char *a, const char *b);

#endif
