/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_exporter.h - what both ends of one TLS connection know, and nobody else: the channel binding
 * "tls-exporter" of RFC 9266, as evidence has it (evidence.h, "channel").
 */
#ifndef CC_TLS_EXPORTER_H
#define CC_TLS_EXPORTER_H

#include <openssl/ssl.h>

#define CC_TLS_EXPORTER_LEN 32

/* SHA-256 of the exporter. Return: 0; -1 before the handshake is done. */
int cc_tls_exporter(SSL *ssl, unsigned char out[static CC_TLS_EXPORTER_LEN]);

#endif
