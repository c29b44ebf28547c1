// SPDX-License-Identifier: Apache-2.0
/*
 * keyd_load - what tests/bench/keyd measures keyd with.
 *
 *	keyd_load setup SOCKET KEY             enrols host and signer, makes the volumes
 *	keyd_load fill STATE KEK VOLUMES LEASES   as many in all, while no keyd serves STATE
 *	keyd_load load SOCKET KEY PID ROUNDS [release|env]
 *	keyd_load signers SOCKET KEY PID       64 signers, 16 signatures of none of them
 *	keyd_load tang PROGRAM KEYS ROUNDS
 *
 * KEY is the agent's private key, PID keyd's custodian. Evidence is signed before what is measured.
 * Each measurement is one line of JSON.
 */
#include "keyd_load.h"

#include <err.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <openssl/pem.h>

#include "custodian/custodian.h"
#include "dsse.h"
#include "identity.h"
#include "jose.h"
#include "jwk.h"
#include "strv.h"

#define HOST "bench-host"
#define REALM "bench"
#define VOLUMES 16
#define BOOT "b0000000-0000-4000-8000-000000000001"
#define UUID "0a000000-0000-4000-8000-%012x"
#define SHA_A "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define SHA_B "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define CONTAINER "c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1c1%08zx"

static struct cc_error error;
static char leases[VOLUMES][CC_UUID_LEN];
static size_t extra_env;

static _Noreturn void give_up(const char *what)
{
	errx(1, "%s: %s", what, error.text);
}

/* ---- what is asked ---- */

static json_t *env_list(const char *first)
{
	json_t *list = json_pack("[s]", first);

	for (size_t i = 0; i < extra_env; i++)
		json_array_append_new(list, json_sprintf("V%zu=%zu", i, i));
	return list;
}

/* As docker 26 starts one with its defaults. */
static struct cc_measurement *measurement(size_t volume)
{
	static const char *const caps[] = {
		"CAP_AUDIT_WRITE", "CAP_CHOWN",	    "CAP_DAC_OVERRIDE", "CAP_FOWNER",
		"CAP_FSETID",	   "CAP_KILL",	    "CAP_MKNOD",	"CAP_NET_BIND_SERVICE",
		"CAP_NET_RAW",	   "CAP_SETFCAP",   "CAP_SETGID",	"CAP_SETPCAP",
		"CAP_SETUID",	   "CAP_SYS_CHROOT"};
	cc_auto_json json_t *user =
		json_pack("{s:i, s:i, s:[]}", "uid", 0, "gid", 0, "additionalGids");
	json_t *list = json_array();
	cc_auto_json json_t *m = NULL;
	struct cc_measurement *out;
	char id[65];

	snprintf(id, sizeof(id), CONTAINER, volume);
	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		json_array_append_new(list, json_string(caps[i]));
	m = json_pack(
		"{s:s, s:s, s:{s:s, s:s}, s:{s:i, s:i, s:i}, s:{s:s, s:[s], s:s, s:[s], s:o, s:s, s:O}, "
		"s:{s:[s], s:o, s:s, s:O, s:o, s:b, s:b, s:s, s:[], s:[], s:[], s:[], "
		"s:{s:s, s:s, s:s, s:s, s:s, s:s}, s:b}, s:{s:s, s:b}}",
		"engine", "docker", "state", "created", "container", "id", id, "name", "app",
		"process", "pid", 4242, "startTime", 1000, "cgroupId", 77, "image", "id", SHA_A,
		"manifests", SHA_B, "ref", "registry/app:1", "args", "/app", "env",
		env_list("PATH=/bin"), "cwd", "/", "user", user, "config", "args", "/app", "env",
		env_list("PATH=/bin"), "cwd", "/", "user", user, "capabilities", list,
		"noNewPrivileges", 0, "readonlyRootfs", 0, "seccomp", SHA_B, "mounts", "devices",
		"hooks", "settings", "namespaces", "cgroup", "private", "ipc", "private", "mnt",
		"private", "net", "private", "pid", "private", "uts", "private", "privileged", 0,
		"rootfs", "upper", "clean", "firstStart", 1);
	out = m ? cc_measurement_from_json(m, &error) : NULL;
	if (!out)
		give_up("measurement");
	return out;
}

static char *envelope(EVP_PKEY *signer, size_t volume)
{
	cc_auto_json json_t *pred =
		json_pack("{s:o, s:s, s:I, s:{s:s}}", "volume", json_sprintf("bench-%zu", volume),
			  "mountPoint", "/data", "serial", 1LL, "image", "configDigest", SHA_A);
	struct cc_strv subjects = {0};
	char *statement = NULL, *env = NULL;

	if (cc_strv_push(&subjects, SHA_B, &error))
		give_up("identity");
	statement = cc_identity_statement(pred, &subjects, "registry/app", &error);
	if (!statement ||
	    cc_dsse_sign(CC_DSSE_INTOTO, statement, strlen(statement), signer, &env, &error))
		give_up("identity");
	cc_strv_clear(&subjects);
	free(statement);
	return env;
}

/* Takes @body over. */
static void ask(struct peer *p, const char *path, json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT);

	json_decref(peer_ask(p, path, text));
	json_decref(body);
	free(text);
}

static void add_signer(struct peer *p, const char *name, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem;
	long len;

	PEM_write_bio_PUBKEY(bio, key);
	len = BIO_get_mem_data(bio, &pem);
	ask(p, "/v1/signers", json_pack("{s:s, s:s%}", "name", name, "pem", pem, (size_t)len));
	BIO_free(bio);
}

static void add_volume(struct peer *p, EVP_PKEY *signer, size_t volume)
{
	char path[64], *env = envelope(signer, volume);

	ask(p, "/v1/volumes",
	    json_pack("{s:o, s:o, s:s, s:i, s:i, s:i, s:i, s:s, s:i}", "name",
		      json_sprintf("bench-%zu", volume), "uuid",
		      json_sprintf(UUID, (unsigned int)volume), "cipher", "aes-xts-plain64",
		      "keyBytes", 64, "sectorSize", 4096, "offset", 65536, "sectors", 131072, "fs",
		      "ext4", "leaseMs", 600000));
	snprintf(path, sizeof(path), "/v1/volumes/bench-%zu/ready", volume);
	ask(p, path, json_object());
	ask(p, "/v1/identities", json_pack("{s:s}", "envelope", env));
	free(env);
}

static void setup(const char *socket, const char *key_file)
{
	EVP_PKEY *signer = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	json_t *agent = cc_jwk_new(HOST, false, &error), *public = cc_jwk_public(agent, &error);
	struct peer p;

	if (!public || json_dump_file(agent, key_file, JSON_COMPACT))
		give_up(key_file);
	peer_connect(&p, socket);
	add_signer(&p, "bench", signer);
	ask(&p, "/v1/agents", json_pack("{s:s, s:o}", "name", HOST, "jwk", public));
	for (size_t i = 0; i < VOLUMES; i++)
		add_volume(&p, signer, i);
}

/* ---- evidence ---- */

static struct cc_evidence evidence(struct peer *p, enum cc_op op)
{
	struct cc_evidence ev = {.op = op, .iat = time(NULL), .boot_id = BOOT};
	cc_auto_json json_t *answer = peer_ask(p, "/v1/challenge", "{}");
	const char *nonce = json_string_value(json_object_get(answer, "nonce"));

	if (!nonce || cc_b64u_decode32(nonce, ev.nonce))
		errx(1, "no nonce");
	ev.aud = strdup(REALM);
	ev.iss = strdup(HOST);
	ev.channel = strdup(CC_CHANNEL_UNIX);
	return ev;
}

/* Signs, and forgets @ev. */
static char *sign(struct cc_evidence *ev, const json_t *key)
{
	char *jws = NULL;

	if (cc_evidence_sign(ev, key, &jws, &error))
		give_up("evidence");
	cc_evidence_clear(ev);
	return jws;
}

/* Takes @body over. */
static char *dump(json_t *body)
{
	char *text = json_dumps(body, JSON_COMPACT);

	json_decref(body);
	return text;
}

static char *release_body(struct peer *p, const json_t *key, size_t volume)
{
	struct cc_evidence ev = evidence(p, CC_OP_RELEASE);
	cc_auto_json json_t *one_time = cc_jwk_new(NULL, true, &error);
	json_t *public = cc_jwk_public(one_time, &error);
	cc_auto_free char *jws = NULL;

	snprintf(ev.volume, sizeof(ev.volume), UUID, (unsigned int)volume);
	ev.jkt = cc_jwk_thumbprint(one_time, &error);
	ev.measurement = measurement(volume);
	jws = sign(&ev, key);
	return dump(json_pack("{s:s, s:o}", "evidence", jws, "recipient", public));
}

/* Of the first @n volumes. */
static char *renew_body(struct peer *p, const json_t *key, size_t n)
{
	struct cc_evidence ev = evidence(p, CC_OP_RENEW);
	cc_auto_free char *jws = NULL;

	ev.n_renewals = n;
	ev.renewals = calloc(n, sizeof(*ev.renewals));
	for (size_t i = 0; i < n; i++) {
		memcpy(ev.renewals[i].lease, leases[i], sizeof(leases[i]));
		snprintf(ev.renewals[i].volume, sizeof(ev.renewals[i].volume), UUID,
			 (unsigned int)i);
		ev.renewals[i].measurement = measurement(i);
	}
	jws = sign(&ev, key);
	return dump(json_pack("{s:s}", "evidence", jws));
}

/* ---- load ---- */

/**
 * struct bench - one keyd under measurement.
 * @done_ns: what a release took when all peers wanted one, for the rate that is half of that
 */
struct bench {
	struct peer peers[PEERS];
	json_t *key;
	int pid;
	int64_t done_ns;
};

/* Requests of one kind, @each of them from every peer; @renew leases each, 0: a release. */
static size_t prepare(struct bench *b, size_t each, size_t renew)
{
	char *bodies[PER_PEER];

	for (size_t i = 0; i < PEERS; i++) {
		struct peer *p = &b->peers[i];

		for (size_t k = 0; k < each; k++)
			bodies[k] = renew ? renew_body(p, b->key, renew)
					  : release_body(p, b->key, (i + k) % VOLUMES);
		for (size_t k = 0; k < each; k++) {
			peer_order(p, renew ? "/v1/renew" : "/v1/release", bodies[k], 0);
			free(bodies[k]);
		}
	}
	return PEERS * each;
}

/* What a release, or a renewal of so many leases, cannot do without. */
static int64_t floor_of(size_t renew)
{
	const struct floor f = floor_measure();

	return renew ? (int64_t)(renew + 1) * f.verify_ns
		     : 2 * f.verify_ns + f.ecdh_ns + f.keygen_ns;
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static void print(const struct bench *b, const char *what, size_t n, int64_t cpu, int64_t floor)
{
	int64_t took[PEERS * PER_PEER];
	size_t all = 0;

	for (size_t i = 0; i < PEERS; i++)
		for (size_t k = 0; k < b->peers[i].n; k++)
			took[all++] = b->peers[i].orders[k].took_ns;
	qsort(took, all, sizeof(took[0]), compare);
	printf("{\"measure\": \"%s\", \"cpuNs\": %lld, \"floorNs\": %lld, \"p50Ns\": %lld, "
	       "\"p99Ns\": %lld, \"n\": %zu}\n",
	       what, (long long)cpu / (long long)n, (long long)floor, (long long)took[all / 2],
	       (long long)took[all * 99 / 100], all);
	fflush(stdout);
}

/* One peer after the other; what the custodian runs for one request. */
static void closed(struct bench *b, const char *what, size_t each, size_t renew)
{
	size_t n = prepare(b, each, renew);
	int64_t floor = floor_of(renew), cpu = cpu_ns(b->pid);

	peers_run_in_turn(b->peers, PEERS);
	print(b, what, n, cpu_ns(b->pid) - cpu, floor);
	peers_clear(b->peers, PEERS);
}

/* All of them at once. */
static void saturated(struct bench *b, size_t each)
{
	size_t n = prepare(b, each, 0);
	int64_t floor = floor_of(0), cpu = cpu_ns(b->pid), at = clock_ns(CLOCK_MONOTONIC);

	peers_run(b->peers, PEERS);
	b->done_ns = (clock_ns(CLOCK_MONOTONIC) - at) / (int64_t)n;
	print(b, "release, all at once", n, cpu_ns(b->pid) - cpu, floor);
	peers_clear(b->peers, PEERS);
}

/* Independent requests, on average half as many as it can serve. */
static void half_load(struct bench *b, size_t each)
{
	size_t n = prepare(b, each, 0);
	int64_t floor = floor_of(0), cpu = cpu_ns(b->pid);
	double at = (double)clock_ns(CLOCK_MONOTONIC) + 5e6;

	for (size_t k = 0; k < each; k++) {
		for (size_t i = 0; i < PEERS; i++) {
			b->peers[i].orders[k].due_ns = (int64_t)at;
			at -= log(1 - drand48()) * 2 * (double)b->done_ns;
		}
	}
	peers_run(b->peers, PEERS);
	print(b, "release, half load", n, cpu_ns(b->pid) - cpu, floor);
	peers_clear(b->peers, PEERS);
}

/* Has a lease of each volume. */
static void take_leases(struct bench *b)
{
	for (size_t i = 0; i < VOLUMES; i++) {
		cc_auto_free char *body = release_body(&b->peers[0], b->key, i);
		cc_auto_json json_t *answer = peer_ask(&b->peers[0], "/v1/release", body);
		const char *id =
			json_string_value(json_object_get(json_object_get(answer, "lease"), "id"));

		snprintf(leases[i], sizeof(leases[i]), "%s", id ? id : "");
	}
}

/* Fetching nonces counts against the rate as well. */
static void let_the_rate_recover(void)
{
	const struct timespec t = {.tv_nsec = 250000000};

	nanosleep(&t, NULL);
}

static void measure_all(struct bench *b)
{
	closed(b, "release", 4, 0);
	closed(b, "renew 1", 4, 1);
	closed(b, "renew 16", 4, VOLUMES);
	let_the_rate_recover();
	saturated(b, PER_PEER);
	let_the_rate_recover();
	half_load(b, PER_PEER);
	let_the_rate_recover();
}

static void measure_release(struct bench *b)
{
	closed(b, "release", 4, 0);
	let_the_rate_recover();
}

/* A host that sends many variables, as many in its image as in the container. */
static void measure_env(struct bench *b)
{
	static const size_t sizes[] = {0, 250, 500, 1000};
	char what[32];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		extra_env = sizes[i];
		snprintf(what, sizeof(what), "env %zu", extra_env);
		closed(b, what, 2, 0);
	}
	extra_env = 0;
	let_the_rate_recover();
}

static void load(char **argv)
{
	struct bench b = {.key = json_load_file(argv[1], 0, NULL), .pid = atoi(argv[2])};
	const char *only = argv[4] ? argv[4] : "";

	if (!b.key)
		errx(1, "%s", argv[1]);
	for (size_t i = 0; i < PEERS; i++)
		peer_connect(&b.peers[i], argv[0]);
	take_leases(&b);
	for (int round = atoi(argv[3]); round > 0; round--) {
		if (!strcmp(only, "release"))
			measure_release(&b);
		else if (!strcmp(only, "env"))
			measure_env(&b);
		else
			measure_all(&b);
	}
}

/* ---- more of everything ---- */

/* A copy of the first volume under the name @i, or the one that is there; whether it is new. */
static bool fill_volume(struct store *st, struct store_volume *v, size_t i)
{
	snprintf(v->rec.name, sizeof(v->rec.name), "fill-%zu", i);
	snprintf(v->rec.uuid, sizeof(v->rec.uuid), UUID, (unsigned int)i);
	if (store_volume_add(st, v, &error) == 0)
		return true;
	if (error.code != CC_E_EXISTS || store_volume_get(st, v->rec.name, v, &error))
		give_up("fill");
	return false;
}

/* Copies of the first volume, its identity and its lease, under other names. */
static void fill(const char *state, const char *kek, size_t volumes, size_t n_leases)
{
	struct custodian *c = calloc(1, sizeof(*c));
	store_auto_identity struct store_identity id = {0};
	struct store_volume v;
	struct store_leases held = {0};

	if (cc_secret_init(&error) || custodian_open(c, state, kek, STORE_SERVE, &error) ||
	    store_volume_get(c->store, "bench-0", &v, &error) ||
	    store_identity_get(c->store, v.id, &id, &error) ||
	    store_leases_of(c->store, v.id, &held, &error) || !held.n ||
	    store_begin(c->store, &error))
		give_up("fill");
	for (size_t i = VOLUMES; i < (volumes > n_leases ? volumes : n_leases); i++) {
		struct store_lease l = held.v[0];
		struct store_volume copy = v;

		bool is_new = fill_volume(c->store, &copy, i);

		snprintf(l.volume, sizeof(l.volume), "%s", copy.rec.name);
		snprintf(l.volume_uuid, sizeof(l.volume_uuid), "%s", copy.rec.uuid);
		snprintf(l.id, sizeof(l.id), "1e000000-0000-4000-8000-%012x", (unsigned int)i);
		if (is_new && i < volumes && store_identity_put(c->store, copy.id, &id, &error))
			give_up("fill");
		if (i < n_leases && store_lease_add(c->store, copy.id, &l, &error) &&
		    error.code != CC_E_EXISTS)
			give_up("fill");
	}
	if (store_commit(c->store, &error))
		give_up("fill");
	store_leases_clear(&held);
	custodian_close(c);
	free(c);
}

/* An envelope of 16 signatures, of a key that is not enrolled. */
static char *bad_envelope(void)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	cc_auto_free char *text = envelope(key, 0);
	json_t *env = json_loads(text, 0, NULL), *sigs = json_object_get(env, "signatures");
	json_t *sig = json_array_get(sigs, 0);

	json_object_del(sig, "keyid");
	while (json_array_size(sigs) < CC_DSSE_SIGS_MAX)
		json_array_append_new(sigs, json_deep_copy(sig));
	EVP_PKEY_free(key);
	return dump(json_pack("{s:o}", "envelope", json_string(dump(env))));
}

static void signers(char **argv)
{
	const int pid = atoi(argv[2]);
	char *body = bad_envelope();
	struct floor f = floor_measure();
	struct peer p;
	int64_t cpu;

	peer_connect(&p, argv[0]);
	for (int i = 1; i < 64; i++) {
		EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
		char name[16];

		snprintf(name, sizeof(name), "extra-%d", i);
		add_signer(&p, name, key);
		EVP_PKEY_free(key);
	}
	for (int round = 0; round < 5; round++) {
		peers_clear(&p, 1);
		peer_order(&p, "/v1/identities", body, 0);
		p.refusals = true;
		cpu = cpu_ns(pid);
		peers_run_in_turn(&p, 1);
		printf("{\"measure\": \"signers\", \"cpuNs\": %lld, \"floorNs\": %lld}\n",
		       (long long)(cpu_ns(pid) - cpu), (long long)f.verify_ns);
	}
	free(body);
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";

	srand48(time(NULL));
	if (cc_secret_heap_init(&error))
		give_up("memory");
	if (!strcmp(verb, "setup") && argc == 4)
		setup(argv[2], argv[3]);
	else if (!strcmp(verb, "fill") && argc == 6)
		fill(argv[2], argv[3], strtoul(argv[4], NULL, 10), strtoul(argv[5], NULL, 10));
	else if (!strcmp(verb, "load") && (argc == 6 || argc == 7))
		load(argv + 2);
	else if (!strcmp(verb, "signers") && argc == 5)
		signers(argv + 2);
	else if (!strcmp(verb, "tang") && argc == 5)
		tang_measure(argv[2], argv[3], strtoul(argv[4], NULL, 10));
	else
		errx(2, "usage: see the top of keyd_load.c");
	return 0;
}
