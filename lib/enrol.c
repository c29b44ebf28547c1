// SPDX-License-Identifier: Apache-2.0
#include "enrol.h"

#include <stdint.h>
#include <string.h>
#include <openssl/crypto.h>

#include "hex.h"
#include "jws.h"

#define TYP "container-crypt-enrol+jwt"
#define ID_BYTES ((CC_ENROL_ID_LEN - 1) / 2)
#define TOKEN_BYTES (ID_BYTES + CC_ENROL_SECRET_LEN + CC_ENROL_PIN_LEN)
#define TOKEN_DIGITS (TOKEN_BYTES / 3 * 4)

_Static_assert(TOKEN_BYTES % 3 == 0, "no digit is left over");
_Static_assert(CC_NAME_LEN + TOKEN_DIGITS < CC_ENROL_TOKEN_LEN, "name, dot, digits, NUL");

void cc_enrol_token_clear(struct cc_enrol_token *t)
{
	OPENSSL_cleanse(t, sizeof(*t));
}

static int not_one(struct cc_error *err)
{
	cc_fail(err, CC_E_INVALID,
		"this is not a whole token: give all of what \"dmctl agents invite\" printed");
	return cc_set_fact(err, "token");
}

int cc_enrol_token_parse(const char *text, size_t len, struct cc_enrol_token *t,
			 struct cc_error *err)
{
	unsigned char bytes[TOKEN_BYTES];
	const size_t name = len > TOKEN_DIGITS + 1 ? len - TOKEN_DIGITS - 1 : 0;

	*t = (struct cc_enrol_token){0};
	if (name == 0 || name >= sizeof(t->name) || text[name] != '.' ||
	    cc_b64u_decode(text + name + 1, TOKEN_DIGITS, bytes, sizeof(bytes)) != sizeof(bytes))
		return not_one(err);
	memcpy(t->name, text, name);
	cc_hex_encode(bytes, ID_BYTES, t->id);
	memcpy(t->secret, bytes + ID_BYTES, sizeof(t->secret));
	memcpy(t->pin, bytes + ID_BYTES + sizeof(t->secret), sizeof(t->pin));
	OPENSSL_cleanse(bytes, sizeof(bytes));
	if (strlen(t->name) == name && cc_is_name(t->name))
		return 0;
	cc_enrol_token_clear(t);
	return not_one(err);
}

int cc_enrol_token_format(const struct cc_enrol_token *t, char out[static CC_ENROL_TOKEN_LEN],
			  struct cc_error *err)
{
	unsigned char bytes[TOKEN_BYTES];
	const size_t name = strlen(t->name);
	int rc;

	if (cc_hex_decode(t->id, bytes, ID_BYTES))
		return not_one(err);
	memcpy(bytes + ID_BYTES, t->secret, sizeof(t->secret));
	memcpy(bytes + ID_BYTES + sizeof(t->secret), t->pin, sizeof(t->pin));
	memcpy(out, t->name, name);
	out[name] = '.';
	rc = cc_b64u_encode(bytes, sizeof(bytes), out + name + 1, TOKEN_DIGITS + 1);
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return rc ? cc_fail(err, CC_E_INTERNAL, "a token cannot be written") : 0;
}

char *cc_enrol_prove(const struct cc_enrol_token *t, const json_t *agent_key, struct cc_error *err)
{
	cc_auto_json json_t *claims = json_pack("{s:s, s:s}", "name", t->name, "token", t->id);

	return cc_jws_sign("proof", TYP, claims, agent_key, err);
}

static bool says(const json_t *claims, const char *member, const char *value)
{
	const char *text = json_string_value(json_object_get(claims, member));

	return text && !strcmp(text, value);
}

static bool is_for(const json_t *claims, const struct cc_enrol_token *t)
{
	return json_object_size(claims) == 2 && says(claims, "name", t->name) &&
	       says(claims, "token", t->id);
}

int cc_enrol_check(const char *proof, const struct cc_enrol_token *t, EVP_PKEY *agent_key,
		   struct cc_error *err)
{
	cc_auto_json json_t *claims = NULL;
	cc_auto_free char *text = NULL;
	struct cc_jose_part parts[3];
	const size_t len = strlen(proof);
	struct cc_error why;
	size_t text_len;
	char kid[64];

	if (len <= CC_ENROL_PROOF_MAX &&
	    cc_jws_open("proof", "proof header", TYP, proof, len, parts, kid, &why) == 0 &&
	    strcmp(kid, t->name) == 0 && cc_jws_verify(parts, agent_key) &&
	    cc_jose_decode(&parts[1], &text, &text_len, "proof", &why) == 0)
		claims = cc_json_parse(text, text_len, "proof", &why);
	if (claims && is_for(claims, t))
		return 0;
	return cc_refuse(err, "proof",
			 "proof: it is not signed with the key that is to be enrolled, or was made "
			 "for another token");
}
