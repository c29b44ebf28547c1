// SPDX-License-Identifier: Apache-2.0
/* A binding's file: what is written is read, what is damaged is not believed. */
#include "lib_test.h"

#include <sys/wait.h>
#include <unistd.h>

#include "dmctl/bind/binding.h"
#include "dmctl/host/proc.h"

#define ID "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define UUID "3f2b8c1e-5d4a-4b6f-9c7d-8e1f0a2b3c4d"
#define A21 "aaaaaaaaaaaaaaaaaaaaa"
#define A63 A21 A21 A21
#define GOOD                                                                                  \
	"'volume':'pg.data','uuid':'" UUID "','device':'/dev/sda','engine':'docker',"         \
	"'container':'" ID "','containerName':'app','pid':7,'startTime':9,'mountPoint':'/d'," \
	"'readOnly':false,'since':'2026-11-23T00:00:00Z'"

static int parse(const char *text, struct binding *b, struct cc_error *err)
{
	cc_auto_json json_t *obj = json_of(text);

	return binding_from_json(b, obj, err);
}

static void a_binding_survives_the_round_trip(void **state)
{
	binding_auto struct binding a = {0}, b = {0};
	cc_auto_json json_t *obj = NULL;
	struct cc_error err;

	(void)state;
	expect_ok(
		parse("{" GOOD
		      ",'state':'bound','looked':true,'lookedLate':true,'filterUnread':true,'runtimeExe':'0:1/2/3/4','lease':{'id':'" UUID
		      "','fence':12,'ms':9000},"
		      "'terms':{'leaseMs':9000,'onLapse':'continue','onRevoke':'freeze','onLock':'error'}}",
		      &a, &err),
		&err);
	obj = binding_to_json(&a);
	expect_ok(binding_from_json(&b, obj, &err), &err);
	assert_string_equal(b.volume, "pg.data");
	assert_string_equal(b.lease, UUID);
	assert_int_equal(b.fence, 12);
	assert_true(b.looked);
	assert_true(b.looked_late);
	assert_true(b.filter_unread);
	assert_string_equal(b.runtime, "0:1/2/3/4");
	assert_int_equal(b.lease_ms, 9000);
	assert_int_equal(b.terms.on_lapse, CC_LAPSE_CONTINUE);
	assert_int_equal(b.terms.on_revoke, CC_REVOKE_FREEZE);
	assert_int_equal(b.terms.queue_ms, 0);
	assert_int_equal(b.pid, 7);
	assert_int_equal(b.start_time, 9);
	assert_int_equal(b.state, BINDING_BOUND);
	assert_int_equal(a.since, b.since);
}

static void a_binding_of_before_there_were_terms_has_the_usual_ones(void **state)
{
	binding_auto struct binding b = {0};
	struct cc_error err;

	(void)state;
	expect_ok(parse("{" GOOD ",'state':'bound','looked':true,'lease':{'id':'" UUID
			"','fence':12}}",
			&b, &err),
		  &err);
	assert_int_equal(b.lease_ms, 0);
	assert_int_equal(b.terms.lease_ms, 600000);
	assert_int_equal(b.terms.on_lapse, CC_LAPSE_FREEZE);
	assert_int_equal(b.terms.on_revoke, CC_REVOKE_KILL);
}

static void who_holds_it_is_kept_with_a_binding(void **state)
{
	binding_auto struct binding a = {0}, b = {0};
	cc_auto_json json_t *obj = NULL;
	struct cc_error err;

	(void)state;
	expect_ok(parse("{" GOOD ",'state':'removing','lease':null,'heldBy':'process 7 (cat)'}", &a,
			&err),
		  &err);
	obj = binding_to_json(&a);
	expect_ok(binding_from_json(&b, obj, &err), &err);
	assert_string_equal(b.held_by, "process 7 (cat)");
}

static void a_lease_that_is_not_known_yet_is_null(void **state)
{
	binding_auto struct binding a = {0};
	cc_auto_json json_t *obj = NULL;
	struct cc_error err;

	(void)state;
	expect_ok(parse("{" GOOD ",'state':'asked','lease':null}", &a, &err), &err);
	assert_string_equal(a.lease, "");
	obj = binding_to_json(&a);
	assert_true(json_is_null(json_object_get(obj, "lease")));
}

static void what_is_damaged_is_not_believed(void **state)
{
	static const char *const texts[] = {
		"[]",
		"{}",
		"{" GOOD "}",
		"{" GOOD ",'state':'happy'}",
		"{" GOOD ",'state':'bound','lease':[]}",
		"{" GOOD ",'state':'bound','shared':1}",
		"{" GOOD ",'state':'bound','looked':1}",
		"{" GOOD ",'state':'bound','lease':{'id':'x','fence':1}}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		binding_auto struct binding b = {0};
		struct cc_error err;

		assert_int_equal(parse(texts[i], &b, &err), -1);
		assert_int_equal(err.code, CC_E_INVALID);
	}
}

static void a_shared_binding_has_a_name_of_its_own(void **state)
{
	binding_auto struct binding one = {0}, shared = {0};
	struct cc_error err;
	char volume[64];

	(void)state;
	expect_ok(parse("{" GOOD ",'state':'bound'}", &one, &err), &err);
	assert_string_equal(one.name, "pg.data");
	expect_ok(parse("{" GOOD ",'state':'bound','shared':true}", &shared, &err), &err);
	assert_string_equal(shared.name, "pg.data@aaaaaaaaaaaa");
	binding_volume(shared.name, volume);
	assert_string_equal(volume, "pg.data");
	assert_true(binding_is_of(one.name, "pg.data"));
	assert_true(binding_is_of(shared.name, "pg.data"));
	assert_false(binding_is_of(shared.name, "pg"));
	assert_false(binding_is_of(shared.name, "pg.data@"));
}

static void other_names_are_none_of_a_binding(void **state)
{
	static const char *const good[] = {"v", "v@0123456789ab", A63, A63 "@0123456789ab"};
	static const char *const bad[] = {"",
					  "@0123456789ab",
					  "v@",
					  "v@0123456789a",
					  "v@0123456789abc",
					  "v@0123456789aB",
					  "v@../456789abc",
					  "v/@0123456789ab",
					  A63 "a",
					  A63 "a@0123456789ab"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(binding_is_name(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(binding_is_name(bad[i]));
}

static void a_process_that_ended_is_not_alive_even_as_a_zombie(void **state)
{
	proc_auto_ref struct proc_ref p = PROC_REF_NONE;
	struct binding b = {0};
	struct cc_error err;
	int gate[2];
	pid_t pid;
	char c;

	(void)state;
	assert_int_equal(pipe(gate), 0);
	pid = fork();
	if (pid == 0) {
		close(gate[1]);
		_exit(read(gate[0], &c, 1) < 0);
	}
	close(gate[0]);
	expect_ok(proc_open(&p, pid, &err), &err);
	b.pid = (uint32_t)pid;
	b.start_time = p.start_time;
	assert_true(binding_alive(&b));
	b.start_time++;
	assert_false(binding_alive(&b));
	b.start_time--;
	close(gate[1]);
	assert_int_equal(waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
	assert_false(binding_alive(&b));
	assert_int_equal(proc_check(&p, &err), -1);
	expect_error(&err, CC_E_NOTFOUND, "", "is gone");
	waitpid(pid, NULL, 0);
	assert_false(binding_alive(&b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_binding_survives_the_round_trip),
		cmocka_unit_test(a_binding_of_before_there_were_terms_has_the_usual_ones),
		cmocka_unit_test(who_holds_it_is_kept_with_a_binding),
		cmocka_unit_test(a_lease_that_is_not_known_yet_is_null),
		cmocka_unit_test(what_is_damaged_is_not_believed),
		cmocka_unit_test(a_shared_binding_has_a_name_of_its_own),
		cmocka_unit_test(other_names_are_none_of_a_binding),
		cmocka_unit_test(a_process_that_ended_is_not_alive_even_as_a_zombie),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
