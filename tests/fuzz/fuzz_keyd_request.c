// SPDX-License-Identifier: Apache-2.0
/*
 * Requests to a custodian with a volume, cosign's signer and an agent. An input is a byte that
 * picks the operation, the path's argument up to a line feed, behind a "?" the query's value, and
 * the body. Whatever comes, the answer is JSON, no key leaves, and the audit chain holds.
 */
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "evidence.h"
#include "file.h"
#include "fuzz.h"
#include "json_mutate.h"
#include "keyd/custodian/caller.h"
#include "keyd/custodian/handle.h"
#include "log.h"

#define REQUESTS 5000 /* until the database is made anew */
#define SIGNER "tests/fixtures/cosign/cosign.pub"

static const char volume[] =
	"{\"name\":\"pgdata\",\"uuid\":\"0a000000-0000-4000-8000-000000000001\","
	"\"cipher\":\"aes-xts-plain64\",\"keyBytes\":64,\"sectorSize\":4096,"
	"\"offset\":65536,\"sectors\":8,\"fs\":\"ext4\"}";
static const char agent[] = "{\"name\":\"host1\",\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\","
			    "\"x\":\"u5t2_tpl04lYbhIvCpmuFDLuwmyOCGQ_1GUhYoMlxFU\","
			    "\"y\":\"D352EkSeyfGBxJJPxYQ5tj7gApi4KXn98yVD9fZGE9I\"}}";

static struct custodian custodian;
static char dir[64];

static int64_t now(void)
{
	return 1800000000;
}

static int remove_one(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
	(void)sb;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void end_world(void)
{
	if (!dir[0])
		return;
	custodian_close(&custodian);
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	dir[0] = '\0';
}

static void ask(enum op op, const char *arg, const char *body, size_t len, struct answer *a)
{
	struct request rq = {
		.op = op, .plane = PLANE_ADMIN, .peer = 1, .body = body, .body_len = len};

	/* The one that is not an administrator's. */
	if (op == OP_ENROL)
		rq.plane = PLANE_ENROL;

	rq.paged = strchr(arg, '?') != NULL;
	snprintf(rq.arg, sizeof(rq.arg), "%.*s", (int)strcspn(arg, "?"), arg);
	snprintf(rq.after, sizeof(rq.after), "%s", rq.paged ? strchr(arg, '?') + 1 : "");
	snprintf(rq.channel, sizeof(rq.channel), "%s", CC_CHANNEL_UNIX);
	custodian_handle(&custodian, &rq, a);
}

static void must(enum op op, const char *arg, const char *body)
{
	answer_auto struct answer a = {0};

	ask(op, arg, body, strlen(body), &a);
	REQUIRE(a.http == 200);
}

static void add_signer(void)
{
	cc_auto_free char *pem = NULL, *body = NULL;
	cc_auto_json json_t *obj = NULL;
	struct cc_error err;
	size_t len;

	REQUIRE(!cc_read_file(SIGNER, &pem, &len, &err));
	obj = json_pack("{s:s, s:s}", "name", "cosign", "pem", pem);
	body = json_dumps(obj, 0);
	must(OP_SIGNER_ADD, "", body);
}

static void new_world(void)
{
	struct cc_secret key = {0};
	struct cc_error err;

	end_world();
	strcpy(dir, "/dev/shm/fuzz-keyd-XXXXXX");
	REQUIRE(mkdtemp(dir));
	custodian = (struct custodian){.clock = {now, now}};
	strcpy(custodian.realm, "testing");
	REQUIRE(!cc_secret_heap_init(&err));
	REQUIRE(!cc_secret_random(&key, KEK_LEN, &err));
	REQUIRE(!kek_from_secret(&key, &custodian.kek, &err));
	custodian.kept = kept_new(&err);
	custodian.store = store_open(dir, STORE_CREATE, &err);
	REQUIRE(custodian.kept && custodian.store && !custodian_unlock(&custodian, &err));
	REQUIRE(!caller_start(&custodian, true, &err));
	add_signer();
	must(OP_AGENT_ADD, "", agent);
	must(OP_VOLUME_CREATE, "", volume);
	must(OP_VOLUME_READY, "pgdata", "{}");
}

static void check_answer(const struct answer *a)
{
	cc_auto_json json_t *obj = NULL;

	REQUIRE(a->http >= 200 && a->http < 600 && a->text && strlen(a->text) == a->len);
	if (a->type == TEXT_METRICS)
		return;
	obj = json_loads(a->text, JSON_REJECT_DUPLICATES, NULL);
	REQUIRE(obj && !json_object_get(obj, "jwe"));
	REQUIRE((a->http == 200) == !json_object_get(obj, "error"));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

/* The body's members more often than the operation and its argument. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	const uint8_t *eol = size ? memchr(data, '\n', size) : NULL;
	size_t head = eol ? (size_t)(eol + 1 - data) : 0;

	if (!eol || head >= max_size || mutate_random(&seed, 4) == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	return head + mutate_json(data + head, size - head, max_size - head, seed, "{}");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	answer_auto struct answer a = {0};
	const uint8_t *eol = size ? memchr(data + 1, '\n', size - 1) : NULL;
	static unsigned int count;
	struct cc_error err;
	uint64_t rows;
	char arg[OP_ARG_LEN + OP_AFTER_LEN];

	if (!eol || size > MESSAGE_BODY_MAX)
		return 0;
	if (count == 0) {
		cc_log_init("fuzz", -1);
		atexit(end_world);
	}
	if (count++ % REQUESTS == 0)
		new_world();
	snprintf(arg, sizeof(arg), "%.*s", (int)(eol - data - 1), (const char *)data + 1);
	ask((enum op)(data[0] % (OP_END + 1)), arg, (const char *)eol + 1,
	    size - (size_t)(eol + 1 - data), &a);
	check_answer(&a);
	if (count % 500 == 0)
		REQUIRE(!store_audit_verify(custodian.store, &rows, &err));
	return 0;
}
