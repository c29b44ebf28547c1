// SPDX-License-Identifier: Apache-2.0
/*
 * cmd_identity_sign.c - dmctl identity sign: the same envelope as `cosign attest --key` makes,
 * offline.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <string.h>

#include "cli/cmd.h"
#include "digest.h"
#include "dsse.h"
#include "file.h"
#include "identity.h"
#include "pkey.h"
#include "secret.h"
#include "strv.h"

#define PASSPHRASE_MAX 1024

/**
 * struct request - what the user asked for.
 * @passphrase_file: NULL for none
 * @passphrase_fd: -1 for none
 * @output: NULL for stdout
 */
struct request {
	const char *key;
	const char *predicate;
	struct cc_strv subjects;
	const char *name;
	const char *passphrase_file;
	int passphrase_fd;
	const char *output;
};

static int parse_sign(int argc, char **argv, const struct global_options *g, struct request *r)
{
	static const struct option options[] = {
		{"key", required_argument, NULL, 'k'},
		{"predicate", required_argument, NULL, 'p'},
		{"subject", required_argument, NULL, 's'},
		{"name", required_argument, NULL, 'n'},
		{"passphrase-file", required_argument, NULL, 'f'},
		{"passphrase-fd", required_argument, NULL, 'd'},
		{"output", required_argument, NULL, 'o'},
		{0},
	};
	static const char *const nothing[] = {NULL};
	struct cc_error err;
	uint64_t fd;
	int c;

	while ((c = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
		if (c == 'k')
			r->key = optarg;
		else if (c == 'p')
			r->predicate = optarg;
		else if (c == 'n')
			r->name = optarg;
		else if (c == 'f')
			r->passphrase_file = optarg;
		else if (c == 'o')
			r->output = optarg;
		else if (c == 's' && !cc_is_digest(optarg))
			return cmd_usage(g, argv[0],
					 "--subject must be \"sha256:\" and 64 lower-case hex "
					 "digits");
		else if (c == 's' && cc_strv_push(&r->subjects, optarg, &err))
			return cmd_fail(g, &err);
		else if (c == 'd' && !cmd_number(optarg, 0, 1 << 20, &fd))
			return cmd_usage(g, argv[0], "--passphrase-fd must be a file descriptor");
		else if (c == 'd')
			r->passphrase_fd = (int)fd;
		else if (c == '?')
			return cmd_bad_option(g, argv);
	}
	if (!r->key || !r->predicate || !r->subjects.n)
		return cmd_usage(g, argv[0], "--key, --predicate and --subject are needed");
	if (r->passphrase_file && r->passphrase_fd >= 0)
		return cmd_usage(g, argv[0], "give --passphrase-file or --passphrase-fd, not both");
	return cmd_arguments(g, argc, argv, nothing);
}

/* First line of @fd, without its end. */
static int read_passphrase(int fd, struct cc_secret *pass, struct cc_error *err)
{
	size_t len = 0;

	if (cc_secret_new(pass, PASSPHRASE_MAX + 1, err))
		return -1;
	while (len < PASSPHRASE_MAX) {
		ssize_t n = read(fd, pass->p + len, PASSPHRASE_MAX - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cc_fail_errno(err, CC_E_INTERNAL, "the passphrase cannot be read");
		if (n == 0 || memchr(pass->p + len, '\n', (size_t)n))
			break;
		len += (size_t)n;
	}
	if (len == PASSPHRASE_MAX)
		return cc_fail(err, CC_E_USAGE, "the passphrase is longer than %d bytes",
			       PASSPHRASE_MAX);
	pass->p[strcspn((char *)pass->p, "\r\n")] = '\0';
	return 0;
}

/* Leaves @pass empty when none was given. */
static int get_passphrase(const struct request *r, struct cc_secret *pass, struct cc_error *err)
{
	cc_auto_close int fd = -1;

	if (r->passphrase_fd >= 0)
		return read_passphrase(r->passphrase_fd, pass, err);
	if (!r->passphrase_file)
		return 0;
	fd = open(r->passphrase_file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cc_fail_errno(err, CC_E_USAGE, "%s", r->passphrase_file);
	return read_passphrase(fd, pass, err);
}

/* The statement to sign, malloced. */
static char *make_statement(const struct request *r, struct cc_error *err)
{
	cc_auto_json json_t *predicate = NULL;
	cc_auto_free char *text = NULL;
	size_t len;

	if (cc_read_file(r->predicate, &text, &len, err))
		return NULL;
	predicate = cc_json_parse(text, len, r->predicate, err);
	if (!predicate)
		return NULL;
	return cc_identity_statement(predicate, &r->subjects, r->name, err);
}

static int sign(const struct request *r, struct cc_error *err)
{
	cc_auto_secret struct cc_secret pass = {0};
	cc_auto_free char *statement = make_statement(r, err);
	cc_auto_free char *env = NULL;
	cc_auto_free char *line = NULL;
	cc_auto_pkey EVP_PKEY *key = NULL;
	int n;

	if (!statement || get_passphrase(r, &pass, err))
		return -1;
	key = cc_privkey_read(r->key, (const char *)pass.p, err);
	if (!key || cc_dsse_sign(CC_DSSE_INTOTO, statement, strlen(statement), key, &env, err))
		return -1;
	n = asprintf(&line, "%s\n", env);
	if (n < 0) {
		line = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	if (r->output)
		return cc_replace_file(r->output, line, (size_t)n, 0644, err);
	fputs(line, stdout);
	return 0;
}

int cmd_identity_sign(int argc, char **argv, const struct global_options *g)
{
	/* "_" is in-toto's name of a subject whose name means nothing */
	struct request r = {.name = "_", .passphrase_fd = -1};
	struct cc_error err;
	int rc = parse_sign(argc, argv, g, &r);

	if (!rc && sign(&r, &err))
		rc = cmd_fail(g, &err);
	cc_strv_clear(&r.subjects);
	return rc;
}
