/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attest.h - what a release and a renewal have in common: the evidence, and what it is held
 * against. The order of checks is the contract of docs/api.md: nothing that has not been verified
 * is parsed.
 */
#ifndef KEYD_ATTEST_H
#define KEYD_ATTEST_H

#include "custodian/call.h"
#include "evidence.h"
#include "facts.h"
#include "identity.h"

/**
 * attest_verify - size, agent, signature over the raw bytes, parse, audience, channel, nonce.
 * @call: its note learns the agent and what else is known
 * @agent: empty; who signed it, to be cleared in any case
 * @ev: empty; free it with cc_evidence_clear() in any case
 */
int attest_verify(struct custodian *c, struct call *call, const char *jws,
		  struct store_agent *agent, struct cc_evidence *ev, struct cc_error *err);

/**
 * attest_start - the identity of the volume that lets a container in: the newest that it matches,
 * of those that are neither drained nor revoked, not below the floor, and of a signer that is
 * enrolled now.
 * @running: its program may have started
 * @row: empty; the row it comes from, to be cleared in any case
 * @all: out; all that differs from the nearest of them (nearest.h), empty unless that is why there
 *       is none
 * Return: the identity; NULL with the first of it in @err, "none of N identities" before it.
 */
struct cc_identity *attest_start(struct custodian *c, const struct store_volume *v, bool running,
				 const struct cc_measurement *m, struct store_identity *row,
				 struct cc_facts *all, struct cc_error *err);

/**
 * attest_renewal - the identity under which a lease was given, if it still lets the container be.
 * @serial: of that identity
 * @tries: signatures of images that were verified for the leases before it
 * Return: the identity; NULL with CC_E_REFUSED, fact "serial" below the floor, "identity" when it
 * is revoked or gone.
 */
struct cc_identity *attest_renewal(struct custodian *c, const struct store_volume *v,
				   uint64_t serial, const struct cc_measurement *m,
				   struct cc_image_tries *tries, struct cc_error *err);

#endif
