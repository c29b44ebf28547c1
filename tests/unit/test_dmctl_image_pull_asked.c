// SPDX-License-Identifier: Apache-2.0
/* How a registry is asked: by whom, with what rights, by TLS, with what credentials. */
#include "pull_made.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/syscall.h>

#include "client/registry_child.h"

#define AUTH "dGVzdDpwYXNz" /* test:pass */

/* ---- credentials ---- */

static void log_in_by(const char *config)
{
	cc_auto_free char *in_config = NULL;

	assert_true(asprintf(&in_config, "{\"auths\":{\"127.0.0.1:%d\":{\"auth\":\"" AUTH "\"}}%s}",
			     served.port, config) > 0);
	make_file(place, "/auth.json", in_config);
	snprintf(auth_path, sizeof(auth_path), "%s", placed("/auth.json"));
}

/* All pages want @authorization. */
static void want(const char *authorization)
{
	for (size_t i = 0; i < served.n; i++)
		served.pages[i].authorization = authorization;
}

/* ---- by TLS ---- */

#define CA placed("/ca.pem")

static void a_registry_is_believed_by_the_certificate_that_was_named(void **state)
{
	const char *manifest = serve_image();

	(void)state;
	serve_tagged_signature(manifest);
	registry_with_tls(CA);
	how.ca = CA;
	pulls(":v1");
	lets_in(DIGEST_A);
}

static void a_registry_with_another_certificate_is_not_asked(void **state)
{
	const char *manifest = serve_image();

	(void)state;
	serve_tagged_signature(manifest);
	registry_with_tls(CA);
	SSL_CTX_free(served.tls);
	registry_with_tls(placed("/other.pem")); /* what it has now; CA is of before */
	how.ca = CA;
	fails(":v1", CC_E_UNREACHABLE, "certificate");
}

/* A redirect by header @line of the answer with status 307. */
static void redirect(const char *tag, char *line)
{
	struct page *p = serve("manifests/", tag, "{}");

	p->status = 307;
	p->header = line;
}

static void by_tls_no_redirect_leads_out_of_it(void **state)
{
	char line[128];

	(void)state;
	snprintf(line, sizeof(line), "Location: http://127.0.0.1:%d/v2/shop/db/manifests/v1\r\n",
		 served.port);
	redirect("moved", line);
	serve_image();
	registry_with_tls(CA);
	how.ca = CA;
	fails(":moved", CC_E_UNREACHABLE, "disabled");
}

static void where_a_registry_redirects_to_gets_no_credentials(void **state)
{
	const char *manifest = serve_image();
	char line[128];
	struct page *there = &served.pages[served.n++];

	(void)state;
	serve_tagged_signature(manifest);
	snprintf(line, sizeof(line), "Location: http://localhost:%d/elsewhere\r\n", served.port);
	redirect("moved", line);
	want("Basic " AUTH);
	snprintf(there->path, sizeof(there->path), "/elsewhere");
	there->status = 200;
	there->authorization = NO_AUTHORIZATION;
	there->body = manifest;
	served.challenge = "WWW-Authenticate: Basic realm=\"x\"\r\n";
	log_in_by("");
	pulls(":moved");
	lets_in(DIGEST_A);
}

/* Where it was redirected to wants a token of itself, as a registry would. */
static void where_a_registry_redirects_to_does_not_say_who_gives_tokens(void **state)
{
	struct page *there = &served.pages[served.n++], *token = &served.pages[served.n++];
	char line[128], wants[256];

	(void)state;
	snprintf(line, sizeof(line), "Location: http://localhost:%d/elsewhere\r\n", served.port);
	redirect("moved", line);
	snprintf(there->path, sizeof(there->path), "/elsewhere");
	there->authorization = "Bearer x";
	snprintf(wants, sizeof(wants),
		 "WWW-Authenticate: Bearer realm=\"http://localhost:%d/token\"\r\n", served.port);
	served.challenge = wants;
	snprintf(token->path, sizeof(token->path), "/token");
	token->status = 200;
	token->body = "{}"; /* whoever asks for a token there fails in another way */
	log_in_by("");
	fails(":moved", CC_E_PERM, "HTTP 401");
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

static void descriptor_is(pid_t pid, int fd, const char *what)
{
	char path[64], is[256];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
	n = readlink(path, is, sizeof(is) - 1);
	assert_true(n > 0);
	is[n] = '\0';
	assert_string_equal(is, what);
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
		for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
			descriptor_is(child, fd, "/dev/null");
	}
	/* else it could type into the terminal of whoever asks (ioctl_tty(2), TIOCSTI) */
	assert_int_equal(getsid(child), child);
	kill(puller, SIGKILL);
	assert_int_equal(waitpid(puller, NULL, 0), puller);
	assert_int_equal(poll(&gone, 1, 10000), 1); /* it dies with who asked for it */
	close(gone.fd);
}

static void *nothing(void *arg)
{
	return arg;
}

static void who_asks_has_no_process_of_its_own(void **state)
{
	pid_t pid = fork();
	struct cc_error err;
	int status;

	(void)state;
	if (pid == 0) {
		pthread_t thread;

		if (registry_give_up_rights(&err) || fork() >= 0 || errno != EPERM)
			_exit(1);
		/* threads look names up */
		_exit(pthread_create(&thread, NULL, nothing, NULL) ? 2 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void it_is_asked_also_where_nothing_is_open(void **state)
{
	const char *manifest = serve_image();
	struct cc_error err;
	int status;
	pid_t pid;

	(void)state;
	serve_tagged_signature(manifest);
	registry_start();
	begin(":v1");
	pid = fork();
	if (pid == 0) {
		close_range(STDIN_FILENO, STDERR_FILENO, 0);
		_exit(image_pull(&how, top, &err) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- logging in ---- */

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

/* That it is on this host, and so is asked by http, says nothing of others. */
static void a_registry_on_this_host_sends_credentials_to_no_other_by_http(void **state)
{
	static const char *const realms[] = {"http://registry.invalid/token",
					     "http://127.0.0.1:5000@registry.invalid/token",
					     "http://localhost.registry.invalid/token"};

	(void)state;
	for (size_t i = 0; i < sizeof(realms) / sizeof(realms[0]); i++) {
		serve_image();
		want("Bearer x");
		snprintf(challenge, sizeof(challenge), "WWW-Authenticate: Bearer realm=\"%s\"\r\n",
			 realms[i]);
		served.challenge = challenge;
		log_in_by("");
		fails(":v1", CC_E_INVALID, "not https");
		registry_stop();
		registry_new();
	}
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(a_registry_is_believed_by_the_certificate_that_was_named),
		SERVED(a_registry_with_another_certificate_is_not_asked),
		SERVED(by_tls_no_redirect_leads_out_of_it),
		SERVED(where_a_registry_redirects_to_gets_no_credentials),
		SERVED(where_a_registry_redirects_to_does_not_say_who_gives_tokens),
		SERVED(who_asks_has_no_rights),
		SERVED(who_asks_has_no_process_of_its_own),
		SERVED(it_is_asked_also_where_nothing_is_open),
		SERVED(user_and_password_are_given_where_they_are_asked_for),
		SERVED(a_token_is_fetched_where_one_is_asked_for),
		SERVED(a_registry_on_this_host_sends_credentials_to_no_other_by_http),
		SERVED(a_registry_that_refuses_says_what_to_do),
		SERVED(a_token_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, pull_setup, pull_teardown);
}
