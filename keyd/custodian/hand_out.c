// SPDX-License-Identifier: Apache-2.0
#include "custodian/hand_out.h"

#include <string.h>

#include "jwk.h"
#include "release.h"
#include "custodian/volume_key.h"

EC_POINT *hand_out_to(const json_t *recipient, char **thumbprint, struct cc_error *err)
{
	cc_auto_point EC_POINT *key = cc_release_recipient(recipient, err);

	if (!key) {
		cc_prefix(err, "recipient");
		cc_set_fact(err, "recipient");
		return NULL;
	}
	*thumbprint = cc_jwk_thumbprint(recipient, err);
	return *thumbprint ? cc_steal(key) : NULL;
}

EC_POINT *hand_out_recipient(const struct cc_evidence *ev, const json_t *recipient,
			     struct cc_error *err)
{
	cc_auto_free char *thumbprint = NULL;
	cc_auto_point EC_POINT *key = hand_out_to(recipient, &thumbprint, err);

	if (!key)
		return NULL;
	if (strcmp(thumbprint, ev->jkt) != 0) {
		cc_refuse(err, "recipient", "the one-time key is not the one the evidence names");
		return NULL;
	}
	return cc_steal(key);
}

int hand_out_key(struct custodian *c, const struct store_volume *v, const EC_POINT *recipient,
		 json_t *out, struct cc_error *err)
{
	cc_auto_secret struct cc_secret key = {0};
	const struct kek *kek = domain_find(&c->domain, &c->kek, v->kek_id, err);
	cc_auto_free char *jwe = NULL;

	if (!kek || volume_key_open(kek, v, &key, err) ||
	    cc_release_seal(&key, recipient, &jwe, err))
		return -1;
	return call_answer(out, err, "{s:s}", "jwe", jwe);
}
