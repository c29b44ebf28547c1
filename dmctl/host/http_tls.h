/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_tls.h - keyd on another machine, as libcurl is to speak to it: TLS 1.3, of one CA and no
 * other, with a certificate of our own. Which name the machine has does not matter: what keyd shows
 * is for the name "keyd", signed by its own CA.
 */
#ifndef CC_HTTP_TLS_H
#define CC_HTTP_TLS_H

#include <curl/curl.h>
#include <openssl/ssl.h>

#include "error.h"
#include "tls_exporter.h"

/**
 * struct http_tls - where, and by what the two know each other. All borrowed; it has to stay where
 * it is for as long as a connection that was made by it.
 * @host: name or address, one of IPv6 in brackets; @port: a number
 * @ca: NULL before it is known: then @pin is, SHA-256 of its SubjectPublicKeyInfo, by which it is
 *      found in what keyd shows
 * @cert, @key: of this host's agent; NULL before it has enrolled
 */
struct http_tls {
	const char *host, *port;
	X509 *ca, *cert;
	EVP_PKEY *key;
	const unsigned char *pin;
};

/**
 * http_tls_set - sets what a request needs.
 * @connect_to: out, to be freed with curl_slist_free_all() after the request
 */
int http_tls_set(CURL *c, const struct http_tls *tls, struct curl_slist **connect_to,
		 struct cc_error *err);

/* Of the connection of @c, during a request: as evidence has it. Return: 0, or -1. */
int http_tls_exporter(CURL *c, unsigned char out[static CC_TLS_EXPORTER_LEN]);

#endif
