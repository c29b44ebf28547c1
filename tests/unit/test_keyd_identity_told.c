// SPDX-License-Identifier: Apache-2.0
/* What is told of several identities of a volume. */
#include "keyd_versions.h"

/* ---- lists ---- */

static struct got ask_after(struct world *w, enum op op, const char *arg, const char *after)
{
	struct request rq = {.op = op, .plane = PLANE_ADMIN, .body = "", .paged = true};
	struct answer a = {0};

	snprintf(rq.arg, sizeof(rq.arg), "%s", arg);
	snprintf(rq.after, sizeof(rq.after), "%s", after);
	custodian_handle(&w->custodian, &rq, &a);
	return (struct got){.http = a.http, .text = a.text, .body = json_loads(a.text, 0, NULL)};
}

static void a_list_says_of_each_whether_it_starts_and_goes_on(void **state)
{
	static const struct {
		bool starts, goes_on;
		const char *state;
	} want[] = {{false, false, "live"}, {true, true, "live"}, {false, true, "drained"}};
	struct world *w = *state;
	auto_got struct got g = {0}, page = {0};
	const json_t *list;

	add(w, version(4, 0, NULL));
	add(w, version(5, 4, NULL));
	ask_ok(w, OP_IDENTITY_DRAIN, "pgdata", serial(5));
	g = ask(w, OP_IDENTITY_LIST, "", NULL);
	list = json_object_get(g.body, "identities");
	assert_int_equal(json_array_size(list), 3);
	for (size_t i = 0; i < 3; i++) {
		const json_t *o = json_array_get(list, i);

		assert_int_equal(json_integer_value(json_object_get(o, "serial")), i + 3);
		assert_int_equal(json_is_true(json_object_get(o, "starts")), want[i].starts);
		assert_int_equal(json_is_true(json_object_get(o, "goesOn")), want[i].goes_on);
		assert_string_equal(json_string_value(json_object_get(o, "state")), want[i].state);
	}
	page = ask_after(w, OP_IDENTITY_LIST, "", "pgdata:4");
	list = json_object_get(page.body, "identities");
	assert_int_equal(json_array_size(list), 1);
	assert_true(json_is_null(json_object_get(page.body, "next")));
}

/* An agent measures what any of them wants, also an older one than the newest. */
static void what_an_older_identity_wants_measured_is_told(void **state)
{
	struct world *w = *state;
	auto_got struct got g = ask(w, OP_IDENTITY_GET, "pgdata", NULL);
	json_t *pred = version(4, 3, NULL);

	assert_non_null(
		strstr(g.text, "\"wants\":{\"rootfs\":false,\"demands\":false,\"proof\":false}"));
	json_object_set_new(json_object_get(pred, "image"), "rootfsDigest", json_string(DIGEST_2));
	json_object_set_new(pred, "demands", json_pack("[s]", "no-core"));
	add(w, pred);
	add(w, version(5, 3, NULL));
	g = (got_clear(&g), ask(w, OP_IDENTITY_GET, "pgdata", NULL));
	assert_non_null(
		strstr(g.text, "\"wants\":{\"rootfs\":true,\"demands\":true,\"proof\":false}"));
	ask_ok(w, OP_IDENTITY_REVOKE_ONE, "pgdata", serial(4));
	g = (got_clear(&g), ask(w, OP_IDENTITY_GET, "pgdata", NULL));
	assert_non_null(
		strstr(g.text, "\"wants\":{\"rootfs\":false,\"demands\":false,\"proof\":false}"));
}

/* ---- those with which a container starts, one by one ---- */

/* The answer says that a container starts with @n, and whether there is an older one. */
static void assert_starts(const struct got *g, uint64_t n, bool more)
{
	if (g->http != 200)
		fail_msg("%s", g->text);
	assert_true(json_is_true(json_object_get(g->body, "starts")));
	assert_int_equal(json_integer_value(json_object_get(g->body, "serial")), n);
	assert_int_equal(json_integer_value(json_object_get(g->body, "next")), more ? n : 0);
}

/* The serial of the identity that the record of the volume names; 0 for none. */
static json_int_t of_record(struct world *w)
{
	auto_got struct got g = ask(w, OP_VOLUME_GET, "pgdata", NULL);

	return json_integer_value(json_object_get(json_object_get(g.body, "identity"), "serial"));
}

static void a_volumes_record_names_the_newest_that_is_neither_drained_nor_revoked(void **state)
{
	struct world *w = *state;

	add(w, version(4, 3, NULL));
	add(w, version(5, 3, NULL));
	assert_int_equal(of_record(w), 5);
	ask_ok(w, OP_IDENTITY_DRAIN, "pgdata", serial(5));
	assert_int_equal(of_record(w), 4);
	ask_ok(w, OP_IDENTITY_REVOKE_ONE, "pgdata", serial(4));
	assert_int_equal(of_record(w), 3);
	ask_ok(w, OP_IDENTITY_DRAIN, "pgdata", serial(3));
	assert_int_equal(of_record(w), 0);
}

static void a_drained_newest_is_not_told_as_what_a_container_starts_with(void **state)
{
	struct world *w = *state;
	auto_got struct got first = {0}, second = {0}, end = {0};

	add(w, version(4, 3, "/app2"));
	add(w, version(5, 3, NULL));
	add(w, version(6, 3, NULL));
	ask_ok(w, OP_IDENTITY_DRAIN, "pgdata", serial(6));
	ask_ok(w, OP_IDENTITY_REVOKE_ONE, "pgdata", serial(4));
	first = ask(w, OP_IDENTITY_GET, "pgdata", NULL);
	assert_starts(&first, 5, true);
	assert_int_equal(json_integer_value(json_object_get(first.body, "lastSerial")), 6);
	second = ask_after(w, OP_IDENTITY_GET, "pgdata", "5");
	assert_starts(&second, 3, false);
	end = ask_after(w, OP_IDENTITY_GET, "pgdata", "3");
	assert_error(&end, 404, "not-found", "identity");
}

static void what_no_signer_of_now_signed_is_not_told_as_what_a_container_starts_with(void **state)
{
	struct world *w = *state;
	EVP_PKEY *second = new_p256();
	auto_got struct got g = {0};

	add_signer(w, "second", second);
	g = add_identity(w, second, version(4, 3, NULL));
	assert_int_equal(g.http, 200);
	g = (got_clear(&g), ask(w, OP_IDENTITY_GET, "pgdata", NULL));
	assert_starts(&g, 4, true);
	ask_ok(w, OP_SIGNER_DELETE, "second", NULL);
	g = (got_clear(&g), ask(w, OP_IDENTITY_GET, "pgdata", NULL));
	assert_starts(&g, 3, false);
	EVP_PKEY_free(second);
}

static void where_none_starts_the_newest_that_is_kept_is_told_and_that(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};

	add(w, version(4, 4, NULL));
	ask_ok(w, OP_IDENTITY_DRAIN, "pgdata", serial(4));
	g = ask(w, OP_IDENTITY_GET, "pgdata", NULL);
	assert_true(json_is_false(json_object_get(g.body, "starts")));
	assert_int_equal(json_integer_value(json_object_get(g.body, "serial")), 4);
	assert_string_equal(json_string_value(json_object_get(g.body, "state")), "drained");
	assert_true(json_is_null(json_object_get(g.body, "next")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		hosts_test(a_list_says_of_each_whether_it_starts_and_goes_on),
		hosts_test(what_an_older_identity_wants_measured_is_told),
		hosts_test(a_volumes_record_names_the_newest_that_is_neither_drained_nor_revoked),
		hosts_test(a_drained_newest_is_not_told_as_what_a_container_starts_with),
		hosts_test(
			what_no_signer_of_now_signed_is_not_told_as_what_a_container_starts_with),
		hosts_test(where_none_starts_the_newest_that_is_kept_is_told_and_that),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
