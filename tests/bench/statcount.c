// SPDX-License-Identifier: Apache-2.0
/*
 * statcount - time stamp counter ticks per stat(2) of a path, as iocount.c has them per I/O.
 *
 *	statcount PATH COUNT
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <x86intrin.h>

#define UNCOUNTED 200

int main(int argc, char **argv)
{
	unsigned int processor;
	uint64_t start = 0;
	struct stat st;
	long count;

	if (argc != 3)
		return 2;
	count = atol(argv[2]);
	for (long i = -UNCOUNTED; i < count; i++) {
		if (!i)
			start = __rdtscp(&processor);
		if (stat(argv[1], &st)) {
			perror(argv[1]);
			return 1;
		}
	}
	printf("%llu\n", (unsigned long long)(__rdtscp(&processor) - start) / (uint64_t)count);
	return 0;
}
