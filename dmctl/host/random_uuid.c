// SPDX-License-Identifier: Apache-2.0
/*
 * random_uuid.c - a UUID that nobody has, from the kernel.
 */
#include "host/random_uuid.h"

#include <stdio.h>

#include "cleanup.h"
#include "file.h"
#include "name.h"

#define SOURCE "/proc/sys/kernel/random/uuid"

int random_uuid(char uuid[static 37], struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	size_t len;

	if (cc_read_file(SOURCE, &text, &len, err))
		return -1;
	snprintf(uuid, 37, "%.36s", text);
	return cc_is_uuid(uuid) ? 0 : cc_fail(err, CC_E_INTERNAL, SOURCE " gives no UUID");
}
