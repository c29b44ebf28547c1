// SPDX-License-Identifier: Apache-2.0
/* An identity's statement; what parses is decided on against a fixed measurement. */
#include <string.h>

#include "decide.h"
#include "digest.h"
#include "fuzz.h"
#include "identity.h"
#include "measured.h"
#include "name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cc_measurement *m;
	struct cc_error err = {0};
	struct cc_identity *id = cc_identity_parse((const char *)data, size, &err);

	if (!m)
		m = fixed_measurement();
	if (!id) {
		REQUIRE(!strcmp(err.fact, "identity") && err.text[0]);
		return 0;
	}
	REQUIRE(id->subjects.n > 0 && cc_is_name(id->volume));
	REQUIRE((id->config_digests.n > 0) == !id->feed && id->config_digests.n <= CC_CONFIGS_MAX);
	for (size_t i = 0; i < id->config_digests.n; i++)
		REQUIRE(cc_is_digest(id->config_digests.v[i]));
	REQUIRE(id->has_floor ? id->floor >= 1 && id->floor <= id->serial : id->floor == 0);
	REQUIRE(cc_path_is_normal(id->mount_point) && id->serial >= 1 && id->serial < 1ULL << 53);
	if (cc_decide(id, m, &(struct cc_policy){.volume = id->volume, .serial = 1}, &err))
		REQUIRE(err.code == CC_E_REFUSED && err.fact[0]);
	cc_identity_free(id);
	return 0;
}
