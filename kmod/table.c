// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table line: parse it, and print it back.
 */
#include "rekey.h"

/**
 * ccrypt_parse_u64() - read a decimal number
 * @text: digits only: no sign, no space, no newline
 * @max: largest number allowed
 * @value: the number, on success
 */
bool ccrypt_parse_u64(const char *text, u64 max, u64 *value)
{
	u64 n;

	/* kstrtoull() takes a plus sign in front and a newline behind. */
	if (!*text || strspn(text, "0123456789") != strlen(text))
		return false;
	if (kstrtoull(text, 10, &n) || n > max)
		return false;
	*value = n;
	return true;
}

static int ccrypt_parse_on_lock(struct ccrypt_target *cc, const char *policy)
{
	const size_t queue_len = strlen(CONTAINER_CRYPT_ON_LOCK_QUEUE);
	u64 ms;

	if (!strcmp(policy, CONTAINER_CRYPT_ON_LOCK_ERROR)) {
		cc->queue_ms = 0;
		return 0;
	}
	if (!strncmp(policy, CONTAINER_CRYPT_ON_LOCK_QUEUE, queue_len) &&
	    ccrypt_parse_u64(policy + queue_len, CONTAINER_CRYPT_ON_LOCK_QUEUE_MS_MAX, &ms) && ms) {
		cc->queue_ms = ms;
		return 0;
	}
	cc->ti->error = "on_lock must be error or queue:<1 to 600000 ms>";
	return -EINVAL;
}

static int ccrypt_parse_sector_size(struct ccrypt_target *cc, const char *text)
{
	u64 size;

	if (!ccrypt_parse_u64(text, CONTAINER_CRYPT_SECTOR_SIZE_MAX, &size) ||
	    (size != CONTAINER_CRYPT_SECTOR_SIZE_MIN && size != CONTAINER_CRYPT_SECTOR_SIZE_MAX)) {
		cc->ti->error = "sector_size must be 512 or 4096";
		return -EINVAL;
	}
	cc->sector_size = size;
	return 0;
}

static int ccrypt_parse_volume(struct ccrypt_target *cc, const char *text)
{
	if (strlen(text) != UUID_STRING_LEN || !uuid_is_valid(text)) {
		cc->ti->error = "volume must be a UUID";
		return -EINVAL;
	}
	strscpy(cc->volume, text, sizeof(cc->volume));
	return 0;
}

static int ccrypt_parse_discards(struct ccrypt_target *cc, const char *text)
{
	if (*text) {
		cc->ti->error = "allow_discards takes no value";
		return -EINVAL;
	}
	cc->ti->num_discard_bios = 1;
	return 0;
}

/* <first sector>:<sectors> */
static int ccrypt_parse_rekey_area(struct ccrypt_target *cc, const char *text)
{
	char first[24];
	const char *colon = strchr(text, ':');
	u64 area, len;

	if (!colon || colon - text >= sizeof(first))
		goto bad;
	strscpy(first, text, colon - text + 1);
	if (!ccrypt_parse_u64(first, S64_MAX >> SECTOR_SHIFT, &area) ||
	    !ccrypt_parse_u64(colon + 1, S64_MAX >> SECTOR_SHIFT, &len) ||
	    len < CONTAINER_CRYPT_REKEY_AREA_MIN || (area | len) % CONTAINER_CRYPT_REKEY_ALIGN ||
	    area + len != (sector_t)(area + len))
		goto bad;
	cc->area = area;
	cc->area_len = len;
	return 0;

bad:
	cc->ti->error = "rekey_area must be <sector>:<sectors>, 2 MiB at least, 4 KiB aligned";
	return -EINVAL;
}

static const struct ccrypt_option {
	const char *word;
	int (*parse)(struct ccrypt_target *cc, const char *value);
} ccrypt_options[] = {
	{ CONTAINER_CRYPT_OPT_SECTOR_SIZE, ccrypt_parse_sector_size },
	{ CONTAINER_CRYPT_OPT_ALLOW_DISCARDS, ccrypt_parse_discards },
	{ CONTAINER_CRYPT_OPT_VOLUME, ccrypt_parse_volume },
	{ CONTAINER_CRYPT_OPT_ON_LOCK, ccrypt_parse_on_lock },
	{ CONTAINER_CRYPT_OPT_REKEY_AREA, ccrypt_parse_rekey_area },
};

static int ccrypt_parse_option(struct ccrypt_target *cc, const char *text, unsigned long *seen)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ccrypt_options); i++) {
		const char *word = ccrypt_options[i].word;
		size_t len = strlen(word);

		if (strncmp(text, word, len))
			continue;
		if (__test_and_set_bit(i, seen)) {
			cc->ti->error = "Option given twice";
			return -EINVAL;
		}
		return ccrypt_options[i].parse(cc, text + len);
	}
	cc->ti->error = "Unknown option";
	return -EINVAL;
}

static int ccrypt_parse_options(struct ccrypt_target *cc, unsigned int argc, char **argv)
{
	static const struct dm_arg arg = {
		0, CONTAINER_CRYPT_OPTS_MAX, "Invalid number of options"
	};
	struct dm_arg_set as = { .argc = argc, .argv = argv };
	unsigned long seen = 0;
	unsigned int opts;
	int r;

	if (!argc)
		return 0;
	r = dm_read_arg_group(&arg, &as, &opts, &cc->ti->error);
	if (r)
		return r;
	if (opts != as.argc) {
		cc->ti->error = "Number of options does not match the options given";
		return -EINVAL;
	}
	while (opts--) {
		r = ccrypt_parse_option(cc, dm_shift_arg(&as), &seen);
		if (r)
			return r;
	}
	return 0;
}

static int ccrypt_check_geometry(struct ccrypt_target *cc)
{
	const sector_t mask = (cc->sector_size >> SECTOR_SHIFT) - 1;
	struct dm_target *ti = cc->ti;
	u64 end;

	if ((ti->begin | ti->len) & mask) {
		ti->error = "Start or length is not a multiple of sector_size";
		return -EINVAL;
	}
	if (cc->iv_offset & mask) {
		ti->error = "iv_offset is not a multiple of sector_size";
		return -EINVAL;
	}
	if (cc->start & mask) {
		ti->error = "Device offset is not a multiple of sector_size";
		return -EINVAL;
	}
	if (check_add_overflow(cc->iv_offset, (u64)ti->len, &end)) {
		ti->error = "iv_offset plus length overflows";
		return -EINVAL;
	}
	if (check_add_overflow((u64)cc->start, (u64)ti->len, &end) || end != (sector_t)end) {
		ti->error = "Device offset plus length overflows";
		return -EINVAL;
	}
	if (!cc->area_len)
		return 0;
	if (!*cc->volume) {
		ti->error = "rekey_area needs volume";
		return -EINVAL;
	}
	if (cc->area < end && cc->area + cc->area_len > cc->start) {
		ti->error = "rekey_area overlaps the data";
		return -EINVAL;
	}
	return 0;
}

/**
 * ccrypt_parse_table() - read <cipher> <iv_offset> <device> <offset> [<#opts> <opts>]
 * @cc: gets what the line says, and @cc->dev opened; @cc->ti must be set
 * @argc: number of arguments
 * @argv: the arguments
 *
 * Return: 0, or a negative error with @cc->ti->error set. @cc->dev may be open in either case.
 */
int ccrypt_parse_table(struct ccrypt_target *cc, unsigned int argc, char **argv)
{
	struct dm_target *ti = cc->ti;
	u64 start;
	int r;

	if (argc < 4) {
		ti->error = "Not enough arguments";
		return -EINVAL;
	}
	if (strcmp(argv[0], CONTAINER_CRYPT_CIPHER)) {
		ti->error = "Unknown cipher, only " CONTAINER_CRYPT_CIPHER " is supported";
		return -EINVAL;
	}
	if (!ccrypt_parse_u64(argv[1], U64_MAX, &cc->iv_offset)) {
		ti->error = "Invalid iv_offset";
		return -EINVAL;
	}
	if (!ccrypt_parse_u64(argv[3], U64_MAX, &start) || start != (sector_t)start) {
		ti->error = "Invalid device offset";
		return -EINVAL;
	}
	cc->start = start;
	cc->sector_size = CONTAINER_CRYPT_SECTOR_SIZE_DEFAULT;

	r = ccrypt_parse_options(cc, argc - 4, argv + 4);
	if (r)
		return r;
	r = ccrypt_check_geometry(cc);
	if (r)
		return r;

	r = dm_get_device(ti, argv[2], dm_table_get_mode(ti->table), &cc->dev);
	if (r) {
		ti->error = "Device lookup failed";
		return r;
	}
	/* dm core would let writes through. */
	if ((dm_table_get_mode(ti->table) & BLK_OPEN_WRITE) && bdev_read_only(cc->dev->bdev)) {
		ti->error = "Device is read-only";
		return -EROFS;
	}
	if (cc->area + cc->area_len > bdev_nr_sectors(cc->dev->bdev)) {
		ti->error = "rekey_area is beyond the end of the device";
		return -EINVAL;
	}
	if (bdev_is_zoned(cc->dev->bdev)) {
		ti->error = "Zoned devices are not supported";
		return -EOPNOTSUPP;
	}
	return 0;
}

/**
 * ccrypt_emit_table() - print the table line that made @cc, options in a fixed order
 * @cc: the target
 * @result: buffer
 * @maxlen: its size
 */
void ccrypt_emit_table(struct ccrypt_target *cc, char *result, unsigned int maxlen)
{
	unsigned int opts = 1 + !!cc->ti->num_discard_bios + !!*cc->volume + !!cc->queue_ms +
			    !!cc->area_len;
	unsigned int sz = 0;

	DMEMIT("%s %llu %s %llu %u " CONTAINER_CRYPT_OPT_SECTOR_SIZE "%u", CONTAINER_CRYPT_CIPHER,
	       cc->iv_offset, cc->dev->name, (unsigned long long)cc->start, opts, cc->sector_size);
	if (cc->ti->num_discard_bios)
		DMEMIT(" " CONTAINER_CRYPT_OPT_ALLOW_DISCARDS);
	if (*cc->volume)
		DMEMIT(" " CONTAINER_CRYPT_OPT_VOLUME "%s", cc->volume);
	if (cc->queue_ms)
		DMEMIT(" " CONTAINER_CRYPT_OPT_ON_LOCK CONTAINER_CRYPT_ON_LOCK_QUEUE "%u",
		       cc->queue_ms);
	if (cc->area_len)
		DMEMIT(" " CONTAINER_CRYPT_OPT_REKEY_AREA "%llu:%llu", (unsigned long long)cc->area,
		       (unsigned long long)cc->area_len);
}

/**
 * ccrypt_emit_ima() - print what an IMA measurement of the table records
 * @cc: the target
 * @result: buffer
 * @maxlen: its size
 */
void ccrypt_emit_ima(struct ccrypt_target *cc, char *result, unsigned int maxlen)
{
	unsigned int sz = 0;

	DMEMIT_TARGET_NAME_VERSION(cc->ti->type);
	DMEMIT(",cipher_string=%s,iv_offset=%llu,device=%s,offset=%llu,sector_size=%u",
	       CONTAINER_CRYPT_CIPHER, cc->iv_offset, cc->dev->name,
	       (unsigned long long)cc->start, cc->sector_size);
	DMEMIT(",allow_discards=%c", cc->ti->num_discard_bios ? 'y' : 'n');
	DMEMIT(",volume=%s", *cc->volume ? cc->volume : "-");
	DMEMIT(",on_lock_queue_ms=%u", cc->queue_ms);
	if (cc->area_len)
		DMEMIT(",rekey_area=%llu:%llu", (unsigned long long)cc->area,
		       (unsigned long long)cc->area_len);
	DMEMIT(";");
}
