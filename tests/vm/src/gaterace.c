// SPDX-License-Identifier: Apache-2.0
/*
 * gaterace - the bound cgroup is removed while the mapping is being unlocked.
 *
 *	gaterace NAME UNLOCK CGROUP ROUNDS
 *
 * NAME is a mapping that is locked, UNLOCK the message that unlocks it, CGROUP a directory that can
 * be made and removed. Each round makes the cgroup, binds the mapping to it, and removes it from
 * another thread a little before or after the unlock, later each time. A mapping whose cgroup is
 * gone must be locked a second later.
 *
 * Prints "rounds=N unlocked=N lost=N": how many unlocks came in time, and after how many of these
 * the mapping stayed active. Exit status 1 when one did or none came in time, 2 for usage.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <linux/dm-ioctl.h>

#define SWEEP_NS 1000000u /* the latest removal after the unlock has begun */

static int control;
static const char *mapping, *cgroup;
static pthread_barrier_t start;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void nap_ms(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&ts, NULL);
}

/* Clears @buffer and fills in the header of an ioctl on the mapping. */
static struct dm_ioctl *header(char *buffer, size_t size)
{
	struct dm_ioctl *io = (struct dm_ioctl *)buffer;

	memset(buffer, 0, size);
	io->version[0] = DM_VERSION_MAJOR;
	io->data_size = (uint32_t)size;
	io->data_start = sizeof(*io);
	strncpy(io->name, mapping, sizeof(io->name) - 1);
	return io;
}

static bool message(const char *text)
{
	_Alignas(8) char buffer[1024];
	struct dm_ioctl *io = header(buffer, sizeof(buffer));

	/* struct dm_target_msg: the sector, 0, and the text */
	snprintf(buffer + sizeof(*io) + sizeof(uint64_t),
		 sizeof(buffer) - sizeof(*io) - sizeof(uint64_t), "%s", text);
	return ioctl(control, DM_TARGET_MSG, io) == 0;
}

static bool is_locked(void)
{
	_Alignas(8) char buffer[2048];
	struct dm_ioctl *io = header(buffer, sizeof(buffer));

	if (ioctl(control, DM_TABLE_STATUS, io))
		err(2, "status of %s", mapping);
	return !strncmp(buffer + io->data_start + sizeof(struct dm_target_spec), "locked", 6);
}

static bool is_locked_soon(void)
{
	for (int i = 0; i < 100; i++) {
		if (is_locked())
			return true;
		nap_ms(10);
	}
	return false;
}

static void *remove_late(void *delay_ns)
{
	uint64_t due;

	pthread_barrier_wait(&start);
	due = now_ns() + *(uint64_t *)delay_ns;
	while (now_ns() < due)
		;
	if (rmdir(cgroup))
		err(2, "rmdir %s", cgroup);
	return NULL;
}

/* Returns whether the unlock came in time. */
static bool race(const char *unlock, uint64_t delay_ns)
{
	pthread_t remover;
	struct stat st;
	char gate[64];
	bool unlocked;

	if (mkdir(cgroup, 0755) || stat(cgroup, &st))
		err(2, "%s", cgroup);
	if (pthread_create(&remover, NULL, remove_late, &delay_ns))
		errx(2, "no thread");
	snprintf(gate, sizeof(gate), "gate %ju", (uintmax_t)st.st_ino);
	if (!message(gate))
		err(2, "%s", gate);
	pthread_barrier_wait(&start);
	unlocked = message(unlock);
	if (!unlocked && errno != ESTALE)
		err(2, "unlock");
	pthread_join(remover, NULL);
	return unlocked;
}

int main(int argc, char **argv)
{
	unsigned int rounds, unlocked = 0, lost = 0;

	if (argc != 5)
		errx(2, "usage: gaterace NAME UNLOCK CGROUP ROUNDS");
	mapping = argv[1];
	cgroup = argv[3];
	rounds = (unsigned int)strtoul(argv[4], NULL, 10);
	control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		err(2, "/dev/mapper/control");
	pthread_barrier_init(&start, NULL, 2);

	for (unsigned int i = 0; i < rounds; i++) {
		if (!race(argv[2], (uint64_t)SWEEP_NS * i / rounds))
			continue;
		unlocked++;
		if (!is_locked_soon()) {
			lost++;
			message("lock");
		}
	}
	printf("rounds=%u unlocked=%u lost=%u\n", rounds, unlocked, lost);
	return lost || !unlocked;
}
