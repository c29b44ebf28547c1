/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verbs.h - the table of verbs: what main() dispatches on and --help prints.
 */
#ifndef CC_VERBS_H
#define CC_VERBS_H

#include "cli/cmd.h"

/* What a verb's process has to be fit for (lib/secret.h). */
enum verb_secrets {
	SECRETS_NONE,
	SECRETS_PASSPHRASE, /* no core, not traceable, a secure heap: anybody may run it */
	SECRETS_KEYS,	    /* all memory locked, too: root */
};

/**
 * struct verb - one verb.
 * @group: noun in front of it, or NULL
 * @name: the verb
 * @run: does it
 * @secrets: what it handles
 * @args: synopsis of its arguments
 * @summary: one line
 * @options: lines of its options, or NULL
 */
struct verb {
	const char *group;
	const char *name;
	cmd_fn *run;
	enum verb_secrets secrets;
	const char *args;
	const char *summary;
	const char *options;
};

/**
 * verb_find - the verb that argv[1] (and argv[2]) name.
 * @words: out, how many words it took
 * Return: NULL when there is none.
 */
const struct verb *verb_find(int argc, char **argv, int *words);

/**
 * verb_guess - what somebody may have meant who typed argv[1] (and argv[2]).
 * @title: out, "volume create"
 * Return: false when nothing is near.
 */
bool verb_guess(int argc, char **argv, char title[static 64]);

/* "volume create", in the caller's buffer. */
void verb_title(const struct verb *v, char out[static 64]);

/* Help on one verb; on all, or with @group only on that noun's. */
void verb_help(const struct verb *v, FILE *f);
void verb_help_all(const char *group, FILE *f);

/* True if some verb has the noun @group. */
bool verb_is_group(const char *group);

#endif
