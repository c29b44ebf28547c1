// SPDX-License-Identifier: Apache-2.0
/*
 * agent_worker.c - a worker of the agent: one request, one answer.
 */
#include "agent/agent_worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent_message.h"
#include "agent/confine.h"
#include "agent/sweep.h"
#include "bind/bind.h"
#include "bind/bind_refused.h"
#include "bind/gate_lines.h"
#include "plugin/cdi.h"
#include "bind/grow.h"
#include "bind/lease_lost.h"
#include "log.h"
#include "container/measure.h"
#include "paths.h"
#include "plugin/plugin.h"
#include "strv.h"
#include "bind/renew.h"
#include "bind/require.h"
#include "bind/unbind.h"
#include "volume/gates.h"
#include "volume/volume_lock.h"

#define SWEPT_FILE CC_RUN_DIR "/swept"

static json_t *done(const char *volume, struct cc_error *err)
{
	json_t *answer = json_pack("{s:b, s:s*}", "ok", 1, "volume", volume);

	if (!answer)
		cc_fail(err, CC_E_NOMEM, "out of memory");
	return answer;
}

static int do_bind(const struct agent_message *m, json_t **answer, struct cc_error *err)
{
	const struct bind_request request = {
		.volume = m->volume,
		.device = m->device,
		.state = m->op == AGENT_HOOK ? &m->state : NULL,
		.container = m->container,
		.engine = m->engine,
		.dry_run = m->dry_run,
	};

	return bind_volume(&request, answer, err);
}

static int do_measure(const struct agent_message *m, json_t **answer, struct cc_error *err)
{
	layer_cache_auto struct layer_cache cache = {.dir = CC_ROOTFS_DIR};
	measure_auto struct measured seen = MEASURED_NONE;

	if (measure_named(m->container, m->engine, &seen, err) ||
	    (m->rootfs && measure_rootfs(&seen, &cache, err)))
		return -1;
	*answer = json_pack("{s:b, s:o}", "ok", 1, "measurement", cc_measurement_to_json(seen.m));
	return *answer ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

static int do_grow(const char *volume, json_t **answer, struct cc_error *err)
{
	struct grown grown;

	if (grow_bound(volume, &grown, err))
		return -1;
	*answer = json_pack("{s:b, s:s, s:b, s:b}", "ok", 1, "volume", volume, "bound", grown.bound,
			    "readOnly", grown.read_only);
	return *answer ? 0 : cc_fail(err, CC_E_NOMEM, "out of memory");
}

static int do_reap(const char *binding, struct cc_error *err)
{
	int rc = unbind_dead(binding, err);

	gates_prune();
	if (sweep_is_due(SWEPT_FILE, time(NULL)))
		measure_forget_removed();
	return rc;
}

static int do_ended(const char *binding, const struct seen_end *at, struct cc_error *err)
{
	binding_auto struct binding b = {0};

	if (binding_load(binding, &b, err))
		return err->code == CC_E_NOTFOUND ? 0 : -1;
	return measure_ended(b.engine, b.container, (pid_t)b.pid, b.start_time, at, err);
}

/* The container has another volume, under which its program runs. */
static bool is_bound_otherwise(const struct binding *b)
{
	cc_cleanup(cc_strv_clear) struct cc_strv names = {0};
	struct cc_error ignored;

	if (binding_list(NULL, &names, &ignored))
		return true;
	for (size_t i = 0; i < names.n; i++) {
		binding_auto struct binding other = {0};

		if (strcmp(names.v[i], b->name) != 0 &&
		    binding_load(names.v[i], &other, &ignored) == 0 && binding_settled(&other) &&
		    other.pid == b->pid && other.start_time == b->start_time)
			return true;
	}
	return false;
}

/* Nobody was told that it is bound: a hook fails without an answer, and no program is started. */
static int do_undo(const char *binding, struct cc_error *err)
{
	binding_auto struct binding b = {0};
	struct cc_error ignored;

	if (binding_load(binding, &b, &ignored) == 0 && !is_bound_otherwise(&b) &&
	    measure_not_started(b.engine, b.container, (pid_t)b.pid, b.start_time, &ignored))
		cc_log(LOG_WARNING, "volume %s: %s", b.volume, ignored.text);
	return unbind_binding(binding, true, err);
}

static int dispatch(const struct agent_message *m, const char *cdi_dir, json_t **answer,
		    struct cc_error *err)
{
	cc_auto_close int lock = -1;
	int rc = 0;

	/* a flush may wait for the next key, which needs the lock; a look takes it for a moment */
	if (m->volume[0] && m->op != AGENT_FLUSH && m->op != AGENT_LOOK) {
		lock = volume_lock(m->volume, err);
		if (lock < 0)
			return -1;
	}
	switch (m->op) {
	case AGENT_HOOK:
	case AGENT_BIND:
		return do_bind(m, answer, err);
	case AGENT_PLUGIN:
		return plugin_call(m->path, m->body, cdi_dir, answer, err);
	case AGENT_MEASURE:
		return do_measure(m, answer, err);
	case AGENT_UNBIND:
		rc = unbind_volume(m->volume, m->force, err);
		break;
	case AGENT_REQUIRE:
		rc = require_volume(&m->state, err);
		if (rc)
			bind_refused_required(&m->state, err);
		break;
	case AGENT_GROW:
		return do_grow(m->volume, answer, err);
	case AGENT_UNDO:
		rc = do_undo(m->binding, err);
		break;
	case AGENT_ENDED:
		rc = do_ended(m->binding, &m->ended, err);
		break;
	case AGENT_REAP:
		rc = do_reap(m->binding, err);
		break;
	case AGENT_REFRESH:
		rc = cdi_refresh_all(cdi_dir, err);
		break;
	case AGENT_RECOVER:
		gate_lines_restore();
		rc = unbind_orphans(err);
		break;
	case AGENT_RENEW:
		return renew(NULL, NULL, AGENT_MESSAGE_MAX, answer, err);
	case AGENT_LOOK:
		return renew(m->binding, &m->filter, AGENT_MESSAGE_MAX, answer, err);
	case AGENT_FLUSH:
		rc = lease_lost_flush(m->binding, err);
		break;
	case AGENT_REVOKE:
		rc = lease_lost_revoke(m->binding, err);
		break;
	case AGENT_LIST:
	case AGENT_EVENTS:
		return cc_fail(err, CC_E_INTERNAL, "%s is answered by the agent itself",
			       agent_op_name(m->op));
	}
	if (rc)
		return -1;
	*answer = done(m->volume[0] ? m->volume : NULL, err);
	return *answer ? 0 : -1;
}

/* The agent died before we could ask to die with it. */
static bool agent_is_gone(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLRDHUP};

	return poll(&p, 1, 0) < 0 || (p.revents & (POLLHUP | POLLRDHUP | POLLERR));
}

/* The error object; @facts: of all that differ, or NULL. New reference. */
static json_t *failure_json(const struct cc_error *err, json_t *facts)
{
	json_t *obj = cc_error_to_json(err);

	if (facts)
		json_object_update(json_object_get(obj, "error"), facts);
	return obj;
}

/* @failed: @err says why, and @answer has facts or is NULL */
static int reply(int fd, json_t *answer, bool failed, struct cc_error *err)
{
	cc_auto_json json_t *failure = failed ? failure_json(err, answer) : NULL;
	cc_auto_free char *text = json_dumps(failed ? failure : answer, JSON_COMPACT);

	if (!text || strlen(text) > AGENT_MESSAGE_MAX ||
	    send(fd, text, strlen(text), MSG_NOSIGNAL) < 0) {
		cc_log(LOG_ERR, "the answer cannot be sent");
		return CC_E_INTERNAL;
	}
	return failed ? (int)err->code : CC_OK;
}

int agent_worker(int fd, const char *cdi_dir)
{
	agent_auto_message struct agent_message m = {0};
	cc_auto_json json_t *answer = NULL;
	static char buf[AGENT_MESSAGE_MAX];
	struct cc_error err;
	bool failed;
	ssize_t n;

	/* a service that is stopped lets its workers finish */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || agent_is_gone(fd))
		return CC_E_INTERNAL;
	if (confine_worker(&err))
		return reply(fd, NULL, true, &err);
	do
		n = recv(fd, buf, sizeof(buf), 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0 || agent_message_parse(buf, (size_t)n, true, &m, &err)) {
		if (n <= 0)
			cc_fail(&err, CC_E_INTERNAL, "a worker got no request");
		return reply(fd, NULL, true, &err);
	}
	failed = dispatch(&m, cdi_dir, &answer, &err) != 0;
	if (failed && m.op != AGENT_HOOK && m.op != AGENT_BIND) {
		json_decref(answer);
		answer = NULL;
	}
	return reply(fd, answer, failed, &err);
}
