// SPDX-License-Identifier: Apache-2.0
/* The command line: global options, the verb table, arguments and names. */
#include "lib_test.h"

#include <fcntl.h>
#include <getopt.h>
#include <unistd.h>

#include "dmctl/cli/global_options.h"
#include "dmctl/cli/host_name.h"
#include "name.h"
#include "dmctl/cli/verbs.h"

#define ARGS_MAX 16

/**
 * struct line - a command line in writable memory, as main() gets it.
 */
struct line {
	char *argv[ARGS_MAX + 1];
	int argc;
	char *text;
};

/* "_" in @words stands for an empty argument. */
static struct line line_of(const char *words)
{
	struct line l = {.text = strdup(words)};
	char *save = NULL;

	for (char *w = strtok_r(l.text, " ", &save); w; w = strtok_r(NULL, " ", &save))
		l.argv[l.argc++] = strcmp(w, "_") ? w : w + 1;
	return l;
}

static void line_free(struct line *l)
{
	free(l->text);
}
#define auto_line cc_cleanup(line_free) struct line

static void global_options_are_found_anywhere(void **state)
{
	static const char *const lines[] = {
		"dmctl --json --keyd /k --agent /a volume ls",
		"dmctl volume --keyd=/k ls --json --agent=/a",
		"dmctl volume ls --agent /a --json --keyd /k",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		auto_line l = line_of(lines[i]);
		struct global_options g = {0};
		struct cc_error err = {0};
		bool help = false, version = false;

		expect_ok(global_options_take(&l.argc, l.argv, &g, &help, &version, &err), &err);
		assert_true(g.json);
		assert_string_equal(g.keyd, "/k");
		assert_string_equal(g.agent, "/a");
		assert_false(help || version);
		assert_int_equal(l.argc, 3);
		assert_string_equal(l.argv[1], "volume");
		assert_string_equal(l.argv[2], "ls");
		assert_null(l.argv[3]);
	}
}

static void behind_two_dashes_nothing_is_an_option(void **state)
{
	auto_line l = line_of("dmctl ps -- --json --help");
	struct global_options g = {0};
	struct cc_error err = {0};
	bool help = false, version = false;

	(void)state;
	expect_ok(global_options_take(&l.argc, l.argv, &g, &help, &version, &err), &err);
	assert_false(g.json || help);
	assert_int_equal(l.argc, 5);
}

static void a_global_option_used_wrongly_is_named(void **state)
{
	static const struct {
		const char *line, *part;
	} bad[] = {
		{"dmctl --keyd", "--keyd needs a value"},
		{"dmctl volume ls --agent", "--agent needs a value"},
		{"dmctl --json=yes ps", "--json takes no value"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		auto_line l = line_of(bad[i].line);
		struct global_options g = {0};
		struct cc_error err = {0};
		bool help, version;

		assert_int_equal(global_options_take(&l.argc, l.argv, &g, &help, &version, &err),
				 -1);
		expect_error(&err, CC_E_USAGE, "", bad[i].part);
	}
}

static void options_that_only_begin_alike_are_the_verbs(void **state)
{
	auto_line l = line_of("dmctl agents --jsonp --keyd-x --agentx");
	struct global_options g = {0};
	struct cc_error err = {0};
	bool help = false, version = false;

	(void)state;
	expect_ok(global_options_take(&l.argc, l.argv, &g, &help, &version, &err), &err);
	assert_int_equal(l.argc, 5);
}

static void expect_verb(const char *words, const char *title, int taken)
{
	auto_line l = line_of(words);
	const struct verb *v;
	char text[64];
	int n = 0;

	v = verb_find(l.argc, l.argv, &n);
	if (!title) {
		assert_null(v);
		return;
	}
	assert_non_null(v);
	verb_title(v, text);
	assert_string_equal(text, title);
	assert_int_equal(n, taken);
}

static void verbs_are_found_by_one_word_or_two(void **state)
{
	(void)state;
	expect_verb("dmctl ps", "ps", 1);
	expect_verb("dmctl bind vol c", "bind", 1);
	expect_verb("dmctl agent", "agent", 1);
	expect_verb("dmctl agents ls", "agents ls", 2);
	expect_verb("dmctl volume create x y", "volume create", 2);
	expect_verb("dmctl volume", NULL, 0);
	expect_verb("dmctl ls", NULL, 0);
	expect_verb("dmctl volume sign", NULL, 0);
	expect_verb("dmctl", NULL, 0);
}

static char *help_of(const struct verb *v)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (v)
		verb_help(v, f);
	else
		verb_help_all(NULL, f);
	fclose(f);
	return text;
}

static void help_fits_80_columns(void **state)
{
	cc_auto_free char *text = help_of(NULL);
	char *save = NULL;

	(void)state;
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		if (strlen(l) > 84) /* bytes: some characters take three */
			fail_msg("too wide: %s", l);
}

static void every_verb_of_the_list_has_help(void **state)
{
	cc_auto_free char *all = help_of(NULL);
	char *save = NULL;
	int n = 0;

	(void)state;
	for (char *l = strtok_r(all, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char words[32];
		int taken;

		if (strncmp(l, "  ", 2) || l[2] == '-')
			continue;
		snprintf(words, sizeof(words), "dmctl %.23s", l + 2);
		auto_line line = line_of(words);
		const struct verb *v = verb_find(line.argc, line.argv, &taken);

		assert_non_null(v);
		cc_auto_free char *help = help_of(v);
		assert_non_null(strstr(help, v->summary));
		n++;
	}
	assert_true(n > 20);
}

static void what_is_nearly_a_verb_is_guessed(void **state)
{
	static const struct {
		const char *line, *guess;
	} cases[] = {
		{"dmctl volum ls", "volume ls"},
		{"dmctl volume frobnicate", NULL},
		{"dmctl volume inspct pgdata", "volume inspect"},
		{"dmctl doctr", "doctor"},
		{"dmctl bnd a b", "bind"},
		{"dmctl identity ad x", "identity add"},
		{"dmctl identity chek x", "identity check"},
		{"dmctl wy x", "why"},
		{"dmctl frobnicate", NULL},

	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		auto_line l = line_of(cases[i].line);
		char title[64];

		assert_int_equal(verb_guess(l.argc, l.argv, title), cases[i].guess != NULL);
		if (cases[i].guess)
			assert_string_equal(title, cases[i].guess);
	}
}

/* Runs a verb with stdout and stderr away. Return: its exit status. */
static int run(const char *words, const struct global_options *g)
{
	auto_line l = line_of(words);
	int out = dup(1), err = dup(2), null = open("/dev/null", O_WRONLY);
	int taken, rc;
	const struct verb *v = verb_find(l.argc, l.argv, &taken);

	assert_non_null(v);
	fflush(stdout);
	dup2(null, 1);
	dup2(null, 2);
	optind = 0;
	opterr = 0;
	rc = v->run(l.argc - taken, l.argv + taken, g);
	fflush(stdout);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	close(null);
	return rc;
}

static void wrong_arguments_are_refused_before_anything_is_asked(void **state)
{
	static const char *const bad[] = {
		"dmctl volume ls extra",
		"dmctl volume ls --frob",
		"dmctl volume inspect",
		"dmctl volume inspect ../x",
		"dmctl volume inspect Upper",
		"dmctl volume rm",
		"dmctl volume create",
		"dmctl volume create name",
		"dmctl volume create name dev extra",
		"dmctl volume create name dev --fs btrfs",
		"dmctl volume create name dev --sector-size 1024",
		"dmctl volume create name dev --sector-size 4096x",
		"dmctl volume create name dev --key-bytes 48",
		"dmctl volume create name dev --cipher aes-cbc",
		"dmctl volume create name dev --label 12345678901234567",
		"dmctl volume create name dev --fs xfs --label 1234567890123",
		"dmctl volume create name dev --label",
		"dmctl volume maintain",
		"dmctl volume maintain name",
		"dmctl volume maintain name --",
		"dmctl volume maintain name e2fsck -f",
		"dmctl volume maintain --frob name -- e2fsck",
		"dmctl volume maintain UPPER -- e2fsck",
		"dmctl identity sign",
		"dmctl identity sign --key k --predicate p",
		"dmctl identity sign --key k --predicate p --subject sha256:abc",
		"dmctl identity sign --key k --predicate p --subject "
		"sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"dmctl identity sign --passphrase-fd x",
		"dmctl identity verify file",
		"dmctl identity verify --pubkey k",
		"dmctl identity show",
		"dmctl identity add",
		"dmctl identity rm UPPER",
		"dmctl identity measure",
		"dmctl identity measure c --engine rkt",
		"dmctl identity measure c --serial 0 --predicate",
		"dmctl identity measure c --volume v",
		"dmctl identity measure c --predicate --volume v",
		"dmctl identity draft",
		"dmctl identity draft --from c --volume v",
		"dmctl identity draft --from c --volume v --mount-point /d --env-file e",
		"dmctl identity draft --from c.container --volume v --mount-point /d --env-file e",
		"dmctl identity draft --from c.yaml --volume v --mount-point /d --engine podman",
		"dmctl identity draft --from c --volume UPPER --mount-point /d",
		"dmctl identity check",
		"dmctl identity check file",
		"dmctl identity check file cont extra",
		"dmctl identity check file cont --engine rkt",
		"dmctl identity check file cont --volume",
		"dmctl identity diff",
		"dmctl identity diff a",
		"dmctl identity diff a b c",
		"dmctl identity diff a b --frob",
		"dmctl why",
		"dmctl why a b",
		"dmctl why --frob",
		"dmctl signer add name",
		"dmctl signer add Name file",
		"dmctl signer add name file --volumes A*",
		"dmctl signer set name",
		"dmctl signer set name --volumes",
		"dmctl signer set name --volumes a,,b",
		"dmctl signer rm",
		"dmctl agents enroll name",
		"dmctl agents enroll name file --volumes [a]",
		"dmctl agents set name",
		"dmctl agents set --volumes a",
		"dmctl agents set a/b --volumes a",
		"dmctl agents rm a/b",
		"dmctl lease revoke",
		"dmctl lease revoke 7",
		"dmctl audit ls --after -1",
		"dmctl audit ls --after 1x",
		"dmctl audit verify now",
		"dmctl bind vol",
		"dmctl bind Vol container",
		"dmctl bind vol container --engine lxc",
		"dmctl unbind",
		"dmctl unbind _",
		"dmctl unbind --kill vol",
		"dmctl ps x",
		"dmctl init --realm BAD",
		"dmctl init --name a/b",
		"dmctl init now",
	};
	/* a request that went out would be CC_E_UNREACHABLE */
	const struct global_options g = {.keyd = "/nonexistent", .agent = "/nonexistent"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int rc = run(bad[i], &g);

		if (rc != CC_E_USAGE)
			fail_msg("exit status %d: %s", rc, bad[i]);
	}
}

static void without_agent_or_keyd_the_exit_status_is_7(void **state)
{
	static const char *const lines[] = {
		"dmctl ps",
		"dmctl unbind vol",
		"dmctl unbind --force vol",
		"dmctl bind vol cont",
		"dmctl identity measure cont",
		"dmctl volume ls",
		"dmctl volume inspect vol",
		"dmctl signer ls",
		"dmctl signer set name --volumes pg*",
		"dmctl agents set name --volumes pg*,web",
		"dmctl agents ls",
		"dmctl lease ls",
		"dmctl audit ls",
		"dmctl audit verify",
		"dmctl identity show vol",
		"dmctl identity rm vol",
		"dmctl identity diff vol other",
	};
	const struct global_options g = {.agent = "/nonexistent/agent.sock"};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		int rc = run(lines[i], &g);

		if (rc != CC_E_UNREACHABLE)
			fail_msg("exit status %d: %s", rc, lines[i]);
	}
}

static void numbers_are_whole_decimal_and_in_range(void **state)
{
	uint64_t n = 0;

	(void)state;
	assert_true(cmd_number("0", 0, 10, &n));
	assert_int_equal(n, 0);
	assert_true(cmd_number("18446744073709551615", 0, UINT64_MAX, &n));
	assert_true(n == UINT64_MAX);
	assert_false(cmd_number("18446744073709551616", 0, UINT64_MAX, &n));
	assert_false(cmd_number("11", 0, 10, &n));
	assert_false(cmd_number("", 0, 10, &n));
	assert_false(cmd_number(" 1", 0, 10, &n));
	assert_false(cmd_number("+1", 0, 10, &n));
	assert_false(cmd_number("-1", 0, 10, &n));
	assert_false(cmd_number("1 ", 0, 10, &n));
	assert_false(cmd_number("0x1", 0, 10, &n));
}

static void any_host_name_makes_a_valid_agent_name(void **state)
{
	static const struct {
		const char *host, *name;
	} names[] = {
		{"node1", "node1"},
		{"Node1.Example.COM", "node1"},
		{"rack_7", "rack_7"},
		{"a b/c", "a-b-c"},
		{"-x", "x"},
		{"", "host"},
		{".local", "host"},
		{"\xc3\xa4", "host"},
		{"a123456789012345678901234567890123456789012345678901234567890123456789",
		 "a12345678901234567890123456789012345678901234567890123456789012"},
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		host_name_clean(names[i].host, out);
		assert_string_equal(out, names[i].name);
		assert_true(cc_is_name(out));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(global_options_are_found_anywhere),
		cmocka_unit_test(behind_two_dashes_nothing_is_an_option),
		cmocka_unit_test(a_global_option_used_wrongly_is_named),
		cmocka_unit_test(options_that_only_begin_alike_are_the_verbs),
		cmocka_unit_test(verbs_are_found_by_one_word_or_two),
		cmocka_unit_test(help_fits_80_columns),
		cmocka_unit_test(every_verb_of_the_list_has_help),
		cmocka_unit_test(what_is_nearly_a_verb_is_guessed),
		cmocka_unit_test(wrong_arguments_are_refused_before_anything_is_asked),
		cmocka_unit_test(without_agent_or_keyd_the_exit_status_is_7),
		cmocka_unit_test(numbers_are_whole_decimal_and_in_range),
		cmocka_unit_test(any_host_name_makes_a_valid_agent_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
