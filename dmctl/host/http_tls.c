// SPDX-License-Identifier: Apache-2.0
/*
 * http_tls.c - keyd on another machine, as libcurl is to speak to it.
 */
#include "host/http_tls.h"

#include <string.h>
#include <openssl/sha.h>
#include <openssl/x509_vfy.h>

#include "cleanup.h"

static void x509_stack_free(STACK_OF(X509) * *s)
{
	sk_X509_free(*s);
}

static bool is_pinned(X509 *cert, const unsigned char *pin)
{
	unsigned char hash[SHA256_DIGEST_LENGTH], *spki = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &spki);
	bool rc = n > 0 && SHA256(spki, (size_t)n, hash) && !memcmp(hash, pin, sizeof(hash));

	OPENSSL_free(spki);
	return rc;
}

/* The CA is the certificate with the pinned key, of those that keyd shows; the rest as always. */
static int verify_by_pin(X509_STORE_CTX *ctx, void *arg)
{
	cc_cleanup(x509_stack_free) STACK_OF(X509) *trusted = sk_X509_new_null();
	STACK_OF(X509) *shown = X509_STORE_CTX_get0_untrusted(ctx);
	int rc;

	for (int i = 0; trusted && i < sk_X509_num(shown); i++)
		if (is_pinned(sk_X509_value(shown, i), arg) &&
		    !sk_X509_push(trusted, sk_X509_value(shown, i)))
			return 0;
	if (!trusted)
		return 0;
	X509_STORE_CTX_set0_trusted_stack(ctx, trusted);
	rc = X509_verify_cert(ctx);
	return rc;
}

/* Nothing but the one CA: neither libcurl's nor the system's. */
static CURLcode set_context(CURL *c, void *context, void *arg)
{
	const struct http_tls *tls = arg;
	SSL_CTX *ctx = context;
	X509_STORE *store = X509_STORE_new();

	(void)c;
	if (!store)
		return CURLE_OUT_OF_MEMORY;
	SSL_CTX_set_cert_store(ctx, store);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	if (tls->ca && !X509_STORE_add_cert(store, tls->ca))
		return CURLE_OUT_OF_MEMORY;
	if (!tls->ca)
		SSL_CTX_set_cert_verify_callback(ctx, verify_by_pin, (void *)tls->pin);
	if (tls->cert &&
	    (!SSL_CTX_use_certificate(ctx, tls->cert) || !SSL_CTX_use_PrivateKey(ctx, tls->key)))
		return CURLE_SSL_CERTPROBLEM;
	return CURLE_OK;
}

int http_tls_set(CURL *c, const struct http_tls *tls, struct curl_slist **connect_to,
		 struct cc_error *err)
{
	cc_auto_free char *to = NULL;

	if (asprintf(&to, "keyd:%s:%s:%s", tls->port, tls->host, tls->port) < 0)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	*connect_to = curl_slist_append(NULL, to);
	if (!*connect_to)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, set_context) ||
	    curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, (void *)tls) ||
	    curl_easy_setopt(c, CURLOPT_CONNECT_TO, *connect_to) ||
	    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https") ||
	    curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3) ||
	    curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) ||
	    curl_easy_setopt(c, CURLOPT_SSL_SESSIONID_CACHE, 0L) ||
	    curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L) ||
	    curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L) ||
	    curl_easy_setopt(c, CURLOPT_CAINFO, NULL) || curl_easy_setopt(c, CURLOPT_CAPATH, NULL))
		return cc_fail(err, CC_E_INTERNAL,
			       "this host's libcurl does not speak TLS by OpenSSL");
	return 0;
}

int http_tls_exporter(CURL *c, unsigned char out[static CC_TLS_EXPORTER_LEN])
{
	struct curl_tlssessioninfo *info = NULL;

	if (curl_easy_getinfo(c, CURLINFO_TLS_SSL_PTR, &info) != CURLE_OK || !info ||
	    info->backend != CURLSSLBACKEND_OPENSSL || !info->internals)
		return -1;
	return cc_tls_exporter(info->internals, out);
}
