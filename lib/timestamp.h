/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timestamp.h - points in time as text: RFC 3339 UTC, seconds ("2026-11-22T23:58:27Z").
 */
#ifndef CC_TIMESTAMP_H
#define CC_TIMESTAMP_H

#include <stdint.h>

#define CC_TIME_LEN 21 /* the text and its NUL */

/* @t: seconds since the epoch. Return: 0; -1 without touching *t when malformed. */
int cc_time_parse(const char *s, int64_t *t);
/* A year that has not four digits becomes the nearest one that has. */
void cc_time_format(int64_t t, char out[static CC_TIME_LEN]);

#endif
