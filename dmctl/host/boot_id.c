// SPDX-License-Identifier: Apache-2.0
/*
 * boot_id.c - which boot of this host this is.
 */
#include "host/boot_id.h"

#include <string.h>

#include "cleanup.h"
#include "file.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

int boot_id(char out[static CC_UUID_LEN], struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	size_t len;

	if (cc_read_file(BOOT_ID, &text, &len, err))
		return -1;
	text[strcspn(text, "\n")] = '\0';
	if (!cc_is_uuid(text))
		return cc_fail(err, CC_E_INTERNAL, BOOT_ID " has no UUID");
	memcpy(out, text, CC_UUID_LEN);
	return 0;
}
