// SPDX-License-Identifier: Apache-2.0
/* dmctl apply and dmctl export against a real keyd: what is shown, what is asked, what is left. */
#include "keyd_served.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>

#include "dmctl/cli/cmd.h"
#include "dmctl/client/keyd_client.h"
#include "file.h"

#define ARGS_MAX 12

/**
 * struct fixture - a keyd with the volume pgdata, and what was said last.
 * @ci: a signer's private key
 * @out, @err_text: of the last verb
 */
struct fixture {
	struct served *keyd;
	EVP_PKEY *ci;
	json_t *host1;
	char document[96];
	char out[1 << 15], err_text[1 << 13];
};

/* ---- the verbs ----------------------------------------------------------------------------- */

static void slurp(int fd, char *text, size_t size)
{
	ssize_t n = pread(fd, text, size - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	close(fd);
}

static _Noreturn void verb(cmd_fn *fn, bool json, const char *const *args)
{
	const struct global_options g = {.json = json, .agent = "/nowhere"};
	char *argv[ARGS_MAX + 1] = {strdup("dmctl verb")};
	int argc = 1, rc;

	for (; args && *args && argc < ARGS_MAX; args++)
		argv[argc++] = strdup(*args);
	optind = 0;
	opterr = 0;
	rc = fn(argc, argv, &g);
	fflush(NULL);
	_exit(rc);
}

/* In a process of its own. Return: its exit status. */
static int run(struct fixture *f, cmd_fn *fn, bool json, const char *const *args)
{
	int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC), status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		dup2(out, STDOUT_FILENO);
		dup2(err, STDERR_FILENO);
		verb(fn, json, args);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	slurp(out, f->out, sizeof(f->out));
	slurp(err, f->err_text, sizeof(f->err_text));
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

#define VERB(f, fn, json, ...) run((f), (fn), (json), (const char *const[]){__VA_ARGS__, NULL})
#define apply(f, ...) VERB(f, cmd_apply, false, "-f", (f)->document, ##__VA_ARGS__)

static void expect_status(const struct fixture *f, int have, int want)
{
	if (have != want)
		fail_msg("exit status %d, not %d: %s%s", have, want, f->out, f->err_text);
}

static void expect_said(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" does not say \"%s\"", text, part);
}

/* ---- documents ----------------------------------------------------------------------------- */

static void write_text(const char *path, const char *text)
{
	struct cc_error err;

	assert_int_equal(cc_replace_file(path, text, strlen(text), 0600, &err), 0);
}

/* @doc is taken over, and becomes version 1. */
static void say(struct fixture *f, json_t *doc)
{
	cc_auto_free char *text = NULL;

	json_object_set_new(doc, "apiVersion", json_string("container-crypt/v1"));
	text = json_dumps(doc, JSON_INDENT(2));
	write_text(f->document, text);
	json_decref(doc);
}

static json_t *signer_of(const char *name, EVP_PKEY *key, const char *volumes)
{
	cc_auto_free char *pem = public_pem(key);

	return json_pack("{s:s, s:s, s:s*}", "name", name, "pem", pem, "volumes", volumes);
}

static json_t *agent_of(const char *name, const json_t *key, const char *volumes)
{
	struct cc_error err;

	return json_pack("{s:s, s:o, s:s*}", "name", name, "jwk", cc_jwk_public(key, &err),
			 "volumes", volumes);
}

static json_t *identity_of(EVP_PKEY *signer, uint64_t serial)
{
	cc_auto_free char *envelope = envelope_by(signer, predicate(serial));

	return json_pack("{s:s, s:s}", "volume", "pgdata", "envelope", envelope);
}

/* A signer, an agent, other terms than the default, an identity. */
static json_t *full(struct fixture *f, uint64_t serial)
{
	return json_pack("{s:[o], s:[o], s:[{s:s, s:i, s:s, s:s}], s:[o]}", "identities",
			 identity_of(f->ci, serial), "agents", agent_of("host1", f->host1, "pg*"),
			 "volumes", "name", "pgdata", "leaseMs", 120000, "onRevoke", "freeze",
			 "mountOptions", "noatime,noexec", "signers",
			 signer_of("ci", f->ci, "pg*,web"));
}

static void ask_keyd(const char *path, json_t *body)
{
	struct cc_error err;

	if (keyd_request("POST", path, body, NULL, &err))
		fail_msg("%s", err.text);
	json_decref(body);
}

static void make_volume(const char *name, const char *uuid)
{
	char path[96];

	snprintf(path, sizeof(path), "/v1/volumes/%s/ready", name);
	ask_keyd("/v1/volumes", volume_body(name, uuid));
	ask_keyd(path, json_object());
}

static void expect_changes(struct fixture *f, const char *changes)
{
	assert_string_equal(f->keyd->notes->changes, changes);
	served_forget(f->keyd);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	f->keyd = served_start();
	f->ci = new_p256();
	f->host1 = new_agent_key("host1");
	snprintf(f->document, sizeof(f->document), "%s/state.json", f->keyd->dir);
	keyd_client_set_socket(f->keyd->path);
	make_volume("pgdata", UUID_PGDATA);
	served_forget(f->keyd);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	served_stop(f->keyd);
	EVP_PKEY_free(f->ci);
	json_decref(f->host1);
	free(f);
	return 0;
}

/* ---- what is promised ---------------------------------------------------------------------- */

static void signers_and_agents_come_first_then_volumes_then_identities(void **state)
{
	struct fixture *f = *state;

	say(f, full(f, 3));
	expect_status(f, apply(f), 0);
	expect_changes(f, "POST /v1/signers\nPOST /v1/agents\nPOST /v1/volumes/pgdata/set\n"
			  "POST /v1/identities\n");
	expect_said(f->out, "+ signer ci: keyid sha256:");
	expect_said(f->out, "~ volume pgdata: leaseMs 600000 -> 120000");
	expect_said(f->out, "mountOptions  -> noexec,noatime");
	expect_said(f->out, "+ identity pgdata: serial 3, digest sha256:");
}

static void applied_again_it_changes_nothing_and_says_so(void **state)
{
	struct fixture *f = *state;

	say(f, full(f, 3));
	expect_status(f, apply(f), 0);
	served_forget(f->keyd);
	expect_status(f, apply(f), 0);
	expect_changes(f, "");
	assert_string_equal(f->out, "");
	assert_string_equal(f->err_text, "dmctl: nothing to change\n");
	expect_status(f, apply(f, "--diff"), 0);
	expect_status(f, VERB(f, cmd_apply, true, "-f", f->document), 0);
	assert_string_equal(f->out, "{\n  \"changed\": false,\n  \"changes\": []\n}\n");
}

static void what_is_exported_changes_nothing_when_applied_also_pruned(void **state)
{
	struct fixture *f = *state;

	say(f, full(f, 3));
	expect_status(f, apply(f), 0);
	served_forget(f->keyd);
	expect_status(f, VERB(f, cmd_export, false, NULL), 0);
	write_text(f->document, f->out);
	expect_status(f, apply(f, "--diff", "--prune"), 0);
	expect_status(f, apply(f, "--prune"), 0);
	expect_changes(f, "");
}

static void what_is_exported_makes_another_keyd_the_same(void **state)
{
	struct fixture *f = *state;
	cc_auto_free char *exported = NULL;
	struct served *other;

	say(f, full(f, 3));
	expect_status(f, apply(f), 0);
	expect_status(f, VERB(f, cmd_export, false, NULL), 0);
	exported = strdup(f->out);
	write_text(f->document, exported);
	other = served_start();
	keyd_client_set_socket(other->path);
	make_volume("pgdata", UUID_OTHER);
	expect_status(f, apply(f), 0);
	expect_status(f, VERB(f, cmd_export, false, NULL), 0);
	assert_string_equal(f->out, exported);
	served_stop(other);
}

static void an_envelope_that_keyd_was_given_with_blanks_is_the_same(void **state)
{
	struct fixture *f = *state;
	cc_auto_free char *envelope = envelope_by(f->ci, predicate(3)), *spaced = NULL;
	cc_auto_json json_t *parsed = json_loads(envelope, 0, NULL);

	spaced = json_dumps(parsed, JSON_INDENT(1));
	ask_keyd("/v1/signers", signer_of("ci", f->ci, NULL));
	ask_keyd("/v1/identities", json_pack("{s:s}", "envelope", spaced));
	served_forget(f->keyd);
	say(f,
	    json_pack("{s:[{s:s, s:s}]}", "identities", "volume", "pgdata", "envelope", envelope));
	expect_status(f, apply(f), 0);
	expect_status(f, VERB(f, cmd_export, false, NULL), 0);
	write_text(f->document, f->out);
	expect_status(f, apply(f), 0);
	expect_changes(f, "");
}

static void diff_says_what_would_change_and_changes_nothing(void **state)
{
	struct fixture *f = *state;
	cc_auto_json json_t *doc = NULL;

	say(f, full(f, 3));
	expect_status(f, apply(f, "--diff"), 1);
	expect_said(f->out, "+ signer ci: keyid sha256:");
	expect_said(f->out, ", volumes pg*,web\n+ agent host1");
	expect_said(f->out, "onRevoke kill -> freeze");
	expect_status(f, VERB(f, cmd_apply, true, "-f", f->document, "--diff"), 1);
	doc = json_loads(f->out, 0, NULL);
	assert_true(json_is_true(json_object_get(doc, "changed")));
	assert_int_equal(json_array_size(json_object_get(doc, "changes")), 4);
	expect_changes(f, "");
}

static void volumes_are_added_to_a_scope_first_and_taken_out_of_it_last(void **state)
{
	struct fixture *f = *state;

	ask_keyd("/v1/signers", signer_of("ci", f->ci, "web"));
	served_forget(f->keyd);
	say(f, json_pack("{s:[o], s:[o]}", "signers", signer_of("ci", f->ci, "pg*"), "identities",
			 identity_of(f->ci, 3)));
	expect_status(f, apply(f), 0);
	expect_changes(f, "POST /v1/signers/ci/set\nPOST /v1/identities\n"
			  "POST /v1/signers/ci/set\n");
	expect_said(f->out, "~ signer ci: volumes web -> pg*,web\n");
	expect_said(f->out, "~ signer ci: volumes pg*,web -> pg*\n");
}

static void a_scope_that_only_grows_or_shrinks_is_set_once(void **state)
{
	static const char *const turns[][2] = {
		{"web,pg*", "~ signer ci: volumes web -> web,pg*\n"},
		{"*", "~ signer ci: volumes web,pg* -> *\n"},
		{"pg*", "~ signer ci: volumes * -> pg*\n"},
	};
	struct fixture *f = *state;

	ask_keyd("/v1/signers", signer_of("ci", f->ci, "web"));
	for (size_t i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
		say(f, json_pack("{s:[o]}", "signers", signer_of("ci", f->ci, turns[i][0])));
		expect_status(f, apply(f), 0);
		assert_string_equal(f->out, turns[i][1]);
	}
	say(f, json_pack("{s:[o]}", "signers", signer_of("ci", f->ci, NULL)));
	expect_status(f, apply(f, "--diff"), 0);
}

static void nothing_is_removed_unless_prune_is_said(void **state)
{
	struct fixture *f = *state;

	say(f, full(f, 3));
	expect_status(f, apply(f), 0);
	served_forget(f->keyd);
	say(f, json_pack("{s:[], s:[], s:[], s:[]}", "signers", "agents", "volumes", "identities"));
	expect_status(f, apply(f), 0);
	expect_changes(f, "");
	expect_status(f, apply(f, "--diff", "--prune"), 1);
	assert_string_equal(f->out, "- identity pgdata\n- agent host1\n- signer ci\n");
	expect_changes(f, "");
}

static void pruned_is_what_a_section_lacks_and_never_a_volume(void **state)
{
	struct fixture *f = *state;

	say(f, full(f, 3));
	expect_status(f, apply(f), 0);
	served_forget(f->keyd);
	say(f, json_pack("{s:[], s:[]}", "agents", "volumes"));
	expect_status(f, apply(f, "--prune"), 0);
	expect_changes(f, "DELETE /v1/agents/host1\n");
}

static void a_failure_half_way_says_what_was_done_and_what_was_not(void **state)
{
	struct fixture *f = *state;
	cc_auto_json json_t *doc = NULL;
	const json_t *changes;

	say(f, full(f, 3));
	f->keyd->notes->fail_at = 3;
	expect_status(f, VERB(f, cmd_apply, true, "-f", f->document), 11);
	expect_said(f->err_text, "dmctl: volume pgdata: the disk is full\n"
				 "dmctl: 2 of 4 changes were made");
	expect_said(f->err_text, "dmctl:   ~ volume pgdata: leaseMs 600000 -> 120000");
	expect_said(f->err_text, "dmctl:   + identity pgdata: serial 3");
	doc = json_loads(f->out, 0, NULL);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(doc, "error"), "status")), 11);
	changes = json_object_get(doc, "changes");
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(json_is_true(json_object_get(json_array_get(changes, i), "done")),
				 i < 2);
	served_forget(f->keyd);
	expect_status(f, apply(f), 0);
	expect_changes(f, "POST /v1/volumes/pgdata/set\nPOST /v1/identities\n");
}

static void a_volume_is_not_created_unless_that_is_said(void **state)
{
	struct fixture *f = *state;

	say(f, json_pack("{s:[o], s:[{s:s, s:s}]}", "signers", signer_of("ci", f->ci, NULL),
			 "volumes", "name", "web", "lun", "/dev/disk/by-id/wwn-0x1"));
	expect_status(f, apply(f), 8);
	expect_said(f->err_text, "there is no volume web; add --create-volumes to create it on "
				 "/dev/disk/by-id/wwn-0x1");
	expect_changes(f, "");
	expect_status(f, apply(f, "--diff"), 1);
	expect_said(f->out, "+ volume web: lun /dev/disk/by-id/wwn-0x1\n");
}

static void what_cannot_be_is_refused_before_anything_is_done(void **state)
{
	struct fixture *f = *state;
	cc_auto_pkey EVP_PKEY *other = new_p256();
	const struct {
		json_t *section;
		const char *member;
		int status;
		const char *part;
	} bad[] = {
		{signer_of("ci", other, NULL), "signers", 9,
		 "signers[0]: signer ci has another key, sha256:"},
		{signer_of("qa", f->ci, NULL), "signers", 9,
		 "signers[0]: this key is enrolled as signer ci"},
		{agent_of("host2", f->host1, NULL), "agents", 9,
		 "agents[0]: this key is enrolled as agent host1"},
		{json_pack("{s:s, s:s}", "name", "pgdata", "fs", "xfs"), "volumes", 9,
		 "volumes[0]: volume pgdata was made with fs \"ext4\", not \"xfs\""},
		{json_pack("{s:s}", "name", "web"), "volumes", 10,
		 "volumes[0]: volume web is not there, and cannot be created without a member lun"},
		{identity_of(f->ci, 2), "identities", 6,
		 "identities[0]: serial 2 of pgdata is not above the 3 that keyd has"},
		{identity_of(other, 9), "identities", 6,
		 "identities[0]: none of the signers that are for volume pgdata has signed it"},
	};

	say(f, full(f, 3));
	expect_status(f, apply(f), 0);
	served_forget(f->keyd);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		say(f, json_pack("{s:[o]}", bad[i].member, bad[i].section));
		expect_status(f, apply(f, "--prune"), bad[i].status);
		expect_said(f->err_text, bad[i].part);
		expect_changes(f, "");
	}
}

static void an_identity_of_a_signer_that_is_pruned_is_refused_before(void **state)
{
	struct fixture *f = *state;

	ask_keyd("/v1/signers", signer_of("ci", f->ci, NULL));
	served_forget(f->keyd);
	say(f, json_pack("{s:[], s:[o]}", "signers", "identities", identity_of(f->ci, 3)));
	expect_status(f, apply(f, "--prune"), 6);
	expect_changes(f, "");
	expect_status(f, apply(f), 0);
	expect_changes(f, "POST /v1/identities\n");
}

static void what_is_exported_has_no_private_key(void **state)
{
	struct fixture *f = *state;

	say(f, full(f, 3));
	expect_status(f, apply(f), 0);
	expect_status(f, VERB(f, cmd_export, false, NULL), 0);
	assert_null(strstr(f->out, "PRIVATE"));
	assert_null(strstr(f->out, "\"d\""));
	assert_null(strstr(f->out, json_string_value(json_object_get(f->host1, "d"))));
}

static void without_a_file_or_with_too_much_it_is_usage(void **state)
{
	struct fixture *f = *state;

	expect_status(f, VERB(f, cmd_apply, false, NULL), 1);
	expect_said(f->err_text, "-f FILE is missing");
	expect_status(f, VERB(f, cmd_apply, false, "-f", f->document, "more"), 1);
	expect_status(f, VERB(f, cmd_export, false, "more"), 1);
	expect_status(f, VERB(f, cmd_apply, false, "-f", "/nowhere/at/all"), 8);
}

#define in_keyd(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		in_keyd(signers_and_agents_come_first_then_volumes_then_identities),
		in_keyd(applied_again_it_changes_nothing_and_says_so),
		in_keyd(what_is_exported_changes_nothing_when_applied_also_pruned),
		in_keyd(what_is_exported_makes_another_keyd_the_same),
		in_keyd(an_envelope_that_keyd_was_given_with_blanks_is_the_same),
		in_keyd(diff_says_what_would_change_and_changes_nothing),
		in_keyd(volumes_are_added_to_a_scope_first_and_taken_out_of_it_last),
		in_keyd(a_scope_that_only_grows_or_shrinks_is_set_once),
		in_keyd(nothing_is_removed_unless_prune_is_said),
		in_keyd(pruned_is_what_a_section_lacks_and_never_a_volume),
		in_keyd(a_failure_half_way_says_what_was_done_and_what_was_not),
		in_keyd(a_volume_is_not_created_unless_that_is_said),
		in_keyd(what_cannot_be_is_refused_before_anything_is_done),
		in_keyd(an_identity_of_a_signer_that_is_pruned_is_refused_before),
		in_keyd(what_is_exported_has_no_private_key),
		in_keyd(without_a_file_or_with_too_much_it_is_usage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
