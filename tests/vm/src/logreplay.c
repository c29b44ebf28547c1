// SPDX-License-Identifier: Apache-2.0
/*
 * logreplay - what dm-log-writes recorded, step by step.
 *
 *	logreplay LOG points                    prints
 *						"<number> <kind> [<text>]" for each entry after
 *						which a crash is of interest: kind is flush, fua
 *						or mark
 *	logreplay LOG count			prints how many entries there are
 *	logreplay LOG apply DEVICE FROM TO	carries out the entries FROM to TO-1 on DEVICE
 *	logreplay LOG tear DEVICE ENTRY		carries out each second 512-byte sector of ENTRY, of
 *						a small one half a sector
 *
 * Entries count from 0. A write that no flush followed is not in the log, or in it behind the last
 * flush. The mark that dm-log-writes itself puts at the end is left out. Exit status 1 when the log
 * or the device cannot be used, 2 for usage.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/fs.h>

#define MAGIC 0x6a736677736872ULL
#define VERSION 1ULL
#define MAX_SECTOR 4096U

#define SMALL 4096
#define LAST_MARK "dm-log-writes-end"

enum { FLUSH = 1, FUA = 2, DISCARD = 4, MARK = 8 };

struct super {
	uint64_t magic, version, entries;
	uint32_t sector_size;
} __attribute__((packed));

struct entry {
	uint64_t sector, sectors, flags, data_len;
};

struct log {
	int fd;
	uint64_t entries, at;
	size_t sector_size;
};

static void read_at(struct log *log, void *p, size_t len)
{
	if (pread(log->fd, p, len, (off_t)log->at) != (ssize_t)len)
		errx(1, "the log ends early");
	log->at += len;
}

static void open_log(struct log *log, const char *path)
{
	struct super s;

	log->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (log->fd < 0)
		err(1, "%s", path);
	log->at = 0;
	read_at(log, &s, sizeof(s));
	log->sector_size = le32toh(s.sector_size);
	log->entries = le64toh(s.entries);
	log->at = log->sector_size;
	if (le64toh(s.magic) != MAGIC || le64toh(s.version) != VERSION || log->sector_size < 512 ||
	    log->sector_size > MAX_SECTOR)
		errx(1, "%s is no log of dm-log-writes", path);
}

/*
 * The next entry; its data is at log->at then. Text of a mark goes to @mark, of MAX_SECTOR bytes.
 */
static void next_entry(struct log *log, struct entry *e, char *mark)
{
	char sector[MAX_SECTOR];

	read_at(log, sector, log->sector_size);
	memcpy(e, sector, sizeof(*e));
	e->sector = le64toh(e->sector);
	e->sectors = le64toh(e->sectors);
	e->flags = le64toh(e->flags);
	e->data_len = le64toh(e->data_len);
	*mark = 0;
	if (!(e->flags & MARK))
		return;
	if (e->data_len >= log->sector_size - sizeof(*e))
		errx(1, "a mark is too long");
	memcpy(mark, sector + sizeof(*e), e->data_len);
	mark[e->data_len] = 0;
}

static uint64_t data_bytes(const struct log *log, const struct entry *e)
{
	return e->flags & DISCARD ? 0 : e->sectors * log->sector_size;
}

static int points(struct log *log)
{
	char mark[MAX_SECTOR];
	struct entry e;

	for (uint64_t i = 0; i < log->entries; i++) {
		next_entry(log, &e, mark);
		log->at += data_bytes(log, &e);
		if (e.flags & (FLUSH | FUA | MARK) && strcmp(mark, LAST_MARK))
			printf("%llu %s %s\n", (unsigned long long)i,
			       e.flags & MARK	 ? "mark"
			       : e.flags & FLUSH ? "flush"
						 : "fua",
			       mark);
	}
	return 0;
}

static void put(int device, const char *data, size_t len, off_t at)
{
	if (pwrite(device, data, len, at) != (ssize_t)len)
		err(1, "write");
}

static void carry_out(struct log *log, const struct entry *e, int device, bool tear)
{
	const off_t at = (off_t)(e->sector * log->sector_size);
	const size_t len = e->sectors * log->sector_size;
	uint64_t range[2] = {(uint64_t)at, len};
	char *data;

	if (!len)
		return;
	if (e->flags & DISCARD) {
		/* a hint: what it leaves behind is up to the device */
		if (ioctl(device, BLKDISCARD, range))
			warn("discard");
		return;
	}
	data = malloc(len);
	if (!data)
		err(1, "memory");
	read_at(log, data, len);
	for (size_t i = 0; tear && len > SMALL && i + 512 <= len; i += 1024)
		put(device, data + i, 512, at + (off_t)i);
	if (tear && len <= SMALL)
		put(device, data, 256, at);
	if (!tear)
		put(device, data, len, at);
	free(data);
}

static int apply(struct log *log, const char *path, uint64_t from, uint64_t to, bool tear)
{
	int device = open(path, O_RDWR | O_CLOEXEC);
	char mark[MAX_SECTOR];
	struct entry e;

	if (device < 0)
		err(1, "%s", path);
	if (to > log->entries)
		errx(1, "the log has only %llu entries", (unsigned long long)log->entries);
	for (uint64_t i = 0; i < to; i++) {
		next_entry(log, &e, mark);
		if (i < from)
			log->at += data_bytes(log, &e);
		else
			carry_out(log, &e, device, tear);
	}
	if (fsync(device))
		err(1, "%s", path);
	return 0;
}

int main(int argc, char **argv)
{
	struct log log;

	if (argc == 3 && !strcmp(argv[2], "points")) {
		open_log(&log, argv[1]);
		return points(&log);
	}
	if (argc == 3 && !strcmp(argv[2], "count")) {
		open_log(&log, argv[1]);
		printf("%llu\n", (unsigned long long)log.entries);
		return 0;
	}
	if (argc == 6 && !strcmp(argv[2], "apply")) {
		open_log(&log, argv[1]);
		return apply(&log, argv[3], strtoull(argv[4], NULL, 10),
			     strtoull(argv[5], NULL, 10), false);
	}
	if (argc == 5 && !strcmp(argv[2], "tear")) {
		const uint64_t entry = strtoull(argv[4], NULL, 10);

		open_log(&log, argv[1]);
		return apply(&log, argv[3], entry, entry + 1, true);
	}
	fputs("usage: logreplay LOG points | count | apply DEVICE FROM TO | tear DEVICE ENTRY\n",
	      stderr);
	return 2;
}
