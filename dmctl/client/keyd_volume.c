// SPDX-License-Identifier: Apache-2.0
/*
 * keyd_volume.c - keyd's record of one volume.
 */
#include "client/keyd_volume.h"

#include "client/keyd_client.h"

int volume_get(const char *name, struct volume_record *v, json_t **obj, struct cc_error *err)
{
	cc_auto_json json_t *answer = NULL;
	char path[96];

	if (keyd_name(name, "volume", err))
		return -1;
	snprintf(path, sizeof(path), "/v1/volumes/%s", name);
	if (keyd_request("GET", path, NULL, &answer, err) ||
	    volume_record_from_json(v, answer, err))
		return -1;
	if (obj)
		*obj = cc_steal(answer);
	return 0;
}

int volume_delete(const char *name, struct cc_error *err)
{
	char path[96];

	snprintf(path, sizeof(path), "/v1/volumes/%s", name);
	return keyd_request("DELETE", path, NULL, NULL, err);
}
