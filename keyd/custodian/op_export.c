// SPDX-License-Identifier: Apache-2.0
/*
 * op_export.c - a volume's key for whoever must read it without keyd: encrypted to a public key
 * whose private part is kept elsewhere. keyd does not see that part, and the administrator who asks
 * need not have it.
 */
#include <inttypes.h>

#include "custodian/call.h"
#include "custodian/hand_out.h"
#include "custodian/volume_json.h"
#include "jwk.h"
#include "release.h"

static EC_POINT *recipient_of(const json_t *in, char **thumbprint, struct cc_error *err)
{
	cc_auto_point EC_POINT *key = NULL;
	json_t *jwk = NULL;

	if (cc_json_obj(in, "request", "recipient", true, &jwk, err))
		return NULL;
	key = cc_release_recipient(jwk, err);
	*thumbprint = key ? cc_jwk_thumbprint(jwk, err) : NULL;
	if (!*thumbprint) {
		cc_prefix(err, "recipient");
		cc_set_fact(err, "recipient");
		return NULL;
	}
	return cc_steal(key);
}

int op_volume_export(struct custodian *c, struct call *call, struct cc_error *err)
{
	static const char *const known[] = {"recipient", NULL};
	cc_auto_point EC_POINT *recipient = NULL;
	cc_auto_free char *thumbprint = NULL;
	json_t *volume = NULL;
	struct store_volume v;

	NOTE(call->note.volume, call->rq->arg);
	if (cc_json_only(call->in, "request", known, err))
		return -1;
	recipient = recipient_of(call->in, &thumbprint, err);
	if (!recipient)
		return -1;
	snprintf(call->note.detail, sizeof(call->note.detail), "to key %s, by process %u",
		 thumbprint, call->rq->peer);
	if (store_volume_get(c->store, call->rq->arg, &v, err))
		return -1;
	if (!v.rec.ready) {
		cc_fail(err, CC_E_BUSY, "volume %s is being created: its key opens nothing yet",
			v.rec.name);
		return cc_set_fact(err, "state");
	}
	volume = volume_json(c, &v, err);
	if (!volume ||
	    call_answer(call->out, err, "{s:o, s:s}", "volume", volume, "recipient", thumbprint))
		return -1;
	return hand_out_key(c, &v, recipient, call->out, err);
}
