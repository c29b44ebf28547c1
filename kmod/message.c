// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages: the controls of a mapping. Everything is checked before anything changes.
 */
#include <linux/sched/mm.h>

#include "container-crypt.h"

struct ccrypt_key_spec {
	unsigned int size;
	const char *type;
	const char *description;
};

/* Split ":<key bytes>:<type>:<description>"; the description may hold further colons. */
static bool ccrypt_parse_key_spec(char *text, struct ccrypt_key_spec *spec)
{
	char *field = text;
	u64 bytes;

	if (*field++ != ':')
		return false;
	if (!ccrypt_parse_u64(strsep(&field, ":"), CONTAINER_CRYPT_KEY_SIZE_MAX, &bytes) || !field)
		return false;
	if (bytes != CONTAINER_CRYPT_KEY_SIZE_AES128 && bytes != CONTAINER_CRYPT_KEY_SIZE_AES256)
		return false;
	spec->size = bytes;
	spec->type = strsep(&field, ":");
	spec->description = field;
	return field && *field;
}

/* <ms from now>, @<CLOCK_BOOTTIME in ms>, or @raw:<the raw clock in ms> */
static bool ccrypt_parse_lease(const char *text, struct ccrypt_lease *lease)
{
	const size_t until_len = strlen(CONTAINER_CRYPT_LEASE_UNTIL);
	const size_t raw_len = strlen(CONTAINER_CRYPT_LEASE_UNTIL_RAW);
	u64 max = KTIME_MAX / NSEC_PER_MSEC;

	if (!strncmp(text, CONTAINER_CRYPT_LEASE_UNTIL_RAW, raw_len)) {
		lease->kind = CCRYPT_LEASE_UNTIL_RAW;
		text += raw_len;
	} else if (!strncmp(text, CONTAINER_CRYPT_LEASE_UNTIL, until_len)) {
		lease->kind = CCRYPT_LEASE_UNTIL;
		text += until_len;
	} else {
		lease->kind = CCRYPT_LEASE_FOR;
		max = CONTAINER_CRYPT_LEASE_MS_MAX;
	}
	return ccrypt_parse_u64(text, max, &lease->ms);
}

static int ccrypt_read_key(const struct ccrypt_key_spec *spec, u8 *raw, unsigned int *size)
{
	int r = ccrypt_keyring_read(spec->type, spec->description, raw, spec->size);

	if (!r)
		*size = spec->size;
	return r;
}

static int ccrypt_message_unlock(struct ccrypt_target *cc, unsigned int argc, char **args)
{
	struct ccrypt_unlock unlock = {};
	struct ccrypt_key_spec spec, old;
	const bool both = argc == 4;
	int r;

	/* Two keys and no number, or a number and no key. */
	if (argc == 3 || !ccrypt_parse_key_spec(args[0], &spec) ||
	    !ccrypt_parse_lease(args[1], &unlock.lease))
		return -EINVAL;
	if (both && (!ccrypt_parse_key_spec(args[2], &old) ||
		     !ccrypt_parse_u64(args[3], U64_MAX, &unlock.min_seq)))
		return -EINVAL;
	if (!ccrypt_is_locked(cc->state))
		return -EBUSY;

	r = ccrypt_read_key(&spec, unlock.raw, &unlock.size);
	if (!r && both)
		r = ccrypt_read_key(&old, unlock.old_raw, &unlock.old_size);
	if (!r)
		r = ccrypt_unlock(cc, &unlock);
	memzero_explicit(&unlock, sizeof(unlock));
	return r;
}

static int ccrypt_message_rekey_start(struct ccrypt_target *cc, char *arg)
{
	u8 raw[CONTAINER_CRYPT_KEY_SIZE_MAX];
	struct ccrypt_key_spec spec;
	unsigned int size;
	int r;

	if (!ccrypt_parse_key_spec(arg, &spec))
		return -EINVAL;
	r = ccrypt_read_key(&spec, raw, &size);
	if (!r)
		r = ccrypt_rekey_start(cc, raw, size);
	memzero_explicit(raw, sizeof(raw));
	return r;
}

static int ccrypt_message_rekey(struct ccrypt_target *cc, unsigned int argc, char **args)
{
	u64 rate;

	if (!strcmp(args[0], CONTAINER_CRYPT_MSG_REKEY_START) && argc == 2)
		return ccrypt_message_rekey_start(cc, args[1]);
	if (!strcmp(args[0], CONTAINER_CRYPT_MSG_REKEY_RATE) && argc == 2 &&
	    ccrypt_parse_u64(args[1], CONTAINER_CRYPT_REKEY_RATE_MAX, &rate))
		return ccrypt_rekey_rate(cc, rate);
	if (!strcmp(args[0], CONTAINER_CRYPT_MSG_REKEY_PAUSE) && argc == 1)
		return ccrypt_rekey_pause(cc, true);
	if (!strcmp(args[0], CONTAINER_CRYPT_MSG_REKEY_RESUME) && argc == 1)
		return ccrypt_rekey_pause(cc, false);
	if (!strcmp(args[0], CONTAINER_CRYPT_MSG_REKEY_CLEAR) && argc == 1)
		return ccrypt_rekey_clear(cc);
	return -EINVAL;
}

static int ccrypt_message_renew(struct ccrypt_target *cc, unsigned int argc, char **args)
{
	struct ccrypt_lease lease;

	if (!ccrypt_parse_lease(args[0], &lease) || (!lease.ms && lease.kind == CCRYPT_LEASE_FOR))
		return -EINVAL;
	return ccrypt_renew(cc->state, &lease);
}

static int ccrypt_message_lock(struct ccrypt_target *cc, unsigned int argc, char **args)
{
	ccrypt_lock(cc->state);
	return 0;
}

static int ccrypt_message_gate(struct ccrypt_target *cc, unsigned int argc, char **args)
{
	u64 id;

	if (!ccrypt_parse_u64(args[0], U64_MAX, &id))
		return -EINVAL;
	return ccrypt_gate_set(cc->state, id);
}

static const struct ccrypt_message_type {
	const char *word;
	unsigned int min_args;
	unsigned int max_args;
	int (*handle)(struct ccrypt_target *cc, unsigned int argc, char **args);
} ccrypt_messages[] = {
	{ CONTAINER_CRYPT_MSG_UNLOCK, 2, 4, ccrypt_message_unlock },
	{ CONTAINER_CRYPT_MSG_RENEW, 1, 1, ccrypt_message_renew },
	{ CONTAINER_CRYPT_MSG_LOCK, 0, 0, ccrypt_message_lock },
	{ CONTAINER_CRYPT_MSG_GATE, 1, 1, ccrypt_message_gate },
	{ CONTAINER_CRYPT_MSG_REKEY, 1, 2, ccrypt_message_rekey },
};

static const char *ccrypt_error_text(int error)
{
	switch (error) {
	case -EAGAIN:
		return "the host is about to hibernate";
	case -EALREADY:
		return "a rekey is under way and not done; an unlock needs both keys";
	case -EBADMSG:
		return "the payload of the rekey's window is damaged";
	case -EBUSY:
		return "the mapping is active, lock it first";
	case -EEXIST:
		return "there are headers of an earlier rekey, clear them first";
	case -EFBIG:
		return "the mapping does not have the length that its rekey is of";
	case -EKEYREJECTED:
		return "the key has another size than the message says, equal halves, or is known";
	case -EKEYEXPIRED:
	case -EKEYREVOKED:
		return "the key has expired or been revoked";
	case -ENOENT:
		return "no such cgroup";
	case -ENOKEY:
		return "no such key in the caller's keyrings, or the mapping is locked";
	case -ENOPKG:
		return "the cipher's implementation is gone, create the mapping again";
	case -ENXIO:
		return "the table has no rekey_area";
	case -EPERM:
		return "the mapping is active and bound to a cgroup that the caller is not in";
	case -EOPNOTSUPP:
		return "this kernel has no cgroups";
	case -ERANGE:
		return "the headers of the rekey are older than they may be";
	case -ESRCH:
		return "no rekey is under way";
	case -ESTALE:
		return "the bound cgroup is gone, set the gate first";
	case -ETIME:
		return "the lease has ended";
	case -ETXTBSY:
		return "bios may be on their way, suspend the mapping first";
	case -EUCLEAN:
		return "there are headers of a rekey, and none of them is valid for these keys";
	default:
		return "invalid arguments, or an error of the kernel's crypto or keyring";
	}
}

/**
 * ccrypt_message() - a message for the target
 * @ti: the target
 * @argc: number of words
 * @argv: the words; may be written to
 * @result: unused
 * @maxlen: unused
 *
 * Context: process. Messages may run at the same time.
 * Return: 0, or a negative error after which nothing has changed.
 */
int ccrypt_message(struct dm_target *ti, unsigned int argc, char **argv, char *result,
		   unsigned int maxlen)
{
	const struct ccrypt_message_type *type = ccrypt_messages;
	const struct ccrypt_message_type *end = type + ARRAY_SIZE(ccrypt_messages);
	unsigned int noio;
	int r = -EINVAL;

	while (type < end && strcmp(type->word, argv[0]))
		type++;
	if (type == end) {
		DMWARN_LIMIT("%s: unknown message", dm_table_device_name(ti->table));
		return -EINVAL;
	}

	/* Memory may hang on writeback to this very mapping, which waits for the message. */
	noio = memalloc_noio_save();
	if (argc - 1 >= type->min_args && argc - 1 <= type->max_args)
		r = type->handle(ti->private, argc - 1, argv + 1);

	if (r)
		DMWARN_LIMIT("%s: %s refused: %s (%d)", dm_table_device_name(ti->table), type->word,
			     ccrypt_error_text(r), r);
	ccrypt_audit_ctrl(ti, type->word, !r);
	memalloc_noio_restore(noio);
	return r;
}
