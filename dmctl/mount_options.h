/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_options.h - how a volume is mounted, in the words of mount(8): an allow-list of what can only take away
 * (ro, noexec, nosymfollow) or does not matter to anybody's rights (times of access). All are attributes of the
 * mount (fsmount(2)); nothing reaches the file system's own options. A volume is always nosuid and nodev.
 *
 * Pure parsers of outside bytes.
 */
#ifndef CC_MOUNT_OPTIONS_H
#define CC_MOUNT_OPTIONS_H

#include <stdbool.h>

#include "json.h"

#define MOUNT_OPTIONS_TEXT 128

/**
 * struct mount_options - options that were given. Zeroed: none.
 * @named: attributes (MOUNT_ATTR_…) that one was given for
 * @set: what it said of them
 */
struct mount_options {
	unsigned int named, set;
};

/**
 * mount_options_parse - a list with commas, as after "mount -o"; the last of a pair wins.
 * Return: 0; -1 with CC_E_USAGE for what is not on the list.
 */
int mount_options_parse(const char *text, struct mount_options *o, struct cc_error *err);

/**
 * mount_options_asked - the options of a mount in config.json, which engines fill with words of their own, too:
 * what is not on the list is passed over.
 * Return: 0; -1 with CC_E_USAGE for what somebody asked for and does not get: suid, dev, idmap.
 */
int mount_options_asked(const struct cc_strv *options, struct mount_options *o,
			struct cc_error *err);

/* Puts @more on top of @o: what @o takes away stays away, of the rest @more has the last word. */
void mount_options_add(struct mount_options *o, const struct mount_options *more);

bool mount_options_eq(const struct mount_options *a, const struct mount_options *b);

/* A list that mount_options_parse() takes, in one order; "" for none. */
void mount_options_text(const struct mount_options *o, char out[static MOUNT_OPTIONS_TEXT]);

#endif
