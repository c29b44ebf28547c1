// SPDX-License-Identifier: Apache-2.0
/*
 * failnth - preloaded into a program, makes one of the kernel's allocations fail for it.
 *
 *	FAIL_NTH=3 FAIL_LEFT=/tmp/left LD_PRELOAD=.../failnth.so dmsetup ...
 *
 * The third allocation on behalf of the program fails, counting those that the failslab and
 * fail_page_alloc settings in debugfs let through. FAIL_LEFT then holds what is left of the count:
 * 0 when it came to that, for the kernel counts down.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char knob[] = "/proc/self/fail-nth";

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0) {
		perror(path);
		_exit(99);
	}
	close(fd);
}

static void __attribute__((constructor)) arm(void)
{
	put(knob, getenv("FAIL_NTH"));
}

static void __attribute__((destructor)) tell(void)
{
	char left[32] = "";
	int fd = open(knob, O_RDONLY);

	if (fd < 0 || read(fd, left, sizeof(left) - 1) < 0)
		_exit(99);
	close(fd);
	put(knob, "0");
	put(getenv("FAIL_LEFT"), left);
}
