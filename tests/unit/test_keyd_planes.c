// SPDX-License-Identifier: Apache-2.0
/*
 * The custodian in a process of its own under its real system call filter, serving both planes. The
 * test is the fronts, honest ones and such as somebody has taken over, and the peers.
 */
#include "keyd_world.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keyd/confine.h"
#include "keyd/plane.h"

#define ANSWER_MS 120000 /* a machine may be slow */

/* A front's end of a link, and where its peers connect to. */
struct side {
	int link;
	char path[128];
};

/* The custodian's process, and the fronts' sides of it. */
struct confined {
	pid_t pid;
	struct side admin, agents;
};

static unsigned char buf[MESSAGE_MAX];

/* Not _exit(): AddressSanitizer asks for the signal stack before, which the filter ends it for. */
static void leave(int status)
{
	syscall(SYS_exit_group, status);
}

/* Ends with 0 when a front hung up, with 2 when one broke the rules. */
static void be_custodian(struct world *w, struct planes *ps)
{
	struct plane *gone;
	struct cc_error err;
	int rc;

	open_custodian(w);
	/* The filter is loaded with CAP_IPC_LOCK, which a user has in a namespace of his. */
	if ((geteuid() != 0 && unshare(CLONE_NEWUSER)) || confine_custodian(&err))
		leave(1);
	rc = planes_serve(ps, &w->custodian, -1, &gone, &err);
	leave(rc < 0 ? 2 : 0);
}

static int listen_at(struct side *s, const struct world *w, const char *name)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(s->path, sizeof(s->path), "%s/%s", w->dir, name);
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%.100s", s->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 128), 0);
	return fd;
}

/* Everything that is trusted or kept, as text. */
static char *all_that_is_kept(struct world *w)
{
	static const enum op lists[] = {OP_VOLUME_LIST, OP_SIGNER_LIST, OP_AGENT_LIST,
					OP_LEASE_LIST};
	cc_auto_json json_t *all = json_array();

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		auto_got struct got g = ask(w, lists[i], "", NULL);

		json_array_append(all, g.body);
	}
	return json_dumps(all, 0);
}

/* Before there was anybody who asked. */
static char *kept;
static uint64_t rows;

static int start(void **state)
{
	struct confined *f = calloc(1, sizeof(*f));
	static struct planes ps;
	struct cc_error err;
	struct world *w;

	assert_non_null(f);
	world_setup(state);
	w = *state;
	kept = all_that_is_kept(w);
	rows = last_audit(w).seq;
	custodian_close(&w->custodian); /* SQLite's handles do not go through a fork */
	assert_int_equal(planes_init(&ps, &err), 0);
	ps.admin.listener = listen_at(&f->admin, w, "admin");
	ps.agents.listener = listen_at(&f->agents, w, "agents");
	f->admin.link = plane_link(&ps.admin, &err);
	f->agents.link = plane_link(&ps.agents, &err);
	assert_true(f->admin.link >= 0 && f->agents.link >= 0);
	f->pid = fork();
	assert_true(f->pid >= 0);
	if (f->pid == 0) {
		close(f->admin.link);
		close(f->agents.link);
		be_custodian(w, &ps);
	}
	planes_close(&ps);
	w->confined = f;
	return 0;
}

/* How the custodian ended; 0 when the fronts hung up. */
static int end(struct world *w)
{
	struct confined *f = w->confined;
	int status;

	close(f->admin.link);
	close(f->agents.link);
	assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
	free(f);
	w->confined = NULL;
	open_custodian(w);
	if (!WIFEXITED(status))
		fail_msg("the custodian ended with status %x", (unsigned int)status);
	return WEXITSTATUS(status);
}

static int stop(void **state)
{
	struct world *w = *state;

	free(kept);
	if (w->confined)
		assert_int_equal(end(w), 0);
	return world_teardown(state);
}

/* The custodian takes connections of root only. */
static struct world *ready(void **state)
{
	if (geteuid() != 0)
		skip();
	return *state;
}

/* ---- fronts and peers ---- */

static struct message next(const struct side *s, int *passed)
{
	struct pollfd p = {s->link, POLLIN, 0};
	struct message m = {0};
	struct cc_error err;
	ssize_t n;

	assert_int_equal(poll(&p, 1, ANSWER_MS), 1);
	n = message_recv(s->link, buf, passed);
	if (n <= 0)
		fail_msg("the custodian is gone");
	assert_int_equal(message_get(buf, (size_t)n, &m, &err), 0);
	return m;
}

static bool hung_up(const struct side *s)
{
	struct pollfd p = {s->link, POLLIN, 0};

	assert_int_equal(poll(&p, 1, ANSWER_MS), 1);
	return message_recv(s->link, buf, NULL) <= 0;
}

static void send_len(const struct side *s, size_t len)
{
	assert_int_equal(message_send(s->link, buf, len, -1, 0), 0);
}

/* A peer, and what the front gets of it; -1 when it may not come. */
static int connect_to(const struct side *s, struct connection *c, int *passed)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct message m;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%.100s", s->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	m = next(s, passed);
	assert_int_equal(m.type, MESSAGE_CONNECT);
	assert_true(*passed >= 0);
	*c = m.connection;
	return fd;
}

/* A connection whose peer stays for as long as the test. */
static uint64_t connected(const struct side *s)
{
	struct connection c;
	int passed;

	connect_to(s, &c, &passed);
	close(passed);
	return c.id;
}

/* What the front gets for a request in the name of @conn; CHANGED is passed over. */
static struct got front_asks(const struct side *s, uint64_t conn, enum op op, const char *arg,
			     const char *body)
{
	struct request rq = {.op = op, .conn = conn, .body = body, .body_len = strlen(body)};
	struct got g = {0};
	struct message m;

	snprintf(rq.arg, sizeof(rq.arg), "%s", arg);
	send_len(s, message_put_request(buf, &rq));
	do {
		m = next(s, NULL);
	} while (m.type == MESSAGE_CHANGED);
	assert_int_equal(m.type, MESSAGE_ANSWER);
	assert_true(m.part.last);
	g.http = m.part.http;
	g.text = strndup(m.part.text, m.part.len);
	g.body = m.part.type == TEXT_JSON ? json_loads(g.text, JSON_REJECT_DUPLICATES, NULL) : NULL;
	return g;
}

/* ---- what it promises ---- */

/* Bodies that do what they say where they may. */
static char *body_of(const struct world *w, enum op op)
{
	cc_auto_json json_t *jwk = NULL, *obj = NULL;
	cc_auto_free char *pem = NULL, *env = NULL;
	struct cc_error err;
	EVP_PKEY *key;

	switch (op) {
	case OP_SIGNER_ADD:
		key = new_p256();
		pem = public_pem(key);
		EVP_PKEY_free(key);
		obj = json_pack("{s:s, s:s}", "name", "mallory", "pem", pem);
		break;
	case OP_AGENT_ADD:
		jwk = new_agent_key("mallory");
		obj = json_pack("{s:s, s:o}", "name", "mallory", "jwk", cc_jwk_public(jwk, &err));
		break;
	case OP_IDENTITY_ADD:
		env = envelope_by(w->signer, predicate(9));
		obj = json_pack("{s:s}", "envelope", env);
		break;
	case OP_VOLUME_CREATE:
		obj = volume_body("mallory", UUID_OTHER);
		break;
	case OP_AGENT_SET:
	case OP_SIGNER_SET:
		obj = json_pack("{s:s}", "volumes", "mallory*");
		break;
	case OP_VOLUME_SET:
		obj = json_pack("{s:i}", "leaseMs", 2000);
		break;
	case OP_VOLUME_RENAME:
		obj = json_pack("{s:s}", "name", "mallory");
		break;
	case OP_VOLUME_EXPORT:
		jwk = one_time_key();
		obj = json_pack("{s:o}", "recipient", cc_jwk_public(jwk, &err));
		break;
	case OP_VOLUME_GROW:
		obj = json_pack("{s:i}", "sectors", 1 << 20);
		break;
	default:
		obj = json_object();
	}
	return op_has_body(&operations[op]) ? json_dumps(obj, 0) : strdup("");
}

static const char *arg_of(enum op op)
{
	if (strstr(operations[op].path, "/UUID"))
		return UUID_PGDATA;
	if (!strstr(operations[op].path, "/NAME"))
		return "";
	if (strstr(operations[op].path, "/signers/"))
		return "ci";
	return strstr(operations[op].path, "/agents/") ? "host1" : "pgdata";
}

static void a_front_of_the_agents_gets_nothing_of_administration(void **state)
{
	struct world *w = ready(state);
	const struct side *s = &w->confined->agents;
	uint64_t conn = connected(s);
	cc_auto_free char *after = NULL;
	int tried = 0;

	for (enum op op = OP_NONE + 1; op < OP_END; op++) {
		cc_auto_free char *body = body_of(w, op);
		auto_got struct got g = {0};

		if (operations[op].planes & PLANE_AGENTS || op == OP_CHANGES)
			continue;
		print_message("# %s\n", operations[op].event);
		g = front_asks(s, conn, op, arg_of(op), body);
		assert_error(&g, 401, "permission", "plane");
		tried++;
	}
	assert_true(tried > 15);
	assert_int_equal(end(w), 0);
	after = all_that_is_kept(w);
	assert_string_equal(after, kept);
	/* Nor does it fill the audit log. */
	assert_int_equal(last_audit(w).seq, rows);
}

static void what_is_an_agents_is_what_a_host_needs_and_no_more(void **state)
{
	static const enum op agents[] = {
		OP_HEALTHZ,    OP_CHALLENGE,  OP_RELEASE,      OP_RENEW,       OP_CHANGES,
		OP_LEASE_LIST, OP_VOLUME_GET, OP_LEASE_RETURN, OP_VOLUME_LIST, OP_IDENTITY_GET,
	};
	size_t n = 0;

	(void)state;
	for (enum op op = OP_NONE + 1; op < OP_END; op++) {
		bool listed = false;

		for (size_t i = 0; i < sizeof(agents) / sizeof(agents[0]); i++)
			listed = listed || agents[i] == op;
		assert_int_equal(op != OP_ENROL, !!(operations[op].planes & PLANE_ADMIN));
		assert_int_equal(op == OP_ENROL, !!(operations[op].planes & PLANE_ENROL));
		assert_int_equal(listed, !!(operations[op].planes & PLANE_AGENTS));
		/* over TLS the same, and a certificate */
		assert_int_equal(listed || op == OP_AGENT_CERTIFICATE,
				 !!(operations[op].planes & PLANE_NET));
		n += listed;
	}
	assert_int_equal(n, sizeof(agents) / sizeof(agents[0]));
}

/* Whatever bytes it sends: the custodian answers nothing and ends, for others to start it anew. */
static void a_front_that_breaks_the_rules_ends_it_all(void **state)
{
	const struct connection made_up = {1000, {0, 0, 1}};
	struct request rq = {.op = OP_SIGNER_LIST, .conn = 1000, .body = "", .body_len = 0};
	struct answer_part part = {.http = 200, .type = TEXT_JSON, .last = true, .text = ""};

	for (int what = 0; what < 8; what++) {
		struct world *w = ready(state);
		const struct side *s = &w->confined->agents;
		struct side other = w->confined->admin;
		size_t len = 0;

		print_message("# %d\n", what);
		switch (what) {
		case 0:
			memcpy(buf, "GET /v1/signers HTTP/1.1", 24);
			len = 24;
			break;
		case 1: /* a connection that is not there, nor on its plane */
			len = message_put_request(buf, &rq);
			break;
		case 2:
			rq.conn = connected(&other);
			rq.op = OP_HEALTHZ;
			len = message_put_request(buf, &rq);
			break;
		case 3:
			len = message_put_closed(buf, 1000);
			break;
		case 4: /* what only the custodian says */
			len = message_put_connect(buf, &made_up);
			break;
		case 5:
			len = message_put_part(buf, &part);
			break;
		case 6:
			len = message_put_plain(buf, MESSAGE_CHANGED);
			break;
		default: /* a descriptor of its own, as if it had accepted somebody */
			assert_int_equal(message_send(s->link, buf,
						      message_put_connect(buf, &made_up), s->link,
						      0),
					 0);
		}
		if (len)
			send_len(s, len);
		assert_true(hung_up(s));
		assert_true(hung_up(&other));
		assert_int_equal(end(w), 2);
		stop(state);
		start(state);
	}
}

static void say_request(const struct side *s, uint64_t conn, enum op op, const char *arg)
{
	struct request rq = {.op = op, .conn = conn, .body = "{}"};

	rq.body_len = op_has_body(&operations[op]) ? 2 : 0;
	snprintf(rq.arg, sizeof(rq.arg), "%s", arg);
	send_len(s, message_put_request(buf, &rq));
}

static void assert_answered(const struct side *s, const char *with)
{
	struct message m = next(s, NULL);

	assert_int_equal(m.type, MESSAGE_ANSWER);
	if (!memmem(m.part.text, m.part.len, with, strlen(with)))
		fail_msg("%.*s", (int)m.part.len, m.part.text);
}

/* They share a transaction. A connection may end between them, and what is told is told before. */
static void requests_that_are_there_together_are_answered_in_their_order(void **state)
{
	struct world *w = ready(state);
	const struct side *s = &w->confined->admin, *other = &w->confined->agents;
	uint64_t a = connected(s), b = connected(s), c = connected(other);

	assert_int_equal(kill(w->confined->pid, SIGSTOP), 0);
	say_request(other, c, OP_VOLUME_GET, "pgdata");
	say_request(s, a, OP_VOLUME_GET, "pgdata");
	say_request(s, a, OP_VOLUME_GET, "nowhere");
	send_len(s, message_put_closed(buf, a));
	say_request(s, b, OP_VOLUME_READY, "pgdata");
	say_request(s, b, OP_SIGNER_LIST, "");
	assert_int_equal(kill(w->confined->pid, SIGCONT), 0);
	assert_int_equal(next(s, NULL).type, MESSAGE_CHANGED);
	assert_answered(s, UUID_PGDATA);
	assert_answered(s, "not-found");
	assert_answered(s, "{");
	assert_answered(s, "\"signers\"");
	assert_int_equal(next(other, NULL).type, MESSAGE_CHANGED);
	assert_answered(other, UUID_PGDATA);
	/* What ends a connection is no request: nothing is answered for it, nor anything again. */
	send_len(s, message_put_closed(buf, b));
	a = connected(s);
	say_request(s, a, OP_VOLUME_GET, "nowhere");
	assert_answered(s, "not-found");
	assert_int_equal(end(w), 0);
}

static void the_kernel_says_who_asks_not_the_front(void **state)
{
	struct world *w = ready(state);
	const struct side *s = &w->confined->admin;
	cc_auto_close int passed = -1, fd = -1;
	auto_got struct got g = {0};
	struct connection c;
	char by[64];

	fd = connect_to(s, &c, &passed);
	assert_int_equal(c.peer.pid, getpid());
	assert_int_equal(c.peer.uid, geteuid());
	assert_int_equal(c.peer.gid, getegid());
	/* What it was handed is the peer's connection. */
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(read(passed, buf, 1), 1);
	g = front_asks(s, c.id, OP_VOLUME_SET, "pgdata", "{\"leaseMs\":300000}");
	assert_int_equal(g.http, 200);
	assert_int_equal(end(w), 0);
	snprintf(by, sizeof(by), "by process %d", getpid());
	assert_string_equal(last_audit(w).event, "volume.set");
	assert_string_equal(last_audit(w).detail, by);
}

static void a_connection_that_was_closed_speaks_for_nobody(void **state)
{
	struct world *w = ready(state);
	const struct side *s = &w->confined->admin;
	struct request rq = {.op = OP_HEALTHZ, .conn = connected(s), .body = ""};
	auto_got struct got g = front_asks(s, rq.conn, OP_HEALTHZ, "", "");

	assert_int_equal(g.http, 200);
	send_len(s, message_put_closed(buf, rq.conn));
	send_len(s, message_put_request(buf, &rq));
	assert_true(hung_up(s));
	assert_int_equal(end(w), 2);
}

static void a_change_is_told_to_both_planes_before_its_answer(void **state)
{
	const struct confined *f = ready(state)->confined;
	struct request rq = {.op = OP_IDENTITY_REVOKE, .conn = connected(&f->admin), .body = ""};
	struct message m;

	strcpy(rq.arg, "pgdata");
	send_len(&f->admin, message_put_request(buf, &rq));
	assert_int_equal(next(&f->admin, NULL).type, MESSAGE_CHANGED);
	m = next(&f->admin, NULL);
	assert_int_equal(m.type, MESSAGE_ANSWER);
	assert_int_equal(m.part.http, 200);
	assert_int_equal(next(&f->agents, NULL).type, MESSAGE_CHANGED);
}

/* Neither has a share in the other's, and a number is never used again. */
static void each_plane_has_its_own_connections(void **state)
{
	const struct confined *f = ready(state)->confined;
	uint64_t last = 0;

	for (int i = 0; i < 2 * PLANE_CONNECTIONS; i++) {
		uint64_t id = connected(&f->agents);

		assert_true(id > last);
		last = id;
		if (i >= PLANE_CONNECTIONS / 2)
			send_len(&f->agents, message_put_closed(buf, id));
	}
	for (int i = 0; i < PLANE_CONNECTIONS; i++)
		assert_true(connected(&f->admin) > last);
}

#define planes_test(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		planes_test(a_front_of_the_agents_gets_nothing_of_administration),
		cmocka_unit_test(what_is_an_agents_is_what_a_host_needs_and_no_more),
		planes_test(a_front_that_breaks_the_rules_ends_it_all),
		planes_test(requests_that_are_there_together_are_answered_in_their_order),
		planes_test(the_kernel_says_who_asks_not_the_front),
		planes_test(a_connection_that_was_closed_speaks_for_nobody),
		planes_test(a_change_is_told_to_both_planes_before_its_answer),
		planes_test(each_plane_has_its_own_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
