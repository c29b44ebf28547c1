// SPDX-License-Identifier: Apache-2.0
/* A request on the agent's socket, with the OCI state in it. */
#include <string.h>

#include "dmctl/agent/agent_message.h"
#include "fuzz.h"
#include "name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	agent_auto_message struct agent_message m = {0}, internal = {0};
	struct cc_error err = {0};

	if (agent_message_parse((const char *)data, size, false, &m, &err)) {
		REQUIRE(err.code == CC_E_INVALID && err.text[0]);
	} else {
		REQUIRE(m.op < AGENT_RECOVER);
		REQUIRE(!m.volume[0] || cc_is_name(m.volume));
		REQUIRE(m.op != AGENT_HOOK ||
			(m.state.pid > 0 && m.state.bundle[0] == '/' && strlen(m.state.id) == 64));
		REQUIRE((m.op != AGENT_BIND && m.op != AGENT_MEASURE) || m.container);
	}
	agent_message_parse((const char *)data, size, true, &internal, &err);
	return 0;
}
