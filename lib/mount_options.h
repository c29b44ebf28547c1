/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_options.h - how a volume is mounted, in the words of mount(8): an allow-list of what can
 * only take away (ro, noexec, nosymfollow) or does not matter to anybody's rights (times of
 * access). All are attributes of the mount (fsmount(2)); nothing reaches the file system's own
 * options. A volume is always nosuid and nodev.
 *
 * Pure parsers of outside bytes. Part of keyd's record of a volume, and of what an engine is told
 * on one host.
 */
#ifndef CC_MOUNT_OPTIONS_H
#define CC_MOUNT_OPTIONS_H

#include <stdbool.h>

#include "json.h"
#include "strv.h"

#define CC_MOUNT_OPTIONS_TEXT 128

/**
 * struct cc_mount_options - options that were given. Zeroed: none.
 * @named: attributes (MOUNT_ATTR_…) that one was given for
 * @set: what it said of them
 */
struct cc_mount_options {
	unsigned int named, set;
};

/**
 * cc_mount_options_parse - a list with commas, as after "mount -o"; the last of a pair wins.
 * Return: 0; -1 with CC_E_USAGE for what is not on the list.
 */
int cc_mount_options_parse(const char *text, struct cc_mount_options *o, struct cc_error *err);

/**
 * cc_mount_options_read - the member "mountOptions" of @obj, such a list; without it @o stays as it
 * is.
 * @what: for errors ("volume")
 * Return: 0; -1 with CC_E_INVALID, then @o is unchanged.
 */
int cc_mount_options_read(const json_t *obj, const char *what, struct cc_mount_options *o,
			  struct cc_error *err);

/**
 * cc_mount_options_asked - the options of a mount in config.json, which engines fill with words of
 * their own, too: what is not on the list is passed over.
 * Return: 0; -1 with CC_E_USAGE for what somebody asked for and does not get: suid, dev, idmap.
 */
int cc_mount_options_asked(const struct cc_strv *options, struct cc_mount_options *o,
			   struct cc_error *err);

/* Puts @more on top of @o: what @o takes away stays away, of the rest @more has the last word. */
void cc_mount_options_add(struct cc_mount_options *o, const struct cc_mount_options *more);

bool cc_mount_options_eq(const struct cc_mount_options *a, const struct cc_mount_options *b);

/* A list that cc_mount_options_parse() takes, in one order; "" for none. */
void cc_mount_options_text(const struct cc_mount_options *o,
			   char out[static CC_MOUNT_OPTIONS_TEXT]);

#endif
