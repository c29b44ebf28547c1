// SPDX-License-Identifier: Apache-2.0
/*
 * iopairs - throughput and latency of direct I/O on several devices in turn, in slices so short
 * that whatever else the host does meets all of them alike.
 *
 *	iopairs ROUNDS SLICE_MS read|write BYTES DEPTH JOBS DEVICE...
 *
 * Each job is a thread with DEPTH requests in flight in 16 MiB of its own; up to 64 KiB they go to
 * random places, larger ones follow each other. Prints "ROUND DEVICE KIB_PER_SECOND MEAN_US" for
 * each slice, in which what is in flight at its end is waited for and counted; one round more than
 * asked for goes before and is not printed.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <linux/aio_abi.h>

#define REGION (16L << 20)
#define MAX_DEPTH 64
#define MAX_JOBS 8

static long bytes, depth, jobs, slice_ns;
static int writing;

struct job {
	pthread_t thread;
	char *buffers;
	int fd;
	long number;
	uint64_t rng;
	long done;
	int64_t latency_ns;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000L + t.tv_nsec;
}

static long next_block(struct job *job)
{
	const long blocks = REGION / bytes;

	if (bytes > 65536)
		return (long)(job->rng++ % (uint64_t)blocks);
	job->rng ^= job->rng << 13;
	job->rng ^= job->rng >> 7;
	job->rng ^= job->rng << 17;
	return (long)(job->rng % (uint64_t)blocks);
}

static void submit(aio_context_t context, struct job *job, struct iocb *io, int64_t *started)
{
	io->aio_offset = job->number * REGION + next_block(job) * bytes;
	*started = now_ns();
	if (syscall(SYS_io_submit, context, 1L, &io) != 1)
		err(1, "io_submit");
}

static void *run(void *arg)
{
	struct io_event events[MAX_DEPTH];
	struct iocb ios[MAX_DEPTH] = {};
	int64_t started[MAX_DEPTH], end = now_ns() + slice_ns, now;
	struct job *job = arg;
	aio_context_t context = 0;
	long flying = 0;

	if (syscall(SYS_io_setup, depth, &context))
		err(1, "io_setup");
	for (long i = 0; i < depth; i++) {
		ios[i].aio_data = (uint64_t)i;
		ios[i].aio_lio_opcode = writing ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
		ios[i].aio_fildes = (uint32_t)job->fd;
		ios[i].aio_buf = (uint64_t)(uintptr_t)(job->buffers + i * bytes);
		ios[i].aio_nbytes = (uint64_t)bytes;
		submit(context, job, &ios[i], &started[i]);
		flying++;
	}
	while (flying) {
		long n = syscall(SYS_io_getevents, context, 1L, depth, events, NULL);

		if (n < 1)
			err(1, "io_getevents");
		now = now_ns();
		for (long i = 0; i < n; i++) {
			uint64_t at = events[i].data;

			if (events[i].res != bytes)
				errx(1, "an I/O failed: %lld", (long long)events[i].res);
			job->done++;
			job->latency_ns += now - started[at];
			if (now < end)
				submit(context, job, &ios[at], &started[at]);
			else
				flying--;
		}
	}
	syscall(SYS_io_destroy, context);
	return NULL;
}

static void slice(long round, const char *device, struct job *all)
{
	int64_t start = now_ns(), latency = 0, took;
	long done = 0;
	int fd = open(device, O_RDWR | O_DIRECT | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", device);
	for (long j = 0; j < jobs; j++) {
		all[j].fd = fd;
		all[j].number = j;
		all[j].done = 0;
		all[j].latency_ns = 0;
		all[j].rng = 88172645463325252u + (uint64_t)(round * 1000 + j);
		if (pthread_create(&all[j].thread, NULL, run, &all[j]))
			errx(1, "pthread_create");
	}
	for (long j = 0; j < jobs; j++) {
		pthread_join(all[j].thread, NULL);
		done += all[j].done;
		latency += all[j].latency_ns;
	}
	took = now_ns() - start;
	close(fd);
	if (round)
		printf("%ld %s %.0f %.1f\n", round, device,
		       (double)done * (double)bytes / 1024 * 1e9 / (double)took,
		       (double)latency / (double)done / 1000);
}

int main(int argc, char **argv)
{
	struct job all[MAX_JOBS] = {};
	long rounds;

	if (argc < 8) {
		fputs("usage: iopairs ROUNDS SLICE_MS read|write BYTES DEPTH JOBS DEVICE...\n",
		      stderr);
		return 2;
	}
	rounds = atol(argv[1]);
	slice_ns = atol(argv[2]) * 1000000;
	writing = !strcmp(argv[3], "write");
	bytes = atol(argv[4]);
	depth = atol(argv[5]);
	jobs = atol(argv[6]);
	if (depth < 1 || depth > MAX_DEPTH || jobs < 1 || jobs > MAX_JOBS || bytes < 512)
		return 2;
	for (long j = 0; j < jobs; j++) {
		size_t size = (size_t)(depth * bytes);

		if (posix_memalign((void **)&all[j].buffers, 4096, size))
			errx(1, "memory");
		memset(all[j].buffers, 0x5a, size);
	}
	for (long round = 0; round <= rounds; round++)
		for (int i = 7; i < argc; i++)
			slice(round, argv[i], all);
	return 0;
}
