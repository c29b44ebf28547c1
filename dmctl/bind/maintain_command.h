/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maintain_command.h - the command that repairs a volume by hand, as words. Pure.
 */
#ifndef CC_MAINTAIN_COMMAND_H
#define CC_MAINTAIN_COMMAND_H

#include "evidence.h"
#include "strv.h"

/**
 * maintain_text - the words as a shell would take them, for the audit log.
 * Return: 0; -1 with CC_E_USAGE when they do not fit there whole, or have control characters.
 */
int maintain_text(char *const *words, char text[static CC_COMMAND_MAX + 1], struct cc_error *err);

/* The words with @node for each "{}" in them; without one it is the last word. */
int maintain_words(char *const *words, const char *node, struct cc_strv *out, struct cc_error *err);

#endif
