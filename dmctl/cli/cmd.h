/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd.h - what the verbs share: the global options, how they report, how they parse.
 *
 * A verb gets argv[0] = "dmctl volume create" (for error lines) and its own arguments; the global
 * options are gone from it. It returns the exit status, an enum cc_code. stdout carries only the
 * result (the id that was made, a table, or JSON), everything else goes to stderr.
 */
#ifndef CC_CMD_H
#define CC_CMD_H

#include "json.h"

/**
 * struct global_options - options that every verb has.
 * @json: print the API's object instead of text
 * @keyd: keyd's socket
 * @agent: the agent's socket
 */
struct global_options {
	bool json;
	const char *keyd;
	const char *agent;
};

typedef int cmd_fn(int argc, char **argv, const struct global_options *g);

/* The verbs, one cmd_*.c a group. */
cmd_fn cmd_init;
cmd_fn cmd_volume_create, cmd_volume_ls, cmd_volume_inspect, cmd_volume_rm, cmd_volume_set;
cmd_fn cmd_volume_maintain, cmd_volume_rename, cmd_volume_key_export;
cmd_fn cmd_volume_grow, cmd_volume_header_backup, cmd_volume_header_restore;
cmd_fn cmd_identity_measure, cmd_identity_sign, cmd_identity_verify, cmd_identity_show;
cmd_fn cmd_identity_add, cmd_identity_rm, cmd_identity_check, cmd_identity_diff;
cmd_fn cmd_identity_offer, cmd_identity_pull, cmd_identity_draft;
cmd_fn cmd_identity_ls, cmd_identity_revoke, cmd_identity_drain;
cmd_fn cmd_signer_add, cmd_signer_ls, cmd_signer_set, cmd_signer_rm;
cmd_fn cmd_agents_enroll, cmd_agents_invite, cmd_agents_certificate, cmd_agents_ls, cmd_agents_set,
	cmd_agents_rm;
cmd_fn cmd_lease_ls, cmd_lease_revoke;
cmd_fn cmd_audit_ls, cmd_audit_verify;
cmd_fn cmd_bind, cmd_unbind, cmd_ps, cmd_inspect, cmd_why;
cmd_fn cmd_events, cmd_wait;
cmd_fn cmd_doctor;
cmd_fn cmd_apply, cmd_export;
cmd_fn cmd_agent;

/* Reports @err ("dmctl: …" on stderr, with --json the error object on stdout). Return: its code. */
int cmd_fail(const struct global_options *g, const struct cc_error *err);

/* The same with a line for each fact of @failure, the error object that @err is of, or NULL. */
int cmd_fail_as(const struct global_options *g, const struct cc_error *err, const json_t *failure);

/* Reports wrong arguments of the verb @argv0. Return: CC_E_USAGE. */
int cmd_usage(const struct global_options *g, const char *argv0, const char *fmt, ...)
	__attribute__((format(printf, 3, 4), cold));

/* getopt_long(3) answered '?' for the verb's @argv. Return: CC_E_USAGE. */
int cmd_bad_option(const struct global_options *g, char **argv);

/*
 * The verb takes exactly the arguments @names (NULL-terminated) from argv[@optind]; 0 or
 * CC_E_USAGE.
 */
int cmd_arguments(const struct global_options *g, int argc, char **argv, const char *const *names);

/* For verbs without options of their own: refuses options, then cmd_arguments(). */
int cmd_only_arguments(const struct global_options *g, int argc, char **argv,
		       const char *const *names);

/* Whether the value of the verb @argv0's option --engine, NULL without it, is one. CC_E_USAGE. */
int cmd_engine(const struct global_options *g, const char *argv0, const char *name);

struct column;

/*
 * Says on stderr which rows of keyd's database somebody else wrote: they are missing in its
 * @answer.
 */
void cmd_tell_bad_rows(const json_t *answer);

/* A verb that lists: GET @path, whose answer holds the array @member. */
int cmd_list(int argc, char **argv, const struct global_options *g, const char *path,
	     const char *member, const struct column *columns);

/* A verb that deletes the @what its only argument names: DELETE @path/NAME. */
int cmd_delete(int argc, char **argv, const struct global_options *g, const char *path,
	       const char *what);

/* Whole decimal number in [@min, @max]. Return: false when @s is none. */
bool cmd_number(const char *s, uint64_t min, uint64_t max, uint64_t *out);

#endif
