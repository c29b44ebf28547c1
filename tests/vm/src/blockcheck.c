// SPDX-License-Identifier: Apache-2.0
/*
 * blockcheck - direct I/O against a block device that knows which data may come back.
 *
 *	blockcheck [-t SECONDS] [-j THREADS] [-u UNIT] [-m MAXUNITS] [-o OFFSET] [-r] [-n] [-e]
 *	DEVICE
 *
 * Every thread owns a part of the device and reads and writes runs of 1 to MAXUNITS units (UNIT
 * bytes each, 4096 by default) in it. A unit's content says where it belongs and which write it
 * is from. What a read returns must be the last acknowledged write of that unit, or one that was
 * tried and failed after it; anything else is wrong data. An error is no wrong data.
 *
 *	-o OFFSET	buffers start OFFSET bytes into a page (a multiple of 512)
 *	-r		fill the device first, then only read
 *	-n		use RWF_NOWAIT; EAGAIN is counted, and tried again without
 *	-e		at the end read each unit ever written, trying for up to 30 s
 *
 * Prints "ok=N error=N again=N wrong=N read=N lost=N", the last two for -e. Exit status 1 when
 * anything was wrong or lost, 2 for usage.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <linux/fs.h>

static size_t unit = 4096, max_units = 32, offset;
static int threads = 4, seconds = 5, read_only, nowait, at_end, fd;
static atomic_ulong n_ok, n_error, n_again, n_wrong, n_read, n_lost;
static time_t end;

struct unit_state {
	uint32_t acked, tried;
};

struct part {
	uint64_t first, count, rng;
	struct unit_state *units;
	unsigned char *buffer;
	pthread_t thread;
};

static uint64_t next(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	return *s ^= *s << 17;
}

/* Generation 0 is what was there before: anything. */
static void fill(unsigned char *p, uint64_t number, uint32_t generation)
{
	uint64_t s = (number + 1) * 0x9e3779b97f4a7c15u + generation, *w = (uint64_t *)p;

	w[0] = number;
	w[1] = generation;
	for (size_t i = 2; i < unit / 8; i++)
		w[i] = next(&s);
}

static int valid(const unsigned char *p, uint64_t number, const struct unit_state *u)
{
	static _Thread_local unsigned char want[4096];
	const uint64_t *w = (const uint64_t *)p;

	if (!u->acked && (w[0] != number || !w[1] || w[1] > u->tried))
		return 1;
	if (w[0] != number || w[1] < u->acked || w[1] > u->tried)
		return 0;
	fill(want, number, (uint32_t)w[1]);
	return !memcmp(want, p, unit);
}

static ssize_t transfer(int write, unsigned char *p, size_t len, off_t at)
{
	struct iovec iov = {p, len};
	ssize_t r;

	if (nowait) {
		r = write ? pwritev2(fd, &iov, 1, at, RWF_NOWAIT)
			  : preadv2(fd, &iov, 1, at, RWF_NOWAIT);
		if (r == (ssize_t)len || errno != EAGAIN)
			return r;
		n_again++;
	}
	return write ? pwritev2(fd, &iov, 1, at, 0) : preadv2(fd, &iov, 1, at, 0);
}

static void run_write(struct part *p, uint64_t at, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		fill(p->buffer + i * unit, p->first + at + i, ++p->units[at + i].tried);
	if (transfer(1, p->buffer, n * unit, (off_t)((p->first + at) * unit)) !=
	    (ssize_t)(n * unit)) {
		n_error++;
		return;
	}
	n_ok++;
	for (uint64_t i = 0; i < n; i++)
		p->units[at + i].acked = p->units[at + i].tried;
}

static bool run_read(struct part *p, uint64_t at, uint64_t n)
{
	if (transfer(0, p->buffer, n * unit, (off_t)((p->first + at) * unit)) !=
	    (ssize_t)(n * unit)) {
		n_error++;
		return false;
	}
	n_ok++;
	for (uint64_t i = 0; i < n; i++) {
		const uint64_t *w = (const uint64_t *)(p->buffer + i * unit);
		const struct unit_state *u = &p->units[at + i];

		if (valid(p->buffer + i * unit, p->first + at + i, u))
			continue;
		if (!n_wrong++)
			fprintf(stderr,
				"unit %llu: got unit %llu write %llu, wanted write %u to %u\n",
				(unsigned long long)(p->first + at + i), (unsigned long long)w[0],
				(unsigned long long)w[1], u->acked, u->tried);
	}
	return true;
}

/* A unit that was written comes back, even if the device has to come back first. */
static void run_end(struct part *p)
{
	for (uint64_t at = 0; at < p->count; at++) {
		const time_t last = time(NULL) + 30;

		if (!p->units[at].tried)
			continue;
		while (!run_read(p, at, 1)) {
			if (time(NULL) >= last) {
				n_lost++;
				break;
			}
			usleep(20000);
		}
		n_read++;
	}
}

static void *run(void *arg)
{
	struct part *p = arg;

	for (uint64_t at = 0; read_only && at < p->count; at += max_units)
		run_write(p, at, p->count - at < max_units ? p->count - at : max_units);
	while (time(NULL) < end) {
		uint64_t n = 1 + next(&p->rng) % max_units, at;

		/* mostly small */
		if (next(&p->rng) & 1)
			n = 1 + n % 2;
		at = next(&p->rng) % (p->count - n);
		if (read_only || next(&p->rng) & 1)
			run_read(p, at, n);
		else
			run_write(p, at, n);
	}
	if (at_end)
		run_end(p);
	return NULL;
}

int main(int argc, char **argv)
{
	struct part *parts;
	uint64_t bytes;
	int c;

	while ((c = getopt(argc, argv, "t:j:u:m:o:rne")) != -1) {
		switch (c) {
		case 't':
			seconds = atoi(optarg);
			break;
		case 'j':
			threads = atoi(optarg);
			break;
		case 'u':
			unit = (size_t)atol(optarg);
			break;
		case 'm':
			max_units = (size_t)atol(optarg);
			break;
		case 'o':
			offset = (size_t)atol(optarg);
			break;
		case 'r':
			read_only = 1;
			break;
		case 'n':
			nowait = 1;
			break;
		case 'e':
			at_end = 1;
			break;
		default:
			return 2;
		}
	}
	if (optind + 1 != argc || unit < 512 || unit > 4096)
		return 2;
	fd = open(argv[optind], O_RDWR | O_DIRECT);
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &bytes)) {
		perror(argv[optind]);
		return 2;
	}
	end = time(NULL) + seconds;
	parts = calloc((size_t)threads, sizeof(*parts));
	for (int i = 0; i < threads; i++) {
		struct part *p = &parts[i];

		p->count = bytes / unit / (size_t)threads;
		p->first = p->count * (uint64_t)i;
		p->rng = 88172645463325252u + (uint64_t)i;
		p->units = calloc(p->count, sizeof(*p->units));
		if (posix_memalign((void **)&p->buffer, 4096, max_units * unit + 8192))
			return 2;
		p->buffer += offset;
		if (pthread_create(&p->thread, NULL, run, p))
			return 2;
	}
	for (int i = 0; i < threads; i++)
		pthread_join(parts[i].thread, NULL);
	printf("ok=%lu error=%lu again=%lu wrong=%lu read=%lu lost=%lu\n", n_ok, n_error, n_again,
	       n_wrong, n_read, n_lost);
	return n_wrong || n_lost ? 1 : 0;
}
