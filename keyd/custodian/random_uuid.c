// SPDX-License-Identifier: Apache-2.0
#include "custodian/random_uuid.h"

#include <string.h>
#include <systemd/sd-id128.h>

int random_uuid(char uuid[static CC_UUID_LEN], struct cc_error *err)
{
	sd_id128_t id;
	int rc = sd_id128_randomize(&id);

	if (rc < 0)
		return cc_fail(err, CC_E_INTERNAL, "no random numbers: %s", strerror(-rc));
	snprintf(uuid, CC_UUID_LEN, SD_ID128_UUID_FORMAT_STR, SD_ID128_FORMAT_VAL(id));
	return 0;
}
