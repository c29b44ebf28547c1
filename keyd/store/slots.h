/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slots.h - a small file that keyd keeps outside the database and writes often: two slots of one
 * sector each, 4 KiB apart, written in turn and in place. Power that is cut while one is written
 * leaves the other; nothing is renamed, so an open descriptor is all that is needed, and what is
 * overwritten is overwritten where it lay, as far as file system and device do that (they may keep
 * copies: copy-on-write, a journal of data, wear levelling).
 *
 * A slot: "ccslots1", number (8 bytes, big-endian), length (4, big-endian), the bytes, zeros, and
 * in the last 32 bytes the SHA-256 of all before them. The valid slot with the higher number
 * counts. The digest is against accidents: whoever can write the file can make one.
 */
#ifndef KEYD_SLOTS_H
#define KEYD_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

#define SLOT_SIZE 512
#define SLOT_STRIDE 4096 /* from one to the next: no block of a device has both */
#define SLOT_BYTES_MAX (SLOT_SIZE - 8 - 8 - 4 - 32)

/**
 * struct slots - the open file.
 * @fd: -1 when it is not open
 * @number: of the slot that counts; 0 while there is none
 */
struct slots {
	int fd;
	uint64_t number;
};

/**
 * slots_open - opens @path, a regular file of our user that is closed to all others.
 * @create: makes an empty one when there is none, synced, with its directory
 * Return: 0, to be closed with slots_close(); -1, CC_E_NOTFOUND where there is none.
 */
int slots_open(struct slots *s, const char *path, bool create, struct cc_error *err);
void slots_close(struct slots *s);

/**
 * slots_read - what was written last.
 * @bytes: SLOT_BYTES_MAX bytes
 * @len: 0 when nothing was ever written, or neither slot is valid
 */
int slots_read(struct slots *s, unsigned char bytes[static SLOT_BYTES_MAX], size_t *len,
	       struct cc_error *err);

/* The pure part of it: which of two slots counts, NULL for neither; *@number is its number. */
const unsigned char *slots_newest(const unsigned char both[static 2 * SLOT_SIZE], size_t *len,
				  uint64_t *number);

/**
 * slots_write - writes the slot that does not count, which counts from then on.
 * @sync: it has reached the disk when this returns; otherwise it outlives this process, and may
 *        be lost when power is cut within half a minute
 */
int slots_write(struct slots *s, const unsigned char *bytes, size_t len, bool sync,
		struct cc_error *err);

/* Writes both, synced one after the other: nothing of what was there before is left. */
int slots_write_both(struct slots *s, const unsigned char *bytes, size_t len, struct cc_error *err);

#endif
