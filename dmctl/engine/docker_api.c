// SPDX-License-Identifier: Apache-2.0
/*
 * docker_api.c - requests to the Docker daemon.
 */
#include "engine/docker_api.h"

#include "host/http_unix.h"

#define SECONDS 15L
#define ANSWER_MAX (4 << 20) /* bytes; a list of all containers */

json_t *docker_get(const char *path, struct cc_error *err)
{
	struct http_request request = {
		.who = "docker",
		.socket = DOCKER_SOCKET,
		.method = "GET",
		.path = path,
		.max = ANSWER_MAX,
		.seconds = SECONDS,
	};
	cc_cleanup(http_answer_clear) struct http_answer answer = {0};
	struct cc_error ignored; /* an error's answer need not be JSON */
	json_t *doc;

	if (http_unix(&request, &answer, err))
		return NULL;
	doc = cc_json_parse_engine(answer.body ? answer.body : "", answer.len, ANSWER_MAX,
				   "docker's answer", &ignored);
	if (answer.status == 200 && doc)
		return doc;
	cc_fail(err, answer.status == 404 ? CC_E_NOTFOUND : CC_E_UNREACHABLE,
		"docker answered %ld to %s: %s", answer.status, path,
		json_string_value(json_object_get(doc, "message")) ?: "no reason given");
	json_decref(doc);
	return NULL;
}
