// SPDX-License-Identifier: Apache-2.0
/*
 * A client's certificate as a front that has been taken over would send it: as it is, and signed by
 * the CA, so that what lies behind the signature is reached too.
 */
#include <string.h>

#include "fuzz.h"
#include "keyd/custodian/ca.h"

#define NOW 1800000000

static struct ca ca;

static void judge(const uint8_t *data, size_t size, bool ours)
{
	struct cc_error err = {0};
	struct ca_name who;

	if (ca_who(&ca, data, size, NOW, &who, &err)) {
		REQUIRE(err.code == CC_E_REFUSED && !strcmp(err.fact, "certificate"));
		return;
	}
	REQUIRE(ours && cc_is_name(who.agent) && cc_is_uuid(who.enrolment) && who.until > NOW);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const unsigned char *p = data;
	unsigned char *signed_one = NULL;
	X509 *cert;
	int n;

	if (!ca.key)
		ca.key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	judge(data, size, false);
	cert = d2i_X509(NULL, &p, (long)size);
	if (cert && X509_sign(cert, ca.key, EVP_sha256()) && (n = i2d_X509(cert, &signed_one)) > 0)
		judge(signed_one, (size_t)n, true);
	OPENSSL_free(signed_one);
	X509_free(cert);
	return 0;
}
