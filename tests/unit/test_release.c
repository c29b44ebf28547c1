// SPDX-License-Identifier: Apache-2.0
/* A release: the key, sealed to whom it is for. */
#include "agent_key.h"

#include <jose/b64.h>
#include <jose/jwe.h>
#include <jose/jwk.h>
#include <sanitizer/lsan_interface.h>

#include "jose.h"
#include "jwk.h"
#include "release.h"

struct exchange {
	json_t *private, *public;
	struct cc_secret key;
	char *jwe;
};

static int seal_to(const struct cc_secret *key, const json_t *recipient, char **jwe,
		   struct cc_error *err)
{
	cc_auto_point EC_POINT *to = cc_release_recipient(recipient, err);

	return to ? cc_release_seal(key, to, jwe, err) : -1;
}

static struct exchange seal(size_t len)
{
	struct cc_error err = {0};
	struct exchange x = {0};

	x.private = cc_jwk_new(NULL, true, &err);
	x.public = cc_jwk_public(x.private, &err);
	expect_ok(cc_secret_random(&x.key, len, &err), &err);
	expect_ok(seal_to(&x.key, x.public, &x.jwe, &err), &err);
	return x;
}

static void end(struct exchange *x)
{
	json_decref(x->private);
	json_decref(x->public);
	cc_secret_clear(&x->key);
	free(x->jwe);
}

static void expect_unopened(const char *jwe, const json_t *key, const char *part)
{
	struct cc_secret out = {0};
	struct cc_error err = {0};

	assert_int_equal(cc_release_open(jwe, strlen(jwe), key, &out, &err), -1);
	expect_error(&err, CC_E_INVALID, "release", part);
	assert_null(out.p);
}

static void a_release_opens_with_its_one_time_key(void **state)
{
	static const size_t sizes[] = {32, 64};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct exchange x = seal(sizes[i]);
		cc_auto_secret struct cc_secret out = {0};
		struct cc_error err = {0};

		expect_ok(cc_release_open(x.jwe, strlen(x.jwe), x.private, &out, &err), &err);
		assert_true(cc_secret_eq(&out, &x.key));
		end(&x);
	}
}

static json_t *string_of(const struct cc_jose_part *p)
{
	return json_stringn(p->s, p->len);
}

static void a_release_is_a_compact_jwe_that_libjose_reads(void **state)
{
	struct exchange x = seal(64);
	struct cc_jose_part p[5];
	struct cc_error err = {0};
	cc_auto_jose_cfg jose_cfg_t *cfg = cc_jose_cfg();
	cc_auto_json json_t *doc = NULL, *jwk = json_deep_copy(x.private);
	size_t len = 0;
	void *plain;

	(void)state;
	expect_ok(cc_jose_split(x.jwe, strlen(x.jwe), 5, p, "jwe", &err), &err);
	doc = json_pack("{s:o,s:o,s:o,s:o}", "protected", string_of(&p[0]), "iv", string_of(&p[2]),
			"ciphertext", string_of(&p[3]), "tag", string_of(&p[4]));
	__lsan_disable(); /* libjose 14 loses the header it decodes */
	plain = jose_jwe_dec(cfg, doc, NULL, jwk, &len);
	__lsan_enable();
	assert_non_null(plain);
	assert_int_equal(len, 64);
	assert_memory_equal(plain, x.key.p, 64);
	free(plain);
	end(&x);
}

static void two_releases_of_one_key_share_nothing(void **state)
{
	struct exchange x = seal(64);
	struct cc_error err = {0};
	cc_auto_free char *again = NULL;

	(void)state;
	expect_ok(seal_to(&x.key, x.public, &again, &err), &err);
	assert_string_not_equal(strstr(x.jwe, ".."), strstr(again, ".."));
	end(&x);
}

static void another_key_does_not_open_a_release(void **state)
{
	struct exchange x = seal(64), y = seal(64);

	(void)state;
	expect_unopened(x.jwe, y.private, "not for this one-time key");
	expect_unopened(x.jwe, x.public, "\"d\"");
	end(&x);
	end(&y);
}

static void every_changed_part_of_a_release_is_noticed(void **state)
{
	struct exchange x = seal(64);
	struct cc_secret out = {0};
	struct cc_error err = {0};

	(void)state;
	for (size_t i = 0; x.jwe[i]; i += 5) {
		char old = x.jwe[i];

		x.jwe[i] = old == 'A' ? 'Q' : 'A';
		assert_int_equal(cc_release_open(x.jwe, strlen(x.jwe), x.private, &out, &err), -1);
		expect_error(&err, CC_E_INVALID, "release", "");
		x.jwe[i] = old;
	}
	for (size_t i = 0; i < strlen(x.jwe); i += 3) {
		cc_auto_free char *cut = strndup(x.jwe, i);

		assert_int_equal(cc_release_open(cut, i, x.private, &out, &err), -1);
	}
	end(&x);
}

/* A JWE by libjose with other algorithms, which libjose itself would open. */
static char *other_jwe(const char *protected, const json_t *recipient, const struct cc_secret *key)
{
	cc_auto_json json_t *doc = json_pack("{s:o}", "protected", json_of(protected));
	cc_auto_json json_t *cek = json_object(), *rcp = json_object(),
			    *jwk = json_deep_copy(recipient);
	cc_auto_jose_cfg jose_cfg_t *cfg = cc_jose_cfg();
	cc_auto_json json_t *flat = NULL;
	const char *h, *k = "", *iv, *ct, *tag;
	char *jwe = NULL;

	json_object_del(jwk, "alg");
	assert_true(jose_jwe_enc_jwk(cfg, doc, rcp, jwk, cek));
	flat = json_pack("{s:O}", "protected", json_object_get(doc, "protected"));
	json_object_update(json_object_get(flat, "protected"), json_object_get(doc, "header"));
	__lsan_disable(); /* as above */
	assert_true(jose_jwe_enc_cek(cfg, flat, cek, key->p, key->len));
	__lsan_enable();
	json_unpack(doc, "{s:s}", "encrypted_key", &k);
	assert_int_equal(json_unpack(flat, "{s:s,s:s,s:s,s:s}", "protected", &h, "iv", &iv,
				     "ciphertext", &ct, "tag", &tag),
			 0);
	assert_true(asprintf(&jwe, "%s.%s.%s.%s.%s", h, k, iv, ct, tag) > 0);
	return jwe;
}

static void a_jwe_that_libjose_makes_opens(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct exchange x = seal(i ? 64 : 32);
		cc_auto_free char *jwe =
			other_jwe("{'alg':'ECDH-ES','enc':'A256GCM'}", x.public, &x.key);
		cc_auto_secret struct cc_secret out = {0};
		struct cc_error err = {0};

		expect_ok(cc_release_open(jwe, strlen(jwe), x.private, &out, &err), &err);
		assert_true(cc_secret_eq(&out, &x.key));
		end(&x);
	}
}

static void a_private_key_that_is_not_its_points_opens_nothing(void **state)
{
	struct exchange x = seal(32), other = seal(32);
	struct cc_secret out = {0};
	struct cc_error err = {0};

	(void)state;
	json_object_set(x.private, "d", json_object_get(other.private, "d"));
	assert_int_equal(cc_release_open(x.jwe, strlen(x.jwe), x.private, &out, &err), -1);
	expect_error(&err, CC_E_INVALID, "release", "\"d\"");
	end(&x);
	end(&other);
}

static void other_algorithms_are_refused_whatever_the_header_says(void **state)
{
	static const struct {
		const char *header, *part;
	} bad[] = {
		{"{'alg':'ECDH-ES','enc':'A128GCM'}", "enc"},
		{"{'alg':'ECDH-ES','enc':'A128CBC-HS256'}", "lengths"},
		{"{'alg':'ECDH-ES+A256KW','enc':'A256GCM'}", "lengths"},
		{"{'alg':'ECDH-ES','enc':'A256GCM','crit':['x'],'x':1}", "unknown member"},
		{"{'alg':'ECDH-ES','enc':'A256GCM','jku':'https://evil/'}", "unknown member"},
		{"{'alg':'ECDH-ES','enc':'A256GCM','apu':'AAAA'}", "unknown member"},
	};
	struct exchange x = seal(32);

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cc_auto_free char *jwe = other_jwe(bad[i].header, x.public, &x.key);

		expect_unopened(jwe, x.private, bad[i].part);
	}
	end(&x);
}

/* Replaces the header of a release. */
static void expect_bad_header(const struct exchange *x, const char *header, const char *part)
{
	cc_auto_free char *text = strdup(header), *jwe = NULL;
	cc_auto_json json_t *h = NULL;

	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	h = jose_b64_enc(text, strlen(text));
	assert_true(asprintf(&jwe, "%s%s", json_string_value(h), strchr(x->jwe, '.')) > 0);
	expect_unopened(jwe, x->private, part);
}

static void nothing_but_a_public_p256_point_is_taken_from_the_header(void **state)
{
	struct exchange x = seal(64);

	(void)state;
	expect_bad_header(&x, "{'alg':'ECDH-ES','enc':'A256GCM'}", "epk");
	expect_bad_header(&x, "{'alg':'dir','enc':'A256GCM'}", "alg");
	expect_bad_header(&x, "{'alg':'ECDH-ES','enc':'A256GCM','zip':'DEF'}",
			  "unknown member \"zip\"");
	expect_bad_header(&x, "{'alg':'PBES2-HS256+A128KW','enc':'A256GCM','p2c':2147483647}",
			  "unknown member \"p2c\"");
	expect_bad_header(&x,
			  "{'alg':'ECDH-ES','enc':'A256GCM','epk':{'kty':'oct','k':'" HASH43 "'}}",
			  "unknown member \"k\"");
	expect_bad_header(
		&x,
		"{'alg':'ECDH-ES','enc':'A256GCM','epk':{'kty':'EC','crv':'P-256','x':'" HASH43
		"','y':'" HASH43 "'}}",
		"not a point");
	expect_bad_header(
		&x,
		"{'alg':'ECDH-ES','enc':'A256GCM','epk':{'kty':'EC','crv':'P-521','x':'" HASH43
		"','y':'" HASH43 "'}}",
		"crv");
	end(&x);
}

static void a_release_of_the_wrong_size_is_neither_made_nor_opened(void **state)
{
	struct exchange x = seal(64);
	cc_auto_secret struct cc_secret big = {0};
	struct cc_secret none = {0};
	struct cc_error err = {0};
	cc_auto_free char *jwe = NULL, *huge = malloc(4001);

	(void)state;
	expect_ok(cc_secret_new(&big, CC_VOLUME_KEY_MAX + 1, &err), &err);
	assert_int_equal(seal_to(&big, x.public, &jwe, &err), -1);
	assert_int_equal(seal_to(&none, x.public, &jwe, &err), -1);
	assert_null(jwe);
	jwe = other_jwe("{'alg':'ECDH-ES','enc':'A256GCM'}", x.public, &big);
	expect_unopened(jwe, x.private, "lengths");
	memset(huge, 'A', 4000);
	huge[4000] = '\0';
	expect_unopened(huge, x.private, "longer than");
	expect_unopened("", x.private, "");
	expect_unopened("....", x.private, "");
	end(&x);
}

static void a_release_goes_to_a_checked_public_key_only(void **state)
{
	struct exchange x = seal(32);
	struct cc_error err = {0};
	char *jwe = NULL;

	(void)state;
	assert_int_equal(seal_to(&x.key, x.private, &jwe, &err), -1);
	assert_int_equal(seal_to(&x.key, agent_public, &jwe, &err), -1);
	expect_error(&err, CC_E_INVALID, "", "\"alg\" must be \"ECDH-ES\"");
	json_object_set_new(x.public, "y", json_string(HASH43));
	assert_int_equal(seal_to(&x.key, x.public, &jwe, &err), -1);
	assert_null(jwe);
	end(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_release_opens_with_its_one_time_key),
		cmocka_unit_test(a_release_is_a_compact_jwe_that_libjose_reads),
		cmocka_unit_test(two_releases_of_one_key_share_nothing),
		cmocka_unit_test(another_key_does_not_open_a_release),
		cmocka_unit_test(every_changed_part_of_a_release_is_noticed),
		cmocka_unit_test(a_jwe_that_libjose_makes_opens),
		cmocka_unit_test(a_private_key_that_is_not_its_points_opens_nothing),
		cmocka_unit_test(other_algorithms_are_refused_whatever_the_header_says),
		cmocka_unit_test(nothing_but_a_public_p256_point_is_taken_from_the_header),
		cmocka_unit_test(a_release_of_the_wrong_size_is_neither_made_nor_opened),
		cmocka_unit_test(a_release_goes_to_a_checked_public_key_only),
	};

	return cmocka_run_group_tests(tests, agent_new, agent_forget);
}
