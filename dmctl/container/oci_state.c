// SPDX-License-Identifier: Apache-2.0
/*
 * oci_state.c - the state an OCI runtime hands to its hooks.
 */
#include <limits.h>
#include <string.h>

#include "container/oci.h"

#define WHAT "the OCI state"

static bool is_engines_id(const char *id)
{
	return strlen(id) == CONTAINER_ID_LEN && strspn(id, "0123456789abcdef") == CONTAINER_ID_LEN;
}

bool oci_state_is_foreign(const json_t *obj)
{
	const char *id = json_string_value(json_object_get(obj, "id"));

	return id && !is_engines_id(id);
}

int oci_state_parse(const json_t *obj, struct oci_state *s, struct cc_error *err)
{
	cc_auto_free char *id = NULL;
	uint64_t pid = 0;

	if (!json_is_object(obj))
		return cc_fail(err, CC_E_INVALID, WHAT " is not a JSON object");
	if (cc_json_str(obj, WHAT, "id", true, &id, err) ||
	    cc_json_u64(obj, WHAT, "pid", true, &pid, err) ||
	    cc_json_str(obj, WHAT, "bundle", true, &s->bundle, err))
		return -1;
	if (!is_engines_id(id))
		return cc_fail(err, CC_E_INVALID,
			       WHAT
			       ": id is not a container id of an engine (64 hexadecimal digits)");
	if (pid == 0 || pid > INT_MAX)
		return cc_fail(err, CC_E_INVALID, WHAT ": pid %llu is out of range",
			       (unsigned long long)pid);
	if (s->bundle[0] != '/')
		return cc_fail(err, CC_E_INVALID, WHAT ": bundle is not an absolute path");
	memcpy(s->id, id, sizeof(s->id));
	s->pid = (pid_t)pid;
	return 0;
}

void oci_state_clear(struct oci_state *s)
{
	free(s->bundle);
	*s = (struct oci_state){0};
}
