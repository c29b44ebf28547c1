// SPDX-License-Identifier: Apache-2.0
/*
 * iocount - time stamp counter ticks per direct I/O at depth 1. Where the guest runs with a counted
 * clock (one tick an instruction) that is the number of instructions the system retires for it.
 *
 *	iocount DEVICE read|write BYTES random|sequential COUNT
 *
 * Prints the mean of COUNT operations, after some that are not counted.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/fs.h>
#include <x86intrin.h>

#define UNCOUNTED 200

int main(int argc, char **argv)
{
	uint64_t size, blocks, at = 0, s = 88172645463325252u, start = 0;
	unsigned int processor;
	int write, random, fd;
	long count, bytes;
	void *buffer;

	if (argc != 6)
		return 2;
	write = !strcmp(argv[2], "write");
	bytes = atol(argv[3]);
	random = !strcmp(argv[4], "random");
	count = atol(argv[5]);
	fd = open(argv[1], O_RDWR | O_DIRECT);
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size) ||
	    posix_memalign(&buffer, 1 << 17, (size_t)bytes)) {
		perror(argv[1]);
		return 2;
	}
	memset(buffer, 0x5a, (size_t)bytes);
	blocks = size / (uint64_t)bytes;
	for (long i = -UNCOUNTED; i < count; i++) {
		ssize_t r;

		if (!i)
			start = __rdtscp(&processor);
		s ^= s << 13;
		s ^= s >> 7;
		s ^= s << 17;
		at = (random ? s : at + 1) % blocks;
		r = write ? pwrite(fd, buffer, (size_t)bytes, (off_t)(at * (uint64_t)bytes))
			  : pread(fd, buffer, (size_t)bytes, (off_t)(at * (uint64_t)bytes));
		if (r != bytes) {
			perror(argv[2]);
			return 1;
		}
	}
	printf("%llu\n", (unsigned long long)(__rdtscp(&processor) - start) / (uint64_t)count);
	return 0;
}
