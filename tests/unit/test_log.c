// SPDX-License-Identifier: Apache-2.0
#include "lib_test.h"

#include <unistd.h>

#include "log.h"

/* These stand in for libc's and libsystemd's: whether there is a journal, and what it was sent. */
static bool have_journal;
static int journal_result;
static char journal_line[4096];
static int journal_priority;

int access(const char *path, int mode)
{
	(void)mode;
	return have_journal && !strcmp(path, "/run/systemd/journal/socket") ? 0 : -1;
}

int sd_journal_send(const char *format, ...);
int sd_journal_send(const char *format, ...)
{
	va_list ap;

	assert_string_equal(format, "MESSAGE=%s");
	va_start(ap, format);
	snprintf(journal_line, sizeof(journal_line), "%s", va_arg(ap, char *));
	assert_string_equal(va_arg(ap, char *), "PRIORITY=%i");
	journal_priority = va_arg(ap, int);
	va_end(ap);
	return journal_result;
}

/* What cc_log() writes to stderr. */
static void capture(char *out, size_t size, int priority, const char *text)
{
	int pipefd[2], saved = dup(STDERR_FILENO);
	ssize_t n;

	assert_int_equal(pipe(pipefd), 0);
	fflush(stderr);
	dup2(pipefd[1], STDERR_FILENO);
	close(pipefd[1]);
	cc_log_init("keyd", LOG_INFO);
	cc_log(priority, "%s", text);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	n = read(pipefd[0], out, size - 1);
	close(pipefd[0]);
	out[n > 0 ? n : 0] = '\0';
}

static void without_a_journal_lines_carry_their_priority(void **state)
{
	char line[4096];

	(void)state;
	have_journal = false;
	capture(line, sizeof(line), LOG_WARNING, "lease ends");
	assert_string_equal(line, "<4>keyd: lease ends\n");
}

static void with_a_journal_nothing_goes_to_stderr(void **state)
{
	char line[4096];

	(void)state;
	have_journal = true;
	journal_result = 0;
	capture(line, sizeof(line), LOG_ERR, "refused");
	assert_string_equal(line, "");
	assert_string_equal(journal_line, "refused");
	assert_int_equal(journal_priority, LOG_ERR);
}

static void a_line_the_journal_does_not_take_goes_to_stderr(void **state)
{
	char line[4096];

	(void)state;
	have_journal = true;
	journal_result = -1;
	capture(line, sizeof(line), LOG_ERR, "refused");
	assert_string_equal(line, "<3>keyd: refused\n");
}

static void lines_above_the_level_are_dropped(void **state)
{
	char line[4096];

	(void)state;
	have_journal = false;
	capture(line, sizeof(line), LOG_DEBUG, "noise");
	assert_string_equal(line, "");
}

static void outside_text_cannot_forge_a_line(void **state)
{
	char line[4096];

	(void)state;
	have_journal = false;
	capture(line, sizeof(line), LOG_INFO, "name\n<0>kernel: panic\x1b[2J");
	assert_string_equal(line, "<6>keyd: name?<0>kernel: panic?[2J\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_journal_lines_carry_their_priority),
		cmocka_unit_test(with_a_journal_nothing_goes_to_stderr),
		cmocka_unit_test(a_line_the_journal_does_not_take_goes_to_stderr),
		cmocka_unit_test(lines_above_the_level_are_dropped),
		cmocka_unit_test(outside_text_cannot_forge_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
