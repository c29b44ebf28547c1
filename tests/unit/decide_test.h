/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide_test.h - the decision as a table: a container that matches its identity, and for a fact
 * each way to differ from it. An edit is "i MEMBER=JSON" in the identity's predicate or "m
 * MEMBER=JSON" in the measurement, several of them parted by ";"; without JSON the member is taken
 * away.
 */
#ifndef CC_DECIDE_TEST_H
#define CC_DECIDE_TEST_H

#include "lib_test.h"

#include "decide.h"
#include "identity.h"
#include "keep_identity.h"
#include "strv.h"

#define NOW 1780000000 /* 2026-05-28T20:26:40Z */

static const char identity_json[] =
	"{'_type':'https://in-toto.io/Statement/v0.1',"
	"'predicateType':'urn:container-crypt:identity:v1',"
	"'subject':[{'name':'app','digest':{'sha256':"
	"'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb'}}],"
	"'predicate':{'volume':'pgdata','mountPoint':'/srv/data','serial':3,"
	"'image':{'configDigest':'" DIGEST_A "'}}}";

static const char measurement_json[] =
	"{'engine':'docker','state':'created','container':{'id':'c0ffee','name':'app'},"
	"'process':{'pid':4711,'startTime':123456,'cgroupId':987},"
	"'image':{'id':'" DIGEST_A "','manifests':['" DIGEST_B "'],'ref':'app:v1',"
	"'args':['/app'],'env':['PATH=/app/bin','MODE=fast'],'cwd':'',"
	"'user':{'uid':1000,'gid':1000,'additionalGids':[10]}},"
	"'config':{'args':['/app'],'env':['PATH=/app/bin','MODE=fast','HOSTNAME=c0ffee'],"
	"'cwd':'/','user':{'uid':1000,'gid':1000,'additionalGids':[10]},"
	"'capabilities':['CAP_CHOWN','CAP_KILL'],'noNewPrivileges':false,"
	"'readonlyRootfs':false,'seccomp':'" DIGEST_C "','apparmor':'docker-default',"
	"'mounts':[{'destination':'/proc','type':'proc','source':'proc','options':[],"
	"'engine':true}],'devices':[],'hooks':[],'settings':[],'namespaces':{'cgroup':'private',"
	"'ipc':'private','mnt':'private','net':'private','pid':'private','uts':'private'},"
	"'privileged':false},'rootfs':{'upper':'clean','firstStart':true}}";

struct row {
	const char *what; /* the promise */
	const char *edits;
	const char *fact; /* NULL: allowed */
	const char *text; /* part of the refusal */
};

/* Applies one edit, "i a.b=JSON" or "m a.b=JSON". */
static inline void edit(char *text, json_t *identity, json_t *measurement)
{
	json_t *o = text[0] == 'i' ? json_object_get(identity, "predicate") : measurement;
	char *value = strchr(text, '='), *save = NULL, *key, *next;

	assert_true((text[0] == 'i' || text[0] == 'm') && text[1] == ' ' && value);
	*value++ = '\0';
	for (key = strtok_r(text + 2, ".", &save); (next = strtok_r(NULL, ".", &save)); key = next)
		o = json_object_get(o, key);
	if (*value)
		assert_int_equal(json_object_set_new(o, key, json_of(value)), 0);
	else
		assert_int_equal(json_object_del(o, key), 0);
}

struct parts {
	struct cc_identity *id;
	struct cc_measurement *m;
};

static inline struct parts make(const char *edits)
{
	cc_auto_json json_t *identity = json_of(identity_json);
	cc_auto_json json_t *measurement = json_of(measurement_json);
	cc_auto_free char *copy = strdup(edits), *text = NULL;
	struct cc_error err = {0};
	struct parts p;
	char *save = NULL;

	for (char *e = strtok_r(copy, ";", &save); e; e = strtok_r(NULL, ";", &save))
		edit(e, identity, measurement);
	text = json_dumps(identity, 0);
	p.id = cc_identity_parse(text, strlen(text), &err);
	if (!p.id)
		fail_msg("%s: %s", edits, err.text);
	keep_identity(json_object_get(identity, "predicate"));
	p.m = cc_measurement_from_json(measurement, &err);
	if (!p.m)
		fail_msg("%s: %s", edits, err.text);
	return p;
}

static inline void free_parts(struct parts *p)
{
	cc_identity_free(p->id);
	cc_measurement_free(p->m);
}

static inline struct cc_policy policy(void)
{
	return (struct cc_policy){.now = NOW, .volume = "pgdata", .serial = 3};
}

static inline int decide(const char *edits, const struct cc_policy *pol, struct cc_error *err)
{
	struct parts p = make(edits);
	int r = cc_decide(p.id, p.m, pol, err);

	free_parts(&p);
	return r;
}

/* One cmocka test a row, so that each promise has its own line. */
static inline void check_row(void **state)
{
	const struct row *r = *state;
	struct cc_policy pol = policy();
	struct cc_error err = {0};
	int got = decide(r->edits, &pol, &err);

	if (!r->fact) {
		if (got)
			fail_msg("refused: %s", err.text);
		return;
	}
	assert_int_equal(got, -1);
	expect_error(&err, CC_E_REFUSED, r->fact, r->text);
	assert_int_equal(strncmp(err.text, r->fact, strlen(r->fact)), 0);
}

#define DECIDE_ROWS_MAX 512

/* Runs @n rows and then @n_others tests. Return: as cmocka_run_group_tests(). */
static inline int run_rows(const struct row *rows, size_t n, const struct CMUnitTest *others,
			   size_t n_others)
{
	static char names[DECIDE_ROWS_MAX][128];
	static struct CMUnitTest tests[DECIDE_ROWS_MAX];

	if (n + n_others > DECIDE_ROWS_MAX)
		return 1;
	for (size_t i = 0; i < n; i++) {
		snprintf(names[i], sizeof(names[i]), "%s: %s",
			 rows[i].fact ? rows[i].fact : "allowed", rows[i].what);
		tests[i] = (struct CMUnitTest){.name = names[i],
					       .test_func = check_row,
					       .initial_state = (void *)(uintptr_t)&rows[i]};
	}
	for (size_t i = 0; i < n_others; i++)
		tests[n + i] = others[i];
	return _cmocka_run_group_tests("decision", tests, n + n_others, NULL, NULL);
}

#endif
