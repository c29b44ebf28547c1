// SPDX-License-Identifier: Apache-2.0
#include "client/predicate_file.h"

#include <string.h>

#include "client/identity_file.h"
#include "client/identity_patch.h"
#include "client/keyd_client.h"
#include "client/keyd_identities.h"
#include "file.h"

/* The document as a predicate by itself; NULL, without an error, when it is something else. */
static json_t *as_predicate(const char *text, size_t len)
{
	struct cc_error ignored;
	cc_auto_json json_t *doc = cc_json_parse(text, len, "predicate", &ignored);

	return json_object_get(doc, "mountPoint") ? json_incref(doc) : NULL;
}

static json_t *picked(const char *text, size_t len, const char *what, const char *volume,
		      struct cc_error *err)
{
	cc_cleanup(identity_file_clear) struct identity_file e = {0};
	const struct identity_envelope *v;

	if (identity_file_parse(text, len, what, &e, err))
		return NULL;
	v = identity_file_pick(&e, volume, err);
	return v ? identity_envelope_predicate(v, err) : NULL;
}

json_t *predicate_read(const char *path, const char *volume, struct cc_error *err)
{
	cc_auto_json json_t *predicate = NULL;
	cc_auto_identity struct cc_identity *id = NULL;
	cc_auto_free char *text = NULL;
	size_t len;

	if (cc_read_file(path, &text, &len, err))
		return NULL;
	predicate = as_predicate(text, len);
	if (!predicate)
		return picked(text, len, path, volume, err);
	id = identity_of_predicate(predicate, err);
	if (!id)
		return NULL;
	if (volume && strcmp(volume, id->volume) != 0) {
		cc_fail(err, CC_E_NOTFOUND, "%s is of volume %s, not of %s", path, id->volume,
			volume);
		return NULL;
	}
	return cc_steal(predicate);
}

json_t *predicate_of_volume(const char *volume, struct cc_error *err)
{
	auto_keyd_identities list = {0};

	if (keyd_name(volume, "volume", err) || keyd_identities_get(volume, false, &list, err))
		return NULL;
	return identity_envelope_predicate(&list.v[0], err);
}
