// SPDX-License-Identifier: Apache-2.0
/*
 * keyd_tls.c - keyd on another machine: its address, its CA, this host's certificate.
 */
#include "client/keyd_tls.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <openssl/crypto.h>
#include <openssl/pem.h>

#include "file.h"
#include "jwk.h"
#include "paths.h"

#define SCHEME "https://"
#define PEM_MAX 16384

static const char *dir = CC_ETC_DIR;

static struct {
	struct http_tls tls;
	struct keyd_url url;
} kept;

static void forget(void)
{
	X509_free(kept.tls.ca);
	X509_free(kept.tls.cert);
	EVP_PKEY_free(kept.tls.key);
	kept.tls = (struct http_tls){0};
}

void keyd_tls_set_dir(const char *path)
{
	dir = path;
	forget();
}

/* Of a file of paths.h, or the one of its name in the directory that was set. Malloced. */
static char *file(const char *path)
{
	char *at;

	if (asprintf(&at, "%s%s", dir, strrchr(path, '/')) < 0)
		return NULL;
	return at;
}

/* ---- where ---- */

bool keyd_is_url(const char *s)
{
	return strstr(s, "://") != NULL;
}

static int bad_url(const char *s, struct cc_error *err)
{
	return cc_fail(err, CC_E_USAGE,
		       "\"%.120s\" does not say where keyd is: give https://HOST:PORT, or the path "
		       "of its socket",
		       s);
}

/* Length of a name, an address, or one of IPv6 in brackets. */
static size_t host_len(const char *s)
{
	size_t n;

	if (s[0] != '[')
		return strspn(s,
			      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-");
	n = strspn(s + 1, "0123456789abcdefABCDEF:.");
	return n && s[n + 1] == ']' ? n + 2 : 0;
}

int keyd_url_parse(const char *s, struct keyd_url *url, struct cc_error *err)
{
	const char *host = s + sizeof(SCHEME) - 1, *port;
	size_t n;

	*url = (struct keyd_url){.port = KEYD_PORT};
	if (strncmp(s, SCHEME, sizeof(SCHEME) - 1) != 0)
		return bad_url(s, err);
	n = host_len(host);
	if (n == 0 || n >= sizeof(url->host))
		return bad_url(s, err);
	memcpy(url->host, host, n);
	port = host + n;
	if (*port == ':') {
		n = strspn(++port, "0123456789");
		if (n == 0 || n >= sizeof(url->port))
			return bad_url(s, err);
		memcpy(url->port, port, n);
		url->port[n] = '\0';
		port += n;
	}
	return strcmp(port, "") == 0 || strcmp(port, "/") == 0 ? 0 : bad_url(s, err);
}

int keyd_url_read(char url[static KEYD_URL_LEN], struct cc_error *err)
{
	cc_auto_free char *path = file(CC_KEYD_URL), *text = NULL;
	size_t len;

	url[0] = '\0';
	if (!path)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	/* Of who may not look there it is not the agent's host. */
	if (access(path, R_OK))
		return 0;
	if (cc_read_file_max(path, KEYD_URL_LEN - 1, &text, &len, err))
		return -1;
	text[strcspn(text, "\n")] = '\0';
	snprintf(url, KEYD_URL_LEN, "%s", text);
	return 0;
}

/* ---- by what they know each other ---- */

static X509 *read_cert(const char *of, const char *what, struct cc_error *err)
{
	cc_auto_free char *path = file(of), *pem = NULL;
	X509 *cert = NULL;
	BIO *bio;
	size_t len;

	if (!path) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	if (access(path, F_OK) && errno == ENOENT) {
		cc_fail(err, CC_E_NOTFOUND,
			"%s is missing: have a token made (\"dmctl agents invite\" on keyd's "
			"machine) and run \"dmctl init --keyd https://HOST:PORT --token FILE\"",
			path);
		return NULL;
	}
	if (cc_read_file_max(path, PEM_MAX, &pem, &len, err))
		return NULL;
	bio = BIO_new_mem_buf(pem, (int)len);
	if (bio)
		cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	if (!cert)
		cc_fail(err, CC_E_INVALID, "%s is not %s", path, what);
	return cert;
}

static EVP_PKEY *read_key(struct cc_error *err)
{
	cc_auto_free char *path = file(CC_AGENT_KEY), *text = NULL;
	cc_auto_json json_t *jwk = NULL;
	size_t len;

	if (!path) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	if (cc_read_file(path, &text, &len, err)) {
		cc_prefix(err, "the agent's key (made by \"dmctl init\")");
		return NULL;
	}
	jwk = cc_json_parse(text, len, "the agent's key", err);
	OPENSSL_cleanse(text, len);
	return jwk ? cc_jwk_pkey(jwk, true, "ES256", err) : NULL;
}

static int load_files(struct cc_error *err)
{
	kept.tls.ca = read_cert(CC_KEYD_CA, "the certificate of a keyd", err);
	kept.tls.cert = kept.tls.ca ? read_cert(CC_AGENT_CERT, "a certificate", err) : NULL;
	kept.tls.key = kept.tls.cert ? read_key(err) : NULL;
	return kept.tls.key ? 0 : -1;
}

const struct http_tls *keyd_tls_open(const char *url, struct cc_error *err)
{
	if (keyd_url_parse(url, &kept.url, err))
		return NULL;
	if (!kept.tls.key && load_files(err)) {
		forget();
		return NULL;
	}
	kept.tls.host = kept.url.host;
	kept.tls.port = kept.url.port;
	return &kept.tls;
}

/* ---- the certificate's time ---- */

static int64_t time_of(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) ? timegm(&tm) : 0;
}

bool keyd_tls_is_due(int64_t now)
{
	int64_t from, until;

	if (!kept.tls.cert)
		return false;
	from = time_of(X509_get0_notBefore(kept.tls.cert));
	until = time_of(X509_get0_notAfter(kept.tls.cert));
	return now >= from + (until - from) / 2;
}

static int write_pem(const char *of, const char *text, struct cc_error *err)
{
	cc_auto_free char *path = file(of);

	if (!path)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return cc_replace_file(path, text, strlen(text), 0600, err);
}

int keyd_tls_store(const json_t *answer, const char *url, struct cc_error *err)
{
	cc_auto_free char *ca = NULL, *cert = NULL;

	if (cc_json_str(answer, "answer of keyd", "certificate", true, &cert, err) ||
	    cc_json_str(answer, "answer of keyd", "ca", true, &ca, err))
		return -1;
	/* Which keyd it is does not change by what that says later. */
	if (url && write_pem(CC_KEYD_CA, ca, err))
		return -1;
	if (write_pem(CC_AGENT_CERT, cert, err))
		return -1;
	forget();
	return url ? write_pem(CC_KEYD_URL, url, err) : 0;
}
