// SPDX-License-Identifier: Apache-2.0
/*
 * keyd_volume.c - keyd's record of one volume.
 */
#include "client/keyd_volume.h"

#include <string.h>
#include "client/keyd_client.h"
#include "name.h"

int volume_fetch(const char *name, json_t **obj, struct cc_error *err)
{
	char path[96];

	if (keyd_name(name, "volume", err))
		return -1;
	snprintf(path, sizeof(path), "/v1/volumes/%s", name);
	return keyd_request("GET", path, NULL, obj, err);
}

int volume_get(const char *name, struct cc_volume *v, json_t **obj, struct cc_error *err)
{
	cc_auto_json json_t *answer = NULL;

	if (volume_fetch(name, &answer, err) || cc_volume_from_json(v, answer, err))
		return -1;
	if (obj)
		*obj = cc_steal(answer);
	return 0;
}

int volume_find(const char *name, struct volume_ref *ref, struct cc_error *err)
{
	cc_auto_json json_t *answer = NULL;
	const char *uuid, *state;

	if (volume_fetch(name, &answer, err))
		return -1;
	uuid = json_string_value(json_object_get(answer, "uuid"));
	state = json_string_value(json_object_get(answer, "state"));
	*ref = (struct volume_ref){.ready = !state || strcmp(state, "creating") != 0};
	if (uuid && cc_is_uuid(uuid))
		memcpy(ref->uuid, uuid, sizeof(ref->uuid));
	return 0;
}

int volume_delete(const char *name, json_t **answer, struct cc_error *err)
{
	char path[96];

	snprintf(path, sizeof(path), "/v1/volumes/%s", name);
	return keyd_request("DELETE", path, NULL, answer, err);
}
