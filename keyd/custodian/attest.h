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
 * attest_identity - the identity of the volume, if a signer that is enrolled now made it.
 * @row: empty; the row it comes from, to be cleared in any case
 */
struct cc_identity *attest_identity(struct custodian *c, const struct store_volume *v,
				    struct store_identity *row, struct cc_error *err);

/**
 * enum attest_of - what is decided on.
 * @ATTEST_START: a container whose program has not started
 * @ATTEST_ANY: one whose program may have started
 * @ATTEST_RENEWAL: one that has the volume, and so runs
 */
enum attest_of { ATTEST_START, ATTEST_ANY, ATTEST_RENEWAL };

/* cc_decide() for the volume, now. @all: cc_facts_init() is done; NULL: the first fact is enough */
int attest_decide(struct custodian *c, const struct store_volume *v, const struct cc_identity *id,
		  enum attest_of of, const struct cc_measurement *m, struct cc_facts *all,
		  struct cc_error *err);

#endif
