// SPDX-License-Identifier: Apache-2.0
/* Which of keyd's identities of a volume the host goes by: over a real socket, the test is keyd. */
#include "turns.h"

#include "decide_test.h"

#include "b64.h"
#include "dmctl/bind/bind_check.h"
#include "dmctl/client/keyd_identities.h"
#include "dmctl/client/predicate_file.h"
#include "dsse.h"

#define GET "GET /v1/identities/pgdata"

/* keyd's answer: an identity that differs by @edits, and @more members. */
static char *answered(const char *edits, const char *more)
{
	cc_auto_json json_t *identity = json_of(identity_json), *rest = json_of(more);
	cc_auto_json json_t *env = NULL, *answer = NULL;
	cc_auto_free char *copy = strdup(edits), *payload = NULL, *b64 = NULL, *text = NULL;
	char *save = NULL;

	for (char *e = strtok_r(copy, ";", &save); e; e = strtok_r(NULL, ";", &save))
		edit(e, identity, NULL);
	payload = json_dumps(identity, JSON_COMPACT);
	b64 = cc_b64_encode(payload, strlen(payload));
	env = json_pack("{s:s, s:s, s:[]}", "payloadType", CC_DSSE_INTOTO, "payload", b64,
			"signatures");
	text = json_dumps(env, JSON_COMPACT);
	answer = json_pack("{s:s}", "envelope", text);
	json_object_update(answer, rest);
	return json_dumps(answer, JSON_COMPACT);
}

/* Three with which a container starts: 5 and 4 are of other images, and 4 wants other arguments,
 * too; 3 is that of the container. */
struct three {
	char *body[3];
	struct turn turns[3];
};

static void three_free(struct three *t)
{
	for (size_t i = 0; i < 3; i++)
		free(t->body[i]);
}
#define auto_three cc_cleanup(three_free) struct three

static struct three three(void)
{
	struct three t = {
		.body = {answered("i serial=5;i image.configDigest='" DIGEST_B "'",
				  "{'starts':true,'next':5,'lastSerial':7,"
				  "'wants':{'rootfs':true,'demands':false}}"),
			 answered("i serial=4;i image.configDigest='" DIGEST_C
				  "';i process={'args':['/x']}",
				  "{'starts':true,'next':4}"),
			 answered("i serial=3", "{'starts':true,'next':null}")},
	};
	static const char *const asked[] = {GET " ", GET "?after=5 ", GET "?after=4 "};

	for (size_t i = 0; i < 3; i++)
		t.turns[i] = (struct turn){asked[i], 200, t.body[i], false};
	return t;
}

static struct cc_measurement *measured(const char *edits)
{
	struct parts p = make(edits);

	cc_identity_free(p.id);
	return p.m;
}

static void the_older_one_that_fits_is_picked_as_a_release_does(void **state)
{
	auto_keyd_identities list = {0};
	struct cc_policy pol = policy();
	const struct identity_envelope *by;
	auto_three t = three();
	struct cc_measurement *m = measured("");
	struct cc_nearest near;
	struct cc_error err = {0};

	start_n(*state, t.turns, 3);
	expect_ok(keyd_identities_get("pgdata", true, &list, &err), &err);
	all_came(*state);
	assert_true(list.starts && list.rootfs && !list.demands);
	assert_int_equal(list.last, 7);
	by = keyd_identities_pick(&list, m, &pol, &near);
	assert_non_null(by);
	assert_int_equal(by->id->serial, 3);
	cc_measurement_free(m);
}

static void what_fits_none_is_held_against_the_nearest(void **state)
{
	const struct cc_volume v = {.name = "pgdata"};
	cc_auto_json json_t *answer = NULL;
	auto_three t = three();
	struct cc_measurement *m = measured("m config.cwd='/tmp'");
	struct cc_error err = {0};

	start_n(*state, t.turns, 3);
	assert_int_equal(bind_check_decide(&v, m, &answer, &err), -1);
	all_came(*state);
	expect_error(&err, CC_E_REFUSED, "cwd",
		     "none of 3 identities, of the nearest, serial 3: cwd: ");
	assert_int_equal(json_integer_value(json_object_get(answer, "factCount")), 1);
	cc_measurement_free(m);
}

static void a_dry_run_says_which_one_lets_it_in(void **state)
{
	const struct cc_volume v = {.name = "pgdata"};
	cc_auto_json json_t *answer = NULL;
	auto_three t = three();
	struct cc_measurement *m = measured("");
	struct cc_error err = {0};

	start_n(*state, t.turns, 3);
	expect_ok(bind_check_decide(&v, m, &answer, &err), &err);
	all_came(*state);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(answer, "identity"), "serial")),
		3);
	cc_measurement_free(m);
}

static void a_dry_run_lets_nothing_in_where_no_container_starts(void **state)
{
	cc_auto_free char *body = answered("i serial=4", "{'starts':false,'next':null}");
	const struct turn turns[] = {{GET " ", 200, body, false}};
	const struct cc_volume v = {.name = "pgdata"};
	cc_auto_json json_t *answer = NULL;
	struct cc_measurement *m = measured("");
	struct cc_error err = {0};

	start(*state, turns);
	assert_int_equal(bind_check_decide(&v, m, &answer, &err), -1);
	all_came(*state);
	expect_error(&err, CC_E_REFUSED, "identity", "of serial 4");
	cc_measurement_free(m);
}

static void an_older_keyd_has_only_the_one_that_it_answers(void **state)
{
	cc_auto_free char *body = answered("i demands=['no-core']", "{}");
	const struct turn turns[] = {{GET " ", 200, body, false}};
	auto_keyd_identities list = {0};
	struct cc_error err = {0};

	start(*state, turns);
	expect_ok(keyd_identities_get("pgdata", true, &list, &err), &err);
	all_came(*state);
	assert_int_equal(list.n, 1);
	assert_true(list.starts && list.demands && !list.rootfs);
}

static void one_that_is_revoked_meanwhile_is_the_end_of_them(void **state)
{
	cc_auto_free char *body = answered("i serial=5", "{'starts':true,'next':5}");
	const struct turn turns[] = {
		{GET " ", 200, body, false},
		{GET "?after=5 ", 404,
		 "{\"error\":{\"code\":\"not-found\",\"status\":8,\"fact\":\"identity\","
		 "\"message\":\"x\"}}",
		 false},
	};
	auto_keyd_identities list = {0};
	struct cc_error err = {0};

	start(*state, turns);
	expect_ok(keyd_identities_get("pgdata", true, &list, &err), &err);
	all_came(*state);
	assert_int_equal(list.n, 1);
}

/* Else it would be asked for ever. */
static void one_that_is_not_below_the_one_before_is_an_error(void **state)
{
	cc_auto_free char *body = answered("i serial=5", "{'starts':true,'next':5}");
	const struct turn turns[] = {
		{GET " ", 200, body, false},
		{GET "?after=5 ", 200, body, false},
	};
	auto_keyd_identities list = {0};
	struct cc_error err = {0};

	start(*state, turns);
	assert_int_equal(keyd_identities_get("pgdata", true, &list, &err), -1);
	all_came(*state);
	assert_int_equal(err.code, CC_E_INVALID);
}

static void the_predicate_of_a_volume_is_that_of_the_newest_that_starts(void **state)
{
	auto_three t = three();
	cc_auto_json json_t *predicate = NULL;
	struct cc_error err = {0};

	start_n(*state, t.turns, 1);
	predicate = predicate_of_volume("pgdata", &err);
	all_came(*state);
	assert_int_equal(json_integer_value(json_object_get(predicate, "serial")), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		client_test(the_older_one_that_fits_is_picked_as_a_release_does),
		client_test(what_fits_none_is_held_against_the_nearest),
		client_test(a_dry_run_says_which_one_lets_it_in),
		client_test(a_dry_run_lets_nothing_in_where_no_container_starts),
		client_test(an_older_keyd_has_only_the_one_that_it_answers),
		client_test(one_that_is_revoked_meanwhile_is_the_end_of_them),
		client_test(one_that_is_not_below_the_one_before_is_an_error),
		client_test(the_predicate_of_a_volume_is_that_of_the_newest_that_starts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
