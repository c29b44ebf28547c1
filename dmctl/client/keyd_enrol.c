// SPDX-License-Identifier: Apache-2.0
/*
 * keyd_enrol.c - this host's agent and a keyd on another machine.
 */
#include "client/keyd_enrol.h"

#include <string.h>

#include "client/keyd_client.h"
#include "client/keyd_route.h"
#include "client/keyd_tls.h"
#include "jwk.h"

/* What answers has shown that it has the key of the pinned CA; so it knows which CA that is. */
static int keep_enrolment(const json_t *answer, const char *url, const struct cc_enrol_token *t,
			  struct cc_error *err)
{
	const char *name = json_string_value(json_object_get(answer, "name"));

	if (!name || strcmp(name, t->name) != 0)
		return cc_fail(err, CC_E_INVALID, "answer of keyd: it enrolled another agent");
	return keyd_tls_store(answer, url, err);
}

int keyd_enrol(const char *url, const struct cc_enrol_token *t, const char *token,
	       const json_t *agent_key, struct cc_error *err)
{
	cc_auto_json json_t *public = cc_jwk_public(agent_key, err), *body = NULL, *answer = NULL;
	cc_auto_free char *proof = public ? cc_enrol_prove(t, agent_key, err) : NULL;
	struct keyd_url parts;
	const struct http_tls tls = {.host = parts.host, .port = parts.port, .pin = t->pin};
	const struct keyd_route to = {.socket = url, .tls = &tls};

	if (!proof || keyd_url_parse(url, &parts, err))
		return -1;
	body = json_pack("{s:s, s:O, s:s}", "token", token, "jwk", public, "proof", proof);
	if (!body)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (keyd_request_at(&to, "POST", "/v1/enrol", body, &answer, err))
		return -1;
	return keep_enrolment(answer, url, t, err);
}

int keyd_certificate_renew(const char *agent, struct cc_error *err)
{
	cc_auto_json json_t *empty = json_object(), *answer = NULL;
	char path[128];

	if (!empty)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	snprintf(path, sizeof(path), "/v1/agents/%s/certificate", agent);
	return keyd_request("POST", path, empty, &answer, err) || keyd_tls_store(answer, NULL, err)
		       ? -1
		       : 0;
}

int keyd_wait(long seconds, void (*sent)(void *arg), void *arg, struct cc_error *err)
{
	const struct keyd_route to = {
		.socket = keyd_client_socket(), .seconds = seconds, .sent = sent, .arg = arg};

	return keyd_request_at(&to, "GET", "/v1/changes", NULL, NULL, err);
}
