// SPDX-License-Identifier: Apache-2.0
/* An older copy of the database is put back: it is noticed, and nobody gets a volume twice. */
#include "keyd_marked.h"
#include "keyd_return.h"

#include <fcntl.h>
#include <sys/stat.h>

/* ---- it is noticed ---- */

static void an_older_database_gives_nobody_a_volume_while_the_longest_lease_may_run(void **state)
{
	struct world *w = *state;
	char id[37];

	copy_as(w, "old");
	hold(w, id);
	put_back(w, "old");
	assert_string_equal(last_audit(w).event, "quarantine");
	assert_quarantine(w);
	fake_boot_ms += END - 1;
	assert_quarantine(w);
	fake_boot_ms += 1;
	assert_free(w);
}

static void its_length_is_that_of_the_database_that_is_lost(void **state)
{
	struct world *w = *state;
	char id[37];

	copy_as(w, "old");
	ask_ok(w, OP_VOLUME_SET, "pgdata", json_pack("{s:i}", "leaseMs", 3 * MS));
	hold(w, id);
	put_back(w, "old");
	fake_boot_ms += LASTS(3 * MS) - 1;
	assert_quarantine(w);
	fake_boot_ms += 1;
	assert_free(w);
}

static void a_copy_that_lacks_only_the_last_answer_is_noticed(void **state)
{
	struct world *w = *state;
	char id[37];

	reopen_custodian(w);
	copy_as(w, "old");
	hold(w, id);
	/* It was killed, and nothing synced. */
	w->custodian.mark.unsynced = false;
	put_back(w, "old");
	assert_quarantine(w);
}

static void a_mark_that_is_missing_or_damaged_is_noticed(void **state)
{
	struct world *w = *state;

	custodian_close(&w->custodian);
	assert_int_equal(unlink(path_of(w, "anchor/" MARK_FILE)), 0);
	open_custodian(w);
	assert_quarantine(w);
	fake_boot_ms += END;
	assert_free(w);
	custodian_close(&w->custodian);
	assert_int_equal(truncate(path_of(w, "anchor/" MARK_FILE), 100), 0);
	open_custodian(w);
	assert_true(quarantine_on(&w->custodian));
}

static void the_database_that_was_served_last_is_served_on(void **state)
{
	struct world *w = *state;
	char id[37];

	hold(w, id);
	reopen_custodian(w);
	assert_false(quarantine_on(&w->custodian));
	assert_busy(w);
}

/* Killed between the commit and the mark. */
static void a_database_that_is_newer_than_the_mark_fits(void **state)
{
	struct world *w = *state;
	struct mark was = w->custodian.mark.mark;
	struct cc_error err;

	assert_free(w);
	w->custodian.mark.mark = was;
	assert_int_equal(mark_write(&w->custodian.mark, true, 0, &err), 0);
	reopen_custodian(w);
	assert_fits(w);
}

static void a_database_of_a_keyd_without_a_mark_is_served(void **state)
{
	struct world *w = *state;

	tamper_sealed(w, "DELETE FROM setting WHERE key = 'mark'");
	custodian_close(&w->custodian);
	unlink(path_of(w, "anchor/" MARK_FILE));
	open_custodian(w);
	assert_fits(w);
}

static void nothing_leaves_when_the_mark_cannot_be_written(void **state)
{
	struct world *w = *state;
	int fd = w->custodian.mark.slots.fd;
	auto_got struct got g = {0};

	w->custodian.mark.slots.fd = open("/dev/full", O_RDONLY);
	g = release_to(w, BOOT_1, CONTAINER_1);
	assert_error(&g, 500, "internal", "");
	assert_null(strstr(g.text, "jwe"));
	close(w->custodian.mark.slots.fd);
	w->custodian.mark.slots.fd = fd;
}

/* ---- what goes on ---- */

static void a_lease_that_runs_is_renewed_and_its_key_given_again(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	copy_as(w, "old");
	g = renew(w, id);
	put_back(w, "old");
	for (int i = 0; i < 4; i++) {
		fake_boot_ms += END / 4;
		g = (got_clear(&g), renew(w, id));
		assert_renewed(&g);
	}
	g = (got_clear(&g), release_to(w, BOOT_1, CONTAINER_1));
	assert_string_equal(lease_of(&g), id);
	assert_busy(w);
}

static void a_lease_that_was_over_does_not_come_back(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	copy_as(w, "old");
	fake_boot_ms += END;
	assert_free(w); /* host2 has it, and writes */
	put_back(w, "old");
	g = renew(w, id);
	assert_not_renewed(&g, "quarantine");
	g = (got_clear(&g), release_to(w, BOOT_1, CONTAINER_1));
	assert_error(&g, 409, "busy", "quarantine");
	fake_boot_ms += END;
	g = (got_clear(&g), renew(w, id));
	assert_not_renewed(&g, "quarantine");
	/* It may have the volume, but what it has in memory is of before. */
	g = (got_clear(&g), release_to(w, BOOT_1, CONTAINER_1));
	assert_int_equal(g.http, 200);
	assert_string_not_equal(lease_of(&g), id);
}

/* Its container was started again meanwhile: that it had the lease once says nothing. */
static void a_lease_that_was_returned_since_gives_no_key(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	copy_as(w, "old");
	return_lease(w, id);
	assert_free(w); /* host2 has it */
	put_back(w, "old");
	g = release_to(w, BOOT_1, CONTAINER_1);
	assert_error(&g, 409, "busy", "quarantine");
	fake_boot_ms += END;
	g = (got_clear(&g), release_to(w, BOOT_1, CONTAINER_1));
	assert_int_equal(g.http, 200);
	assert_true(fence_of(&g) > 2);
}

static void a_lease_of_another_boot_of_keyds_host_is_unsure(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	copy_as(w, "old");
	g = renew(w, id);
	assert_renewed(&g);
	fake_host_boot = SECOND_BOOT;
	fake_boot_ms = 5000;
	put_back(w, "old");
	g = (got_clear(&g), renew(w, id));
	assert_not_renewed(&g, "quarantine");
}

static void whose_kernel_has_the_key_renews_an_unsure_lease(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	char id[37];

	hold(w, id);
	copy_as(w, "old");
	g = renew(w, id);
	fake_host_boot = SECOND_BOOT;
	fake_boot_ms = 5000;
	put_back(w, "old");
	/* By the time that it is decided the key may be gone. */
	fake_kernel_left_ms = LEASE_PROOF_MS - 1;
	g = (got_clear(&g), renew(w, id));
	assert_not_renewed(&g, "quarantine");
	fake_kernel_left_ms = LEASE_PROOF_MS;
	g = (got_clear(&g), renew(w, id));
	assert_renewed(&g);
	/* It is its own from now on. */
	fake_kernel_left_ms = 0;
	g = (got_clear(&g), renew(w, id));
	assert_renewed(&g);
	g = (got_clear(&g), release_to(w, BOOT_1, CONTAINER_1));
	assert_string_equal(lease_of(&g), id);
}

static void no_fence_is_given_out_twice(void **state)
{
	struct world *w = *state;
	auto_got struct got g = {0};
	json_int_t highest;
	char id[37];

	copy_as(w, "old");
	for (int i = 0; i < 3; i++) {
		hold(w, id);
		ask_ok(w, OP_LEASE_REVOKE, id, NULL);
		fake_boot_ms += END;
	}
	g = release_to(w, BOOT_1, CONTAINER_1);
	highest = fence_of(&g);
	put_back(w, "old");
	fake_boot_ms += END;
	g = (got_clear(&g), release_to(w, BOOT_1, CONTAINER_1));
	assert_true(fence_of(&g) > highest);
}

static void no_key_is_given_to_format(void **state)
{
	struct world *w = *state;
	cc_auto_json json_t *recipient = one_time_key();
	cc_auto_free char *jws = NULL;
	auto_got struct got g = {0};
	json_t *body = volume_body("other", UUID_OTHER);
	struct claim cl;

	json_object_set_new(body, "creator", json_string("host1"));
	ask_ok(w, OP_VOLUME_CREATE, "", body);
	copy_as(w, "old");
	ask_ok(w, OP_VOLUME_READY, "other", json_object());
	put_back(w, "old");
	cl = claim_default(w, recipient);
	cl.volume = UUID_OTHER;
	cl.op = CC_OP_FORMAT;
	jws = sign_claim(&cl);
	g = send_release(w, jws, recipient);
	assert_error(&g, 409, "busy", "quarantine");
	assert_null(strstr(g.text, "jwe"));
}

/* ---- how long ---- */

static void it_outlives_a_restart_and_starts_again_with_a_boot(void **state)
{
	struct world *w = *state;
	char id[37];

	copy_as(w, "old");
	hold(w, id);
	put_back(w, "old");
	fake_boot_ms += END / 2;
	reopen_custodian(w);
	assert_quarantine(w);
	assert_int_equal(quarantine_left(&w->custodian), END - END / 2);
	fake_host_boot = SECOND_BOOT;
	fake_boot_ms = 5000;
	reopen_custodian(w);
	assert_int_equal(quarantine_left(&w->custodian), END);
	fake_boot_ms += END;
	assert_free(w);
	reopen_custodian(w);
	assert_false(quarantine_on(&w->custodian));
}

static void accepting_ends_it_and_is_in_the_audit_log(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	char id[37];
	bool was;

	copy_as(w, "old");
	hold(w, id);
	put_back(w, "old");
	assert_int_equal(
		mark_judge(w->custodian.store, &w->custodian.mark, &(enum mark_fit){0}, &err), 0);
	mark_close(&w->custodian.mark);
	assert_int_equal(quarantine_accept(&w->custodian, w->anchor, &was, &err), 0);
	assert_true(was);
	assert_string_equal(last_audit(w).event, "accept");
	reopen_custodian(w);
	assert_fits(w);
}

static void an_older_database_can_be_accepted_before_it_is_served(void **state)
{
	struct world *w = *state;
	char anchor[80], id[37];
	struct cc_error err;
	bool was;

	copy_as(w, "old");
	hold(w, id);
	memcpy(anchor, w->anchor, sizeof(anchor));
	w->anchor[0] = '\0';
	put_back(w, "old");
	memcpy(w->anchor, anchor, sizeof(anchor));
	assert_int_equal(quarantine_accept(&w->custodian, w->anchor, &was, &err), 0);
	assert_true(was);
	reopen_custodian(w);
	assert_fits(w);
	mark_close(&w->custodian.mark);
	assert_int_equal(quarantine_accept(&w->custodian, w->anchor, &was, &err), 0);
	assert_false(was);
}

static void health_and_metrics_say_so(void **state)
{
	struct world *w = *state;
	auto_got struct got g = ask(w, OP_HEALTHZ, "", NULL);
	char id[37];

	assert_string_equal(json_string_value(json_object_get(g.body, "status")), "ok");
	copy_as(w, "old");
	hold(w, id);
	put_back(w, "old");
	g = (got_clear(&g), ask(w, OP_HEALTHZ, "", NULL));
	assert_string_equal(json_string_value(json_object_get(g.body, "status")), "quarantine");
	assert_int_equal(json_integer_value(json_object_get(g.body, "leftMs")), END);
	g = (got_clear(&g), ask(w, OP_METRICS, "", NULL));
	assert_non_null(strstr(g.text, "container_crypt_quarantine_seconds 677\n"));
}

/* ---- the file ---- */

static void every_torn_write_leaves_the_mark_before_it(void **state)
{
	const struct world *w = *state;
	unsigned char bytes[SLOT_BYTES_MAX], torn[SLOT_SIZE];
	struct slots s;
	struct cc_error err;
	size_t len;

	assert_int_equal(slots_open(&s, path_of(w, "slots"), true, &err), 0);
	assert_int_equal(slots_read(&s, bytes, &len, &err), 0);
	assert_int_equal(len, 0);
	assert_int_equal(slots_write(&s, (const unsigned char *)"one", 3, true, &err), 0);
	assert_int_equal(slots_write(&s, (const unsigned char *)"two", 3, true, &err), 0);
	assert_int_equal(pread(s.fd, torn, SLOT_SIZE, 0), SLOT_SIZE);
	for (size_t i = 0; i < SLOT_SIZE; i++) {
		torn[i] ^= 1;
		assert_int_equal(pwrite(s.fd, torn, SLOT_SIZE, 0), SLOT_SIZE);
		assert_int_equal(slots_read(&s, bytes, &len, &err), 0);
		assert_int_equal(len, 3);
		assert_memory_equal(bytes, "one", 3);
		torn[i] ^= 1;
	}
	assert_int_equal(pwrite(s.fd, torn, SLOT_SIZE, 0), SLOT_SIZE);
	assert_int_equal(slots_read(&s, bytes, &len, &err), 0);
	assert_memory_equal(bytes, "two", 3);
	slots_close(&s);
}

static void a_file_that_others_can_read_is_refused(void **state)
{
	const struct world *w = *state;
	struct cc_error err;
	struct slots s;

	assert_int_equal(slots_open(&s, path_of(w, "slots"), true, &err), 0);
	slots_close(&s);
	assert_int_equal(chmod(path_of(w, "slots"), 0640), 0);
	assert_int_equal(slots_open(&s, path_of(w, "slots"), true, &err), -1);
	assert_int_equal(err.code, CC_E_PERM);
}

/* ---- the copy ---- */

static void a_copy_is_one_whole_file_that_nobody_else_reads(void **state)
{
	struct world *w = *state;
	struct cc_error err;
	struct stat sb;
	uint64_t rows;

	copy_as(w, "copy");
	assert_int_equal(stat(path_of(w, "copy"), &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0600);
	assert_int_equal(access(path_of(w, "copy-wal"), F_OK), -1);
	assert_int_equal(store_backup(w->custodian.store, path_of(w, "copy"), &rows, &err), -1);
	assert_int_equal(err.code, CC_E_EXISTS);
	put_back(w, "copy");
	assert_fits(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		marked_test(
			an_older_database_gives_nobody_a_volume_while_the_longest_lease_may_run),
		marked_test(its_length_is_that_of_the_database_that_is_lost),
		marked_test(a_copy_that_lacks_only_the_last_answer_is_noticed),
		marked_test(a_mark_that_is_missing_or_damaged_is_noticed),
		marked_test(the_database_that_was_served_last_is_served_on),
		marked_test(a_database_that_is_newer_than_the_mark_fits),
		marked_test(a_database_of_a_keyd_without_a_mark_is_served),
		marked_test(nothing_leaves_when_the_mark_cannot_be_written),
		marked_test(a_lease_that_runs_is_renewed_and_its_key_given_again),
		marked_test(a_lease_that_was_over_does_not_come_back),
		marked_test(a_lease_that_was_returned_since_gives_no_key),
		marked_test(a_lease_of_another_boot_of_keyds_host_is_unsure),
		marked_test(whose_kernel_has_the_key_renews_an_unsure_lease),
		marked_test(no_fence_is_given_out_twice),
		marked_test(no_key_is_given_to_format),
		marked_test(it_outlives_a_restart_and_starts_again_with_a_boot),
		marked_test(accepting_ends_it_and_is_in_the_audit_log),
		marked_test(an_older_database_can_be_accepted_before_it_is_served),
		marked_test(health_and_metrics_say_so),
		marked_test(every_torn_write_leaves_the_mark_before_it),
		marked_test(a_file_that_others_can_read_is_refused),
		marked_test(a_copy_is_one_whole_file_that_nobody_else_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
