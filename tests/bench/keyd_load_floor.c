// SPDX-License-Identifier: Apache-2.0
/* What releases and renewals cannot do without, by OpenSSL alone, and Tang's server beside them. */
#include "keyd_load.h"

#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <jose/jose.h>
#include <openssl/evp.h>

#define TIMES 100

static unsigned char text[1400], sig[80], shared[128];
static size_t sig_len;

static void need(int ok)
{
	if (ok != 1)
		errx(1, "OpenSSL");
}

static void sign(EVP_PKEY *key)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	sig_len = sizeof(sig);
	need(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key));
	need(EVP_DigestSign(ctx, sig, &sig_len, text, sizeof(text)));
	EVP_MD_CTX_free(ctx);
}

static void verify(EVP_PKEY *key)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	need(EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key));
	need(EVP_DigestVerify(ctx, sig, sig_len, text, sizeof(text)));
	EVP_MD_CTX_free(ctx);
}

/* With itself: it costs the same. */
static void ecdh(EVP_PKEY *key)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t len = sizeof(shared);

	need(EVP_PKEY_derive_init(ctx));
	need(EVP_PKEY_derive_set_peer_ex(ctx, key, 0));
	need(EVP_PKEY_derive(ctx, shared, &len));
	EVP_PKEY_CTX_free(ctx);
}

static void keygen(EVP_PKEY *key)
{
	(void)key;
	EVP_PKEY_free(EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256"));
}

/* As what is measured beside it: the mean, with all that the host does meanwhile. */
static int64_t mean(void (*what)(EVP_PKEY *), EVP_PKEY *key)
{
	int64_t at = clock_ns(CLOCK_PROCESS_CPUTIME_ID);

	for (int i = 0; i < TIMES; i++)
		what(key);
	return (clock_ns(CLOCK_PROCESS_CPUTIME_ID) - at) / TIMES;
}

struct floor floor_measure(void)
{
	static EVP_PKEY *p256, *p521;

	if (!p256) {
		p256 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
		p521 = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-521");
		sign(p256);
	}
	return (struct floor){
		.verify_ns = mean(verify, p256),
		.ecdh_ns = mean(ecdh, p256),
		.keygen_ns = mean(keygen, p256),
		.ecdh521_ns = mean(ecdh, p521),
	};
}

/* ---- Tang ---- */

/* The thumbprint of the exchange key, out of the payload of the advertisement. */
static char *exchange_key(json_t *adv)
{
	json_t *payload = jose_b64_dec_load(json_object_get(adv, "payload")), *key;
	size_t i;

	json_array_foreach(json_object_get(payload, "keys"), i, key) {
		const char *alg = json_string_value(json_object_get(key, "alg"));
		json_t *thp;

		if (!alg || strcmp(alg, "ECMR") != 0)
			continue;
		thp = jose_jwk_thp(NULL, key, "S256");
		return strdup(json_string_value(thp));
	}
	errx(1, "Tang has no exchange key");
}

static pid_t start(const char *program, const char *keys, int *fd)
{
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		err(1, "socketpair");
	pid = fork();
	if (pid == 0) {
		dup2(pair[1], 0);
		dup2(pair[1], 1);
		if (!freopen("/dev/null", "w", stderr))
			_exit(127);
		execl(program, program, keys, NULL);
		_exit(127);
	}
	close(pair[1]);
	*fd = pair[0];
	return pid;
}

void tang_measure(const char *program, const char *keys, size_t rounds)
{
	struct peer p;
	int fd, status;
	pid_t pid = start(program, keys, &fd);
	char *thp, path[96], *body;
	json_t *jwk = json_pack("{s:s}", "alg", "ECMR");

	peer_take(&p, fd);
	thp = exchange_key(peer_ask(&p, "/adv", NULL));
	snprintf(path, sizeof(path), "/rec/%s", thp);
	if (!jose_jwk_gen(NULL, jwk) || !jose_jwk_pub(NULL, jwk))
		errx(1, "jose");
	body = json_dumps(jwk, JSON_COMPACT);
	for (size_t round = 0; round <= rounds; round++) {
		int64_t cpu;

		peers_clear(&p, 1);
		for (size_t i = 0; i < PER_PEER; i++)
			peer_order(&p, path, body, 0);
		cpu = cpu_ns(pid);
		peers_run_in_turn(&p, 1);
		cpu = (cpu_ns(pid) - cpu) / PER_PEER;
		if (round) /* the first one warms up */
			printf("{\"measure\": \"tang\", \"cpuNs\": %lld, \"floorNs\": %lld}\n",
			       (long long)cpu, (long long)floor_measure().ecdh521_ns);
	}
	close(fd);
	waitpid(pid, &status, 0);
}
