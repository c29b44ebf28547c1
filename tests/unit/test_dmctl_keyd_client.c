// SPDX-License-Identifier: Apache-2.0
/* What dmctl and the agent ask keyd, over a real socket: the test is keyd, answer by answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <ftw.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agents_socket.h"
#include "cleanup.h"
#include "dmctl/client/keyd_client.h"
#include "jwk.h"

/* A request that must come, and what it is answered with; @same: over the connection of before. */
struct turn {
	const char *request;
	int status;
	const char *body;
	bool same;
};

struct fixture {
	char dir[64], path[96], key[96];
	pid_t keyd;
};

static int listen_at(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%.100s", path);
	unlink(path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

/* The head and, for a POST, the body up to its closing brace. */
static void read_request(int fd, char *text, size_t size)
{
	size_t len = 0;

	memset(text, 0, size);
	while (len < size - 1) {
		ssize_t n = read(fd, text + len, size - 1 - len);
		const char *end;

		if (n <= 0)
			return;
		len += (size_t)n;
		end = strstr(text, "\r\n\r\n");
		if (end && (strncmp(text, "POST", 4) != 0 || text[len - 1] == '}'))
			return;
	}
}

/* Ends with 0 when all turns came, in their order. */
static _Noreturn void be_keyd(int listener, const struct turn *turns, size_t n)
{
	static char text[1 << 17];
	int fd = -1;

	for (size_t i = 0; i < n; i++) {
		if (!turns[i].same) {
			if (fd >= 0)
				close(fd);
			fd = accept(listener, NULL, NULL);
		}
		read_request(fd, text, sizeof(text));
		if (strncmp(text, turns[i].request, strlen(turns[i].request)) != 0) {
			fprintf(stderr, "wanted %s, got %.80s\n", turns[i].request, text);
			_exit(1);
		}
		dprintf(fd, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n%s", turns[i].status,
			strlen(turns[i].body), turns[i].body);
	}
	_exit(0);
}

static void start_at(struct fixture *f, const char *path, const struct turn *turns, size_t n)
{
	int listener = listen_at(path);

	fflush(NULL);
	f->keyd = fork();
	if (f->keyd == 0)
		be_keyd(listener, turns, n);
	close(listener);
}

#define start(f, turns) start_n((f), (turns), sizeof(turns) / sizeof((turns)[0]))

static void start_n(struct fixture *f, const struct turn *turns, size_t n)
{
	start_at(f, f->path, turns, n);
}

static void all_came(struct fixture *f)
{
	int status;

	assert_int_equal(waitpid(f->keyd, &status, 0), f->keyd);
	assert_int_equal(status, 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	cc_auto_json json_t *jwk = NULL;
	struct cc_error err;

	assert_non_null(f);
	strcpy(f->dir, "/tmp/test-client-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/keyd.sock", f->dir);
	snprintf(f->key, sizeof(f->key), "%s/agent.jwk", f->dir);
	assert_int_equal(cc_secret_heap_init(&err), 0);
	jwk = cc_jwk_new("host1", false, &err);
	assert_int_equal(json_dump_file(jwk, f->key, 0), 0);
	chmod(f->key, 0600);
	keyd_client_set_socket(f->path);
	*state = f;
	return 0;
}

static int remove_one(const char *path, const struct stat *sb, int type, struct FTW *ftw)
{
	(void)sb;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(f);
	return 0;
}

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
		 "{\"volumes\":[1],\"next\":\"b\",\"badRows\":[\"x\",\"y\"]}", false},
		{"GET /v1/volumes?after=b ", 200,
		 "{\"volumes\":[2],\"next\":null,\"badRows\":[\"y\",\"z\"]}", false},
	};
	cc_auto_json json_t *answer = NULL, *want = json_pack("[s, s, s]", "x", "y", "z");
	json_t *rows = NULL;
	struct cc_error err;

	start(*state, turns);
	assert_int_equal(keyd_list("/v1/volumes", "volumes", &answer, &rows, &err), 0);
	assert_int_equal(json_array_size(rows), 2);
	assert_true(json_equal(json_object_get(answer, "badRows"), want));
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

#define client_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

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
