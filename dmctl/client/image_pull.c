// SPDX-License-Identifier: Apache-2.0
#include "client/image_pull.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "client/bundle.h"
#include "client/registry_child.h"
#include "client/registry_walk.h"
#include "digest.h"
#include "file.h"
#include "host/boottime.h"
#include "host/stop_signals.h"
#include "image_doc.h"
#include "json.h"

#define CA_MAX (1024 * 1024)
#define DOCUMENTS_MAX 4096
#define BYTES_MAX ((size_t)64 * 1024 * 1024)
#define LOOK_MS 200 /* how often it is seen that we are to stop */
#define HEX_OF(digest) ((digest) + strlen("sha256:"))

/**
 * struct pulled - what has come.
 * @until: of boottime_ms()
 * @top: the list of index.json
 * @documents, @bytes: how many of all; @signatures: blobs, which are signatures and attestations
 */
struct pulled {
	const struct image_pull *pull;
	const char *dir;
	uint64_t until;
	json_t *top;
	size_t documents, bytes, signatures;
};

/* ---- what the child sends ------------------------------------------------------------------ */

static int unexpected(const struct pulled *p, struct cc_error *err)
{
	return cc_fail(err, CC_E_INTERNAL, "%s: the process that asks its registry has failed",
		       p->pull->image);
}

/* Exactly @len bytes, in time. */
static int receive(const struct pulled *p, int fd, void *buf, size_t len, struct cc_error *err)
{
	char *at = buf;

	while (len > 0) {
		uint64_t now = boottime_ms();
		struct pollfd pfd = {.fd = fd, .events = POLLIN};
		ssize_t n;

		if (now >= p->until)
			return cc_fail(err, CC_E_UNREACHABLE,
				       "%s: its registry does not answer in time", p->pull->image);
		if (stop_signals_check(err))
			return -1;
		n = poll(&pfd, 1, (int)(p->until - now < LOOK_MS ? p->until - now : LOOK_MS));
		if (n == 0 || (n < 0 && errno == EINTR))
			continue;
		n = n < 0 ? -1 : read(fd, at, len);
		if (n <= 0)
			return unexpected(p, err);
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* It is not believed that what it says is text, nor what kind of failure it was. */
static int failure(const struct pulled *p, int fd, const struct pull_head *head,
		   struct cc_error *err)
{
	char text[CC_TEXT_MAX];
	bool known =
		head->code > CC_OK && head->code <= CC_E_INTERNAL && head->code != CC_E_REFUSED;

	if (head->len >= sizeof(text))
		return unexpected(p, err);
	if (receive(p, fd, text, head->len, err))
		return -1;
	text[head->len] = '\0';
	return cc_fail(err, known ? (enum cc_code)head->code : CC_E_INTERNAL, "%s", text);
}

/* ---- what is made of it -------------------------------------------------------------------- */

static int add_to_top(struct pulled *p, const struct pull_head *head, struct cc_error *err)
{
	const char *type = head->kind == REGISTRY_INDEX
				   ? "application/vnd.oci.image.index.v1+json"
				   : "application/vnd.oci.image.manifest.v1+json";

	return json_array_append_new(p->top,
				     json_pack("{s:s, s:s, s:I}", "mediaType", type, "digest",
					       head->digest, "size", (json_int_t)head->len))
		       ? registry_no_memory(err)
		       : 0;
}

static int write_file(const char *path, const void *text, size_t len, struct cc_error *err)
{
	cc_auto_close int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || cc_write_all(fd, text, len))
		return cc_fail_errno(err, CC_E_INTERNAL, "cannot write %s", path);
	return 0;
}

static int keep_document(struct pulled *p, const struct pull_head *head, const char *text,
			 struct cc_error *err)
{
	char digest[CC_DIGEST_LEN];
	cc_auto_free char *path = NULL;

	cc_sha256_digest(text, head->len, digest);
	if (strcmp(digest, head->digest) != 0 || p->documents++ == DOCUMENTS_MAX ||
	    (p->bytes += head->len) > BYTES_MAX)
		return unexpected(p, err);
	if (asprintf(&path, "%s/blobs/sha256/%s", p->dir, HEX_OF(digest)) < 0) {
		path = NULL;
		return registry_no_memory(err);
	}
	if (write_file(path, text, head->len, err))
		return -1;
	p->signatures += head->kind == REGISTRY_BLOB;
	return head->named ? add_to_top(p, head, err) : 0;
}

static int take_document(struct pulled *p, int fd, struct pull_head *head, struct cc_error *err)
{
	size_t max = head->kind == REGISTRY_BLOB ? BUNDLE_MAX : CC_IMAGE_DOC_MAX;
	cc_auto_free char *text = head->len <= max ? malloc(head->len + 1) : NULL;

	head->digest[CC_DIGEST_LEN - 1] = '\0';
	if (head->len > max || head->kind < REGISTRY_BLOB || head->kind > REGISTRY_INDEX)
		return unexpected(p, err);
	if (!text)
		return registry_no_memory(err);
	if (receive(p, fd, text, head->len, err))
		return -1;
	return keep_document(p, head, text, err);
}

static int take_all(struct pulled *p, int fd, struct cc_error *err)
{
	for (;;) {
		struct pull_head head = {0};

		if (receive(p, fd, &head, sizeof(head), err))
			return -1;
		if (head.end == PULL_DONE)
			return 0;
		if (head.end == PULL_FAILED)
			return failure(p, fd, &head, err);
		if (head.end != PULL_MORE)
			return unexpected(p, err);
		if (take_document(p, fd, &head, err))
			return -1;
	}
}

static int write_top(const struct pulled *p, struct cc_error *err)
{
	cc_auto_json json_t *doc = json_pack("{s:i, s:O}", "schemaVersion", 2, "manifests", p->top);
	cc_auto_free char *text = json_dumps(doc, JSON_COMPACT), *path = NULL;

	if (!text)
		return registry_no_memory(err);
	if (asprintf(&path, "%s/index.json", p->dir) < 0) {
		path = NULL;
		return registry_no_memory(err);
	}
	return write_file(path, text, strlen(text), err);
}

/* ---- the child ----------------------------------------------------------------------------- */

/* It is gone when this returns, whatever it does. */
static void end_child(pid_t child)
{
	kill(child, SIGKILL);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

static int run_child(struct pulled *p, const struct registry_ask *ask, struct cc_error *err)
{
	pid_t parent = getpid(), child;
	int pair[2], rc;

	if (pipe2(pair, O_CLOEXEC))
		return cc_fail_errno(err, CC_E_INTERNAL, "pipe");
	child = fork();
	if (child == 0)
		registry_child(ask, pair[1], parent);
	close(pair[1]);
	rc = child < 0 ? cc_fail_errno(err, CC_E_INTERNAL, "fork") : take_all(p, pair[0], err);
	close(pair[0]);
	if (child > 0)
		end_child(child);
	return rc;
}

/* ---- what is trusted ----------------------------------------------------------------------- */

/* Where Docker and Podman look. Return: 0; 1 when there is none; -1. */
static int read_engine_ca(const char *dir, const struct registry_name *name, char **text,
			  struct cc_error *err)
{
	cc_auto_free char *path = NULL;
	size_t len;

	if (asprintf(&path, "%s/certs.d/%s/ca.crt", dir, name->host) < 0) {
		path = NULL;
		return registry_no_memory(err);
	}
	if (!cc_read_file_max(path, CA_MAX, text, &len, err))
		return 0;
	return err->code == CC_E_NOTFOUND ? 1 : -1;
}

static int read_ca(const struct image_pull *pull, const struct registry_name *name, char **text,
		   struct cc_error *err)
{
	size_t len;
	int rc;

	if (pull->ca)
		return cc_read_file_max(pull->ca, CA_MAX, text, &len, err);
	rc = read_engine_ca("/etc/docker", name, text, err);
	if (rc > 0)
		rc = read_engine_ca("/etc/containers", name, text, err);
	return rc < 0 ? -1 : 0;
}

/* ---- the directory ------------------------------------------------------------------------- */

static int make_below(const char *dir, const char *name, struct cc_error *err)
{
	cc_auto_free char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL;
		return registry_no_memory(err);
	}
	return mkdir(path, 0700) ? cc_fail_errno(err, CC_E_INTERNAL, "cannot make %s", path) : 0;
}

static void remove_files(const char *path)
{
	cc_auto_closedir DIR *d = opendir(path);
	const struct dirent *e;

	while (d && (e = readdir(d))) {
		cc_auto_free char *file = NULL;

		if (asprintf(&file, "%s/%s", path, e->d_name) < 0)
			file = NULL;
		else
			unlink(file);
	}
}

void image_pull_remove(const char *dir)
{
	static const char *const dirs[] = {"/blobs/sha256", "/blobs", ""};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		cc_auto_free char *path = NULL;

		if (asprintf(&path, "%s%s", dir, dirs[i]) < 0) {
			path = NULL;
			return;
		}
		remove_files(path);
		rmdir(path);
	}
}

int image_pull(const struct image_pull *pull, const char *dir, struct cc_error *err)
{
	struct registry_ask ask = {.auth_file = pull->auth_file};
	unsigned int seconds = pull->seconds ? pull->seconds : IMAGE_PULL_SECONDS;
	auto_registry_name name = {0};
	cc_auto_free char *ca = NULL;
	cc_auto_json json_t *top = json_array();
	struct pulled p = {
		.pull = pull, .dir = dir, .until = boottime_ms() + seconds * 1000ULL, .top = top};

	if (!top)
		return registry_no_memory(err);
	if (registry_name_parse(pull->image, &name, err) || read_ca(pull, &name, &ca, err))
		return -1;
	ask.name = &name;
	ask.ca = ca;
	ask.plain_said = pull->plain;
	ask.plain = pull->plain || (name.local && !pull->ca);
	if (make_below(dir, "blobs", err) || make_below(dir, "blobs/sha256", err) ||
	    run_child(&p, &ask, err) || write_top(&p, err))
		return -1;
	if (p.signatures)
		return 0;
	return cc_fail(err, CC_E_INVALID,
		       "%s: its registry has neither a signature nor an attestation of it",
		       pull->image);
}
