/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_parsed.h - config.json as engines write it, with changes, and what is read of it.
 */
#ifndef TEST_CONFIG_PARSED_H
#define TEST_CONFIG_PARSED_H

#include "lib_test.h"

#include "decide_env.h"
#include "decide_mounts.h"
#include "dmctl/container/oci.h"
#include "paths.h"
#include "strv.h"

#define ENGINE_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define DOCKER_ID "723f24339aa68e252590956c06a89265066bf42b3cc4011cb7ae1270d9b68498"
#define PODMAN_ID "73f4f619725b0f5fe4a5938121f19e95a4b2e82659cedfddd4f4ed0aabf3e9ce"

static char docker_dir[] = "/var/lib/docker/containers/" DOCKER_ID;
static char podman_dir[] = "/var/lib/containers/storage/overlay-containers/" PODMAN_ID "/userdata";
static char podman_run[] = "/run/containers/storage/overlay-containers/" PODMAN_ID "/userdata";
static char *docker_dirs[] = {docker_dir};
static char *podman_dirs[] = {podman_dir, podman_run};
static const struct cc_strv docker_own = {1, docker_dirs};
static const struct cc_strv podman_own = {2, podman_dirs};

/* A host that has but two devices. */
static inline bool is_host_device(const char *path, const char *type, json_int_t major,
				  json_int_t minor)
{
	return (!strcmp(path, "/dev/fuse") && !strcmp(type, "c") && major == 10 && minor == 229) ||
	       (!strcmp(path, "/dev/null") && !strcmp(type, "c") && major == 1 && minor == 3);
}

static const struct oci_context docker = {.engine = &engine_docker,
					  .id = DOCKER_ID,
					  .bundle = "/run/bundle",
					  .own_dirs = &docker_own,
					  .own_seccomp = true,
					  .is_host_device = is_host_device};
static const struct oci_context podman = {.engine = &engine_podman,
					  .id = PODMAN_ID,
					  .bundle = "/run/bundle",
					  .own_dirs = &podman_own,
					  .own_seccomp = true,
					  .is_host_device = is_host_device};

struct parsed {
	struct cc_measurement *m;
	struct oci_facts f;
	int rc;
	struct cc_error err;
};

static inline void parsed_clear(struct parsed *p)
{
	cc_measurement_free(p->m);
	oci_facts_clear(&p->f);
}
#define auto_parsed cc_cleanup(parsed_clear) struct parsed

static inline struct parsed parse_text(const struct oci_context *ctx, const char *text)
{
	struct parsed p = {.m = cc_measurement_new()};

	p.rc = oci_config_parse(text, strlen(text), ctx, p.m, &p.f, &p.err);
	return p;
}

/* The engine's own config.json with the members of @changes put over it, one level deep merged. */
static inline struct parsed parse_with(const struct oci_context *ctx, const char *changes)
{
	const char *file = ctx->engine == &engine_docker ? "tests/fixtures/oci/docker.json"
							 : "tests/fixtures/oci/podman.json";
	cc_auto_json json_t *doc = json_load_file(file, 0, NULL);
	cc_auto_json json_t *over = json_of(changes);
	cc_auto_free char *text = NULL;

	assert_non_null(doc);
	json_object_update_recursive(doc, over);
	text = json_dumps(doc, JSON_COMPACT);
	return parse_text(ctx, text);
}

static inline size_t foreign_mounts(const struct cc_measurement *m)
{
	size_t i, n = 0;

	for (i = 0; i < m->n_mounts; i++)
		n += !m->mounts[i].engine;
	return n;
}

#endif
