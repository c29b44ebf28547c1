/* SPDX-License-Identifier: Apache-2.0 */
/*
 * words.h - a command line in one text, as those who read such files split it. What they would not
 * all read alike is refused; errors have no piece of the text, which may be secret.
 */
#ifndef CC_DRAFT_WORDS_H
#define CC_DRAFT_WORDS_H

#include "strv.h"

/*
 * As Compose does: quotes of both kinds, a backslash before one character. Not more of a shell:
 * unquoted ; & | < > ( ) ` characters are refused. CC_E_INVALID.
 */
int words_of_compose(const char *text, struct cc_strv *out, struct cc_error *err);

/*
 * As systemd does (systemd.syntax(7), "Quoting"): a quote begins a word and ends it, of escapes
 * \\ \" \' \s \n \t. None is empty. CC_E_INVALID.
 */
int words_of_systemd(const char *text, struct cc_strv *out, struct cc_error *err);

/**
 * words_resolve - what systemd puts in its place when it starts a unit: "%%" is %, "$$" is $.
 * Return: malloced; NULL with CC_E_INVALID, which names the first other one: "%i", "$HOME".
 */
char *words_resolve(const char *text, struct cc_error *err);

#endif
