/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume_record.h - keyd's record of a volume: the authority for what a mapping spans (the LUKS2
 * header on the LUN is only a copy, which whoever has the LUN can rewrite).
 */
#ifndef CC_VOLUME_RECORD_H
#define CC_VOLUME_RECORD_H

#include <stdint.h>
#include "json.h"
#include "mount_options.h"
#include "lease_terms.h"

#define VOLUME_CIPHER "aes-xts-plain64"

struct volume_record {
	char name[64];
	char uuid[37];
	char cipher[32];      /* "aes-xts-plain64" */
	uint32_t key_bytes;   /* 32 or 64 */
	uint32_t sector_size; /* 512 or 4096 bytes */
	uint64_t offset;      /* start of data on the LUN, 512-byte sectors */
	uint64_t sectors;     /* length of data, 512-byte sectors */
	char fs[16];	      /* "ext4", "xfs", "none" */
	uint64_t generation;
	char realm[64];
	bool ready; /* false: state "creating", it holds nobody's data yet */
	struct cc_lease_terms terms;
	struct cc_mount_options mount; /* on whatever host */
};

/* From the volume object of the API; every field checked for type and range. */
int volume_record_from_json(struct volume_record *v, const json_t *obj, struct cc_error *err);

#endif
