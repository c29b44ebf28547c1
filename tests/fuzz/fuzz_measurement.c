// SPDX-License-Identifier: Apache-2.0
/* A measurement's JSON; what parses must come out the same, and is decided on. */
#include <string.h>

#include "decide.h"
#include "fuzz.h"
#include "identity.h"
#include "measured.h"

static const char statement[] =
	"{\"_type\":\"https://in-toto.io/Statement/v0.1\",\"predicateType\":\"" CC_IDENTITY_TYPE
	"\",\"subject\":[{\"name\":\"a\",\"digest\":{\"sha256\":"
	"\"adb06b21ea9f220d4df19fe35d073867b33c18107294ace92fb0c165736d2e16\"}}],\"predicate\":{"
	"\"volume\":\"v\",\"mountPoint\":\"/data\",\"serial\":1,\"image\":{\"configDigest\":\"" SHA
	"\"},\"process\":{\"env\":[{\"name\":\"MODE\"}]},\"mounts\":[{\"destination\":\"/x\","
	"\"type\":\"bind\",\"source\":\"/y\",\"options\":[\"ro\"]}]}}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct cc_identity *id;
	struct cc_error err = {0};
	json_t *doc = cc_json_parse((const char *)data, size, "measurement", &err), *out, *again;
	struct cc_measurement *m = doc ? cc_measurement_from_json(doc, &err) : NULL, *back;

	json_decref(doc);
	if (!id)
		id = cc_identity_parse(statement, strlen(statement), &err);
	REQUIRE(id);
	if (!m)
		return 0;
	out = cc_measurement_to_json(m);
	back = cc_measurement_from_json(out, &err);
	REQUIRE(back);
	again = cc_measurement_to_json(back);
	REQUIRE(json_equal(out, again));
	if (cc_decide(id, m, &(struct cc_policy){.volume = "v", .serial = 1}, &err))
		REQUIRE(err.code == CC_E_REFUSED && err.fact[0]);
	json_decref(out);
	json_decref(again);
	cc_measurement_free(back);
	cc_measurement_free(m);
	return 0;
}
