// SPDX-License-Identifier: Apache-2.0
/* What dmctl and the agent ask keyd, over a real socket: the test is keyd, answer by answer. */
#include "turns.h"

static size_t list(struct cc_error *err)
{
	cc_auto_json json_t *answer = NULL;
	json_t *rows = NULL;

	*err = (struct cc_error){0};
	if (keyd_list("/v1/volumes", "volumes", &answer, &rows, err))
		return 0;
	assert_int_equal(json_object_size(answer), 1);
	return json_array_size(rows);
}

static void a_list_is_followed_page_by_page(void **state)
{
	static const struct turn turns[] = {
		{"GET /v1/volumes?after= ", 200, "{\"volumes\":[1,2],\"next\":\"b\"}", false},
		{"GET /v1/volumes?after=b ", 200, "{\"volumes\":[3],\"next\":\"web:7\"}", false},
		{"GET /v1/volumes?after=web:7 ", 200, "{\"volumes\":[4],\"next\":null}", false},
	};
	struct cc_error err;

	start(*state, turns);
	assert_int_equal(list(&err), 4);
	all_came(*state);
}

static void what_pages_left_out_is_named_once(void **state)
{
	static const struct turn turns[] = {
		{"GET /v1/volumes?after= ", 200,
		 "{\"volumes\":[1],\"next\":\"b\",\"badRows\":[\"x\",\"y\"],\"badRowsMore\":3}",
		 false},
		{"GET /v1/volumes?after=b ", 200,
		 "{\"volumes\":[2],\"next\":null,\"badRows\":[\"y\",\"z\"],\"badRowsMore\":4}",
		 false},
	};
	cc_auto_json json_t *answer = NULL, *want = json_pack("[s, s, s]", "x", "y", "z");
	json_t *rows = NULL;
	struct cc_error err;

	start(*state, turns);
	assert_int_equal(keyd_list("/v1/volumes", "volumes", &answer, &rows, &err), 0);
	assert_int_equal(json_array_size(rows), 2);
	assert_true(json_equal(json_object_get(answer, "badRows"), want));
	assert_int_equal(json_integer_value(json_object_get(answer, "badRowsMore")), 7);
	all_came(*state);
}

static void an_older_keyd_is_asked_for_all_at_once(void **state)
{
	static const struct turn turns[] = {
		{"GET /v1/volumes?after= ", 400,
		 "{\"error\":{\"code\":\"usage\",\"status\":1,\"fact\":\"path\",\"message\":\"x\"}}",
		 false},
		{"GET /v1/volumes ", 200, "{\"volumes\":[1,2,3]}", false},
	};
	struct cc_error err;

	start(*state, turns);
	assert_int_equal(list(&err), 3);
	all_came(*state);
}

static void a_page_that_leads_to_itself_or_elsewhere_is_an_error(void **state)
{
	static const struct turn itself[] = {
		{"GET /v1/volumes?after= ", 200, "{\"volumes\":[1],\"next\":\"b\"}", false},
		{"GET /v1/volumes?after=b ", 200, "{\"volumes\":[1],\"next\":\"b\"}", false},
	};
	static const struct turn elsewhere[] = {
		{"GET /v1/volumes?after= ", 200, "{\"volumes\":[1],\"next\":\"b&x=/../\"}", false},
	};
	struct cc_error err;

	start(*state, itself);
	assert_int_equal(list(&err), 0);
	assert_int_equal(err.code, CC_E_INVALID);
	all_came(*state);
	start(*state, elsewhere);
	assert_int_equal(list(&err), 0);
	assert_int_equal(err.code, CC_E_INVALID);
	all_came(*state);
}

/* A part is not taken for the whole. */
static void a_list_that_breaks_off_is_an_error(void **state)
{
	static const struct turn turns[] = {
		{"GET /v1/volumes?after= ", 200, "{\"volumes\":[1],\"next\":\"b\"}", false},
		{"GET /v1/volumes?after=b ", 500,
		 "{\"error\":{\"code\":\"internal\",\"status\":11,\"fact\":\"\",\"message\":\"x\"}}",
		 false},
	};
	struct cc_error err;

	start(*state, turns);
	assert_int_equal(list(&err), 0);
	assert_int_equal(err.code, CC_E_INTERNAL);
	all_came(*state);
}

/* keyd keeps a challenge for the connection that asked for it. */
static void a_challenge_is_answered_on_its_connection(void **state)
{
	static const struct turn turns[] = {
		{"POST /v1/challenge ", 200,
		 "{\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"aud\":\"test\","
		 "\"expires_in\":30}",
		 false},
		{"POST /v1/release ", 403,
		 "{\"error\":{\"code\":\"refused\",\"status\":6,\"fact\":\"state\",\"message\":\"x\"}}",
		 true},
	};
	struct fixture *f = *state;
	cc_auto_secret struct cc_secret key = {0};
	cc_auto_json json_t *answer = NULL;
	struct cc_error err = {0};

	start(f, turns);
	assert_int_equal(keyd_release("format", "0a000000-0000-4000-8000-000000000001", NULL, NULL,
				      f->key, &key, &answer, NULL, &err),
			 -1);
	assert_string_equal(err.fact, "state");
	all_came(*state);
}

static void all_facts_of_a_refused_release_are_handed_on(void **state)
{
	static const struct turn turns[] = {
		{"POST /v1/challenge ", 200,
		 "{\"nonce\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"aud\":\"test\","
		 "\"expires_in\":30}",
		 false},
		{"POST /v1/release ", 403,
		 "{\"error\":{\"code\":\"refused\",\"status\":6,\"fact\":\"cwd\",\"message\":\"x\","
		 "\"facts\":[{\"fact\":\"cwd\",\"text\":\"x\"},{\"fact\":\"env\",\"text\":\"y\"},"
		 "{\"fact\":7}],\"factCount\":5,\"more\":true}}",
		 true},
	};
	struct fixture *f = *state;
	cc_auto_secret struct cc_secret key = {0};
	cc_auto_json json_t *answer = NULL, *want = NULL;
	struct cc_error err = {0};

	want = json_pack("{s:[{s:s, s:s}, {s:s, s:s}], s:i}", "facts", "fact", "cwd", "text", "x",
			 "fact", "env", "text", "y", "factCount", 5);
	start(f, turns);
	assert_int_equal(keyd_release("format", "0a000000-0000-4000-8000-000000000001", NULL, NULL,
				      f->key, &key, &answer, NULL, &err),
			 -1);
	assert_string_equal(err.fact, "cwd");
	assert_true(json_equal(answer, want));
	all_came(*state);
}

static void an_agent_asks_on_its_own_socket_where_there_is_one(void **state)
{
	static const struct turn turns[] = {
		{"GET /v1/volumes?after= ", 200, "{\"volumes\":[1],\"next\":null}", false},
	};
	struct fixture *f = *state;
	char agents[CC_SOCKET_PATH_LEN];
	struct cc_error err;

	assert_int_equal(keyd_client_as_agent(&err), 0);
	start(f, turns);
	assert_int_equal(list(&err), 1);
	all_came(f);
	assert_int_equal(cc_agents_socket(f->path, agents, &err), 0);
	start_at(f, agents, turns, 1);
	assert_int_equal(list(&err), 1);
	all_came(f);
	assert_string_equal(keyd_client_socket(), agents);
}

/* The volume plugin makes volumes for root, who asked the engine. */
static void an_agents_changes_are_asked_of_the_administrators_socket(void **state)
{
	static const struct turn turns[] = {
		{"POST /v1/volumes ", 201, "{}", false},
		{"DELETE /v1/volumes/pgdata ", 200, "{}", false},
	};
	struct fixture *f = *state;
	cc_auto_json json_t *body = json_object();
	cc_auto_close int agents = -1;
	char path[CC_SOCKET_PATH_LEN];
	struct cc_error err;

	assert_int_equal(keyd_client_as_agent(&err), 0);
	assert_int_equal(cc_agents_socket(f->path, path, &err), 0);
	agents = listen_at(path); /* who asks here would wait for ever */
	start(f, turns);
	assert_int_equal(keyd_request("POST", "/v1/volumes", body, NULL, &err), 0);
	assert_int_equal(keyd_request("DELETE", "/v1/volumes/pgdata", NULL, NULL, &err), 0);
	all_came(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		client_test(a_list_is_followed_page_by_page),
		client_test(what_pages_left_out_is_named_once),
		client_test(an_older_keyd_is_asked_for_all_at_once),
		client_test(a_page_that_leads_to_itself_or_elsewhere_is_an_error),
		client_test(a_list_that_breaks_off_is_an_error),
		client_test(a_challenge_is_answered_on_its_connection),
		client_test(all_facts_of_a_refused_release_are_handed_on),
		/* the last two: from then on it is the agent that asks */
		client_test(an_agent_asks_on_its_own_socket_where_there_is_one),
		client_test(an_agents_changes_are_asked_of_the_administrators_socket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
