/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ca.h - keyd's own certification authority: it signs the certificate that keyd shows over TLS, and
 * those of agents, and nobody else does.
 *
 * Its key (P-256) is made the first time that keyd serves TLS, and is in the database wrapped under
 * the KEK (kek.h, name "ca"), as a setting; clients pin the SHA-256 of its SubjectPublicKeyInfo. A
 * client's certificate is for the key that its agent signs evidence with, so that there is one key
 * to keep and one to remove: what TLS 1.3 signs begins with 64 spaces (RFC 8446, 4.4.3) and is
 * never a JWS. Its subject alternative name, urn:container-crypt:agent:NAME:ENROLMENT, ties it to
 * one enrolment; whether that still stands is looked up for each request, so there are no lists of
 * what was revoked.
 *
 * All is X.509 version 3 (RFC 5280), DER. Context: the custodian.
 */
#ifndef KEYD_CA_H
#define KEYD_CA_H

#include <openssl/x509.h>

#include "custodian/kek.h"
#include "name.h"
#include "store/store.h"

#define CA_YEARS 20
#define CA_SERVER_S (24 * 3600)	   /* a certificate of keyd's own is good for */
#define CA_AGENT_S (7 * 24 * 3600) /* one of an agent */
#define CA_PIN_LEN 32
#define CA_SERIAL_LEN 33 /* 32 hex digits and NUL */

/* @pin: SHA-256 of its public key; @pem: its certificate, owned. Zeroed: there is none. */
struct ca {
	EVP_PKEY *key;
	X509 *cert;
	char *pem;
	unsigned char pin[CA_PIN_LEN];
};

/* What keyd shows: DER, owned. */
struct ca_server {
	unsigned char *ca, *cert;
	size_t ca_len, cert_len;
	struct cc_secret key;
};

/* A client's certificate. @until: seconds since the epoch, UTC; @serial: in hex */
struct ca_name {
	char agent[CC_NAME_LEN];
	char enrolment[CC_UUID_LEN];
	char serial[CA_SERIAL_LEN];
	int64_t until;
};

/**
 * ca_load - reads the CA of the database.
 * @there: out, whether it has one
 * CC_E_INTERNAL, fact "wrapped-key", when its key does not open.
 */
int ca_load(struct ca *ca, struct store *st, const struct kek *kek, bool *there,
	    struct cc_error *err);

/**
 * ca_make - makes one, and writes it with its audit row. In a transaction.
 * @realm: of this keyd, for its name
 * @now: seconds since the epoch, UTC
 */
int ca_make(struct ca *ca, struct store *st, const struct kek *kek, const char *realm, int64_t now,
	    struct cc_error *err);
void ca_clear(struct ca *ca);

/* A new key, certified for CA_SERVER_S; free with ca_server_clear(), also after an error. */
int ca_server_make(const struct ca *ca, const char *realm, int64_t now, struct ca_server *s,
		   struct cc_error *err);
void ca_server_clear(struct ca_server *s);

/**
 * ca_agent_make - a certificate for CA_AGENT_S of an enrolment that stands.
 * @name: out
 * Return: PEM, malloced; NULL on error.
 */
char *ca_agent_make(const struct ca *ca, const struct store_agent *agent, int64_t now,
		    struct ca_name *name, struct cc_error *err);

/**
 * ca_who - whose certificate @der is: of this CA, in time, for a client.
 * Return: 0; -1 with CC_E_REFUSED, fact "certificate".
 */
int ca_who(const struct ca *ca, const unsigned char *der, size_t len, int64_t now,
	   struct ca_name *name, struct cc_error *err);

#endif
