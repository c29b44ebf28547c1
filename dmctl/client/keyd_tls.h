/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyd_tls.h - keyd on another machine: where it is, its CA, and this host's certificate, which is
 * for the agent's key. Files: CC_KEYD_URL, CC_KEYD_CA, CC_AGENT_CERT, CC_AGENT_KEY (paths.h).
 */
#ifndef CC_KEYD_TLS_H
#define CC_KEYD_TLS_H

#include <stdbool.h>

#include "host/http_tls.h"
#include "json.h"

#define KEYD_URL_LEN 300
#define KEYD_PORT "8443"

/* It is not the path of a socket. */
bool keyd_is_url(const char *s);

/**
 * struct keyd_url - parts of "https://HOST:PORT", PORT 8443 where there is none.
 */
struct keyd_url {
	char host[256], port[6];
};

/* Pure. Return: 0; -1 with CC_E_USAGE. */
int keyd_url_parse(const char *s, struct keyd_url *url, struct cc_error *err);

/* The one that this host has enrolled at, "" for none. */
int keyd_url_read(char url[static KEYD_URL_LEN], struct cc_error *err);

/* For tests: the files are in @dir instead, borrowed for ever. */
void keyd_tls_set_dir(const char *dir);

/**
 * keyd_tls_open - reads the files and keeps what they say for this process.
 * @url: of keyd_url_parse()
 * Return: borrowed; NULL with CC_E_NOTFOUND and what to do when this host has not enrolled.
 */
const struct http_tls *keyd_tls_open(const char *url, struct cc_error *err);

/* Half of the time of the host's certificate is over; of keyd_tls_open(). */
bool keyd_tls_is_due(int64_t now);

/*
 * What an enrolment or a renewal answered, as files that count from now on. @url: NULL: as before,
 * and so is the CA
 */
int keyd_tls_store(const json_t *answer, const char *url, struct cc_error *err);

#endif
