/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quadlet_key.h - what the readers of a .container file's keys share.
 */
#ifndef CC_DRAFT_QUADLET_KEY_H
#define CC_DRAFT_QUADLET_KEY_H

#include "draft/asked.h"
#include "draft/source.h"

/* A file while it is read. All borrowed. */
struct quadlet {
	const struct draft_source *from;
	struct asked *a;
	struct cc_error *err;
};

/* Reads a value, in which words_resolve() has put in what systemd does. */
typedef int quadlet_fn(struct quadlet *q, const char *value);

/* Fills q->err, CC_E_INVALID. Return: -1. */
__attribute__((format(printf, 2, 3))) int quadlet_fail(struct quadlet *q, const char *fmt, ...);

/* Tells @fn each word of @value. */
int quadlet_each_word(struct quadlet *q, const char *value, quadlet_fn *fn);

/* systemd's booleans. */
int quadlet_bool(struct quadlet *q, const char *value, bool *out);

/* @s is longer than @end and ends with it. */
bool quadlet_ends_with(const char *s, const char *end);

/* The keys Volume, Tmpfs and Mount (quadlet_mounts.c). */
quadlet_fn quadlet_volume, quadlet_tmpfs, quadlet_mount;

#endif
