// SPDX-License-Identifier: Apache-2.0
/*
 * identity_register.c - hands a signed identity to keyd.
 */
#include "client/identity_register.h"

#include "client/envelope.h"
#include "client/keyd_client.h"

int identity_register(const char *path, const char *volume, json_t **answer, struct cc_error *err)
{
	cc_cleanup(envelopes_clear) struct envelopes e = {0};
	cc_auto_json json_t *body = NULL;
	const struct envelope *v;

	if (envelopes_read(path, &e, err))
		return -1;
	v = envelopes_pick(&e, volume, err);
	if (!v)
		return -1;
	body = json_pack("{s:s}", "envelope", v->text);
	if (!body)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return keyd_request("POST", "/v1/identities", body, answer, err);
}
