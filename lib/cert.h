/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cert.h - who owns a certificate, and DER that OpenSSL has made.
 */
#ifndef CC_CERT_H
#define CC_CERT_H

#include <openssl/crypto.h>
#include <openssl/x509.h>

#include "cleanup.h"

static inline void cc_x509_free_ptr(X509 **x)
{
	X509_free(*x);
}
#define cc_auto_x509 cc_cleanup(cc_x509_free_ptr)

static inline void cc_der_free_ptr(unsigned char **der)
{
	OPENSSL_free(*der);
}
#define cc_auto_der cc_cleanup(cc_der_free_ptr)

#endif
