// SPDX-License-Identifier: Apache-2.0
/* The file with the secrets of key generations, as somebody who can write to it leaves it. */
#include "fuzz.h"
#include "keyd/custodian/domain.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct domain d = {.slots.fd = -1};
	struct cc_error err = {0};

	REQUIRE(cc_secret_heap_init(&err) == 0);
	if (domain_parse(&d, data, size, &err)) {
		REQUIRE(err.code == CC_E_INVALID);
	} else {
		REQUIRE(d.n <= DOMAIN_MAX && d.n * (8 + DOMAIN_SECRET_LEN) == size);
		for (size_t i = 0; i < d.n; i++)
			REQUIRE(d.gen[i].secret.len == DOMAIN_SECRET_LEN &&
				(i == 0 || d.gen[i].number > d.gen[i - 1].number));
	}
	domain_close(&d);
	return 0;
}
