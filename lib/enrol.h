/* SPDX-License-Identifier: Apache-2.0 */
/*
 * enrol.h - how a host that has nothing yet becomes one whose evidence keyd believes: by a token,
 * which an administrator has keyd make, and with a proof that it has the key it enrols.
 *
 *   token   NAME "." base64url(id (8) || secret (32) || SHA-256 of the SubjectPublicKeyInfo of
 *           keyd's CA (32)): under which name, with what right, and at which keyd. For one time.
 *   proof   JWS by the agent's new key (jws.h) over {"name", "token": id in hex}: whoever has the
 *           token has the key, too. Not of the connection: the token goes over it in the clear, to
 *           the one keyd that it pins, and counts once.
 */
#ifndef CC_ENROL_H
#define CC_ENROL_H

#include <openssl/evp.h>

#include "json.h"
#include "name.h"

#define CC_ENROL_ID_LEN 17 /* 16 hex digits and NUL */
#define CC_ENROL_SECRET_LEN 32
#define CC_ENROL_PIN_LEN 32
#define CC_ENROL_TOKEN_LEN (CC_NAME_LEN + 96 + 1) /* of the text, and its NUL */
#define CC_ENROL_PROOF_MAX 2048			  /* bytes */

/* @secret: to be cleansed by whoever has it, cc_enrol_token_clear() */
struct cc_enrol_token {
	char name[CC_NAME_LEN];
	char id[CC_ENROL_ID_LEN];
	unsigned char secret[CC_ENROL_SECRET_LEN];
	unsigned char pin[CC_ENROL_PIN_LEN];
};

void cc_enrol_token_clear(struct cc_enrol_token *t);

/* Return: 0; -1 with CC_E_INVALID, fact "token", which does not say the text. */
int cc_enrol_token_parse(const char *text, size_t len, struct cc_enrol_token *t,
			 struct cc_error *err);
int cc_enrol_token_format(const struct cc_enrol_token *t, char out[static CC_ENROL_TOKEN_LEN],
			  struct cc_error *err);

/* Malloced; NULL on error. @agent_key: private JWK, whose kid is the token's name */
char *cc_enrol_prove(const struct cc_enrol_token *t, const json_t *agent_key, struct cc_error *err);

/* Return: 0; -1 with CC_E_REFUSED, fact "proof". */
int cc_enrol_check(const char *proof, const struct cc_enrol_token *t, EVP_PKEY *agent_key,
		   struct cc_error *err);

#endif
