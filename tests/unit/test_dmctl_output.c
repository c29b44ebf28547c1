// SPDX-License-Identifier: Apache-2.0
#include "lib_test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "file.h"
#include "dmctl/cli/output.h"
#include "dmctl/host/size_text.h"

static const struct column columns[] = {
	{"NAME", "name"},
	{"SIZE", "size"},
	{"SIGNER", "identity.signer"},
	{NULL, NULL},
};

/* What the table of @rows looks like. */
static char *table(const char *rows, unsigned int width)
{
	cc_auto_json json_t *array = json_of(rows);
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	output_table(f, array, columns, width);
	fclose(f);
	return text;
}

static void expect_table(const char *rows, unsigned int width, const char *want)
{
	cc_auto_free char *got = table(rows, width);

	assert_string_equal(got, want);
}

static void columns_line_up(void **state)
{
	(void)state;
	expect_table("[{'name':'pgdata','size':7,'identity':{'signer':'release'}},"
		     "{'name':'a','size':1234567,'identity':null}]",
		     0,
		     "NAME    SIZE     SIGNER\n"
		     "pgdata  7        release\n"
		     "a       1234567  -\n");
}

static void no_rows_leave_the_heading(void **state)
{
	(void)state;
	expect_table("[]", 80, "NAME  SIZE  SIGNER\n");
}

static void what_does_not_fit_is_cut_where_it_is_widest(void **state)
{
	(void)state;
	expect_table("[{'name':'a-name-that-goes-on-and-on','size':7,"
		     "'identity':{'signer':'release'}}]",
		     30,
		     "NAME             SIZE  SIGNER\n"
		     "a-name-that-goe  7     release\n");
}

static void nothing_in_a_cell_steers_the_terminal(void **state)
{
	(void)state;
	expect_table("[{'name':'\\u009b2J'}]", 0,
		     "NAME  SIZE  SIGNER\n"
		     "??2J  -     -\n");
	expect_table("[{'name':'x\\u001b[2J\\n','size':true}]", 0,
		     "NAME    SIZE  SIGNER\n"
		     "x?[2J?  yes   -\n");
}

static void letters_beyond_ascii_count_as_one(void **state)
{
	(void)state;
	expect_table("[{'name':'\\u00e4\\u00f6\\u00fc','size':false}]", 0,
		     "NAME  SIZE  SIGNER\n"
		     "\u00e4\u00f6\u00fc   no    -\n");
}

static void a_record_shows_one_field_a_line(void **state)
{
	cc_auto_json json_t *obj = json_of("{'name':'pgdata','size':7}");
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	output_record(f, obj, columns);
	fclose(f);
	assert_string_equal(text, "NAME:   pgdata\nSIZE:   7\nSIGNER: -\n");
	free(text);
}

static void sizes_are_readable(void **state)
{
	static const struct {
		uint64_t sectors;
		const char *text;
	} sizes[] = {
		{0, "0 KiB"},
		{1, "0.5 KiB"},
		{2, "1 KiB"},
		{458752, "224 MiB"},
		{3145728, "1.5 GiB"},
		{UINT64_C(1) << 31, "1 TiB"},
		{UINT64_C(1) << 54, "8 EiB"},
	};
	char text[SIZE_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_text(sizes[i].sectors, text);
		assert_string_equal(text, sizes[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_line_up),
		cmocka_unit_test(no_rows_leave_the_heading),
		cmocka_unit_test(what_does_not_fit_is_cut_where_it_is_widest),
		cmocka_unit_test(nothing_in_a_cell_steers_the_terminal),
		cmocka_unit_test(letters_beyond_ascii_count_as_one),
		cmocka_unit_test(a_record_shows_one_field_a_line),
		cmocka_unit_test(sizes_are_readable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
