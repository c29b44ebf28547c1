// SPDX-License-Identifier: Apache-2.0
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>
#include <systemd/sd-journal.h>

#include "error.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define LINE_BYTES 2048

static const char *program = "container-crypt";
static int max_level = LOG_INFO;
static bool to_journal;
static bool to_terminal;

void cc_log_init(const char *name, int level)
{
	program = name;
	max_level = level;
	to_journal = access(JOURNAL_SOCKET, W_OK) == 0;
	to_terminal = isatty(STDERR_FILENO);
}

void cc_log(int priority, const char *fmt, ...)
{
	char line[LINE_BYTES];
	va_list ap;

	if (priority > max_level)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	cc_text_clean(line);

	if (to_journal && sd_journal_send("MESSAGE=%s", line, "PRIORITY=%i", priority,
					  "SYSLOG_IDENTIFIER=%s", program, NULL) == 0)
		return;
	if (to_terminal)
		fprintf(stderr, "%s: %s\n", program, line);
	else
		fprintf(stderr, "<%d>%s: %s\n", priority, program, line);
}
