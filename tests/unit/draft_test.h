/* SPDX-License-Identifier: Apache-2.0 */
/*
 * draft_test.h - what the tests of drafts from files share: a file's text becomes what an engine is
 * asked, with an image that is made here what would be measured, and that the smallest predicate.
 */
#ifndef CC_DRAFT_TEST_H
#define CC_DRAFT_TEST_H

#include "lib_test.h"

#include <stdlib.h>
#include <unistd.h>

#include "cli/identity_draft.h"
#include "digest.h"
#include "dmctl/draft/asked.h"

/* The image's own configuration; tests set it before they draft. */
static const char *image_json =
	"{'config':{'Entrypoint':['/entry'],'Cmd':['serve'],'Env':['PATH=/bin','MODE=own'],"
	"'WorkingDir':'/srv','User':'app'}}";

/* Files that the text may name, read by their whole path. */
static struct {
	const char *path, *text;
} files[4];

static inline int read_made(const char *path, char **text, size_t *len, struct cc_error *err)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (files[i].path && !strcmp(files[i].path, path)) {
			*text = strdup(files[i].text);
			*len = strlen(*text);
			return 0;
		}
	return cc_fail(err, CC_E_NOTFOUND, "%s: not there", path);
}

/* Completes @a with the image; the volume is "vol" at /data. The predicate, without what is given. */
static inline json_t *predicate_of(struct asked *a, const struct engine *engine, bool values,
				   struct cc_facts *left, struct cc_error *err)
{
	cc_auto_json json_t *config = json_of(image_json);
	engine_auto_container struct engine_container image = {.engine = engine};
	json_t *p;

	image.image_config = json_dumps(config, 0);
	image.image_config_len = strlen(image.image_config);
	snprintf(image.image_id, sizeof(image.image_id), "%s", DIGEST_A);
	if (asked_complete(a, engine, &image, "/vols", "vol", err))
		return NULL;
	p = identity_draft_smallest(a->m, "vol", "/data", 3, values, left, err);
	assert_non_null(p);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(p, "image"), "configDigest")),
		DIGEST_A);
	assert_int_equal(json_integer_value(json_object_get(p, "serial")), 3);
	json_object_del(p, "volume");
	json_object_del(p, "mountPoint");
	json_object_del(p, "serial");
	json_object_del(p, "image");
	return p;
}

static inline void is_json(const json_t *got, const char *single_quoted, const char *of)
{
	cc_auto_json json_t *want = json_of(single_quoted);
	cc_auto_free char *shown = json_dumps(got, JSON_ENCODE_ANY | JSON_COMPACT);

	if (!json_equal(got, want))
		fail_msg("%s: got %s, wanted %s", of, shown, single_quoted);
}

#endif
