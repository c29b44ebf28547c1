// SPDX-License-Identifier: Apache-2.0
/*
 * engine.c - a container as its engine has it.
 */
#include "engine/engine.h"

void engine_container_clear(struct engine_container *c)
{
	free(c->id);
	free(c->name);
	free(c->bundle);
	free(c->image_ref);
	free(c->image_config);
	json_decref(c->health);
	json_decref(c->seccomp_profile);
	cc_strv_clear(&c->own_dirs);
	cc_strv_clear(&c->manifests);
	cc_strv_clear(&c->holds);
	*c = (struct engine_container){0};
}
