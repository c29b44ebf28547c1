// SPDX-License-Identifier: Apache-2.0
/*
 * Random schedules of hosts that want one volume: keyd's own decision and store, and a model of the
 * kernels and agents around it. Requests and answers are lost and late, agents are stopped and
 * killed, hosts are enrolled anew under each other's names, the volume's length of a lease changes,
 * clocks on the wall jump, clocks run unequally fast, keyd restarts and its host boots, and an old
 * copy of its database is put back. Whatever
 * happens, two kernels never hold the key at the same time, fences only grow, and what a kernel
 * still had in memory is written only where nobody else wrote in between.
 *
 * LEASE_SEED=N repeats one schedule; CC_LONG=1 runs many more.
 */
#include "keyd_world.h"

#include "keyd/custodian/call.h"
#include "keyd/store/store_sql.h"

#include <stdlib.h>
#include <unistd.h>

#define HOSTS 3
#define STEPS 400
#define SCHEDULES 200
#define SCHEDULES_LONG 1000
#define MS 40000 /* long enough for the eighth of it to be what counts, not the 2 s */
#define SHORT_MS 2000
#define TICK_MS 20
#define DRIFT_PPM 1000	/* of a clock that nobody slews, which the kernel's lease goes by */
#define SLEW_PPM 100500 /* how much faster or slower adjtimex(2) may make keyd's */

/**
 * struct host - a host's kernel and agent.
 * @rate: of its clock, in millionths; @boot_ms: what it shows
 * @boot: number of the boot; @enrolled: of times that it was enrolled
 * @active, @key_end: the kernel has the key, until its clock shows that
 * @lease, @fence, @cached: what the agent remembers; the container's pages are of that fence
 * @asked: a request is under way, sent when the clock showed @asked_ms and keyd's @nonce_ms; then
 *         the kernel had the key for @left_ms
 * @answered: so is an answer
 */
struct host {
	char name[16], enrolment[37], boot_id[37], container[65];
	int64_t rate, boot_ms, part;
	unsigned int boot, enrolled;
	bool active;
	int64_t key_end;
	char lease[37];
	uint64_t fence;
	bool cached;
	bool asked, ask_renew;
	int64_t asked_ms, nonce_ms, left_ms;
	bool answered;
	struct store_lease answer;
};

/*
 * @written: the fence of the last host that wrote to the LUN
 * @rate, @part: of keyd's clock, as a host's
 * @copied: there is a copy of the database
 */
struct net {
	struct world *w;
	int64_t rate, part;
	struct host host[HOSTS];
	unsigned int host_boots;
	char host_boot[37];
	uint64_t written;
	unsigned int seed;
	bool copied;
	unsigned int grants, renewals, lapses, put_back;
};

static unsigned int current_seed;

#define broken(fmt, ...) fail_msg("LEASE_SEED=%u: " fmt, current_seed, ##__VA_ARGS__)

static unsigned int roll(struct net *n, unsigned int sides)
{
	return (unsigned int)rand_r(&n->seed) % sides;
}

/* ---- time ---------------------------------------------------------------------------------- */

static void kernel_timer(struct net *n, struct host *h)
{
	if (!h->active || h->boot_ms < h->key_end)
		return;
	h->active = false;
	n->lapses++;
}

static void tick(int64_t *clock_ms, int64_t *part, int64_t rate)
{
	*part += TICK_MS * (1000000 + rate);
	*clock_ms += *part / 1000000;
	*part %= 1000000;
}

static void pass(struct net *n, int64_t ms)
{
	/* in small steps: all kernels see their timers in order */
	for (; ms > 0; ms -= TICK_MS) {
		tick(&fake_boot_ms, &n->part, n->rate);
		for (size_t i = 0; i < HOSTS; i++) {
			struct host *h = &n->host[i];

			tick(&h->boot_ms, &h->part, h->rate);
			kernel_timer(n, h);
		}
	}
}

/* Up to @max either way. */
static int64_t roll_rate(struct net *n, unsigned int max)
{
	return (int64_t)roll(n, 2 * max + 1) - max;
}

/* ---- agents and their kernels -------------------------------------------------------------- */

static struct lease_ask ask_of(const struct host *h)
{
	return (struct lease_ask){.agent = h->name,
				  .enrolment = h->enrolment,
				  .boot_id = h->boot_id,
				  .container = h->container};
}

static void send_ask(struct host *h)
{
	if (h->asked || h->answered)
		return;
	h->asked = true;
	h->ask_renew = h->lease[0];
	h->asked_ms = h->boot_ms; /* before it asks */
	h->nonce_ms = fake_boot_ms;
	h->left_ms = h->active ? h->key_end - h->boot_ms : 0;
}

/* What is in the container's memory is dropped: killed, unmounted. */
static void unbind(struct net *n, struct host *h)
{
	(void)n;
	h->active = false;
	h->cached = false;
	h->lease[0] = '\0';
}

/* The audit row and the mark, as custodian_handle() has them. */
static int commit(struct custodian *c)
{
	struct note note = {.event = "release"};
	struct cc_error err;

	return note_write(c, &note, "allow", "", &err) || store_commit(c->store, &err) ||
			       quarantine_follow(c, &err)
		       ? -1
		       : 0;
}

/* The request arrives: keyd decides, as op_release() and op_renew() have it. */
static void arrive(struct net *n, struct host *h)
{
	struct custodian *c = &n->w->custodian;
	struct store *st = c->store;
	struct lease_ask ask = ask_of(h);
	struct store_volume v;
	struct cc_error err = {0};
	int rc;

	h->asked = false;
	assert_int_equal(quarantine_tick(c, &err), 0);
	ask.only_own = quarantine_on(c);
	if (fake_boot_ms - h->nonce_ms < NONCE_LIFE_MS)
		ask.kernel_left_ms = (uint64_t)h->left_ms;
	assert_int_equal(store_begin(st, &err), 0);
	assert_int_equal(store_volume_get(st, "pgdata", &v, &err), 0);
	if (h->ask_renew) {
		rc = lease_mine(st, h->lease, UUID_PGDATA, &ask, &h->answer, &err);
		if (!rc)
			rc = lease_prolong(st, &h->answer, v.rec.terms.lease_ms, n->host_boot,
					   fake_boot_ms, &err);
	} else {
		rc = lease_grant(st, &v, &ask, n->host_boot, fake_boot_ms, 0, &h->answer, &err);
	}
	if (rc) {
		assert_true(err.code == CC_E_BUSY || err.code == CC_E_REFUSED);
		store_rollback(st);
		h->answer.id[0] = '\0';
		/* not now: that is no reason to give the lease up */
		if (h->ask_renew && err.code == CC_E_BUSY)
			return;
	} else {
		assert_int_equal(commit(c), 0);
	}
	h->answered = true;
}

/* The answer arrives, perhaps late; the kernel's lease runs from before the request. */
static void take(struct net *n, struct host *h)
{
	const struct store_lease *l = &h->answer;
	int64_t end = h->asked_ms + (int64_t)l->ms;

	h->answered = false;
	if (!l->id[0]) {
		if (h->ask_renew)
			unbind(n, h); /* revoked, or somebody else has it: drop all */
		return;
	}
	if (h->lease[0] && strcmp(h->lease, l->id) != 0)
		broken("another lease than the one asked for");
	if (h->fence && l->fence < h->fence)
		broken("a fence went down");
	memcpy(h->lease, l->id, sizeof(h->lease));
	h->fence = l->fence;
	if (end <= h->boot_ms)
		return; /* it came too late to be of use */
	/* A kernel that locked meanwhile gets the key again, which has cached data to write. */
	h->active = true;
	h->key_end = end;
	if (h->ask_renew)
		n->renewals++;
	else
		n->grants++;
}

static void check_alone(struct net *n, const char *when)
{
	unsigned int holders = 0;

	for (size_t i = 0; i < HOSTS; i++)
		holders += n->host[i].active;
	if (holders > 1)
		broken("%u kernels hold the key %s", holders, when);
}

/* It writes, from memory where it has something there: that must be of what is on the LUN. */
static void write_lun(struct net *n, struct host *h)
{
	if (!h->active)
		return;
	if (h->cached && n->written != h->fence)
		broken("%s writes what it cached under fence %llu over what fence %llu wrote",
		       h->name, (unsigned long long)h->fence, (unsigned long long)n->written);
	if (n->written > h->fence)
		broken("fence %llu writes after %llu", (unsigned long long)h->fence,
		       (unsigned long long)n->written);
	h->cached = true;
	n->written = h->fence;
}

static void give_back(struct net *n, struct host *h)
{
	struct cc_error err;

	if (!h->lease[0] || h->asked || h->answered)
		return;
	h->active = false; /* locked first */
	assert_int_equal(store_lease_delete(n->w->custodian.store, h->lease, &err), 0);
	unbind(n, h);
}

/*
 * The agent is killed; the next one finds the binding's file, or nothing where there was none yet.
 */
static void kill_agent(struct host *h)
{
	h->asked = h->answered = false;
}

static void boot_host(struct net *n, struct host *h)
{
	unbind(n, h);
	kill_agent(h);
	h->boot++;
	h->boot_ms = roll(n, 5000);
	h->fence = 0;
	snprintf(h->boot_id, sizeof(h->boot_id), "b%07u-0000-4000-8000-00000000000%c", h->boot,
		 h->container[0]);
}

/* The machine was booted, and its agent is enrolled anew, under any name. */
static void enrol_host(struct net *n, struct host *h, unsigned int name)
{
	boot_host(n, h);
	snprintf(h->name, sizeof(h->name), "host%u", name);
	snprintf(h->enrolment, sizeof(h->enrolment), "e%07u-0000-4000-8000-00000000000%c",
		 ++h->enrolled, h->container[0]);
}

/* ---- keyd ---------------------------------------------------------------------------------- */

static void restart_keyd(struct net *n, bool boot)
{
	if (boot) {
		snprintf(n->host_boot, sizeof(n->host_boot), "f%07u-0000-4000-8000-000000000000",
			 ++n->host_boots);
		fake_boot_ms = (int64_t)roll(n, 100000);
		for (size_t i = 0; i < HOSTS; i++)
			n->host[i].asked = false; /* lost with the connection */
	}
	fake_host_boot = n->host_boot;
	reopen_custodian(n->w);
	/* No power is cut here, and thousands of commits shall not wait for a disk. */
	assert_int_equal(sqlite3_exec(n->w->custodian.store->db, "PRAGMA synchronous = OFF", NULL,
				      NULL, NULL),
			 SQLITE_OK);
}

static void path_of(const struct net *n, const char *name, char path[static 128])
{
	snprintf(path, 128, "%s/%s", n->w->dir, name);
}

static void copy_database(struct net *n)
{
	struct cc_error err;
	char path[128];
	uint64_t rows;

	path_of(n, "copy", path);
	unlink(path);
	assert_int_equal(store_backup(n->w->custodian.store, path, &rows, &err), 0);
	n->copied = true;
}

/* While keyd is stopped, and perhaps its host. */
static void put_back(struct net *n, bool boot)
{
	char from[128], path[128];

	if (!n->copied)
		return;
	custodian_close(&n->w->custodian);
	path_of(n, "copy", from);
	path_of(n, STORE_FILE, path);
	assert_int_equal(rename(from, path), 0);
	n->copied = false;
	n->put_back++;
	restart_keyd(n, boot);
}

static void sit_out(struct net *n)
{
	struct cc_error err;

	if (quarantine_on(&n->w->custodian))
		pass(n, quarantine_left(&n->w->custodian) + TICK_MS);
	assert_int_equal(quarantine_tick(&n->w->custodian, &err), 0);
}

static void take_away(struct net *n, struct host *h)
{
	struct store_lease l;
	struct cc_error err;

	if (!h->lease[0] || store_lease_get(n->w->custodian.store, h->lease, &l, &err))
		return;
	l.revoked = true;
	assert_int_equal(store_lease_update(n->w->custodian.store, &l, &err), 0);
}

static void set_length(struct net *n, uint64_t ms)
{
	struct store *st = n->w->custodian.store;
	struct store_volume v;
	struct cc_error err;

	assert_int_equal(store_volume_get(st, "pgdata", &v, &err), 0);
	v.rec.terms.lease_ms = ms;
	assert_int_equal(store_volume_update(st, &v, &err), 0);
}

/* ---- a schedule ---------------------------------------------------------------------------- */

static void step(struct net *n)
{
	struct host *h = &n->host[roll(n, HOSTS)];

	switch (roll(n, 26)) {
	case 0 ... 5:
		return send_ask(h);
	case 6 ... 10:
		return h->asked ? arrive(n, h) : send_ask(h);
	case 11 ... 14:
		return h->answered ? take(n, h) : write_lun(n, h);
	case 15:
		if (roll(n, 3) == 0)
			h->asked = false; /* lost on the way there */
		return;
	case 16:
		if (roll(n, 3) == 0)
			h->answered = false; /* or back */
		return;
	case 17:
		return give_back(n, h);
	case 18:
		return kill_agent(h);
	case 19:
		fake_real += (int64_t)roll(n, 2000000) - 1000000;
		return pass(n, roll(n, 100));
	case 20:
		if (roll(n, 4) == 0)
			roll(n, 3) ? boot_host(n, h) : enrol_host(n, h, roll(n, HOSTS));
		return;
	case 21:
		if (roll(n, 3) == 0)
			restart_keyd(n, roll(n, 2));
		return;
	case 22:
		if (roll(n, 4) == 0)
			take_away(n, h);
		return;
	case 23:
		n->rate = roll_rate(n, SLEW_PPM);
		if (roll(n, 3) == 0)
			set_length(n, roll(n, 2) ? SHORT_MS : MS);
		return;
	case 24:
		if (roll(n, 12))
			return pass(n, roll(n, 100));
		return n->copied ? put_back(n, roll(n, 2)) : copy_database(n);
	default:
		if (roll(n, 2))
			sit_out(n);
		/* an agent stopped for longer than its lease is nothing else than this */
		return pass(n, roll(n, roll(n, 3) ? 2000 : roll(n, 4) ? MS : 3 * MS));
	}
}

/* By keyd itself: what somebody else removes is noticed. */
static void clear_leases(struct store *st)
{
	struct store_leases all = {0};
	struct cc_error err;

	assert_int_equal(store_leases_all(st, &all, &err), 0);
	for (size_t i = 0; i < all.n; i++)
		assert_int_equal(store_lease_delete(st, all.v[i].id, &err), 0);
	store_leases_clear(&all);
}

static void run_schedule(struct world *w, unsigned int seed, unsigned int totals[static 4])
{
	struct net n = {.w = w, .seed = seed};
	struct store_volume v;
	struct cc_error err;

	for (unsigned int i = 0; i < HOSTS; i++) {
		struct host *h = &n.host[i];

		memset(h->container, 'a' + (int)i, 64);
		h->rate = roll_rate(&n, DRIFT_PPM);
		enrol_host(&n, h, i);
	}
	assert_int_equal(store_volume_get(w->custodian.store, "pgdata", &v, &err), 0);
	v.fence = 0;
	assert_int_equal(store_volume_update(w->custodian.store, &v, &err), 0);
	set_length(&n, MS);
	restart_keyd(&n, true);
	sit_out(&n);
	for (unsigned int i = 0; i < STEPS; i++) {
		step(&n);
		for (size_t k = 0; k < HOSTS; k++)
			write_lun(&n, &n.host[k]);
		check_alone(&n, "at the same time");
	}
	totals[0] += n.grants;
	totals[1] += n.renewals;
	totals[2] += n.lapses;
	totals[3] += n.put_back;
	/* For the next one. */
	for (size_t i = 0; i < HOSTS; i++)
		give_back(&n, &n.host[i]);
	clear_leases(w->custodian.store);
}

static void never_two_holders_in_any_schedule(void **state)
{
	const char *one = getenv("LEASE_SEED");
	unsigned int count = one ? 1 : getenv("CC_LONG") ? SCHEDULES_LONG : SCHEDULES;
	unsigned int first = one ? (unsigned int)strtoul(one, NULL, 10) : (unsigned int)time(NULL);
	unsigned int totals[4] = {0};

	for (unsigned int i = 0; i < count; i++) {
		current_seed = first + i;
		run_schedule(*state, first + i, totals);
	}
	print_message(
		"# %u schedules: %u grants, %u renewals, %u lapses, %u times an old database\n",
		count, totals[0], totals[1], totals[2], totals[3]);
	assert_true(one || (totals[0] > count && totals[1] > count && totals[2] > count &&
			    totals[3] > count / 10));
}

static int setup(void **state)
{
	struct world *w;

	world_setup(state);
	w = *state;
	snprintf(w->anchor, sizeof(w->anchor), "%s/anchor", w->dir);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(never_two_holders_in_any_schedule, setup,
						world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
