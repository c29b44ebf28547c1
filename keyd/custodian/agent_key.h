/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_key.h - enrolling a host agent's key, by the API and by `keyd init`.
 */
#ifndef KEYD_AGENT_KEY_H
#define KEYD_AGENT_KEY_H

#include "store/store.h"

/**
 * agent_key_enrol - enrols @jwk, which must be a public P-256 key, under @name.
 * @volumes: that it may have keys of; NULL: all, or those of an enrolment that is there
 * @thumbprint: out, RFC 7638
 * @added: out, false when the same key is enrolled under that name already
 * What is added is a new enrolment, also of a name or a key that was enrolled before.
 * Another key under that name, that key under another name, or other volumes: CC_E_EXISTS.
 */
int agent_key_enrol(struct store *st, const char *name, const json_t *jwk,
		    const struct cc_scope *volumes, char thumbprint[static 64], bool *added,
		    struct cc_error *err);

#endif
