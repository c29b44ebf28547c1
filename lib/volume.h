/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume.h - keyd's record of a volume: the authority for what a mapping spans (the LUKS2 header on
 * the LUN is only a copy, which whoever has the LUN can rewrite). One struct, one codec and one
 * check for keyd, which writes it, and dmctl, which acts on it: what the one takes the other takes.
 * The members of the JSON object are in docs/api.md.
 */
#ifndef CC_VOLUME_H
#define CC_VOLUME_H

#include <stdbool.h>
#include <stdint.h>

#include "json.h"
#include "lease_terms.h"
#include "mount_options.h"
#include "name.h"

#define CC_VOLUME_CIPHER "aes-xts-plain64"
#define CC_VOLUME_HEADER_SECTORS 65536u /* 32 MiB for the LUKS2 header, in 512-byte sectors */

/**
 * struct cc_volume - the record.
 * @cipher: CC_VOLUME_CIPHER
 * @key_bytes: 32 or 64
 * @sector_size: of encryption, 512 or 4096 bytes
 * @offset: start of the data on the LUN, 512-byte sectors; behind the header
 * @sectors: length of the data, 512-byte sectors
 * @fs: "ext4", "xfs" or "none"
 * @generation: of the key
 * @realm: of keyd
 * @created: seconds since the epoch, UTC
 * @ready: false: state "creating", it holds nobody's data yet
 * @creator: agent that may have the key to format it while it is being created; "" for none
 * @terms: on which its key is lent
 * @mount: how it is mounted, on whatever host
 */
struct cc_volume {
	char name[CC_NAME_LEN];
	char uuid[CC_UUID_LEN];
	char cipher[32];
	uint32_t key_bytes;
	uint32_t sector_size;
	uint64_t offset;
	uint64_t sectors;
	char fs[16];
	uint64_t generation;
	char realm[CC_NAME_LEN];
	int64_t created;
	bool ready;
	char creator[CC_NAME_LEN];
	struct cc_lease_terms terms;
	struct cc_mount_options mount;
};

/* Every field is in its range and they fit each other; CC_E_INVALID names the member that is not.
 */
int cc_volume_check(const struct cc_volume *v, struct cc_error *err);

/* From the API's volume object (members that are not the record's are passed over), checked. */
int cc_volume_from_json(struct cc_volume *v, const json_t *obj, struct cc_error *err);

/* The record's members of that object, a new reference; NULL without memory. */
json_t *cc_volume_to_json(const struct cc_volume *v);

/**
 * cc_volume_wish_from_json - what a volume is to be like, from the body of POST /v1/volumes.
 * @v: cleared; has default terms where @obj says nothing. Generation, realm, time and state are
 * keyd's to fill in, then to check with cc_volume_check()
 * Return: 0; -1 with CC_E_INVALID, also for a member that is not the asker's to give.
 */
int cc_volume_wish_from_json(struct cc_volume *v, const json_t *obj, struct cc_error *err);

/* The other way round; a new reference, NULL without memory. */
json_t *cc_volume_wish_to_json(const struct cc_volume *v);

#endif
