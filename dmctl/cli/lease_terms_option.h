/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lease_terms_option.h - the options that say on what terms a volume's key is lent
 * (lib/lease_terms.h), and how it is mounted (lib/mount_options.h).
 */
#ifndef CC_LEASE_TERMS_OPTION_H
#define CC_LEASE_TERMS_OPTION_H

#include <getopt.h>

#include "json.h"

/* For getopt_long(3). */
#define LEASE_TERMS_OPTIONS                                                                     \
	{"lease", required_argument, NULL, 'L'}, {"shared-read", required_argument, NULL, 'S'}, \
		{"on-lapse", required_argument, NULL, 'P'},                                     \
		{"on-revoke", required_argument, NULL, 'R'},                                    \
		{"on-lock", required_argument, NULL, 'O'},                                      \
		{"mount-options", required_argument, NULL, 'M'},                                \
		{"discard", required_argument, NULL, 'D'}

/* For help. */
#define LEASE_TERMS_HELP                                                                             \
	"  --lease TIME              how long a key is lent, like 90s, 10m or 1h (default: 10m)\n"   \
	"  --shared-read yes|no      several containers at once, if they only read (default: no)\n"  \
	"  --on-lapse freeze|continue  the container while its lease has lapsed (default: freeze)\n" \
	"  --on-revoke kill|freeze   and when it was taken away (default: kill)\n"                   \
	"  --on-lock error|queue:MS  I/O without a key fails, or waits (default: queue:300000)\n"    \
	"  --mount-options LIST      like noexec,noatime, wherever it is mounted (default: none)\n"  \
	"  --discard yes|no          the LUN learns which blocks are free (default: no)\n"

/**
 * lease_terms_option - takes option @c if it is one of these, as a member of the API's object.
 * @taken: out, it was
 * Return: 0; -1 with CC_E_USAGE for a value that cannot be.
 */
int lease_terms_option(int c, const char *value, json_t *terms, bool *taken, struct cc_error *err);

#endif
