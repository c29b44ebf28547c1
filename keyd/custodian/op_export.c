// SPDX-License-Identifier: Apache-2.0
/*
 * op_export.c - a volume's key for whoever must read it without keyd: encrypted to a public key
 * whose private part is kept elsewhere. keyd does not see that part, and the administrator who asks
 * need not have it.
 */
#include "custodian/call.h"
#include "custodian/hand_out.h"
#include "custodian/volume_json.h"

int op_volume_export(struct custodian *c, struct call *call, struct cc_error *err)
{
	static const char *const known[] = {"recipient", NULL};
	cc_auto_point EC_POINT *recipient = NULL;
	cc_auto_free char *thumbprint = NULL;
	json_t *jwk = NULL, *volume = NULL;
	struct store_volume v;

	NOTE(call->note.volume, call->rq->arg);
	if (cc_json_only(call->in, "request", known, err) ||
	    cc_json_obj(call->in, "request", "recipient", true, &jwk, err))
		return -1;
	recipient = hand_out_to(jwk, &thumbprint, err);
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
