// SPDX-License-Identifier: Apache-2.0
/* A Compose file: what is taken can be completed with an image, or is refused in one line. */
#include <string.h>

#include "dmctl/draft/compose.h"
#include "fuzz.h"

/* A file that it names is made of its path. */
static int read_nothing(const char *path, char **text, size_t *len, struct cc_error *err)
{
	if (strlen(path) % 2)
		return cc_fail(err, CC_E_NOTFOUND, "%s", path);
	*text = strdup("A='1'\nB=2 # x\n");
	*len = *text ? strlen(*text) : 0;
	return *text ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

static void complete(struct asked *a, struct cc_error *err)
{
	static const char config[] = "{\"config\":{\"Cmd\":[\"x\"],\"Volumes\":{\"/v\":{}}}}";
	engine_auto_container struct engine_container image = {.engine = &engine_docker};

	image.image_config = strdup(config);
	image.image_config_len = sizeof(config) - 1;
	if (!image.image_config || asked_complete(a, &engine_docker, &image, "/vols", "vol", err))
		return;
	REQUIRE(a->m->args.n && a->m->cwd && a->m->seccomp);
	for (size_t i = 0; i < a->m->n_mounts; i++)
		REQUIRE(a->m->mounts[i].destination[0] == '/' && a->m->mounts[i].source);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cc_cleanup(cc_strv_clear) struct cc_strv vars = {0};
	struct cc_error err = {0};
	const struct draft_source from = {
		.path = "f", .dir = "/d", .vars = &vars, .read = read_nothing};
	asked_auto struct asked a = {0};

	REQUIRE(cc_strv_push(&vars, "X=1", &err) == 0 && asked_init(&a, &err) == 0);
	if (compose_read((const char *)data, size, &from, &a, &err) == 0) {
		REQUIRE(a.image);
		complete(&a, &err);
	}
	REQUIRE(!strchr(err.text, '\n'));
	return 0;
}
