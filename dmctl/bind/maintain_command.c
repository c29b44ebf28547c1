// SPDX-License-Identifier: Apache-2.0
/*
 * maintain_command.c - the command that repairs a volume by hand, as words.
 */
#include "bind/maintain_command.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"

#define PLACE "{}"
/* What no shell takes for anything else. */
#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-"

/* ---- for the audit log --------------------------------------------------------------------- */

static void write_quoted(FILE *f, const char *word)
{
	if (*word && word[strspn(word, PLAIN)] == '\0') {
		fputs(word, f);
		return;
	}
	putc('\'', f);
	for (; *word; word++)
		if (*word == '\'')
			fputs("'\\''", f);
		else
			putc(*word, f);
	putc('\'', f);
}

int maintain_text(char *const *words, char text[static CC_COMMAND_MAX + 1], struct cc_error *err)
{
	cc_auto_free char *all = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&all, &len);

	if (!f)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	for (size_t i = 0; words[i]; i++) {
		if (i)
			putc(' ', f);
		write_quoted(f, words[i]);
	}
	if (fclose(f))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	if (!cc_evidence_command_fits(all))
		return cc_fail(err, CC_E_USAGE,
			       "the command is not one line of 1 to %d bytes, as the audit log has "
			       "to have it whole: put it into a script and give its path",
			       CC_COMMAND_MAX);
	memcpy(text, all, len + 1);
	return 0;
}

/* ---- for running it ------------------------------------------------------------------------ */

static int push_filled(const char *word, const char *node, struct cc_strv *out,
		       struct cc_error *err)
{
	cc_auto_free char *all = NULL;
	const char *place;
	size_t len = 0;
	FILE *f = open_memstream(&all, &len);

	if (!f)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	for (; (place = strstr(word, PLACE)); word = place + strlen(PLACE))
		fprintf(f, "%.*s%s", (int)(place - word), word, node);
	fputs(word, f);
	if (fclose(f))
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return cc_strv_push(out, all, err);
}

int maintain_words(char *const *words, const char *node, struct cc_strv *out, struct cc_error *err)
{
	bool placed = false;

	for (size_t i = 0; words[i]; i++) {
		placed |= strstr(words[i], PLACE) != NULL;
		if (push_filled(words[i], node, out, err))
			return -1;
	}
	return placed ? 0 : cc_strv_push(out, node, err);
}
