/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue.h - the agent's requests: in which order they are done, how many at a time, and who hears
 * how they ended. It runs nothing itself, and knows nothing of processes, sockets and bindings:
 * a hook starts a job, queue_ended() is told of its end. What it knows of the operations is in
 * job_kind.c.
 *
 * Of all jobs that wait, the first of the lowest rank is started whose key no job has that is being
 * done, and whose lane has a place: one at a time for a volume, several volumes at once. One of the
 * first rank that waits, if only for a place, goes before all others of its key: a volume is not
 * bound again before the end of its last container was noted. Only a key is taken away meanwhile.
 *
 * For one thread. Nothing is started while a hook or a job_done_fn runs: they may submit and
 * cancel, and what they submit begins after they have returned.
 */
#ifndef CC_QUEUE_H
#define CC_QUEUE_H

#include <sys/queue.h>

#include "agent/job_kind.h"

#define QUEUE_JOBS_MAX \
	2048 /* with more than these nobody's requests but the agent's own are taken */

struct queue;

/**
 * struct job_end - how a job ended. All borrowed.
 * @text, @answer: what was answered, the same as text and as JSON; NULL when it failed
 * @err: why it failed; NULL when it did not
 * @failure: the error object that @err is of, where there was one: it may name more facts
 * @died: it ended without an answer: nobody knows how far it got
 */
struct job_end {
	const char *text;
	const json_t *answer;
	const struct cc_error *err;
	const json_t *failure;
	bool died;
};

/**
 * job_done_fn - tells whoever submitted a job how it ended: once, and not after queue_cancel().
 * Return: whether he has got it.
 */
typedef bool job_done_fn(void *arg, const struct job_end *end);

/**
 * struct job - one request, waiting or being done.
 * @m: what is asked
 * @kind: of its operation
 * @before: empty; where a hook may note what it wants to know at the job's end
 * @runner: NULL; where the run hook may note what does the job
 *
 * The rest is the queue's.
 */
struct job {
	struct agent_message m;
	const struct job_kind *kind;
	struct cc_strv before;
	void *runner;

	TAILQ_ENTRY(job) entry;
	struct queue *queue;
	char key[BINDING_NAME_LEN + sizeof("volume/")];
	job_done_fn *done;
	void *arg;
	bool running;
};

/* It changes which bindings its volume has; a dry run does not. */
bool job_changes(const struct job *j);

/* It binds its volume. */
bool job_binds(const struct job *j);

/**
 * struct queue_hooks - what is done with jobs. Each gets the queue's @arg.
 * @run: starts @j, and sees to it that queue_ended() is called for it, later than it returns; -1
 *       with the reason when it cannot be started, which is its end then
 * @ready: @j has bound its volume, and whoever submitted it is about to be told and may then go on
 *         at once: what has to be in place by then. No job of the volume is being done. NULL:
 *         nothing
 * @changed: @j, which may have changed which bindings its volume has, has ended; no job of the
 *           volume is being done. @told: whoever submitted it has got its end
 * @abandoned: nobody waits for the end of @j any more, which is being done, and whose effect is for
 *             whoever waited: it need not go on. NULL: it goes on
 * @failed: @j has, with @err; called before whoever submitted it is told. NULL: nothing is done
 * @idle: nothing is being done, and nothing that waits could be
 */
struct queue_hooks {
	int (*run)(void *arg, struct job *j, struct cc_error *err);
	void (*ready)(void *arg, const struct job *j);
	void (*changed)(void *arg, const struct job *j, const struct job_end *end, bool told);
	void (*abandoned)(void *arg, struct job *j);
	void (*failed)(void *arg, const struct job *j, const struct cc_error *err);
	void (*idle)(void *arg);
};

/* Free with queue_free(). @hooks: borrowed. NULL with CC_E_NOMEM. */
struct queue *queue_new(const struct queue_hooks *hooks, void *arg, struct cc_error *err);

/* Drops what is left; nobody is told. NULL is fine. */
void queue_free(struct queue *q);

/**
 * queue_submit - queues a request, and starts what can start.
 * @m: taken over, and empty afterwards, also when this fails
 * @done, @arg: who asks; called before this returns when the job cannot be started, never when
 *              this fails; @done may be NULL
 * Return: 0; -1 with CC_E_BUSY (QUEUE_JOBS_MAX) or CC_E_NOMEM.
 */
int queue_submit(struct queue *q, struct agent_message *m, job_done_fn *done, void *arg,
		 struct cc_error *err);

/**
 * queue_submit_own - the same for a request of the agent itself. It is never refused: such undo and
 * renew things, and are at most a few for each volume. Without memory that is logged, and @done is
 * not called.
 * @binding: NULL for an operation without one
 * Return: 0; -1 without memory.
 */
int queue_submit_own(struct queue *q, enum agent_op op, const char *binding, job_done_fn *done,
		     void *arg);

/* The same for a request of the agent itself that has more to say. @m: taken over, empty after. */
int queue_submit_made(struct queue *q, struct agent_message *m, job_done_fn *done, void *arg);

/* One of @op has not begun yet, and will see all that there is now; one being done may not. */
bool queue_waits(const struct queue *q, enum agent_op op);

/*
 * Whoever submitted a job with @arg asks no more: it is dropped if it has not begun. If it has,
 * nobody is told; one that binds or measures is abandoned, and any other goes on.
 */
void queue_cancel(struct queue *q, const void *arg);

/* @j has ended: tells about it, frees it, starts what can start now. */
void queue_ended(struct job *j, const struct job_end *end);

/* Nothing is started any more; what is being done goes on. */
void queue_stop(struct queue *q);

#endif
