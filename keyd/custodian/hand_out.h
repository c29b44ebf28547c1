/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hand_out.h - a volume key on its way out: to a one-time key that the evidence names, or to a
 * recovery key.
 */
#ifndef KEYD_HAND_OUT_H
#define KEYD_HAND_OUT_H

#include "custodian/call.h"
#include "evidence.h"
#include "p256.h"

/*
 * A public key of a request that is fit to encrypt to; *@thumbprint (RFC 7638) malloced. NULL: fact
 * "recipient".
 */
EC_POINT *hand_out_to(const json_t *recipient, char **thumbprint, struct cc_error *err);

/* The one-time key of a request, if its evidence is for that one. NULL: fact "recipient". */
EC_POINT *hand_out_recipient(const struct cc_evidence *ev, const json_t *recipient,
			     struct cc_error *err);

/* Adds the key of @v, encrypted to @recipient, to the answer @out: "jwe". */
int hand_out_key(struct custodian *c, const struct store_volume *v, const EC_POINT *recipient,
		 json_t *out, struct cc_error *err);

#endif
