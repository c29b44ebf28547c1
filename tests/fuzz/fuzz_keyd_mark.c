// SPDX-License-Identifier: Apache-2.0
/* The file with the high-water mark, as somebody who can write to it leaves it. */
#include <string.h>

#include "fuzz.h"
#include "keyd/custodian/mark.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char both[2 * SLOT_SIZE] = {0};
	const unsigned char *bytes;
	struct cc_error err = {0};
	struct mark m;
	uint64_t number;
	size_t len = 0;

	/* A digest is not guessed: the bytes by themselves, too. */
	if (mark_parse(&m, data, size, &err) == 0) {
		REQUIRE(m.seq <= INT64_MAX && m.quarantine_end_ms >= 0);
		REQUIRE(!m.quarantine_boot[0] || cc_is_uuid(m.quarantine_boot));
	} else {
		REQUIRE(err.code == CC_E_INVALID);
	}
	memcpy(both, data, size < sizeof(both) ? size : sizeof(both));
	bytes = slots_newest(both, &len, &number);
	REQUIRE(!bytes == !number && len <= SLOT_BYTES_MAX);
	REQUIRE(!bytes || (bytes >= both && bytes + len <= both + sizeof(both)));
	return 0;
}
