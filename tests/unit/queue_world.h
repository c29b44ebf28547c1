/* SPDX-License-Identifier: Apache-2.0 */
/*
 * queue_world.h - the agent's queue as its tests see it: the real queue and the real table of
 * operations; a runner that only writes down what it is given.
 */
#ifndef TEST_QUEUE_WORLD_H
#define TEST_QUEUE_WORLD_H

#include "lib_test.h"

#include <stdlib.h>
#include <syslog.h>

#include "dmctl/agent/queue.h"
#include "log.h"

#define ASKED 8 /* places of what others ask for */
#define ALL 64	/* more than all places */

/**
 * struct world - a queue and what it has done.
 * @said: "#op volume" when a job is abandoned, "+op volume" when a job starts, "=op volume" when the volume may have changed, "!" after
 *        it when nobody was told of the end, "~" when nothing is being done any more; since
 *        expect()
 * @running: started and not ended, in this order
 * @cannot: the runner starts nothing
 * @on_changed: what the hook does besides
 * @on_run: what the runner does with a job in place of writing it down; then nothing is said
 */
struct world {
	struct queue *q;
	char said[16384];
	struct job *running[ALL];
	size_t n_running;
	bool cannot;
	void (*on_changed)(struct world *w, const struct job *j);
	void (*on_run)(struct world *w, struct job *j);
};

static inline void say(struct world *w, const char *what, const struct job *j, const char *more)
{
	size_t len = strlen(w->said);

	snprintf(w->said + len, sizeof(w->said) - len, "%s%s%s%s%s%s", len ? ", " : "", what,
		 j ? agent_op_name(j->m.op) : "", j && j->m.binding[0] ? " " : "",
		 j ? j->m.binding : "", more);
}

/* All that was done since the last time. */
static inline void expect(struct world *w, const char *said)
{
	assert_string_equal(w->said, said);
	w->said[0] = '\0';
}

/* ---- a runner ------------------------------------------------------------------------------ */

static inline int run(void *arg, struct job *j, struct cc_error *err)
{
	struct world *w = arg;

	if (w->cannot)
		return cc_fail(err, CC_E_INTERNAL, "fork: no more processes");
	assert_true(w->n_running < ALL);
	w->running[w->n_running++] = j;
	if (w->on_run)
		w->on_run(w, j);
	else
		say(w, "+", j, "");
	return 0;
}

static inline void changed(void *arg, const struct job *j, const struct job_end *end, bool told)
{
	struct world *w = arg;

	assert_true(!end->answer == !!end->err);
	if (!w->on_run)
		say(w, "=", j, told ? "" : "!");
	if (w->on_changed)
		w->on_changed(w, j);
}

static inline void abandoned(void *arg, struct job *j)
{
	struct world *w = arg;

	if (!w->on_run)
		say(w, "#", j, "");
}

static inline void idle(void *arg)
{
	struct world *w = arg;

	assert_int_equal(w->n_running, 0);
	if (!w->on_run)
		say(w, "~", NULL, "");
}

static const struct queue_hooks hooks = {.run = run,
					 .changed = changed,
					 .abandoned = abandoned,
					 .idle = idle};

static inline struct job *take(struct world *w, size_t i)
{
	struct job *j = w->running[i];

	w->n_running--;
	memmove(w->running + i, w->running + i + 1, (w->n_running - i) * sizeof(w->running[0]));
	return j;
}

static inline struct job *take_named(struct world *w, enum agent_op op, const char *binding)
{
	for (size_t i = 0; i < w->n_running; i++)
		if (w->running[i]->m.op == op && strcmp(w->running[i]->m.binding, binding) == 0)
			return take(w, i);
	fail_msg("%s %s is not being done", agent_op_name(op), binding);
	return NULL;
}

static inline void succeed(struct job *j)
{
	cc_auto_json json_t *answer = json_of("{'ok':true}");

	queue_ended(j, &(struct job_end){.text = "{\"ok\":true}", .answer = answer});
}

static inline void fail_it(struct job *j, bool died)
{
	struct cc_error err;

	cc_fail(&err, CC_E_REFUSED, "no");
	queue_ended(j, &(struct job_end){.err = &err, .died = died});
}

/* The job of that operation and volume has been done. */
static inline void done(struct world *w, enum agent_op op, const char *binding)
{
	succeed(take_named(w, op, binding));
}

/* ---- who asks ------------------------------------------------------------------------------ */

/**
 * struct asker - somebody who asks.
 * @told: how often he was told, @failed: the last time that it failed
 * @deaf: he is there, but does not take the answer
 */
struct asker {
	int told;
	bool failed, deaf;
};

static inline bool tell(void *arg, const struct job_end *end)
{
	struct asker *who = arg;

	who->told++;
	who->failed = end->err;
	return !who->deaf;
}

static inline int try_ask(struct world *w, enum agent_op op, const char *volume, struct asker *who,
			  struct cc_error *err)
{
	agent_auto_message struct agent_message m = {.op = op};
	int rc;

	snprintf(m.volume, sizeof(m.volume), "%s", volume);
	snprintf(m.binding, sizeof(m.binding), "%s", volume);
	m.text = strdup("{}");
	rc = queue_submit(w->q, &m, who ? tell : NULL, who, err);
	assert_null(m.text); /* taken over, or freed */
	return rc;
}

static inline void ask(struct world *w, enum agent_op op, const char *volume, struct asker *who)
{
	struct cc_error err;

	expect_ok(try_ask(w, op, volume, who, &err), &err);
}

static inline void own(struct world *w, enum agent_op op, const char *binding)
{
	queue_submit_own(w->q, op, binding, NULL, NULL);
}

/* Takes all places of what is asked with requests for volumes of their own. */
static inline void fill(struct world *w)
{
	char name[16];

	for (int i = 0; i < ASKED; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		ask(w, AGENT_HOOK, name, NULL);
	}
	assert_int_equal(w->n_running, ASKED);
	w->said[0] = '\0';
}

static inline int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct cc_error err;

	if (!w)
		return -1;
	w->q = queue_new(&hooks, w, &err);
	*state = w;
	return w->q ? 0 : -1;
}

static inline int teardown(void **state)
{
	struct world *w = *state;

	queue_free(w->q);
	free(w);
	return 0;
}

#define queue_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
