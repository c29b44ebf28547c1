// SPDX-License-Identifier: Apache-2.0
/*
 * A measurement and the identity it is held against: {"predicate": …, "measurement": …}. It starts
 * from a pair that is allowed and changes members of both, so that every check of the decision is
 * reached. A measurement that parses must come out the same, and be allowed or refused by name.
 */
#include <string.h>

#include "decide.h"
#include "fuzz.h"
#include "identity.h"
#include "json_mutate.h"
#include "measured.h"

static const char predicate[] =
	"{\"volume\":\"v\",\"mountPoint\":\"/data\",\"serial\":1,\"image\":{\"configDigest\":\"" SHA
	"\"},\"process\":{\"args\":[\"/app\",\"-v\"],\"env\":[{\"name\":\"MODE\"}],\"cwd\":\"/\","
	"\"user\":{\"uid\":0,\"gid\":0},\"capabilities\":[\"CAP_KILL\"],"
	"\"noNewPrivileges\":true},\"readonlyRootfs\":true,\"mounts\":[{\"destination\":\"/x\","
	"\"type\":\"bind\",\"source\":\"/y\",\"options\":[\"ro\"]}],"
	"\"demands\":[\"no-tty\"]}";

static char pair[8192];

/* The statement around a predicate. NULL: the predicate is none. */
static struct cc_identity *identity_of(json_t *pred)
{
	cc_auto_json json_t *doc = json_pack(
		"{s:s, s:s, s:[{s:s, s:{s:s}}], s:O}", "_type", "https://in-toto.io/Statement/v0.1",
		"predicateType", CC_IDENTITY_TYPE, "subject", "name", "a", "digest", "sha256",
		"adb06b21ea9f220d4df19fe35d073867b33c18107294ace92fb0c165736d2e16", "predicate",
		pred);
	cc_auto_free char *text = doc ? json_dumps(doc, 0) : NULL;
	struct cc_error err = {0};

	return text ? cc_identity_parse(text, strlen(text), &err) : NULL;
}

static int decide(const struct cc_identity *id, const struct cc_measurement *m)
{
	const struct cc_policy policy = {.volume = "v", .serial = 1};
	struct cc_error err = {0}, first = {0};
	struct cc_facts all;
	int rc = cc_decide(id, m, &policy, &err);

	REQUIRE(cc_decide_all(id, m, &policy, &all, &first) == rc);
	REQUIRE(!strcmp(first.fact, err.fact) && !strcmp(first.text, err.text));
	REQUIRE(all.n <= CC_FACTS_MAX && all.bytes <= CC_FACTS_BYTES && all.n <= all.found);
	REQUIRE(rc == 0 || (err.code == CC_E_REFUSED && err.fact[0] && !strchr(err.text, '\n')));
	return rc;
}

static void comes_out_the_same(const struct cc_measurement *m)
{
	cc_auto_json json_t *out = cc_measurement_to_json(m), *again = NULL;
	cc_auto_measurement struct cc_measurement *back = NULL;
	struct cc_error err = {0};

	back = cc_measurement_from_json(out, &err);
	REQUIRE(back);
	again = cc_measurement_to_json(back);
	REQUIRE(json_equal(out, again));
}

/* Return: whether it is allowed. */
static bool look_at(const char *text, size_t size)
{
	struct cc_error err = {0};
	cc_auto_json json_t *doc = cc_json_parse(text, size, "pair", &err);
	cc_auto_identity struct cc_identity *id = NULL;
	cc_auto_measurement struct cc_measurement *m = NULL;

	if (!doc)
		return false;
	m = cc_measurement_from_json(json_object_get(doc, "measurement"), &err);
	if (!m)
		return false;
	comes_out_the_same(m);
	id = identity_of(json_object_get(doc, "predicate"));
	return id && decide(id, m) == 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	return mutate_json(data, size, max_size, seed, pair);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	snprintf(pair, sizeof(pair), "{\"predicate\":%s,\"measurement\":%s}", predicate,
		 FIXED_MEASUREMENT);
	REQUIRE(look_at(pair, strlen(pair)));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	look_at((const char *)data, size);
	return 0;
}
