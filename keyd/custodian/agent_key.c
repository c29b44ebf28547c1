// SPDX-License-Identifier: Apache-2.0
#include "custodian/agent_key.h"

#include <string.h>

#include "custodian/random_uuid.h"
#include "custodian/scope_check.h"
#include "jwk.h"

static int is_enrolled(struct store *st, const struct store_agent *a,
		       const struct cc_scope *volumes, bool *enrolled, struct cc_error *err)
{
	store_auto_agent struct store_agent old = {0};

	*enrolled = false;
	if (store_agent_get(st, a->name, &old, err))
		return err->code == CC_E_NOTFOUND ? 0 : -1;
	*enrolled = !strcmp(old.thumbprint, a->thumbprint);
	if (*enrolled && volumes && !cc_scope_eq(volumes, &old.volumes))
		return scope_differs("agents", a->name, &old.volumes, volumes, err);
	return 0;
}

int agent_key_enrol(struct store *st, const char *name, const json_t *jwk,
		    const struct cc_scope *volumes, char thumbprint[static 64], bool *added,
		    struct cc_error *err)
{
	store_auto_agent struct store_agent a = {.volumes = CC_SCOPE_ALL};
	cc_auto_free char *text = NULL;
	bool enrolled;

	if (cc_jwk_check_public(jwk, err))
		return cc_prefix(err, "agent %s", name);
	text = cc_jwk_thumbprint(jwk, err);
	if (!text)
		return -1;
	if (strlen(text) >= sizeof(a.thumbprint) || strlen(name) >= sizeof(a.name))
		return cc_fail(err, CC_E_INVALID, "agent's name or thumbprint is too long");
	memcpy(a.thumbprint, text, strlen(text) + 1);
	memcpy(a.name, name, strlen(name) + 1);
	memcpy(thumbprint, text, strlen(text) + 1);
	a.jwk = json_dumps(jwk, JSON_COMPACT | JSON_SORT_KEYS);
	if (!a.jwk)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (volumes)
		a.volumes = *volumes;
	if (is_enrolled(st, &a, volumes, &enrolled, err))
		return -1;
	*added = !enrolled;
	if (enrolled)
		return 0;
	return random_uuid(a.enrolment, err) || store_agent_add(st, &a, err) ? -1 : 0;
}
