/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyd_enrol.h - this host's agent and a keyd on another machine: how it enrols, keeps its
 * certificate, and hears of changes. Blocking.
 */
#ifndef CC_KEYD_ENROL_H
#define CC_KEYD_ENROL_H

#include "enrol.h"

/**
 * keyd_enrol - enrols, and writes the files of keyd_tls.h, after which requests can be made of it.
 * @url: where
 * @t, @token: parsed, and as it was given
 * @agent_key: private JWK, whose kid is the token's name
 */
int keyd_enrol(const char *url, const struct cc_enrol_token *t, const char *token,
	       const json_t *agent_key, struct cc_error *err);

/* A new certificate, over TLS with the one there is (keyd_tls_is_due()). @agent: its name */
int keyd_certificate_renew(const char *agent, struct cc_error *err);

/**
 * keyd_wait - waits for a change, for as long as keyd lets us.
 * @seconds: the longest
 * @sent: called when keyd has been asked
 */
int keyd_wait(long seconds, void (*sent)(void *arg), void *arg, struct cc_error *err);

#endif
