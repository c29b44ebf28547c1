// SPDX-License-Identifier: Apache-2.0
/* A list of volumes up to a line feed, and a name: what the C library's matcher says of it. */
#include <fnmatch.h>
#include <string.h>

#include "fuzz.h"
#include "name.h"
#include "scope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[2 * CC_SCOPE_LEN], *volume, *pattern, *rest = text;
	struct cc_error err = {0};
	struct cc_scope s;
	bool covered = false;
	size_t stars = 0;

	if (size >= sizeof(text))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	volume = strchr(text, '\n');
	if (!volume)
		return 0;
	*volume++ = '\0';
	if (cc_scope_parse(text, &s, &err)) {
		REQUIRE(err.code == CC_E_USAGE && err.text[0]);
		return 0;
	}
	REQUIRE(!strcmp(s.text, text));
	if (!strcmp(text, CC_SCOPE_NONE)) {
		REQUIRE(!cc_is_name(volume) || !cc_scope_covers(&s, volume));
		return 0;
	}
	for (const char *p = text; *p; p++)
		stars += *p == '*';
	/* fnmatch(3) takes long for many. */
	if (!cc_is_name(volume) || stars > 8) {
		cc_scope_covers(&s, volume);
		return 0;
	}
	while ((pattern = strsep(&rest, ",")))
		covered = covered || fnmatch(pattern, volume, 0) == 0;
	REQUIRE(cc_scope_covers(&s, volume) == covered);
	return 0;
}
