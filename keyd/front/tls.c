// SPDX-License-Identifier: Apache-2.0
#include "front/tls.h"

#include <string.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "cert.h"
#include "cleanup.h"
#include "pkey.h"
#include "tls_exporter.h"

/* RFC 8446 has no name for what comes with OpenSSL 3.5; an older one refuses the whole list. */
static const char *const groups[] = {"X25519MLKEM768:X25519:P-256", "X25519:P-256"};

/* @ctx: NULL before there are keys; @base: only to load what an SSL_CTX needs */
struct tls {
	SSL_CTX *base, *ctx;
};

static void ctx_free(SSL_CTX **ctx)
{
	SSL_CTX_free(*ctx);
}

static int set_groups(SSL_CTX *ctx)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		if (SSL_CTX_set1_groups_list(ctx, groups[i]))
			return 1;
	return 0;
}

static SSL_CTX *context(struct cc_error *err)
{
	cc_cleanup(ctx_free) SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx || !SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) ||
	    !SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) || !set_groups(ctx) ||
	    !SSL_CTX_set_num_tickets(ctx, 0) || !SSL_CTX_set_max_early_data(ctx, 0) ||
	    !SSL_CTX_set_recv_max_early_data(ctx, 0)) {
		cc_fail(err, CC_E_INTERNAL, "TLS cannot be set up");
		return NULL;
	}
	SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_verify_depth(ctx, 1);
	SSL_CTX_set_max_cert_list(ctx, TLS_CERTS_MAX);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	return cc_steal(ctx);
}

struct tls *tls_new(struct cc_error *err)
{
	struct tls *t = calloc(1, sizeof(*t));

	if (!t) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	t->base = context(err);
	if (t->base)
		return t;
	tls_free(t);
	return NULL;
}

void tls_free(struct tls *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->base);
	SSL_CTX_free(t->ctx);
	free(t);
}

static X509 *certificate(const unsigned char *der, size_t len)
{
	return d2i_X509(NULL, &der, (long)len);
}

/* The CA is sent as well: whoever enrols knows it by its key only. */
static int take_keys(SSL_CTX *ctx, const struct tls_keys *k)
{
	cc_auto_x509 X509 *ca = certificate(k->ca, k->ca_len);
	cc_auto_x509 X509 *cert = certificate(k->cert, k->cert_len);
	const unsigned char *p = k->key;
	cc_auto_pkey EVP_PKEY *key = d2i_PrivateKey(EVP_PKEY_EC, NULL, &p, (long)k->key_len);

	return ca && cert && key && SSL_CTX_use_certificate(ctx, cert) &&
	       SSL_CTX_use_PrivateKey(ctx, key) && SSL_CTX_add1_chain_cert(ctx, ca) &&
	       X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), ca);
}

int tls_use(struct tls *t, const struct tls_keys *keys, struct cc_error *err)
{
	cc_cleanup(ctx_free) SSL_CTX *ctx = context(err);

	if (!ctx)
		return -1;
	if (!take_keys(ctx, keys))
		return cc_fail(err, CC_E_INTERNAL, "keyd's own certificate is not usable");
	SSL_CTX_free(t->ctx);
	t->ctx = cc_steal(ctx);
	return 0;
}

SSL *tls_accept(const struct tls *t)
{
	return t->ctx ? SSL_new(t->ctx) : NULL;
}

int tls_introduce(SSL *ssl, unsigned char exporter[static MESSAGE_EXPORTER_LEN],
		  unsigned char **cert, size_t *cert_len)
{
	X509 *x509 = SSL_get0_peer_certificate(ssl);
	int n;

	*cert = NULL;
	*cert_len = 0;
	if (cc_tls_exporter(ssl, exporter))
		return -1;
	if (!x509)
		return 0;
	n = i2d_X509(x509, cert);
	if (n <= 0 || n > MESSAGE_CERT_MAX || SSL_get_verify_result(ssl) != X509_V_OK)
		return -1;
	*cert_len = (size_t)n;
	return 0;
}
