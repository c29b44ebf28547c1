// SPDX-License-Identifier: Apache-2.0
/*
 * maintain.c - a volume for a command of the administrator's.
 */
#include "bind/maintain.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bind/bind_check.h"
#include "bind/binding.h"
#include "bind/maintain_command.h"
#include "bind/upkeep.h"
#include "client/keyd_client.h"
#include "client/keyd_volume.h"
#include "host/boottime.h"
#include "host/cgroup.h"
#include "host/cgroup_tasks.h"
#include "host/random_uuid.h"
#include "host/stop_signals.h"
#include "host/undo_guard.h"
#include "name.h"
#include "paths.h"
#include "volume/gates.h"
#include "volume/luks.h"
#include "volume/mapping.h"
#include "volume/volume_lock.h"

#define HOLDER "maintenance-" /* in place of a container in the lease, as keyd has it */
#define STOP_MS 10000u	      /* that a command has to end by itself */
#define REMOVE_MS 10000u      /* a mount namespace that dies lags behind its last process */
#define RETRY_MS 1000u
#define CANNOT_RUN 126
#define NO_COMMAND 127

/**
 * struct maintain - one on its way.
 * @home, @group: control groups, ours and the command's
 * @id: made up for this once; the lease says HOLDER and this
 * @lease: "" when it is not known
 * @care: while it runs, for "dmctl ps"
 * @asked_ms, @ms: lease_clock_ms() before the lease was asked for, and its length
 * @stop_at: boottime_ms() when the command is killed; 0: it was not asked to end
 */
struct maintain {
	const struct maintain_request *request;
	struct cc_volume vol;
	char *device;
	char command[CC_COMMAND_MAX + 1];
	char gate[GATE_LINES_TEXT];
	char home[PROC_PATH_MAX], group[PROC_PATH_MAX];
	char id[37], lease[37];
	struct upkeep care;
	uint64_t asked_ms, ms, stop_at;
	char node[128];
};

static void maintain_clear(struct maintain *a)
{
	upkeep_close(&a->care);
	free(a->device);
}

static struct keyd_maintenance ask_of(const struct maintain *a)
{
	return (struct keyd_maintenance){.volume = a->vol.name,
					 .uuid = a->vol.uuid,
					 .id = a->id,
					 .command = a->command,
					 .gate = a->gate};
}

/* ---- before anything is done --------------------------------------------------------------- */

static int check_unused(const char *volume, struct cc_error *err)
{
	cc_cleanup(cc_strv_clear) struct cc_strv bindings = {0}, mappings = {0};
	bool used;

	if (binding_list(volume, &bindings, err) || mapping_list(&mappings, err))
		return -1;
	used = bindings.n > 0;
	for (size_t i = 0; i < mappings.n; i++)
		used |= binding_is_of(mappings.v[i], volume);
	return used ? cc_fail(err, CC_E_BUSY,
			      "volume %s is in use on this host; stop its container, or run "
			      "\"dmctl unbind %s\"",
			      volume, volume)
		    : 0;
}

/* As for a container: only where nobody else could read along, or the agent goes without. */
static int check_lines(struct maintain *a, struct cc_error *err)
{
	static const enum gate_line all[] = {GATE_OPEN, GATE_LOOK};
	unsigned int wanted = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		wanted |= gate_line_waived(all[i]) ? 0 : (unsigned int)all[i];
	gates_demand(wanted);
	gate_lines_text(gates_standing(), a->gate);
	return gates_stand()
		       ? 0
		       : cc_fail(err, CC_E_DEVICE,
				 "the gate does not stand on this host (%s); start the agent, "
				 "or see \"dmctl doctor\"",
				 a->gate);
}

static int prepare(struct maintain *a, struct cc_error *err)
{
	const struct maintain_request *r = a->request;

	if (volume_get(r->volume, &a->vol, NULL, err))
		return -1;
	if (!a->vol.ready)
		return cc_fail(err, CC_E_BUSY, "volume %s is still being created", r->volume);
	/* a command that waits for a key could not be killed */
	a->vol.terms.queue_ms = 0;
	return check_unused(r->volume, err) ||
			       bind_check_device(r->device, &a->vol, &a->device, err) ||
			       check_lines(a, err) || random_uuid(a->id, err)
		       ? -1
		       : 0;
}

/* ---- the undo ------------------------------------------------------------------------------ */

/* The lease that keyd may have granted without our having seen the answer. */
static int find_lease(struct maintain *a, struct cc_error *err)
{
	cc_auto_json json_t *answer = NULL;
	const char *id, *container;
	json_t *list = NULL, *l;
	size_t i;

	if (keyd_list("/v1/leases", "leases", &answer, &list, err))
		return -1;
	json_array_foreach(list, i, l) {
		id = json_string_value(json_object_get(l, "id"));
		container = json_string_value(json_object_get(l, "container"));
		if (id && container && cc_is_uuid(id) &&
		    strncmp(container, HOLDER, strlen(HOLDER)) == 0 &&
		    strcmp(container + strlen(HOLDER), a->id) == 0)
			memcpy(a->lease, id, sizeof(a->lease));
	}
	return 0;
}

static int return_lease(struct maintain *a, struct cc_error *err)
{
	if (!a->lease[0] && find_lease(a, err))
		return -1;
	if (!a->lease[0] || keyd_lease_return(a->lease, CC_AGENT_KEY, err) == 0)
		return 0;
	return cc_prefix(err, "lease %s cannot be returned, others wait until it ends", a->lease);
}

/* Nobody else on this host makes one of that name while the lock is held, which the guard has. */
static int remove_mapping(const struct maintain *a, struct cc_error *err)
{
	return mapping_remove(a->vol.name, REMOVE_MS, err);
}

/*
 * All that is there of it, whatever that is; not from the command's group. Processes first: what
 * they have written is on the LUN when they have closed the mapping. Where the mapping cannot be
 * removed the lease stays until its end.
 */
static int take_down(struct maintain *a, struct cc_error *err)
{
	struct cc_error ignored;

	upkeep_forget(CC_UPKEEP_DIR, a->vol.name);
	if (cgroup_kill(a->group, strlen(a->group), &ignored) == 0)
		cgroup_wait(a->group, strlen(a->group), "populated 0", STOP_MS);
	return remove_mapping(a, err) || return_lease(a, err) || cgroup_remove(a->group, err) ? -1
											      : 0;
}

/* For the guard; we may be anywhere. */
static void undo(void *arg)
{
	struct maintain *a = arg;
	struct cc_error err;

	if (take_down(a, &err))
		fprintf(stderr, "dmctl: undo: %s\n", err.text);
}

/* ---- the effects --------------------------------------------------------------------------- */

static int take_lease(struct maintain *a, const json_t *answer, struct cc_error *err)
{
	cc_auto_free char *id = NULL;
	json_t *lease = NULL;

	if (cc_json_obj(answer, "maintenance", "lease", true, &lease, err) ||
	    cc_json_str(lease, "maintenance lease", "id", true, &id, err) ||
	    cc_json_u64(lease, "maintenance lease", "ms", true, &a->ms, err))
		return -1;
	if (!cc_is_uuid(id) || !a->ms)
		return cc_fail(err, CC_E_INVALID, "maintenance: keyd's lease is not valid");
	memcpy(a->lease, id, sizeof(a->lease));
	return 0;
}

static int open_volume(struct maintain *a, struct cc_error *err)
{
	const struct keyd_maintenance ask = ask_of(a);
	cc_auto_secret struct cc_secret key = {0};
	cc_auto_json json_t *answer = NULL;
	const char *name = a->vol.name;
	uint64_t own = 0;

	if (keyd_maintain(&ask, CC_AGENT_KEY, &key, &answer, &a->asked_ms, err) ||
	    take_lease(a, answer, err) || luks_verify_key(a->device, &key, err) ||
	    stop_signals_check(err))
		return -1;
	return mapping_create(name, &a->vol, a->device, a->request->read_only, a->node, err) ||
			       mapping_guard(name, err) || cgroup_own(&own, err) ||
			       mapping_gate(name, own, err) ||
			       mapping_unlock(name, &a->vol, &key, a->asked_ms + a->ms, err)
		       ? -1
		       : 0;
}

/*
 * What it mounts is gone with it. What it inherits is standard input and output, which are the
 * administrator's, and where it may say how far it is.
 */
static _Noreturn void become(char *const *argv, int progress, pid_t parent)
{
	bool told = progress >= 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(CANNOT_RUN);
	/* one that has that number already would be closed at the exec */
	if (told && (progress == UPKEEP_PROGRESS_FD ? fcntl(progress, F_SETFD, 0)
						    : dup2(progress, UPKEEP_PROGRESS_FD)) < 0)
		_exit(CANNOT_RUN);
	close_range(told ? UPKEEP_PROGRESS_FD + 1 : UPKEEP_PROGRESS_FD, ~0U, 0);
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL)) {
		fprintf(stderr, "dmctl: no mount namespace for the command: %s\n", strerror(errno));
		_exit(CANNOT_RUN);
	}
	stop_signals_unblock();
	execvp(argv[0], argv);
	fprintf(stderr, "dmctl: %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? NO_COMMAND : CANNOT_RUN);
}

/* ---- while it runs ------------------------------------------------------------------------- */

/* By the clock of leases, as the kernel counts. */
static bool is_over(const struct maintain *a)
{
	return lease_clock_ms() >= a->asked_ms + a->ms;
}

/* keyd's no, and not the lack of an answer. */
static bool is_final(const struct cc_error *err)
{
	return err->code == CC_E_REFUSED || err->code == CC_E_BUSY || err->code == CC_E_NOTFOUND ||
	       err->code == CC_E_INVALID;
}

/* @again: out, to be tried again soon. Return: -1 when the command has to end. */
static int go_on(struct maintain *a, bool *again, struct cc_error *err)
{
	const struct keyd_maintenance ask = ask_of(a);
	cc_auto_json json_t *answer = NULL;
	uint64_t asked = 0;

	*again = keyd_maintain(&ask, CC_AGENT_KEY, NULL, &answer, &asked, err) != 0;
	if (*again)
		return is_over(a) || is_final(err) ? -1 : 0;
	if (take_lease(a, answer, err))
		return -1;
	a->asked_ms = asked;
	return mapping_renew(a->vol.name, a->asked_ms + a->ms, err);
}

static uint64_t next_renewal(const struct maintain *a, bool again)
{
	uint64_t wait = a->ms / 5;

	return boottime_ms() + (again && wait > RETRY_MS ? RETRY_MS : wait);
}

/* A Ctrl-C is for the command, which gets it from the terminal as we do. */
static void pass_on(struct maintain *a, pid_t child, int sig)
{
	if (sig != SIGTERM && sig != SIGHUP)
		return;
	kill(child, sig);
	if (!a->stop_at)
		a->stop_at = boottime_ms() + STOP_MS;
}

/* Return: 0 with its status; -1 when it was taken away from it. */
static int watch(struct maintain *a, pid_t child, int *status, struct cc_error *err)
{
	uint64_t renew_at = next_renewal(a, false);
	bool again = false, lost = false;

	for (;;) {
		pid_t done = waitpid(child, status, WNOHANG);
		bool stops = a->stop_at && a->stop_at < renew_at;
		int sig;

		if (done == child)
			return lost ? -1 : 0;
		if (done < 0)
			return cc_fail_errno(err, CC_E_INTERNAL, "waitpid");
		sig = stop_signals_next(stops ? a->stop_at : renew_at);
		if (sig) {
			pass_on(a, child, sig);
			continue;
		}
		if (!stops && !lost)
			lost = go_on(a, &again, err) != 0;
		renew_at = next_renewal(a, again);
		if (stops || lost) {
			kill(child, SIGKILL);
			a->stop_at = 0;
		}
	}
}

/* For those who ask; without that it runs, too. */
static void show(struct maintain *a, pid_t child)
{
	struct cc_error ignored; /* it has ended already */

	upkeep_begun(&a->care, UPKEEP_MAINTAIN, a->command, child, &ignored);
}

static int run(struct maintain *a, int *status, struct cc_error *err)
{
	cc_cleanup(cc_strv_clear) struct cc_strv words = {0};
	cc_auto_free char **argv = NULL;
	pid_t parent = getpid(), child;

	if (open_volume(a, err) || maintain_words(a->request->words, a->node, &words, err) ||
	    stop_signals_check(err))
		return -1;
	argv = calloc(words.n + 1, sizeof(*argv));
	if (!argv)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	memcpy(argv, words.v, words.n * sizeof(*argv));
	child = fork();
	if (child < 0)
		return cc_fail_errno(err, CC_E_INTERNAL, "fork");
	if (child == 0)
		become(argv, a->care.progress, parent);
	show(a, child);
	return watch(a, child, status, err)
		       ? cc_prefix(err, "volume %s was taken away from the command", a->vol.name)
		       : 0;
}

/* In the command's group, and out of it again in any case. */
static int run_apart(struct maintain *a, int *status, struct cc_error *err)
{
	struct cc_error home;
	int rc;

	if (cgroup_enter_new(a->group, err))
		return -1;
	rc = run(a, status, err);
	if (cgroup_join(a->home, &home) == 0)
		return rc;
	*err = home;
	return -1;
}

/* Before there is one: the guard has to know it. */
static int name_group(struct maintain *a, struct cc_error *err)
{
	if (proc_cgroup(0, a->home, err))
		return -1;
	if (snprintf(a->group, sizeof(a->group), "%s/container-crypt-maintain.%d",
		     strcmp(a->home, "/") ? a->home : "", (int)getpid()) < (int)sizeof(a->group))
		return 0;
	return cc_fail(err, CC_E_INTERNAL, "the path of our cgroup is too long");
}

/* Not in the command's group, which is killed. */
static void prepare_to_show(struct maintain *a)
{
	struct cc_error err;

	if (upkeep_open(&a->care, CC_UPKEEP_DIR, a->vol.name, &err))
		fprintf(stderr, "dmctl: \"dmctl ps\" does not show this command: %s\n", err.text);
}

int maintain_volume(const struct maintain_request *request, int *status, struct cc_error *err)
{
	cc_cleanup(maintain_clear) struct maintain a = {.request = request, .care = UPKEEP_NONE};
	cc_auto_close int lock = -1;
	struct undo_guard guard;

	if (keyd_name(request->volume, "volume", err) ||
	    maintain_text(request->words, a.command, err))
		return -1;
	lock = volume_lock(request->volume, err);
	if (lock < 0 || prepare(&a, err) || name_group(&a, err) ||
	    undo_guard_start(&guard, undo, &a, err))
		return -1;
	prepare_to_show(&a);
	if (run_apart(&a, status, err) || take_down(&a, err)) {
		undo_guard_undo(&guard);
		return -1;
	}
	undo_guard_done(&guard);
	return 0;
}
