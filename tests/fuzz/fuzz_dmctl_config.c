// SPDX-License-Identifier: Apache-2.0
/* A bundle's config.json under both engines; what parses can be sent as a measurement. */
#include <string.h>

#include "digest.h"
#include "dmctl/container/oci.h"
#include "fuzz.h"
#include "strv.h"

#define ID "723f24339aa68e252590956c06a89265066bf42b3cc4011cb7ae1270d9b68498"

/* What jansson reads by itself is read the same; the rest has at most integers of 64 bits more. */
static void read_numbers(const char *text, size_t size)
{
	struct cc_error err = {0};
	cc_auto_json json_t *own = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	cc_auto_json json_t *wide = cc_json_parse_engine(text, size, size, "config.json", &err);

	REQUIRE(!own || (wide && json_equal(own, wide)));
	REQUIRE(wide || (err.code == CC_E_INVALID && err.text[0]));
}

static void parse_as(const struct engine *engine, const char *text, size_t size)
{
	static char dir[] = "/var/lib/docker/containers/" ID;
	static char *dirs[] = {dir};
	static const struct cc_strv own = {1, dirs};
	cc_auto_json json_t *profile = json_loadb(text, size, 0, NULL);
	const struct oci_context ctx = {
		.engine = engine,
		.id = ID,
		.bundle = "/run/bundle",
		.own_dirs = &own,
		.seccomp_profile = json_object_get(json_object_get(profile, "linux"), "seccomp"),
	};
	struct cc_measurement *m = cc_measurement_new();
	struct oci_facts f = {0};
	struct cc_error err = {0};

	if (oci_config_parse(text, size, &ctx, m, &f, &err) == 0) {
		REQUIRE(f.root && m->cwd && m->seccomp);
		REQUIRE(!strcmp(m->seccomp, "unconfined") || cc_is_digest(m->seccomp));
		for (size_t i = 0; i < m->n_mounts; i++)
			REQUIRE(m->mounts[i].destination && m->mounts[i].type &&
				m->mounts[i].source);
	} else {
		/* a seccomp filter that cannot be compared later is a no by now */
		REQUIRE(err.code == CC_E_INVALID ||
			(err.code == CC_E_REFUSED && strcmp(err.fact, "seccomp") == 0));
		REQUIRE(err.text[0]);
	}
	oci_facts_clear(&f);
	cc_measurement_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_numbers((const char *)data, size);
	parse_as(&engine_docker, (const char *)data, size);
	parse_as(&engine_podman, (const char *)data, size);
	return 0;
}
