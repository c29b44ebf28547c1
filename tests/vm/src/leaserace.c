// SPDX-License-Identifier: Apache-2.0
/*
 * leaserace.c - two hosts for each of many volumes, by the agent's own code against a real keyd and
 * the real kernel target: they ask, are late, renew, write, give back or are not heard of any more,
 * at random; and are stopped at random points.
 *
 *	leaserace SEED VOLUMES LEASES MEASUREMENT1 KEY1 MEASUREMENT2 KEY2
 *
 * until so many leases were used. Volume N is 0a000000-0000-4000-8000-<N, 12 digits>, its mappings
 * are vNh1 and vNh2. Fails, and says where, when both mappings of a volume had the key at one
 * moment, when a write of an older lease began after one of a newer had ended, or when the block
 * holds something else than the last write.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "client/keyd_client.h"
#include "volume/mapping.h"
#include "measurement.h"
#include "paths.h"

#define VOLUMES_MAX 64
#define WRITES_MAX 8192
#define BLOCK 4096

struct write {
	uint64_t start, end; /* CLOCK_BOOTTIME, ns */
	uint64_t fence;
};

/* What all processes see. */
struct race {
	atomic_bool stop;
	atomic_uint leases, refused, foul;
	struct {
		atomic_uint n;
		struct write w[WRITES_MAX];
	} volume[VOLUMES_MAX];
};

struct host {
	struct cc_volume record; /* of the mapping */
	struct cc_measurement *m;
	const char *key_file;
	unsigned int volume;
	int fd;
	char lease[37];
	uint64_t fence;
};

static struct race *race;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static unsigned int any(unsigned int n)
{
	return (unsigned int)random() % n;
}

/* Up to about that many milliseconds. */
static void nap(unsigned int ms)
{
	unsigned int t = any(ms);
	struct timespec ts = {t / 1000, t % 1000 * 1000000L};

	nanosleep(&ts, NULL);
}

static int host_init(struct host *h, unsigned int volume, unsigned int n, const char *measurement,
		     const char *key_file, struct cc_error *err)
{
	cc_auto_free char *text = NULL;
	cc_auto_json json_t *obj = NULL;
	char path[128];
	size_t len;

	*h = (struct host){.volume = volume, .key_file = key_file};
	snprintf(h->record.name, sizeof(h->record.name), "v%uh%u", volume, n);
	snprintf(h->record.uuid, sizeof(h->record.uuid), "0a000000-0000-4000-8000-%012u", volume);
	if (cc_read_file(measurement, &text, &len, err))
		return -1;
	obj = cc_json_parse(text, len, measurement, err);
	h->m = obj ? cc_measurement_from_json(obj, err) : NULL;
	snprintf(path, sizeof(path), "/dev/mapper/" CC_DM_PREFIX "v%uh%u", volume, n);
	h->fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (h->fd < 0)
		return cc_fail_errno(err, CC_E_DEVICE, "%s", path);
	return h->m ? 0 : -1;
}

static bool has_key(const struct host *h, char info[static 512])
{
	struct mapping_status st;
	struct cc_error err;

	if (mapping_status(h->record.name, &st, &err) || !st.exists || st.locked)
		return false;
	/* how often it was locked before, which tells two leases apart */
	snprintf(info, 512, "%s", strstr(st.info, "locks:") ?: "");
	return true;
}

/* Asks, may be late, and gives the kernel what was answered. */
static int get(struct host *h, struct cc_error *err)
{
	cc_auto_secret struct cc_secret key = {0};
	cc_auto_json json_t *answer = NULL;
	const char *id = NULL;
	uint64_t asked_ms = 0;
	json_int_t ms = 0, fence = 0;
	char info[512];

	if (keyd_release("release", h->record.uuid, h->m, NULL, h->key_file, &key, &answer,
			 &asked_ms, err))
		return -1;
	if (json_unpack(answer, "{s:{s:s, s:I, s:I}}", "lease", "id", &id, "ms", &ms, "fence",
			&fence))
		return cc_fail(err, CC_E_INTERNAL, "no lease in the answer");
	snprintf(h->lease, sizeof(h->lease), "%s", id);
	h->fence = (uint64_t)fence;
	if (any(4) == 0)
		nap(3500);
	return has_key(h, info) ? mapping_renew(h->record.name, asked_ms + (uint64_t)ms, err)
				: mapping_unlock(h->record.name, &h->record, &key,
						 asked_ms + (uint64_t)ms, err);
}

/* False when the kernel did not take it. */
static bool put(struct host *h, void *block)
{
	struct write w = {.fence = h->fence};
	unsigned int at;

	memset(block, 0, BLOCK);
	memcpy(block, &h->fence, sizeof(h->fence));
	w.start = now_ns();
	if (pwrite(h->fd, block, BLOCK, 0) != BLOCK)
		return false;
	w.end = now_ns();
	at = atomic_fetch_add(&race->volume[h->volume].n, 1);
	if (at < WRITES_MAX)
		race->volume[h->volume].w[at] = w;
	return true;
}

static void agent(struct host *h, void *block)
{
	struct cc_error err;

	while (!atomic_load(&race->stop)) {
		if (get(h, &err)) {
			atomic_fetch_add(&race->refused, 1);
			nap(6000);
			continue;
		}
		for (unsigned int n = any(8) + 1; n && put(h, block); n--)
			nap(any(3) ? 30 : 700);
		atomic_fetch_add(&race->leases, 1);
		if (any(3) == 0)
			continue; /* asks again: a renewal */
		if (any(2) == 0) {
			if (mapping_lock(h->record.name, &err) == 0)
				keyd_lease_return(h->lease, h->key_file, &err);
		} else {
			nap(4000); /* is not heard of any more */
		}
	}
}

/*
 * Both mappings of a volume at one moment: the first had the key before and after the second was
 * seen to have it.
 */
static void referee(const struct host *hosts, unsigned int volumes)
{
	char before[512], between[512], after[512];

	while (!atomic_load(&race->stop)) {
		const struct host *h = &hosts[any(volumes) * 2];

		if (!has_key(&h[0], before) || !has_key(&h[1], between) || !has_key(&h[0], after) ||
		    strcmp(before, after))
			continue;
		printf("# %s and %s have the key\n", h[0].record.name, h[1].record.name);
		fflush(stdout);
		atomic_fetch_add(&race->foul, 1);
	}
}

static pid_t start(void (*run)(void *), void *arg, unsigned int seed)
{
	struct cc_error err;
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	srandom(seed);
	if (cc_secret_lock_process(&err) == 0)
		run(arg);
	_exit(0);
}

static void run_agent(void *arg)
{
	void *block = aligned_alloc(BLOCK, BLOCK);

	if (block)
		agent(arg, block);
}

static unsigned int volumes;

static void run_referee(void *arg)
{
	referee(arg, volumes);
}

static unsigned int older_after_newer(unsigned int volume)
{
	const struct write *w = race->volume[volume].w;
	unsigned int n = atomic_load(&race->volume[volume].n), foul = 0;

	for (unsigned int i = 0; i < n; i++)
		for (unsigned int j = 0; j < n; j++)
			if (w[j].fence > w[i].fence && w[j].end < w[i].start && foul++ == 0)
				printf("# volume %u: fence %" PRIu64 " wrote after %" PRIu64 "\n",
				       volume, w[i].fence, w[j].fence);
	return foul;
}

/* The block is what the last lease that wrote left there. */
static unsigned int check_block(struct host *h, void *block)
{
	const struct write *w = race->volume[h->volume].w;
	unsigned int n = atomic_load(&race->volume[h->volume].n);
	uint64_t newest = 0, there = 0;
	struct cc_error err;

	for (unsigned int i = 0; i < n; i++)
		newest = w[i].fence > newest ? w[i].fence : newest;
	for (unsigned int tries = 0; get(h, &err); tries++) {
		if (tries == 60) {
			printf("# volume %u cannot be had: %s\n", h->volume, err.text);
			return 1;
		}
		sleep(1);
	}
	if (newest && pread(h->fd, block, BLOCK, 0) == BLOCK)
		memcpy(&there, block, sizeof(there));
	mapping_lock(h->record.name, &err);
	if (there != newest)
		printf("# volume %u: fence %" PRIu64 " is there, %" PRIu64 " wrote last\n",
		       h->volume, there, newest);
	return there != newest;
}

/* Stops agents at random for up to three leases, until there were enough leases. */
static void stops(const pid_t *pid, unsigned int n, unsigned int leases)
{
	uint64_t until[2 * VOLUMES_MAX] = {0};
	unsigned int said = 0, i;

	while (atomic_load(&race->leases) < leases) {
		nap(200);
		i = any(n);
		if (!until[i] && kill(pid[i], SIGSTOP) == 0)
			until[i] = now_ns() + any(6000) * UINT64_C(1000000);
		for (i = 0; i < n; i++)
			if (until[i] && until[i] < now_ns() && kill(pid[i], SIGCONT) == 0)
				until[i] = 0;
		if (atomic_load(&race->leases) / 100 > said) {
			said = atomic_load(&race->leases) / 100;
			printf("# %u leases, %u refused\n", said * 100,
			       atomic_load(&race->refused));
			fflush(stdout);
		}
	}
	atomic_store(&race->stop, true);
	for (i = 0; i < n; i++)
		kill(pid[i], SIGCONT);
}

int main(int argc, char **argv)
{
	static struct host hosts[2 * VOLUMES_MAX];
	static pid_t pid[2 * VOLUMES_MAX + 1];
	unsigned int i, seed, writes = 0, foul = 0;
	struct cc_error err;
	void *block;

	if (argc != 8 || cc_secret_init(&err))
		return 2;
	seed = (unsigned int)strtoul(argv[1], NULL, 10);
	volumes = (unsigned int)strtoul(argv[2], NULL, 10);
	race = mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	block = aligned_alloc(BLOCK, BLOCK);
	if (!volumes || volumes > VOLUMES_MAX || race == MAP_FAILED || !block)
		return 2;
	keyd_client_set_socket(getenv("KEYD_SOCKET") ?: CC_KEYD_SOCKET);
	for (i = 0; i < 2 * volumes; i++)
		if (host_init(&hosts[i], i / 2, i % 2 + 1, argv[4 + i % 2 * 2], argv[5 + i % 2 * 2],
			      &err)) {
			printf("# %s\n", err.text);
			return 2;
		}
	for (i = 0; i < 2 * volumes; i++)
		pid[i] = start(run_agent, &hosts[i], seed + i);
	pid[i] = start(run_referee, hosts, seed + i);
	srandom(seed + i + 1);
	stops(pid, 2 * volumes, (unsigned int)strtoul(argv[3], NULL, 10));
	for (i = 0; i <= 2 * volumes; i++)
		waitpid(pid[i], NULL, 0);
	foul = atomic_load(&race->foul);
	for (i = 0; i < volumes; i++) {
		writes += atomic_load(&race->volume[i].n);
		foul += atomic_load(&race->volume[i].n) > WRITES_MAX;
		foul += older_after_newer(i);
		foul += check_block(&hosts[2 * i], block);
	}
	printf("leases=%u refused=%u writes=%u foul=%u\n", atomic_load(&race->leases),
	       atomic_load(&race->refused), writes, foul);
	return foul || writes < atomic_load(&race->leases);
}
