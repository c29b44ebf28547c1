// SPDX-License-Identifier: Apache-2.0
/* An image's configuration, a binding's file and /proc/PID/status. */
#include <string.h>

#include "dmctl/bind/binding.h"
#include "dmctl/container/image_config.h"
#include "name.h"
#include "dmctl/host/proc.h"
#include "fuzz.h"

static void read_binding(const char *text, size_t size)
{
	struct cc_error err = {0};
	cc_auto_json json_t *obj = cc_json_parse(text, size, "binding", &err);
	binding_auto struct binding b = {0};

	if (obj && binding_from_json(&b, obj, &err) == 0)
		REQUIRE(cc_is_name(b.volume) && cc_is_uuid(b.uuid) && b.pid > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cc_cleanup(image_config_clear) struct image_config c = {0};
	cc_auto_free char *text = strndup((const char *)data, size);
	struct cc_error err = {0};
	struct proc_status st;

	if (image_config_parse((const char *)data, size, &c, &err) == 0)
		REQUIRE(c.cwd && c.cwd[0] && c.user);
	read_binding((const char *)data, size);
	if (text)
		proc_status_parse(text, &st);
	return 0;
}
