// SPDX-License-Identifier: Apache-2.0
/* A .container file: what is taken has an image, what is refused is refused in one line. */
#include <string.h>

#include "dmctl/draft/quadlet.h"
#include "fuzz.h"

/* A file that it names, as variables and as a unit, is made of its path. */
static int read_nothing(const char *path, char **text, size_t *len, struct cc_error *err)
{
	if (strlen(path) % 2)
		return cc_fail(err, CC_E_NOTFOUND, "%s", path);
	*text = strdup(strlen(path) % 4 ? "A=1\n# c\n" : "[Volume]\nVolumeName=v\n");
	*len = *text ? strlen(*text) : 0;
	return *text ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct draft_source from = {.path = "f", .dir = "/d", .read = read_nothing};
	asked_auto struct asked a = {0};
	struct cc_error err = {0};

	REQUIRE(asked_init(&a, &err) == 0);
	if (quadlet_read((const char *)data, size, &from, &a, &err) == 0) {
		REQUIRE(a.image && a.image[0]);
		for (size_t i = 0; i < a.m->n_mounts; i++)
			REQUIRE(a.m->mounts[i].destination[0] == '/');
		for (size_t i = 0; i < a.env.n; i++)
			REQUIRE(strchr(a.env.v[i], '='));
		return 0;
	}
	REQUIRE(err.code != CC_OK && err.text[0] && !strchr(err.text, '\n'));
	return 0;
}
