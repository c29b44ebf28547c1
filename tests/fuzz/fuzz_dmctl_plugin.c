// SPDX-License-Identifier: Apache-2.0
/* A request to the volume plugin: the path, a line feed, the body. */
#include <string.h>
#include <sys/mount.h>

#include "name.h"
#include "dmctl/plugin/plugin_request.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	plugin_auto_request struct plugin_request r = {0};
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	struct cc_error err = {0};
	struct cc_mount_options again = {0};
	char path[64], text[CC_MOUNT_OPTIONS_TEXT];

	if (!end || (size_t)(end - data) >= sizeof(path))
		return 0;
	memcpy(path, data, (size_t)(end - data));
	path[end - data] = '\0';
	end++;
	if (plugin_request_parse(path, (const char *)end, size - (size_t)(end - data), &r, &err)) {
		REQUIRE((err.code == CC_E_INVALID || err.code == CC_E_USAGE) && err.text[0]);
		return 0;
	}
	REQUIRE(!r.name[0] || (plugin_is_name(r.name) && !strchr(r.name, '/')));
	REQUIRE(!r.volume || cc_is_name(r.volume));
	REQUIRE(!(r.options.set & ~r.options.named));
	REQUIRE(!(r.options.named & (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_IDMAP)));
	cc_mount_options_text(&r.options, text);
	REQUIRE(!cc_mount_options_parse(text, &again, &err));
	REQUIRE(cc_mount_options_eq(&again, &r.options));
	REQUIRE(r.call == PLUGIN_CREATE ||
		(!r.volume && !r.device && !r.identity && !r.fs && !r.o));
	return 0;
}
