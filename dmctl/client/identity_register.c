// SPDX-License-Identifier: Apache-2.0
/*
 * identity_register.c - hands a signed identity to keyd.
 */
#include "client/identity_register.h"

#include "client/identity_file.h"
#include "client/keyd_client.h"

int identity_register(const char *path, const char *volume, json_t **answer, struct cc_error *err)
{
	cc_cleanup(identity_file_clear) struct identity_file e = {0};
	cc_auto_json json_t *body = NULL;
	const struct identity_envelope *v;

	if (identity_file_read(path, &e, err))
		return -1;
	v = identity_file_pick(&e, volume, err);
	if (!v)
		return -1;
	body = json_pack("{s:s}", "envelope", v->text);
	if (!body)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return keyd_request("POST", "/v1/identities", body, answer, err);
}
