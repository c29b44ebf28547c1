// SPDX-License-Identifier: Apache-2.0
/*
 * dmfuzz - malformed table lines and messages for the target, straight to the ioctl.
 *
 *	dmfuzz tables NAME DEVICE SECTORS CASES SEED
 *	dmfuzz messages NAME CASES SEED
 *
 * Both want a mapping NAME that exists. A table is loaded into its inactive slot and cleared again;
 * one that was accepted must come back the same when its own status is loaded. A message that was
 * refused must leave the status as it was. Texts are made of words that the target knows, of
 * numbers around its limits, and of noise; then some bytes are changed.
 *
 * Prints "cases=N accepted=N broken=N". Exit status 1 when a promise was broken, 2 for usage.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/dm-ioctl.h>

#define TARGET "container-crypt"
#define TEXT_MAX 6000

static uint64_t rng;
static int control;
static const char *mapping;

static unsigned int pick(unsigned int n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (unsigned int)(rng >> 33) % n;
}

/* What does not fit is left out. */
static void append(char *text, const char *piece)
{
	size_t len = strlen(text), more = strlen(piece);

	if (len + more < TEXT_MAX - 100)
		memcpy(text + len, piece, more + 1);
}

/* One ioctl of the mapping. What follows the header is @text behind @head bytes of struct. */
static struct dm_ioctl *call(unsigned long command, uint32_t flags, const void *head,
			     size_t head_len, const char *text)
{
	static _Alignas(8) char buffer[sizeof(struct dm_ioctl) + 64 + TEXT_MAX + 2000];
	struct dm_ioctl *io = (struct dm_ioctl *)buffer;

	memset(buffer, 0, sizeof(buffer));
	io->version[0] = DM_VERSION_MAJOR;
	io->data_size = sizeof(buffer);
	io->data_start = sizeof(*io);
	io->flags = flags;
	strncpy(io->name, mapping, sizeof(io->name) - 1);
	memcpy(buffer + sizeof(*io), head, head_len);
	if (text)
		memcpy(buffer + sizeof(*io) + head_len, text, strlen(text) + 1);
	if (command == DM_TABLE_LOAD)
		io->target_count = 1;
	return ioctl(control, command, io) ? NULL : io;
}

static int load(uint64_t begin, uint64_t sectors, const char *line)
{
	struct dm_target_spec spec = {
		.sector_start = begin, .length = sectors, .target_type = TARGET};

	spec.next = (uint32_t)(sizeof(spec) + ((strlen(line) + 8) & ~7UL));
	return call(DM_TABLE_LOAD, 0, &spec, sizeof(spec), line) ? 0 : -1;
}

static int status(uint32_t flags, char *text)
{
	const struct dm_ioctl *io = call(DM_TABLE_STATUS, flags | DM_NOFLUSH_FLAG, "", 0, NULL);

	if (!io || !io->target_count)
		return -1;
	snprintf(text, TEXT_MAX, "%s",
		 (const char *)io + io->data_start + sizeof(struct dm_target_spec));
	return 0;
}

static const char *number(void)
{
	static const char *const interesting[] = {
		"0",
		"1",
		"7",
		"8",
		"4096",
		"512",
		"4095",
		"-1",
		"+1",
		"0x10",
		"",
		"00",
		"65536",
		"600000",
		"600001",
		"2678400000",
		"2678400001",
		"4294967295",
		"4294967296",
		"9223372036854775807",
		"9223372036854775808",
		"18446744073709551608",
		"18446744073709551615",
		"18446744073709551616",
		"99999999999999999999999",
		"1e3",
	};
	static char text[32];

	if (pick(3))
		return interesting[pick(sizeof(interesting) / sizeof(*interesting))];
	snprintf(text, sizeof(text), "%llu", (unsigned long long)(rng >> pick(64)));
	return text;
}

static const char *noise(void)
{
	static char text[4100];
	unsigned int len = pick(4) ? pick(12) : pick(10) ? pick(200) : pick(4000);

	for (unsigned int i = 0; i < len; i++)
		text[i] = (char)(1 + pick(255));
	text[len] = 0;
	return text;
}

/* Words take a form of printf's: %n a number, %x noise, %d the device. */
static void word(char *out, const char *form, const char *device)
{
	for (const char *p = form; *p; p++) {
		if (*p != '%')
			append(out, (const char[]){*p, 0});
		else if (*++p == 'n')
			append(out, number());
		else
			append(out, *p == 'x' ? noise() : device);
	}
}

/* Change, drop or double a few bytes. */
static void mutate(char *text)
{
	for (unsigned int n = pick(4); n; n--) {
		size_t len = strlen(text), at = len ? pick((unsigned int)len) : 0;

		if (!len)
			return;
		switch (pick(3)) {
		case 0:
			text[at] = (char)(1 + pick(255));
			break;
		case 1:
			memmove(text + at, text + at + 1, len - at);
			break;
		default:
			if (len < TEXT_MAX - 100)
				memmove(text + at + 1, text + at, len - at + 1);
		}
	}
}

static void make_line(char *line, const char *device)
{
	static const char *const options[] = {
		"sector_size:512",
		"sector_size:4096",
		"sector_size:%n",
		"allow_discards",
		"volume:6b0f6f1c-7a3e-4d0b-9b53-0d5a0c1e2f30",
		"volume:%x",
		"on_lock:error",
		"on_lock:queue:%n",
		"on_lock:%x",
		"%x:%n",
		"%x",
	};
	static const char *const lines[] = {
		"aes-xts-plain64 %n %d %n", "aes-xts-plain64 0 %d 0",
		"aes-xts-plain64 8 %d 8",   "%x %n %d %n",
		"aes-xts-plain64 0 %x 0",   "aes-xts-plain64 0 %d 0 %n",
	};
	unsigned int n = pick(3) ? pick(6) : 0;

	*line = 0;
	word(line, lines[pick(sizeof(lines) / sizeof(*lines))], device);
	if (n) {
		char count[16];

		snprintf(count, sizeof(count), " %u", pick(8) ? n : pick(20));
		append(line, count);
	}
	while (n--) {
		append(line, " ");
		word(line, options[pick(sizeof(options) / sizeof(*options))], device);
	}
	if (pick(2))
		mutate(line);
}

static int fuzz_tables(const char *device, uint64_t sectors, unsigned long cases)
{
	static char line[TEXT_MAX], first[TEXT_MAX], second[TEXT_MAX];
	unsigned long accepted = 0, broken = 0;

	for (unsigned long i = 0; i < cases; i++) {
		uint64_t len = pick(8) ? sectors - 4096 : rng >> pick(64);

		make_line(line, device);
		if (load(0, len, line))
			continue;
		accepted++;
		if (status(DM_STATUS_TABLE_FLAG | DM_QUERY_INACTIVE_TABLE_FLAG, first) ||
		    load(0, len, first) ||
		    status(DM_STATUS_TABLE_FLAG | DM_QUERY_INACTIVE_TABLE_FLAG, second) ||
		    strcmp(first, second)) {
			if (!broken++)
				fprintf(stderr, "accepted: %s\nstatus: %s\nthen: %s\n", line, first,
					second);
		}
		call(DM_TABLE_CLEAR, 0, "", 0, NULL);
	}
	printf("cases=%lu accepted=%lu broken=%lu\n", cases, accepted, broken);
	return broken ? 1 : 0;
}

static void make_message(char *text)
{
	static const char *const messages[] = {
		"unlock :64:logon:cctest:k 0",
		"unlock :%n:logon:cctest:k %n",
		"unlock :64:%x:cctest:k 0",
		"unlock :64:logon:%x %n",
		"unlock :64:logon:cctest:k @%n",
		"unlock :64:logon:cctest:k @raw:%n",
		"unlock %x %n",
		"unlock :32:user:cctest:k 0",
		"unlock",
		"renew %n",
		"renew @%n",
		"renew @raw:%n",
		"renew %x",
		"renew",
		"lock",
		"lock %x",
		"gate %n",
		"gate %x",
		"gate",
		"%x",
		"%x %x %x",
		"rekey %n",
		"",
	};

	*text = 0;
	word(text, messages[pick(sizeof(messages) / sizeof(*messages))], "");
	if (pick(2))
		mutate(text);
}

/* The status without what changes by itself: how much is left of a lease. */
static int settled_status(char *text)
{
	char *lease, *end;

	if (status(0, text))
		return -1;
	lease = strstr(text, "lease:");
	end = lease ? strchr(lease, ' ') : NULL;
	if (end)
		memmove(lease, end, strlen(end) + 1);
	return 0;
}

static int fuzz_messages(unsigned long cases)
{
	static char text[TEXT_MAX], before[TEXT_MAX], after[TEXT_MAX];
	const struct dm_target_msg head = {.sector = 0};
	unsigned long accepted = 0, broken = 0;

	for (unsigned long i = 0; i < cases; i++) {
		int refused;

		make_message(text);
		if (settled_status(before))
			err(1, "status");
		refused = !call(DM_TARGET_MSG, 0, &head, sizeof(head), text);
		accepted += !refused;
		if (settled_status(after))
			err(1, "status");
		/* a lease may have ended meanwhile */
		if (refused && strcmp(before, after) && !strstr(after, "locked") && !broken++)
			fprintf(stderr, "refused: %s\nbefore: %s\nafter: %s\n", text, before,
				after);
	}
	printf("cases=%lu accepted=%lu broken=%lu\n", cases, accepted, broken);
	return broken ? 1 : 0;
}

int main(int argc, char **argv)
{
	int tables = argc == 7 && !strcmp(argv[1], "tables");

	if (!tables && !(argc == 5 && !strcmp(argv[1], "messages"))) {
		fputs("usage: dmfuzz tables NAME DEVICE SECTORS CASES SEED\n"
		      "       dmfuzz messages NAME CASES SEED\n",
		      stderr);
		return 2;
	}
	mapping = argv[2];
	rng = strtoull(argv[argc - 1], NULL, 10) * 0x9e3779b97f4a7c15u + 1;
	control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		err(1, "/dev/mapper/control");
	if (tables)
		return fuzz_tables(argv[3], strtoull(argv[4], NULL, 10),
				   strtoul(argv[5], NULL, 10));
	return fuzz_messages(strtoul(argv[3], NULL, 10));
}
