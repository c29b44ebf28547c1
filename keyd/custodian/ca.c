// SPDX-License-Identifier: Apache-2.0
#include "custodian/ca.h"

#include <limits.h>
#include <string.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "b64.h"
#include "cert.h"
#include "custodian/agent_key.h"
#include "json.h"
#include "jwk.h"

#define SETTING_CERT "ca.certificate"
#define SETTING_KEY "ca.key"
#define DER_MAX 4096
#define EARLY_S 300 /* of clocks that are behind */
#define YEAR_S (365 * 24 * 3600LL)
#define URN "urn:container-crypt:"
#define SERIAL_BYTES 16

/* The CA's key is wrapped as a volume's, and cannot be taken for one of these: they have others. */
static const struct kek_use key_use = {
	.name = "ca",
	.uuid = "00000000-0000-0000-0000-000000000000",
	.generation = 1,
	.cipher = "p-256",
	.key_bytes = CC_P256_LEN,
	.state = KEK_ANY,
};

static void bn_free(BIGNUM **bn)
{
	BN_clear_free(*bn);
}

static void names_free(GENERAL_NAMES **names)
{
	GENERAL_NAMES_free(*names);
}

static int no_certificate(struct cc_error *err)
{
	return cc_fail(err, CC_E_INTERNAL, "OpenSSL cannot make a certificate");
}

/* ---- making certificates ---- */

/**
 * struct form - what is to be in one.
 * @cn, @o: its subject, common name and organisation, NULL for none; no other is that of the CA
 * @usage, @extended, @names, @basic: extensions as X509V3_EXT_conf_nid(3) takes them; NULL: none
 */
struct form {
	const char *cn, *o;
	const char *usage, *extended, *names, *basic;
	int64_t from, until;
};

static int add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx = {0};
	X509_EXTENSION *ext;
	int rc;

	if (!value)
		return 1;
	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	rc = ext ? X509_add_ext(cert, ext, -1) : 0;
	X509_EXTENSION_free(ext);
	return rc;
}

static int set_name(X509_NAME *name, const char *field, const char *value)
{
	return !value || X509_NAME_add_entry_by_txt(name, field, MBSTRING_ASC,
						    (const unsigned char *)value, -1, -1, 0);
}

/* Not negative, and not 0: the first bits are 01. */
static int set_serial(X509 *cert)
{
	unsigned char bytes[SERIAL_BYTES];
	cc_cleanup(bn_free) BIGNUM *bn = NULL;

	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return 0;
	bytes[0] = (unsigned char)((bytes[0] & 0x3f) | 0x40);
	bn = BN_bin2bn(bytes, sizeof(bytes), NULL);
	return bn && BN_to_ASN1_INTEGER(bn, X509_get_serialNumber(cert));
}

static int fill_certificate(X509 *cert, X509 *issuer, EVP_PKEY *subject, const struct form *f)
{
	return X509_set_version(cert, X509_VERSION_3) && set_serial(cert) &&
	       set_name(X509_get_subject_name(cert), "O", f->o) &&
	       set_name(X509_get_subject_name(cert), "CN", f->cn) &&
	       X509_set_issuer_name(cert, X509_get_subject_name(issuer)) &&
	       ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)f->from) &&
	       ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)f->until) &&
	       X509_set_pubkey(cert, subject) &&
	       add_extension(cert, issuer, NID_basic_constraints, f->basic) &&
	       add_extension(cert, issuer, NID_key_usage, f->usage) &&
	       add_extension(cert, issuer, NID_ext_key_usage, f->extended) &&
	       add_extension(cert, issuer, NID_subject_key_identifier, "hash") &&
	       add_extension(cert, issuer, NID_authority_key_identifier,
			     cert == issuer ? NULL : "keyid") &&
	       add_extension(cert, issuer, NID_subject_alt_name, f->names);
}

/* @issuer: NULL where it signs itself */
static X509 *issue(X509 *issuer, EVP_PKEY *key, EVP_PKEY *subject, const struct form *f,
		   struct cc_error *err)
{
	cc_auto_x509 X509 *cert = X509_new();

	if (cert && fill_certificate(cert, issuer ?: cert, subject, f) &&
	    X509_sign(cert, key, EVP_sha256()))
		return cc_steal(cert);
	no_certificate(err);
	return NULL;
}

static char *to_pem(X509 *cert, struct cc_error *err)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text, *pem = NULL;
	long len;

	if (bio && PEM_write_bio_X509(bio, cert)) {
		len = BIO_get_mem_data(bio, &text);
		pem = strndup(text, (size_t)len);
	}
	BIO_free(bio);
	if (!pem)
		no_certificate(err);
	return pem;
}

/* DER of a certificate, free with OPENSSL_free(). */
static int to_der(const X509 *cert, unsigned char **der, size_t *len, struct cc_error *err)
{
	int n;

	*der = NULL;
	n = i2d_X509(cert, der);
	if (n <= 0 || n > DER_MAX)
		return no_certificate(err);
	*len = (size_t)n;
	return 0;
}

/* ---- the CA ---- */

static int set_pin(struct ca *ca, struct cc_error *err)
{
	cc_auto_der unsigned char *spki = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(ca->cert), &spki);

	if (n <= 0 || !EVP_Digest(spki, (size_t)n, ca->pin, NULL, EVP_sha256(), NULL))
		return no_certificate(err);
	ca->pem = to_pem(ca->cert, err);
	return ca->pem ? 0 : -1;
}

static int unwrap_key(struct ca *ca, const struct kek *kek, const unsigned char *wrapped,
		      size_t len, struct cc_error *err)
{
	cc_auto_secret struct cc_secret d = {0};
	unsigned char point[CC_P256_POINT];
	size_t n;

	if (kek_unwrap(kek, &key_use, wrapped, len, &d, err))
		return cc_prefix(err, "the key of keyd's certificates");
	if (d.len == CC_P256_LEN &&
	    EVP_PKEY_get_octet_string_param(X509_get0_pubkey(ca->cert), OSSL_PKEY_PARAM_PUB_KEY,
					    point, sizeof(point), &n) &&
	    n == sizeof(point))
		ca->key = cc_p256_private(point, d.p);
	return ca->key ? 0
		       : cc_fail(err, CC_E_INTERNAL,
				 "the key of keyd's certificates is not that of its certificate");
}

static int read_cert(struct ca *ca, const char *text, struct cc_error *err)
{
	cc_auto_free unsigned char *der = NULL;
	const unsigned char *p;
	size_t len;

	if (cc_b64_decode(text, strlen(text), DER_MAX, SETTING_CERT, &der, &len, err))
		return -1;
	p = der;
	ca->cert = d2i_X509(NULL, &p, (long)len);
	return ca->cert && X509_get0_pubkey(ca->cert)
		       ? 0
		       : cc_fail(err, CC_E_INTERNAL, "%s is not a certificate", SETTING_CERT);
}

static int read_both(struct ca *ca, const struct kek *kek, const char *cert, const char *key,
		     struct cc_error *err)
{
	cc_auto_free unsigned char *wrapped = NULL;
	size_t len;

	return read_cert(ca, cert, err) ||
			       cc_b64_decode(key, strlen(key), KEK_WRAPPED_MAX, SETTING_KEY,
					     &wrapped, &len, err) ||
			       unwrap_key(ca, kek, wrapped, len, err) || set_pin(ca, err)
		       ? -1
		       : 0;
}

int ca_load(struct ca *ca, struct store *st, const struct kek *kek, bool *there,
	    struct cc_error *err)
{
	cc_auto_free char *cert = NULL, *key = NULL;

	*ca = (struct ca){0};
	*there = false;
	if (store_setting_get(st, SETTING_CERT, &cert, err) ||
	    store_setting_get(st, SETTING_KEY, &key, err))
		return -1;
	if (!cert && !key)
		return 0;
	if (!cert || !key)
		return cc_fail(err, CC_E_INTERNAL,
			       "of keyd's own certificate and its key one is missing");
	*there = true;
	return read_both(ca, kek, cert, key, err);
}

/* The private number, wrapped. */
static int wrap_key(EVP_PKEY *key, const struct kek *kek,
		    unsigned char wrapped[static KEK_WRAPPED_MAX], size_t *len,
		    struct cc_error *err)
{
	cc_cleanup(bn_free) BIGNUM *bn = BN_secure_new();
	cc_auto_secret struct cc_secret d = {0};

	if (cc_secret_new(&d, CC_P256_LEN, err))
		return -1;
	if (!bn || !EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &bn) ||
	    BN_bn2binpad(bn, d.p, CC_P256_LEN) != CC_P256_LEN)
		return no_certificate(err);
	return kek_wrap(kek, &key_use, &d, wrapped, len, err);
}

static int put_both(struct ca *ca, struct store *st, const struct kek *kek, struct cc_error *err)
{
	cc_auto_der unsigned char *der = NULL;
	cc_auto_free char *cert = NULL, *key = NULL;
	unsigned char wrapped[KEK_WRAPPED_MAX];
	size_t len = 0, wrapped_len = 0;

	if (to_der(ca->cert, &der, &len, err) || wrap_key(ca->key, kek, wrapped, &wrapped_len, err))
		return -1;
	cert = cc_b64_encode(der, len);
	key = cc_b64_encode(wrapped, wrapped_len);
	if (!cert || !key)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return store_setting_put(st, SETTING_CERT, cert, err) ||
			       store_setting_put(st, SETTING_KEY, key, err)
		       ? -1
		       : 0;
}

static int record_ca(struct store *st, const struct ca *ca, int64_t now, struct cc_error *err)
{
	char detail[CC_TEXT_MAX];
	const struct cc_audit_row row = {.event = "ca", .outcome = "allow", .detail = detail};
	cc_auto_free char *pin = cc_b64_encode(ca->pin, CA_PIN_LEN);

	if (!pin)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	snprintf(detail, sizeof(detail), "made, its public key has SHA-256 %s", pin);
	return store_audit_add(st, &row, now, err);
}

int ca_make(struct ca *ca, struct store *st, const struct kek *kek, const char *realm, int64_t now,
	    struct cc_error *err)
{
	const struct form form = {
		.cn = "keyd CA",
		.o = realm,
		.basic = "critical,CA:TRUE,pathlen:0",
		.usage = "critical,keyCertSign",
		.from = now - EARLY_S,
		.until = now + CA_YEARS * YEAR_S,
	};

	*ca = (struct ca){.key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256")};
	if (!ca->key)
		return no_certificate(err);
	ca->cert = issue(NULL, ca->key, ca->key, &form, err);
	return !ca->cert || set_pin(ca, err) || put_both(ca, st, kek, err) ||
			       record_ca(st, ca, now, err)
		       ? -1
		       : 0;
}

void ca_clear(struct ca *ca)
{
	EVP_PKEY_free(ca->key);
	X509_free(ca->cert);
	free(ca->pem);
	*ca = (struct ca){0};
}

/* ---- keyd's own ---- */

static int key_to_der(EVP_PKEY *key, struct cc_secret *out, struct cc_error *err)
{
	unsigned char *p;
	int n = i2d_PrivateKey(key, NULL);

	if (n <= 0 || n > DER_MAX)
		return no_certificate(err);
	if (cc_secret_new(out, (size_t)n, err))
		return -1;
	p = out->p;
	return i2d_PrivateKey(key, &p) == n ? 0 : no_certificate(err);
}

int ca_server_make(const struct ca *ca, const char *realm, int64_t now, struct ca_server *s,
		   struct cc_error *err)
{
	cc_auto_pkey EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	cc_auto_x509 X509 *cert = NULL;
	char names[128];
	const struct form form = {
		.cn = "keyd",
		.o = realm,
		.basic = "critical,CA:FALSE",
		.usage = "critical,digitalSignature",
		.extended = "critical,serverAuth",
		.names = names,
		.from = now - EARLY_S,
		.until = now + CA_SERVER_S,
	};

	*s = (struct ca_server){0};
	if (!key)
		return no_certificate(err);
	/* The host's own name is not known here: clients ask for this one, of the CA they know. */
	snprintf(names, sizeof(names), "DNS:keyd,URI:" URN "keyd:%s", realm);
	cert = issue(ca->cert, ca->key, key, &form, err);
	if (!cert)
		return -1;
	return to_der(ca->cert, &s->ca, &s->ca_len, err) ||
			       to_der(cert, &s->cert, &s->cert_len, err) ||
			       key_to_der(key, &s->key, err)
		       ? -1
		       : 0;
}

void ca_server_clear(struct ca_server *s)
{
	OPENSSL_free(s->ca);
	OPENSSL_free(s->cert);
	cc_secret_clear(&s->key);
	*s = (struct ca_server){0};
}

/* ---- agents' ---- */

static int serial_of(X509 *cert, char out[static CA_SERIAL_LEN])
{
	cc_cleanup(bn_free) BIGNUM *bn = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
	char *hex = bn ? BN_bn2hex(bn) : NULL;
	int n = hex ? snprintf(out, CA_SERIAL_LEN, "%s", hex) : -1;

	OPENSSL_free(hex);
	return n > 0 && n < CA_SERIAL_LEN ? 0 : -1;
}

char *ca_agent_make(const struct ca *ca, const struct store_agent *agent, int64_t now,
		    struct ca_name *name, struct cc_error *err)
{
	cc_auto_json json_t *jwk = cc_json_parse(agent->jwk, strlen(agent->jwk), "agent", err);
	cc_auto_pkey EVP_PKEY *key = jwk ? cc_jwk_pkey(jwk, false, "ES256", err) : NULL;
	cc_auto_x509 X509 *cert = NULL;
	char names[192];
	const struct form form = {
		.cn = agent->name,
		.basic = "critical,CA:FALSE",
		.usage = "critical,digitalSignature",
		.extended = "critical,clientAuth",
		.names = names,
		.from = now - EARLY_S,
		.until = now + CA_AGENT_S,
	};

	if (!key)
		return NULL;
	*name = (struct ca_name){.until = form.until};
	memcpy(name->agent, agent->name, sizeof(name->agent));
	memcpy(name->enrolment, agent->enrolment, sizeof(name->enrolment));
	snprintf(names, sizeof(names), "URI:" URN "agent:%s:%s", agent->name, agent->enrolment);
	cert = issue(ca->cert, ca->key, key, &form, err);
	if (!cert)
		return NULL;
	if (serial_of(cert, name->serial)) {
		no_certificate(err);
		return NULL;
	}
	return to_pem(cert, err);
}

static int parse_urn(const unsigned char *urn, size_t len, struct ca_name *name)
{
	static const char prefix[] = URN "agent:";
	const size_t skip = sizeof(prefix) - 1, uuid = CC_UUID_LEN - 1;
	size_t n;

	/* prefix, name, colon, UUID */
	if (len < skip + 1 + 1 + uuid || memcmp(urn, prefix, skip) != 0)
		return -1;
	n = len - skip - 1 - uuid;
	if (n >= sizeof(name->agent) || urn[skip + n] != ':')
		return -1;
	memcpy(name->agent, urn + skip, n);
	name->agent[n] = '\0';
	memcpy(name->enrolment, urn + skip + n + 1, uuid);
	name->enrolment[uuid] = '\0';
	return cc_is_name(name->agent) && cc_is_uuid(name->enrolment) ? 0 : -1;
}

/* The one name of a client's certificate, which says whose it is. */
static int read_name(X509 *cert, struct ca_name *name)
{
	cc_cleanup(names_free) GENERAL_NAMES *names =
		X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	const GENERAL_NAME *one =
		sk_GENERAL_NAME_num(names) == 1 ? sk_GENERAL_NAME_value(names, 0) : NULL;
	const ASN1_IA5STRING *uri;

	if (!one || one->type != GEN_URI)
		return -1;
	uri = one->d.uniformResourceIdentifier;
	return parse_urn(ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri), name);
}

static int time_of(const ASN1_TIME *t, int64_t *out)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(t, &tm))
		return -1;
	*out = timegm(&tm);
	return 0;
}

static int refuse(struct cc_error *err, const char *why)
{
	return cc_refuse(err, "certificate",
			 "the client's certificate %s: see \"dmctl agents "
			 "certificate\"",
			 why);
}

int ca_who(const struct ca *ca, const unsigned char *der, size_t len, int64_t now,
	   struct ca_name *name, struct cc_error *err)
{
	const unsigned char *p = der;
	cc_auto_x509 X509 *cert = len <= DER_MAX ? d2i_X509(NULL, &p, (long)len) : NULL;
	int64_t from;

	*name = (struct ca_name){0};
	if (!cert || p != der + len)
		return refuse(err, "is not one");
	if (X509_verify(cert, ca->key) != 1)
		return refuse(err, "is not of this keyd");
	if (time_of(X509_get0_notBefore(cert), &from) ||
	    time_of(X509_get0_notAfter(cert), &name->until) || now < from || now >= name->until)
		return refuse(err, "is over, or not valid yet");
	if (!(X509_get_extended_key_usage(cert) & XKU_SSL_CLIENT) ||
	    serial_of(cert, name->serial) || read_name(cert, name))
		return refuse(err, "is not an agent's");
	return 0;
}
