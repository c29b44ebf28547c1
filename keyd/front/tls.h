/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls.h - the front's side of TLS (RFC 8446), by OpenSSL: version 1.3 only, no session is resumed,
 * no early data, and who shows a certificate has one of keyd's own CA. Who shows none may come in;
 * what he may ask is decided elsewhere.
 *
 * The key is keyd's for a day; the CA's is in the custodian, and so is the decision whether a
 * certificate's enrolment still stands.
 */
#ifndef KEYD_TLS_H
#define KEYD_TLS_H

#include <openssl/ssl.h>

#include "error.h"
#include "message.h"

#define TLS_CERTS_MAX 8192 /* bytes of what a client shows */

struct tls;

/* Loads what OpenSSL needs from files, so that none is needed later. NULL on error. */
struct tls *tls_new(struct cc_error *err);
void tls_free(struct tls *t);

/* What is shown from now on; connections that there are go on with what they began with. */
int tls_use(struct tls *t, const struct tls_keys *keys, struct cc_error *err);

/* For a connection that is to be accepted; NULL without keys or memory. Free with SSL_free(). */
SSL *tls_accept(const struct tls *t);

/**
 * tls_introduce - who is at the other end, when the handshake is done.
 * @cert: out, DER of the certificate, NULL for none; free with OPENSSL_free()
 */
int tls_introduce(SSL *ssl, unsigned char exporter[static MESSAGE_EXPORTER_LEN],
		  unsigned char **cert, size_t *cert_len);

#endif
