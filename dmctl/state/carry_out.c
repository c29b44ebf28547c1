// SPDX-License-Identifier: Apache-2.0
/*
 * carry_out.c - does what a plan says.
 */
#include "state/carry_out.h"

#include "host/stop_signals.h"
#include "state/ask.h"
#include "volume/mkfs.h"
#include "volume/volume_make.h"

static struct volume_wish wish_of(const struct state_volume *v)
{
	struct volume_wish wish = VOLUME_WISH;
	json_int_t key_bytes = json_integer_value(json_object_get(v->made, "keyBytes"));
	json_int_t sector_size = json_integer_value(json_object_get(v->made, "sectorSize"));

	wish.name = v->name;
	wish.device = v->lun;
	wish.fs = json_string_value(json_object_get(v->made, "fs")) ?: wish.fs;
	wish.label = v->label;
	wish.root = v->root;
	wish.terms = v->terms;
	if (key_bytes)
		wish.key_bytes = (uint32_t)key_bytes;
	if (sector_size)
		wish.sector_size = (uint32_t)sector_size;
	return wish;
}

static int create(const struct state_volume *v, struct cc_error *err)
{
	cc_cleanup(volume_made_clear) struct volume_made made = {0};
	const struct volume_wish wish = wish_of(v);

	return volume_make(&wish, &made, err);
}

static int run_step(const struct state_step *s, struct cc_error *err)
{
	if (stop_signals_check(err))
		return -1;
	return s->create ? create(s->create, err)
			 : state_ask(s->method, s->path, s->body, NULL, err);
}

/* What this host lacks is known before anything is done. */
static int check_creations(const struct state_plan *plan, struct cc_error *err)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct state_volume *v = plan->v[i].create;

		if (v && mkfs_check(wish_of(v).fs, v->label, err))
			return cc_prefix(err, "volume %s", v->name);
	}
	return 0;
}

int state_carry_out(struct state_plan *plan, void (*done)(const struct state_step *step),
		    struct cc_error *err)
{
	if (check_creations(plan, err))
		return -1;
	for (size_t i = 0; i < plan->n; i++) {
		struct state_step *s = &plan->v[i];

		if (run_step(s, err))
			return cc_prefix(err, "%s %s", state_noun(s->kind), s->name);
		s->done = true;
		if (done)
			done(s);
	}
	return 0;
}
