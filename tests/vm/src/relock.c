// SPDX-License-Identifier: Apache-2.0
/*
 * relock - unlocks a mapping at the very moment at which a lease has ended, again and again.
 *
 *	relock NAME KEY LEASE_MS TIMES
 *
 * KEY is what the message calls :BYTES:TYPE:DESCRIPTION. Prints "ends=N", how many leases have
 * ended; the mapping is active when it is done, with a last lease that has not.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

static int control;

/* One message to the mapping; an errno, or 0. */
static int message(const char *name, const char *text)
{
	_Alignas(8) char buffer[sizeof(struct dm_ioctl) + sizeof(struct dm_target_msg) + 512] = {0};
	struct dm_ioctl *io = (struct dm_ioctl *)buffer;
	struct dm_target_msg *msg = (struct dm_target_msg *)(buffer + sizeof(*io));

	io->version[0] = DM_VERSION_MAJOR;
	io->data_size = sizeof(buffer);
	io->data_start = sizeof(*io);
	snprintf(io->name, sizeof(io->name), "%s", name);
	snprintf(msg->message, 512, "%s", text);
	return ioctl(control, DM_TARGET_MSG, io) ? errno : 0;
}

/* Only an active mapping is a reason to try again. */
static void unlock(const char *name, const char *key, const char *lease)
{
	char text[256];
	int error;

	snprintf(text, sizeof(text), "unlock %s %s", key, lease);
	do
		error = message(name, text);
	while (error == EBUSY);
	if (error)
		errx(1, "%s: %s", text, strerror(error));
}

int main(int argc, char **argv)
{
	unsigned long times;

	if (argc != 5) {
		fprintf(stderr, "usage: relock NAME KEY LEASE_MS TIMES\n");
		return 2;
	}
	control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		err(1, "/dev/mapper/control");
	times = strtoul(argv[4], NULL, 10);
	for (unsigned long i = 0; i < times; i++)
		unlock(argv[1], argv[2], argv[3]);
	unlock(argv[1], argv[2], "600000");
	printf("ends=%lu\n", times);
	return 0;
}
