/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin.h - the volume plugin's calls, done by a worker of the agent.
 *
 * An engine's volume is a name of one of keyd's volumes. Removing it forgets the name; the data and
 * its key stay until "dmctl volume rm".
 */
#ifndef CC_PLUGIN_H
#define CC_PLUGIN_H

#include "json.h"

/**
 * plugin_call - does one call.
 * @path, @body: of the engine's HTTP request
 * @cdi_dir: where the CDI spec of a volume that is made is written
 * @answer: out, {"ok":true,"body":{what the engine gets}}, new reference
 * Every call may be repeated.
 */
int plugin_call(const char *path, const char *body, const char *cdi_dir, json_t **answer,
		struct cc_error *err);

#endif
