// SPDX-License-Identifier: Apache-2.0
/*
 * queue.c - the order in which the agent's requests are done.
 */
#include "agent/queue.h"

#include <string.h>
#include <syslog.h>

#include "log.h"

TAILQ_HEAD(job_list, job);

/**
 * struct queue - all jobs that have not ended.
 * @waiting: in the order they came in
 * @running: being done
 * @n_jobs, @n_running: how many in both, and in the latter
 * @in_lane: of the latter, by lane
 * @held: a hook or a job_done_fn runs, or may: nothing is started by whom it calls
 * @stopped: nothing is started any more
 */
struct queue {
	const struct queue_hooks *hooks;
	void *arg;
	struct job_list waiting, running;
	unsigned int n_jobs, n_running;
	unsigned int in_lane[JOB_LANES];
	bool held, stopped;
};

bool job_changes(const struct job *j)
{
	return j->kind->changes && !j->m.dry_run;
}

bool job_binds(const struct job *j)
{
	return j->kind->binds && !j->m.dry_run;
}

/* ---- coming and going ---------------------------------------------------------------------- */

static void set_key(struct job *j)
{
	switch (j->kind->key) {
	case JOB_FREE:
		return;
	case JOB_BY_OP:
		snprintf(j->key, sizeof(j->key), "%s", agent_op_name(j->m.op));
		return;
	case JOB_BY_VOLUME:
		snprintf(j->key, sizeof(j->key), "volume/%s", j->m.volume);
		return;
	case JOB_BY_BINDING:
		snprintf(j->key, sizeof(j->key), "%s/%s", agent_op_name(j->m.op), j->m.binding);
		return;
	}
}

static struct job *job_new(struct agent_message *m)
{
	struct job *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	j->m = *m;
	*m = (struct agent_message){0};
	j->kind = job_kind(j->m.op);
	set_key(j);
	return j;
}

static void job_free(struct job *j)
{
	agent_message_clear(&j->m);
	cc_strv_clear(&j->before);
	free(j);
}

static void enlist(struct queue *q, struct job *j)
{
	j->queue = q;
	TAILQ_INSERT_TAIL(&q->waiting, j, entry);
	q->n_jobs++;
}

static void begin(struct job *j)
{
	struct queue *q = j->queue;

	TAILQ_REMOVE(&q->waiting, j, entry);
	TAILQ_INSERT_TAIL(&q->running, j, entry);
	q->n_running++;
	q->in_lane[j->kind->lane]++;
	j->running = true;
}

static void delist(struct job *j)
{
	struct queue *q = j->queue;

	TAILQ_REMOVE(j->running ? &q->running : &q->waiting, j, entry);
	q->n_jobs--;
	if (!j->running)
		return;
	q->n_running--;
	q->in_lane[j->kind->lane]--;
}

/* ---- the end of a job ---------------------------------------------------------------------- */

static void log_end(const struct job *j, const struct job_end *end)
{
	const char *text = json_string_value(json_object_get(end->answer, "text"));
	const char *volume = j->m.volume[0] ? j->m.volume : "-";

	if (j->kind->said == JOB_NOT_SAID)
		return;
	if (end->err)
		cc_log(LOG_WARNING, "%s, volume %s: %s", agent_op_name(j->m.op), volume,
		       end->err->text);
	else if (j->kind->said == JOB_FAILURE_SAID)
		return;
	else if (text)
		cc_log(LOG_INFO, "%s: %s", agent_op_name(j->m.op), text);
	else
		cc_log(LOG_INFO, "%s, volume %s: done", agent_op_name(j->m.op), volume);
}

/* Logged first: who is told may look there. The caller holds the queue. */
static void finish(struct job *j, const struct job_end *end)
{
	struct queue *q = j->queue;
	bool told;

	delist(j);
	log_end(j, end);
	if (j->done && job_binds(j) && !end->err && q->hooks->ready)
		q->hooks->ready(q->arg, j);
	if (end->err && q->hooks->failed)
		q->hooks->failed(q->arg, j, end->err);
	told = j->done && j->done(j->arg, end);
	if (job_changes(j))
		q->hooks->changed(q->arg, j, end, told);
	job_free(j);
}

/* ---- which is next ------------------------------------------------------------------------- */

static bool key_is_taken(const struct queue *q, const struct job *j)
{
	const struct job *other;

	if (j->kind->key == JOB_FREE)
		return false;
	TAILQ_FOREACH(other, &q->running, entry)
		if (strcmp(other->key, j->key) == 0)
			return true;
	return false;
}

/* What waits for a place is to be done before it. */
static bool is_behind_first(const struct queue *q, const struct job *j)
{
	const struct job *other;

	if (j->kind->key == JOB_FREE || j->kind->lane == JOB_LANE_REVOKE)
		return false;
	TAILQ_FOREACH(other, &q->waiting, entry) {
		if (other == j && j->kind->rank == JOB_FIRST)
			return false;
		if (other != j && other->kind->rank == JOB_FIRST && strcmp(other->key, j->key) == 0)
			return true;
	}
	return false;
}

static bool has_place(const struct queue *q, const struct job *j)
{
	return q->in_lane[j->kind->lane] < job_lane_places(j->kind->lane);
}

static struct job *next_of(const struct queue *q, enum job_rank rank)
{
	struct job *j;

	TAILQ_FOREACH(j, &q->waiting, entry)
		if (j->kind->rank == rank && has_place(q, j) && !key_is_taken(q, j) &&
		    !is_behind_first(q, j))
			return j;
	return NULL;
}

static struct job *next(const struct queue *q)
{
	struct job *j = NULL;

	if (q->stopped)
		return NULL;
	for (int rank = 0; rank < JOB_RANKS && !j; rank++)
		j = next_of(q, (enum job_rank)rank);
	return j;
}

static void start(struct job *j)
{
	struct queue *q = j->queue;
	struct cc_error err;

	begin(j);
	if (q->hooks->run(q->arg, j, &err))
		finish(j, &(struct job_end){.err = &err});
}

/* Starts what can start, unless whoever holds the queue does that when he lets go of it. */
static void pump(struct queue *q)
{
	struct job *j;

	if (q->held)
		return;
	q->held = true;
	while ((j = next(q)))
		start(j);
	q->held = false;
	if (q->n_running == 0)
		q->hooks->idle(q->arg);
}

/* ---- contract ------------------------------------------------------------------------------ */

struct queue *queue_new(const struct queue_hooks *hooks, void *arg, struct cc_error *err)
{
	struct queue *q = calloc(1, sizeof(*q));

	if (!q) {
		cc_fail(err, CC_E_NOMEM, "out of memory");
		return NULL;
	}
	q->hooks = hooks;
	q->arg = arg;
	TAILQ_INIT(&q->waiting);
	TAILQ_INIT(&q->running);
	return q;
}

static void drop_all(struct job_list *list)
{
	struct job *j;

	while ((j = TAILQ_FIRST(list))) {
		delist(j);
		job_free(j);
	}
}

void queue_free(struct queue *q)
{
	if (!q)
		return;
	drop_all(&q->waiting);
	drop_all(&q->running);
	free(q);
}

static int submit(struct queue *q, struct agent_message *m, job_done_fn *done, void *arg,
		  struct cc_error *err)
{
	struct job *j = job_new(m);

	if (!j)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	j->done = done;
	j->arg = arg;
	enlist(q, j);
	pump(q);
	return 0;
}

int queue_submit(struct queue *q, struct agent_message *m, job_done_fn *done, void *arg,
		 struct cc_error *err)
{
	int rc = q->n_jobs < QUEUE_JOBS_MAX
			 ? submit(q, m, done, arg, err)
			 : cc_fail(err, CC_E_BUSY, "the agent has too much to do; try again");

	agent_message_clear(m);
	return rc;
}

int queue_submit_made(struct queue *q, struct agent_message *m, job_done_fn *done, void *arg)
{
	enum agent_op op = m->op;
	char binding[BINDING_NAME_LEN];
	struct cc_error err;
	int rc;

	memcpy(binding, m->binding, sizeof(binding));
	rc = submit(q, m, done, arg, &err);
	if (rc)
		cc_log(LOG_ERR, "%s, volume %s: cannot be queued: %s", agent_op_name(op), binding,
		       err.text);
	agent_message_clear(m);
	return rc;
}

int queue_submit_own(struct queue *q, enum agent_op op, const char *binding, job_done_fn *done,
		     void *arg)
{
	agent_auto_message struct agent_message m = {0};
	struct cc_error err;

	if (agent_message_internal(op, binding, &m, &err) == 0 &&
	    submit(q, &m, done, arg, &err) == 0)
		return 0;
	cc_log(LOG_ERR, "%s, volume %s: cannot be queued: %s", agent_op_name(op),
	       binding ? binding : "-", err.text);
	return -1;
}

bool queue_waits(const struct queue *q, enum agent_op op)
{
	const struct job *j;

	TAILQ_FOREACH(j, &q->waiting, entry)
		if (j->m.op == op)
			return true;
	return false;
}

static struct job *find_of(const struct job_list *list, const void *arg)
{
	struct job *j;

	TAILQ_FOREACH(j, list, entry)
		if (j->arg == arg)
			return j;
	return NULL;
}

void queue_cancel(struct queue *q, const void *arg)
{
	struct job *j;

	j = find_of(&q->waiting, arg);
	if (j) {
		delist(j);
		job_free(j);
		return;
	}
	j = find_of(&q->running, arg);
	if (j) {
		j->done = NULL;
		j->arg = NULL;
		if (q->hooks->abandoned && (job_binds(j) || j->m.op == AGENT_MEASURE))
			q->hooks->abandoned(q->arg, j);
	}
}

void queue_ended(struct job *j, const struct job_end *end)
{
	struct queue *q = j->queue;

	q->held = true;
	finish(j, end);
	q->held = false;
	pump(q);
}

void queue_stop(struct queue *q)
{
	q->stopped = true;
	pump(q);
}
