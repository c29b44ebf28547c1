// SPDX-License-Identifier: Apache-2.0
/* What a registry has of an image and beside it is fetched, and found as in a directory. */
#include "bundle_made.h"
#include "registry_served.h"

#include <poll.h>
#include <sys/syscall.h>

#include "client/image_pull.h"

#define AUTH "dGVzdDpwYXNz" /* test:pass */

/* What is served outlives the requests. */
static char *texts[64];
static size_t n_texts;

static const char *text(char *malloced)
{
	assert_non_null(malloced);
	assert_true(n_texts < sizeof(texts) / sizeof(texts[0]));
	return texts[n_texts++] = malloced;
}

static const char *dumped(json_t *obj)
{
	const char *out = text(json_dumps(obj, JSON_COMPACT));

	json_decref(obj);
	return out;
}

/* The digest of @document; good for the next eight. */
static const char *digest(const char *document)
{
	static char out[8][CC_DIGEST_LEN];
	static size_t n;

	cc_sha256_digest(document, strlen(document), out[n % 8]);
	return out[n++ % 8];
}

static const char *hex(const char *document)
{
	return digest(document) + strlen("sha256:");
}

/* ---- what is served ---- */

static void serve_blob(const char *blob)
{
	serve("blobs/", digest(blob), blob);
}

static void serve_manifest(const char *manifest)
{
	serve("manifests/", digest(manifest), manifest);
}

/* By tag and by digest. */
static const char *serve_image(void)
{
	const char *manifest = text(manifest_of(DIGEST_A));

	serve("manifests/", "v1", manifest);
	serve_manifest(manifest);
	return manifest;
}

/* A manifest whose one layer is @blob of @type; with @value an annotation of the layer. */
static const char *manifest_with(const char *type, const char *blob, const char *value)
{
	return dumped(json_pack("{s:i, s:s, s:{s:s, s:s, s:i}, s:[{s:s, s:s, s:i, s:{s:s*}}]}",
				"schemaVersion", 2, "mediaType", OCI_MANIFEST, "config",
				"mediaType", OCI_CONFIG, "digest", DIGEST_B, "size", 1, "layers",
				"mediaType", type, "digest", digest(blob), "size", 1, "annotations",
				"dev.cosignproject.cosign/signature", value));
}

/* As cosign 2 keeps it: under a tag. */
static void serve_tagged_signature(const char *document)
{
	const char *payload = text(payload_of(REPOSITORY, document, "null"));
	cc_auto_free char *value = signature_by(release, payload);
	char tag[CC_DIGEST_LEN + 16];

	snprintf(tag, sizeof(tag), "sha256-%s.sig", hex(document));
	serve_blob(payload);
	serve("manifests/", tag,
	      manifest_with("application/vnd.dev.cosign.simplesigning.v1+json", payload, value));
}

/* As cosign 3 keeps it; the list that has it. */
static const char *serve_bundle(const char *document)
{
	cc_auto_free char *statement =
		statement_of(document, ",\"annotations\":{\"docker-reference\":\"" REPOSITORY "\"}",
			     SIGN_V1, "{}");
	const char *bundle = dumped(bundle_of(envelope_of(statement, release)));
	const char *manifest = manifest_with(BUNDLE_V03, bundle, NULL);

	serve_blob(bundle);
	serve_manifest(manifest);
	return dumped(json_pack("{s:i, s:s, s:[{s:s, s:s, s:s, s:i}]}", "schemaVersion", 2,
				"mediaType", OCI_INDEX, "manifests", "mediaType", OCI_MANIFEST,
				"artifactType", BUNDLE_V03, "digest", digest(manifest), "size", 1));
}

/* ---- the pull ---- */

static struct image_pull how;

/* @reference: with its ":" or "@"; into a new directory. */
static void begin(const char *reference)
{
	static char image[256];

	snprintf(image, sizeof(image), "127.0.0.1:%d/shop/db%s", served.port, reference);
	how.image = image;
	top_remove(NULL);
	assert_int_equal(top_new(), 0);
}

static int pull(const char *reference, struct cc_error *err)
{
	begin(reference);
	*err = (struct cc_error){0};
	return image_pull(&how, top, err);
}

static void pulls(const char *reference)
{
	struct cc_error err;

	registry_start();
	if (pull(reference, &err))
		fail_msg("%s", err.text);
	look();
}

static void fails(const char *reference, enum cc_code code, const char *says)
{
	struct cc_error err;

	registry_start();
	assert_int_equal(pull(reference, &err), -1);
	expect_error(&err, code, "", says);
}

static void an_image_and_the_signature_under_its_tag_are_fetched(void **state)
{
	const char *manifest = serve_image();

	(void)state;
	serve_tagged_signature(manifest);
	pulls(":v1");
	assert_int_equal(n_found, 1);
	assert_string_equal(found->manifest, manifest);
	lets_in(DIGEST_A);
}

static void what_the_list_of_referrers_has_is_fetched(void **state)
{
	const char *manifest = serve_image();

	(void)state;
	serve("referrers/", digest(manifest), serve_bundle(manifest));
	pulls(":v1");
	assert_true(found->v[0].statement);
	lets_in(DIGEST_A);
}

static void the_index_under_a_tag_stands_in_for_the_list(void **state)
{
	const char *manifest = serve_image();

	(void)state;
	serve("manifests/sha256-", hex(manifest), serve_bundle(manifest));
	pulls(":v1");
	lets_in(DIGEST_A);
}

static void an_index_its_platforms_and_their_signatures_are_fetched(void **state)
{
	const char *manifest = serve_image();
	const char *index = text(index_of(manifest, "linux"));

	(void)state;
	serve("manifests/", "multi", index);
	serve_tagged_signature(index);
	serve("referrers/", digest(manifest), serve_bundle(manifest));
	pulls(":multi");
	assert_int_equal(found->n, 2);
	assert_string_equal(found->index, index);
	lets_in(DIGEST_A);
}

static void an_image_is_asked_for_by_its_digest(void **state)
{
	const char *manifest = serve_image();
	char reference[CC_DIGEST_LEN + 1];

	(void)state;
	snprintf(reference, sizeof(reference), "@%s", digest(manifest));
	serve_tagged_signature(manifest);
	pulls(reference);
	lets_in(DIGEST_A);
}

static void what_was_pulled_is_removed(void **state)
{
	const char *manifest = serve_image();

	(void)state;
	serve_tagged_signature(manifest);
	pulls(":v1");
	image_pull_remove(top);
	assert_int_equal(access(top, F_OK), -1);
}

/* ---- what is refused ---- */

static void what_is_not_what_its_digest_says_is_refused(void **state)
{
	const char *manifest = serve_image();

	(void)state;
	serve("manifests/", DIGEST_C, manifest);
	fails("@" DIGEST_C, CC_E_INVALID, "has the digest");
}

static void a_blob_that_was_swapped_is_refused(void **state)
{
	const char *manifest = serve_image();

	(void)state;
	serve_tagged_signature(manifest);
	for (size_t i = 0; i < served.n; i++)
		if (strstr(served.pages[i].path, "/blobs/"))
			served.pages[i].body = "{}";
	fails(":v1", CC_E_INVALID, "has the digest");
}

static void an_image_that_is_not_there_or_not_signed_is_refused(void **state)
{
	(void)state;
	serve_image();
	fails(":v2", CC_E_NOTFOUND, "no manifest v2 of shop/db");
	registry_stop();
	registry_new();
	serve_image();
	fails(":v1", CC_E_INVALID, "neither a signature nor an attestation");
}

static void what_is_too_long_is_refused(void **state)
{
	char *much = malloc(5 * 1024 * 1024 + 1);

	(void)state;
	assert_non_null(much);
	memset(much, ' ', 5 * 1024 * 1024);
	much[5 * 1024 * 1024] = '\0';
	serve("manifests/", "v1", text(much));
	fails(":v1", CC_E_INVALID, "too long");
}

static void a_registry_that_does_not_answer_is_given_up(void **state)
{
	(void)state;
	serve("manifests/", "v1", NULL);
	how.seconds = 1;
	fails(":v1", CC_E_UNREACHABLE, "in time");
}

static void a_registry_that_fails_or_is_not_there_is_an_error(void **state)
{
	struct cc_error err;

	(void)state;
	serve("manifests/", "v1", "{}")->status = 500;
	fails(":v1", CC_E_UNREACHABLE, "HTTP 500");
	registry_stop();
	assert_int_equal(pull(":v1", &err), -1);
	expect_error(&err, CC_E_UNREACHABLE, "", "127.0.0.1");
	registry_new();
}

static void without_being_told_another_host_is_asked_by_https(void **state)
{
	struct cc_error err;

	(void)state;
	serve_image();
	how.ca = "tests/unit/nosuch.pem";
	assert_int_equal(pull(":v1", &err), -1);
	expect_error(&err, CC_E_NOTFOUND, "", "nosuch.pem");
	how.ca = "tests/fixtures/cosign/cosign.pub"; /* whatever it trusts, it is https */
	fails(":v1", CC_E_UNREACHABLE, "https://127.0.0.1");
}

/* ---- who asks ---- */

/* The child of @parent; 0: none. */
static pid_t child_of(pid_t parent)
{
	cc_auto_closedir DIR *proc = opendir("/proc");
	const struct dirent *e;

	assert_non_null(proc);
	while ((e = readdir(proc))) {
		char path[300], line[64], status[4096];
		cc_auto_fclose FILE *f = NULL;

		snprintf(path, sizeof(path), "/proc/%s/status", e->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		status[fread(status, 1, sizeof(status) - 1, f)] = '\0';
		snprintf(line, sizeof(line), "\nPPid:\t%d\n", parent);
		if (strstr(status, line))
			return (pid_t)atoi(e->d_name);
	}
	return 0;
}

static void says(pid_t pid, const char *line)
{
	char path[64], status[4096];
	cc_auto_fclose FILE *f = NULL;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	assert_non_null(f);
	status[fread(status, 1, sizeof(status) - 1, f)] = '\0';
	if (!strstr(status, line))
		fail_msg("%s is not in %s", line, status);
}

/* Beyond the three: the way to us, and the registry's connection. */
static size_t descriptors_of(pid_t pid)
{
	char path[64];
	cc_auto_closedir DIR *fds = NULL;
	const struct dirent *e;
	size_t n = 0;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	fds = opendir(path);
	assert_non_null(fds);
	while ((e = readdir(fds)))
		n += e->d_name[0] != '.' && atoi(e->d_name) > STDERR_FILENO;
	return n;
}

static void who_asks_has_no_rights(void **state)
{
	struct cc_error err;
	struct pollfd gone = {.events = POLLIN};
	pid_t puller, child;
	char byte;

	(void)state;
	serve("manifests/", "v1", NULL);
	registry_start();
	begin(":v1");
	puller = fork();
	if (puller == 0)
		_exit(image_pull(&how, top, &err) == -1);
	assert_int_equal(read(served.silent[0], &byte, 1), 1);
	child = child_of(puller);
	assert_true(child > 0);
	gone.fd = (int)syscall(SYS_pidfd_open, child, 0);
	assert_true(gone.fd >= 0);
	says(child, "\nNoNewPrivs:\t1\n");
	says(child, "\nSeccomp:\t2\n");
	says(child, "\nCapEff:\t0000000000000000\n");
	if (geteuid() == 0) {
		says(child, "\nUid:\t65534\t65534\t65534\t65534\n");
		says(child, "\nGroups:\t \n");
		assert_in_range(descriptors_of(child), 2, 6); /* libcurl wakes itself by some */
	}
	kill(puller, SIGKILL);
	assert_int_equal(waitpid(puller, NULL, 0), puller);
	assert_int_equal(poll(&gone, 1, 10000), 1); /* it dies with who asked for it */
	close(gone.fd);
}

/* ---- logging in ---- */

static void log_in_by(const char *config)
{
	cc_auto_free char *in_config = NULL;

	assert_true(asprintf(&in_config, "{\"auths\":{\"127.0.0.1:%d\":{\"auth\":\"" AUTH "\"}}%s}",
			     served.port, config) > 0);
	make_file("/tmp", "/test-pull-auth.json", in_config);
	how.auth_file = "/tmp/test-pull-auth.json";
}

/* All pages want @authorization. */
static void want(const char *authorization)
{
	for (size_t i = 0; i < served.n; i++)
		served.pages[i].authorization = authorization;
}

static void user_and_password_are_given_where_they_are_asked_for(void **state)
{
	const char *manifest = serve_image();

	(void)state;
	serve_tagged_signature(manifest);
	want("Basic " AUTH);
	served.challenge = "WWW-Authenticate: Basic realm=\"x\"\r\n";
	log_in_by("");
	pulls(":v1");
	lets_in(DIGEST_A);
}

static char challenge[256];

/* A page that gives tokens, to whom has logged in. */
static void serve_tokens(const char *authorization, const char *body)
{
	struct page *p = &served.pages[served.n++];

	snprintf(p->path, sizeof(p->path), "/token");
	p->status = 200;
	p->authorization = authorization;
	p->body = body;
	snprintf(challenge, sizeof(challenge),
		 "WWW-Authenticate: Bearer realm=\"http://127.0.0.1:%d/token\",service=\"x\"\r\n",
		 served.port);
	served.challenge = challenge;
}

static void a_token_is_fetched_where_one_is_asked_for(void **state)
{
	const char *manifest = serve_image();

	(void)state;
	serve_tagged_signature(manifest);
	want("Bearer abc.def");
	serve_tokens("Basic " AUTH, "{\"token\":\"abc.def\"}");
	log_in_by("");
	pulls(":v1");
	lets_in(DIGEST_A);
}

static void a_registry_that_refuses_says_what_to_do(void **state)
{
	(void)state;
	serve_image();
	want("Basic " AUTH);
	served.challenge = "WWW-Authenticate: Basic realm=\"x\"\r\n";
	fails(":v1", CC_E_PERM, "--auth-file");
}

static void a_token_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = {"{}", "[]", "{\"token\":\"\"}",
					  "{\"token\":\"a\\r\\nX: y\"}", "{\"token\":3}"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		serve_image();
		want("Bearer x");
		serve_tokens(NULL, bad[i]);
		fails(":v1", CC_E_INVALID, "gave no token");
		registry_stop();
		registry_new();
	}
}

/* ---- */

static int one_setup(void **state)
{
	(void)state;
	how = (struct image_pull){.auth_file = "/dev/null"};
	make_file("/tmp", "/test-pull-none.json", "{}");
	how.auth_file = "/tmp/test-pull-none.json";
	n_found = 0;
	registry_new();
	return 0;
}

static int one_teardown(void **state)
{
	(void)state;
	registry_stop();
	while (n_texts)
		free(texts[--n_texts]);
	unlink("/tmp/test-pull-auth.json");
	unlink("/tmp/test-pull-none.json");
	return 0;
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, one_setup, one_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(an_image_and_the_signature_under_its_tag_are_fetched),
		SERVED(what_the_list_of_referrers_has_is_fetched),
		SERVED(the_index_under_a_tag_stands_in_for_the_list),
		SERVED(an_index_its_platforms_and_their_signatures_are_fetched),
		SERVED(an_image_is_asked_for_by_its_digest),
		SERVED(what_was_pulled_is_removed),
		SERVED(what_is_not_what_its_digest_says_is_refused),
		SERVED(a_blob_that_was_swapped_is_refused),
		SERVED(an_image_that_is_not_there_or_not_signed_is_refused),
		SERVED(what_is_too_long_is_refused),
		SERVED(a_registry_that_does_not_answer_is_given_up),
		SERVED(a_registry_that_fails_or_is_not_there_is_an_error),
		SERVED(without_being_told_another_host_is_asked_by_https),
		SERVED(who_asks_has_no_rights),
		SERVED(user_and_password_are_given_where_they_are_asked_for),
		SERVED(a_token_is_fetched_where_one_is_asked_for),
		SERVED(a_registry_that_refuses_says_what_to_do),
		SERVED(a_token_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, layout_setup, layout_teardown);
}
