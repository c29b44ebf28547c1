/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The rekey area of a volume, as it is on the device. docs/rekey.md describes the protocol.
 *
 *   +0		header A, alone in 4096 bytes
 *   +64 KiB	header B, likewise
 *   +1 MiB	the payload: new ciphertext of one window
 *
 * Usable from kernel code and from C userspace; all numbers are little endian.
 */
#ifndef CONTAINER_CRYPT_REKEY_H
#define CONTAINER_CRYPT_REKEY_H

#include <linux/types.h>

/* In 512-byte sectors from the start of the area. */
#define CONTAINER_CRYPT_REKEY_HEADER_A		0
#define CONTAINER_CRYPT_REKEY_HEADER_B		128
#define CONTAINER_CRYPT_REKEY_PAYLOAD		2048
#define CONTAINER_CRYPT_REKEY_AREA_MIN		4096
/* The area starts and ends on a multiple of this. */
#define CONTAINER_CRYPT_REKEY_ALIGN		8

/* A window, in 512-byte sectors; the last one of a volume may be smaller. */
#define CONTAINER_CRYPT_REKEY_WINDOW		2048

#define CONTAINER_CRYPT_REKEY_BLOCK_SIZE	4096
#define CONTAINER_CRYPT_REKEY_MAGIC		"CCREKEY"	/* with its NUL */
#define CONTAINER_CRYPT_REKEY_VERSION		1
#define CONTAINER_CRYPT_REKEY_UUID_SIZE		16
#define CONTAINER_CRYPT_REKEY_HASH_SIZE		32

/* What is derived from both keys to key the MAC, see docs/rekey.md. */
#define CONTAINER_CRYPT_REKEY_LABEL		"container-crypt rekey header 1"

/**
 * struct container_crypt_rekey_header - how far a rekey is
 * @magic: CONTAINER_CRYPT_REKEY_MAGIC
 * @version: of the format
 * @sector_size: of the volume's encryption, in bytes
 * @volume: UUID of the volume, as the table names it
 * @rekey: UUID of the rekey, made at its start
 * @iv_offset: of the volume's encryption
 * @start: first sector of the volume on the device
 * @end: sectors that the rekey is of; those from it on have the new key from the beginning
 * @seq: counts the headers of a rekey; the highest valid one counts
 * @begin: sectors before it have the new key
 * @len: 0, or how many sectors from @begin on the payload has
 * @digest: SHA-256 of the payload, zero without one
 * @reserved: zero
 * @mac: HMAC-SHA-256 of all that precedes it
 */
struct container_crypt_rekey_header {
	__u8 magic[8];
	__le32 version;
	__le32 sector_size;
	__u8 volume[CONTAINER_CRYPT_REKEY_UUID_SIZE];
	__u8 rekey[CONTAINER_CRYPT_REKEY_UUID_SIZE];
	__le64 iv_offset;
	__le64 start;
	__le64 end;
	__le64 seq;
	__le64 begin;
	__le64 len;
	__u8 digest[CONTAINER_CRYPT_REKEY_HASH_SIZE];
	__u8 reserved[352];
	__u8 mac[CONTAINER_CRYPT_REKEY_HASH_SIZE];
};

#endif /* CONTAINER_CRYPT_REKEY_H */
