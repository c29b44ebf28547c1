// SPDX-License-Identifier: Apache-2.0
/*
 * keyd_client.c - requests to keyd (docs/api.md), over its Unix socket or over TLS.
 */
#include "client/keyd_client.h"

#include <jose/b64.h>
#include <openssl/crypto.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agents_socket.h"
#include "client/keyd_route.h"
#include "client/keyd_tls.h"
#include "client/renew_split.h"
#include "host/boot_id.h"
#include "host/boottime.h"
#include "evidence.h"
#include "facts.h"
#include "jose.h"
#include "file.h"
#include "host/http_unix.h"
#include "jwk.h"
#include "name.h"
#include "paths.h"
#include "release.h"
#include "volume.h"

#define ANSWER_MAX (16u * 1024 * 1024) /* bytes; an older keyd answers lists whole */
#define TOTAL_SECONDS 60L
#define AFTER_LEN 96 /* where a page of a list begins, and its NUL */
#define AFTER_CHARS "abcdefghijklmnopqrstuvwxyz0123456789_.:-"

static const char *socket_path = CC_KEYD_SOCKET;
static bool as_agent;
static char agents_path[CC_SOCKET_PATH_LEN];

void keyd_client_set_socket(const char *path)
{
	socket_path = path;
}

int keyd_client_as_agent(struct cc_error *err)
{
	if (keyd_is_url(socket_path))
		return 0;
	as_agent = true;
	return cc_agents_socket(socket_path, agents_path, err);
}

/* An older keyd has one socket for all. */
const char *keyd_client_socket(void)
{
	return as_agent && access(agents_path, F_OK) == 0 ? agents_path : socket_path;
}

int keyd_name(const char *s, const char *what, struct cc_error *err)
{
	if (cc_is_name(s))
		return 0;
	return cc_fail(
		err, CC_E_USAGE,
		"\"%.80s\" is not a valid name of %s %s: a-z 0-9 _ . -, at most 63 characters, the first "
		"one of a-z 0-9",
		s, strchr("aeiou", what[0]) ? "an" : "a", what);
}

/* What to do when there is no answer. */
static int unreachable(const struct http_request *r, struct cc_error *err)
{
	char said[CC_TEXT_MAX];

	if (err->code != CC_E_UNREACHABLE)
		return -1;
	memcpy(said, err->text, sizeof(said));
	return cc_fail(err, CC_E_UNREACHABLE, "%s; %s", said,
		       r->tls ? "look at keyd there (\"systemctl status container-crypt-keyd\")"
			      : "start it with \"systemctl start container-crypt-keyd\" or set it "
				"up with \"dmctl init\"");
}

/* One HTTP exchange. */
static int exchange(const struct keyd_route *to, const char *method, const char *path,
		    const char *body, struct http_answer *answer, struct cc_error *err)
{
	struct http_request request = {
		.who = "keyd",
		.socket = to->socket,
		.tls = to->tls,
		.line = to->line,
		.method = method,
		.path = path,
		.body = body,
		.max = ANSWER_MAX,
		.seconds = to->seconds ?: TOTAL_SECONDS,
		.sent = to->sent,
		.arg = to->arg,
	};

	if (!request.tls && keyd_is_url(to->socket)) {
		request.tls = keyd_tls_open(to->socket, err);
		if (!request.tls)
			return -1;
	}
	return http_unix(&request, answer, err) == 0 ? 0 : unreachable(&request, err);
}

/* Not cc_json_parse(): its limit is for documents of strangers, and a list of volumes grows. */
static json_t *parse_answer(const struct http_answer *a, struct cc_error *err)
{
	json_error_t e;
	json_t *json = json_loadb(a->body ? a->body : "", a->len, JSON_REJECT_DUPLICATES, &e);

	if (!json)
		cc_fail(err, CC_E_INVALID, "answer of keyd, HTTP status %ld: %s", a->status,
			e.text);
	return json;
}

/* Of an error: what it says of all facts, if anything. */
static int take_facts(const json_t *json, json_t **facts, struct cc_error *err)
{
	cc_auto_json json_t *obj = json_object();

	if (!obj || cc_facts_take(obj, json_object_get(json, "error"), err))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (json_object_size(obj))
		*facts = cc_steal(obj);
	return -1;
}

int keyd_request_at(const struct keyd_route *to, const char *method, const char *path,
		    const json_t *body, json_t **answer, struct cc_error *err)
{
	cc_cleanup(http_answer_clear) struct http_answer out = {0};
	cc_auto_free char *text = NULL;
	cc_auto_json json_t *json = NULL;

	if (answer)
		*answer = NULL;
	if (body) {
		text = json_dumps(body, JSON_COMPACT);
		if (!text)
			return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	if (exchange(to, method, path, text, &out, err))
		return -1;
	json = parse_answer(&out, err);
	if (!json)
		return -1;
	if (cc_error_from_json(err, json))
		return answer ? take_facts(json, answer, err) : -1;
	if (out.status != 200 && out.status != 201)
		return cc_fail(err, CC_E_INTERNAL, "keyd answered HTTP status %ld without an error",
			       out.status);
	if (answer)
		*answer = cc_steal(json);
	return 0;
}

int keyd_request(const char *method, const char *path, const json_t *body, json_t **answer,
		 struct cc_error *err)
{
	/* What changes something is administration: by the agent for whoever asked its plugin. */
	const char *socket = strcmp(method, "GET") ? socket_path : keyd_client_socket();

	return keyd_request_at(&(struct keyd_route){.socket = socket}, method, path, body, answer,
			       err);
}

/* One page; an older keyd has no pages and refuses the query. */
static int fetch_page(const char *path, const char *after, json_t **answer, struct cc_error *err)
{
	char full[160];

	snprintf(full, sizeof(full), "%s?after=%s", path, after);
	if (keyd_request("GET", full, NULL, answer, err) == 0)
		return 0;
	if (after[0] || err->code != CC_E_USAGE || strcmp(err->fact, "path") != 0)
		return -1;
	return keyd_request("GET", path, NULL, answer, err);
}

/* Where the next page begins, "" for nowhere. */
static int read_next(const json_t *page, char after[static AFTER_LEN], struct cc_error *err)
{
	const char *next = json_string_value(json_object_get(page, "next")) ?: "";

	if (strlen(next) >= AFTER_LEN || strspn(next, AFTER_CHARS) != strlen(next) ||
	    (next[0] && strcmp(next, after) == 0))
		return cc_fail(err, CC_E_INVALID, "answer of keyd: its pages do not advance");
	memcpy(after, next, strlen(next) + 1);
	return 0;
}

/* Names of rows that keyd left out; one between two pages is named by both. */
static int add_bad_rows(json_t *all, const json_t *page, struct cc_error *err)
{
	const json_t *rows = json_object_get(page, "badRows"), *known;
	json_t *row;
	size_t i, k;

	json_array_foreach(rows, i, row) {
		json_array_foreach(all, k, known)
			if (json_equal(row, known))
				break;
		if (k == json_array_size(all) && json_array_append(all, row))
			return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	return 0;
}

int keyd_list(const char *path, const char *member, json_t **answer, json_t **list,
	      struct cc_error *err)
{
	cc_auto_json json_t *all = json_array(), *bad = json_array();
	char after[AFTER_LEN] = "";
	json_int_t more = 0;

	if (!all || !bad)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	do {
		cc_auto_json json_t *page = NULL;
		json_t *rows = NULL;

		if (fetch_page(path, after, &page, err) ||
		    cc_json_arr(page, "answer of keyd", member, true, &rows, err) ||
		    add_bad_rows(bad, page, err) || read_next(page, after, err))
			return -1;
		if (json_array_extend(all, rows))
			return cc_fail(err, CC_E_NOMEM, "out of memory");
		more += json_integer_value(json_object_get(page, "badRowsMore"));
	} while (after[0]);
	*answer = json_pack("{s:O, s:O*, s:o*}", member, all, "badRows",
			    json_array_size(bad) ? bad : NULL, "badRowsMore",
			    more ? json_integer(more) : NULL);
	if (!*answer)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	*list = json_object_get(*answer, member);
	return 0;
}

static json_t *read_agent_key(const char *path, struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	json_t *jwk;
	size_t len;

	if (cc_read_file(path, &text, &len, err)) {
		cc_prefix(err, "the agent's key (made by \"dmctl init\")");
		return NULL;
	}
	jwk = cc_json_parse(text, len, "the agent's key", err);
	OPENSSL_cleanse(text, len);
	return jwk;
}

int keyd_agent_name(const char *agent_key_path, char name[static 64], struct cc_error *err)
{
	cc_auto_json json_t *jwk = read_agent_key(agent_key_path, err);
	const char *kid = json_string_value(json_object_get(jwk, "kid"));

	if (!jwk)
		return -1;
	if (!kid || !cc_is_name(kid))
		return cc_fail(err, CC_E_INVALID, "%s: \"kid\" must be an agent's name",
			       agent_key_path);
	memcpy(name, kid, strlen(kid) + 1);
	return 0;
}

/**
 * struct session - one exchange that begins with a challenge, which keyd keeps for the connection
 * that asked for it. Everything in @ev is borrowed, so it is never passed to cc_evidence_clear().
 */
struct session {
	struct http_line line;
	json_t *agent_key;
	char *aud, *iss;
	char channel[CC_B64U_32 + 1];
	struct cc_evidence ev;
};

static void session_clear(struct session *s)
{
	http_line_close(&s->line);
	json_decref(s->agent_key);
	free(s->aud);
	free(s->iss);
}

static int session_post(struct session *s, const char *path, const json_t *body, json_t **answer,
			struct cc_error *err)
{
	const struct keyd_route to = {.socket = keyd_client_socket(), .line = &s->line};

	return keyd_request_at(&to, "POST", path, body, answer, err);
}

/* Asks for a nonce; fills s->ev.nonce and s->aud. */
static int challenge(struct session *s, struct cc_error *err)
{
	cc_auto_json json_t *empty = json_object();
	cc_auto_json json_t *answer = NULL;
	json_t *nonce;

	if (!empty)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (session_post(s, "/v1/challenge", empty, &answer, err) ||
	    cc_json_str(answer, "challenge", "aud", true, &s->aud, err))
		return -1;
	nonce = json_object_get(answer, "nonce");
	if (!json_is_string(nonce) ||
	    jose_b64_dec(nonce, s->ev.nonce, sizeof(s->ev.nonce)) != sizeof(s->ev.nonce))
		return cc_fail(err, CC_E_INVALID, "challenge: nonce is not 32 bytes of base64url");
	return 0;
}

/* Opens the key of a release answer and holds it against the volume record beside it. */
static int open_release(const json_t *answer, const char *uuid, const json_t *recipient,
			struct cc_secret *key, struct cc_error *err)
{
	cc_auto_free char *jwe = NULL;
	struct cc_volume v;
	json_t *volume;

	if (cc_json_str(answer, "release", "jwe", true, &jwe, err) ||
	    cc_json_obj(answer, "release", "volume", true, &volume, err) ||
	    cc_volume_from_json(&v, volume, err))
		return -1;
	if (strcmp(v.uuid, uuid))
		return cc_fail(err, CC_E_INVALID, "release: volume %s was asked for, not %s", uuid,
			       v.uuid);
	if (cc_release_open(jwe, strlen(jwe), recipient, key, err))
		return -1;
	if (key->len != v.key_bytes) {
		cc_secret_clear(key);
		return cc_fail(err, CC_E_INVALID, "release: the key does not have %u bytes",
			       v.key_bytes);
	}
	return 0;
}

/* The request of POST /v1/release: evidence for @ev signed by the agent, and the one-time key. */
static json_t *release_request(struct cc_evidence *ev, const json_t *agent_key,
			       const json_t *one_time, struct cc_error *err)
{
	cc_auto_json json_t *public = cc_jwk_public(one_time, err);
	cc_auto_free char *jkt = NULL;
	cc_auto_free char *jws = NULL;
	json_t *request;

	if (!public)
		return NULL;
	jkt = cc_jwk_thumbprint(public, err);
	if (!jkt)
		return NULL;
	ev->jkt = jkt;
	if (cc_evidence_sign(ev, agent_key, &jws, err))
		return NULL;
	request = json_pack("{s:s, s:O}", "evidence", jws, "recipient", public);
	if (!request)
		cc_fail(err, CC_E_NOMEM, "out of memory");
	return request;
}

/* Evidence is for the connection that the challenge came over. */
static int bind_channel(struct session *s, struct cc_error *err)
{
	_Static_assert(sizeof(CC_CHANNEL_UNIX) <= sizeof(s->channel), "a hash is longer");

	s->ev.channel = s->channel;
	if (!keyd_is_url(keyd_client_socket())) {
		memcpy(s->channel, CC_CHANNEL_UNIX, sizeof(CC_CHANNEL_UNIX));
		return 0;
	}
	if (!s->line.bound || cc_b64u_encode32(s->line.exporter, s->channel))
		return cc_fail(err, CC_E_INTERNAL,
			       "libcurl does not say over which TLS connection keyd answered");
	return 0;
}

static int session_start(struct session *s, const char *agent_key_path, enum cc_op op,
			 struct cc_error *err)
{
	s->agent_key = read_agent_key(agent_key_path, err);
	if (!s->agent_key ||
	    cc_json_str(s->agent_key, "the agent's key", "kid", true, &s->iss, err) ||
	    challenge(s, err) || boot_id(s->ev.boot_id, err))
		return -1;
	s->ev.aud = s->aud;
	s->ev.iss = s->iss;
	s->ev.iat = time(NULL);
	s->ev.op = op;
	return bind_channel(s, err);
}

int keyd_release(const char *op, const char *uuid, const struct cc_measurement *m, const char *gate,
		 const char *agent_key_path, struct cc_secret *key, json_t **answer,
		 uint64_t *asked_ms, struct cc_error *err)
{
	cc_cleanup(session_clear) struct session s = {0};
	cc_auto_json json_t *one_time = NULL;
	cc_auto_json json_t *request = NULL;

	*answer = NULL;
	if (!cc_is_uuid(uuid))
		return cc_fail(err, CC_E_USAGE, "\"%s\" is not a volume UUID", uuid);
	if (session_start(&s, agent_key_path,
			  strcmp(op, "format") == 0 ? CC_OP_FORMAT : CC_OP_RELEASE, err))
		return -1;
	one_time = cc_jwk_new(NULL, true, err);
	if (!one_time)
		return -1;
	memcpy(s.ev.volume, uuid, sizeof(s.ev.volume));
	s.ev.measurement = (struct cc_measurement *)m;
	s.ev.gate = (char *)gate;
	request = release_request(&s.ev, s.agent_key, one_time, err);
	if (!request)
		return -1;
	if (asked_ms)
		*asked_ms = lease_clock_ms();
	if (session_post(&s, "/v1/release", request, answer, err))
		return -1;
	if (open_release(*answer, uuid, one_time, key, err)) {
		json_decref(*answer);
		*answer = NULL;
		return -1;
	}
	return 0;
}

/* With a key to be had the answer is opened; else it is a lease only. */
static int maintain(struct session *s, const struct keyd_maintenance *m, const json_t *one_time,
		    struct cc_secret *key, json_t **answer, uint64_t *asked_ms,
		    struct cc_error *err)
{
	cc_auto_json json_t *request = NULL;
	cc_auto_free char *jws = NULL;
	char path[96];

	if (one_time) {
		request = release_request(&s->ev, s->agent_key, one_time, err);
	} else if (cc_evidence_sign(&s->ev, s->agent_key, &jws, err) == 0) {
		request = json_pack("{s:s}", "evidence", jws);
		if (!request)
			cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	if (!request)
		return -1;
	snprintf(path, sizeof(path), "/v1/volumes/%s/maintain", m->volume);
	*asked_ms = lease_clock_ms();
	if (session_post(s, path, request, answer, err))
		return -1;
	return one_time ? open_release(*answer, m->uuid, one_time, key, err) : 0;
}

int keyd_maintain(const struct keyd_maintenance *m, const char *agent_key_path,
		  struct cc_secret *key, json_t **answer, uint64_t *asked_ms, struct cc_error *err)
{
	cc_cleanup(session_clear) struct session s = {0};
	cc_auto_json json_t *one_time = NULL;

	*answer = NULL;
	if (keyd_name(m->volume, "volume", err) ||
	    session_start(&s, agent_key_path, CC_OP_MAINTAIN, err))
		return -1;
	if (key) {
		one_time = cc_jwk_new(NULL, true, err);
		if (!one_time)
			return -1;
	}
	memcpy(s.ev.volume, m->uuid, sizeof(s.ev.volume));
	memcpy(s.ev.maintenance, m->id, sizeof(s.ev.maintenance));
	s.ev.command = (char *)m->command;
	s.ev.gate = (char *)m->gate;
	if (maintain(&s, m, one_time, key, answer, asked_ms, err) == 0)
		return 0;
	json_decref(*answer);
	*answer = NULL;
	return -1;
}

/* After the challenge: keyd knows how old the nonce may be, and so how old what is said here is. */
static void age(struct cc_renewal *r, size_t n, uint64_t seen_ms)
{
	uint64_t passed = boottime_ms() - seen_ms;

	for (size_t i = 0; i < n; i++)
		r[i].left_ms = r[i].left_ms > passed ? r[i].left_ms - passed : 0;
}

/**
 * struct renewing - what all requests of a renewal share.
 * @seen_ms: when left_ms was looked at
 */
struct renewing {
	const char *agent_key_path;
	uint64_t seen_ms;
};

static int renew_once(void *arg, const struct cc_renewal *r, size_t n, json_t *renewals,
		      struct cc_error *err)
{
	const struct renewing *g = arg;
	cc_cleanup(session_clear) struct session s = {0};
	cc_auto_json json_t *request = NULL, *answer = NULL;
	struct cc_renewal now[CC_RENEWALS_MAX];
	cc_auto_free char *jws = NULL;
	json_t *list = NULL, *one;
	uint64_t asked_ms;
	size_t i;

	if (session_start(&s, g->agent_key_path, CC_OP_RENEW, err))
		return -1;
	memcpy(now, r, n * sizeof(*r));
	age(now, n, g->seen_ms);
	s.ev.n_renewals = n;
	s.ev.renewals = now;
	if (cc_evidence_sign(&s.ev, s.agent_key, &jws, err))
		return -1;
	request = json_pack("{s:s}", "evidence", jws);
	if (!request)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	asked_ms = lease_clock_ms();
	if (session_post(&s, "/v1/renew", request, &answer, err) ||
	    cc_json_arr(answer, "renewal", "renewals", true, &list, err))
		return -1;
	json_array_foreach(list, i, one)
		if (json_object_set_new(one, "askedMs", json_integer((json_int_t)asked_ms)) ||
		    json_array_append(renewals, one))
			return cc_fail(err, CC_E_INVALID, "renewal: not a list of objects");
	return 0;
}

int keyd_renew(const struct cc_renewal *r, size_t n, uint64_t seen_ms, const char *agent_key_path,
	       json_t *renewals, struct cc_error *err)
{
	struct renewing g = {.agent_key_path = agent_key_path, .seen_ms = seen_ms};

	return renew_split(r, n, &(struct renew_ask){.once = renew_once, .arg = &g}, renewals, err);
}

int keyd_lease_return(const char *lease_id, const char *agent_key_path, struct cc_error *err)
{
	cc_cleanup(session_clear) struct session s = {0};
	cc_auto_json json_t *request = NULL;
	cc_auto_free char *jws = NULL;
	char path[96];

	if (!cc_is_uuid(lease_id))
		return cc_fail(err, CC_E_USAGE, "\"%.40s\" is not a lease id", lease_id);
	if (session_start(&s, agent_key_path, CC_OP_RETURN, err))
		return -1;
	memcpy(s.ev.lease, lease_id, sizeof(s.ev.lease));
	if (cc_evidence_sign(&s.ev, s.agent_key, &jws, err))
		return -1;
	request = json_pack("{s:s}", "evidence", jws);
	if (!request)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	snprintf(path, sizeof(path), "/v1/leases/%s/return", lease_id);
	return session_post(&s, path, request, NULL, err);
}
