/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name.h - the names things go by.
 */
#ifndef CC_NAME_H
#define CC_NAME_H

#include <stdbool.h>

#define CC_NAME_LEN 64 /* a cc_is_name() and its NUL */
#define CC_UUID_LEN 37 /* a cc_is_uuid() and its NUL */

#define CC_NAME_RULE "[a-z0-9][a-z0-9_.-]{0,62}" /* for error texts */

/* for error texts */
#define CC_VOLUME_NAME_RULE \
	"2 to 63 characters a-z 0-9 _ . -, a letter or digit at the beginning and at the end"

/*
 * A cc_is_name() that engines take for a volume's, too: CDI wants the last character to be a letter
 * or digit, and Docker takes what has one letter for a path. For new volumes; older ones may have
 * others.
 */
bool cc_is_volume_name(const char *s);
/* Volume, signer and agent names: CC_NAME_RULE. */
bool cc_is_name(const char *s);
/* Lower-case RFC 9562 text form, 36 characters. */
bool cc_is_uuid(const char *s);

#endif
