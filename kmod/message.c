// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages: the controls of a mapping. Everything is checked before anything changes.
 */
#include <linux/sched/mm.h>

#include "container-crypt.h"

/* Split ":<key bytes>:<type>:<description>"; the description may hold further colons. */
static bool ccrypt_parse_key_spec(char *spec, unsigned int *size, const char **type,
				  const char **description)
{
	char *field = spec;
	u64 bytes;

	if (*field++ != ':')
		return false;
	if (!ccrypt_parse_u64(strsep(&field, ":"), CONTAINER_CRYPT_KEY_SIZE_MAX, &bytes) || !field)
		return false;
	if (bytes != CONTAINER_CRYPT_KEY_SIZE_AES128 && bytes != CONTAINER_CRYPT_KEY_SIZE_AES256)
		return false;
	*size = bytes;
	*type = strsep(&field, ":");
	*description = field;
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

static int ccrypt_message_unlock(struct ccrypt_target *cc, char **args)
{
	const char *type, *description;
	u8 raw[CONTAINER_CRYPT_KEY_SIZE_MAX];
	struct ccrypt_lease lease;
	unsigned int size;
	int r;

	if (!ccrypt_parse_key_spec(args[0], &size, &type, &description) ||
	    !ccrypt_parse_lease(args[1], &lease))
		return -EINVAL;
	if (!ccrypt_is_locked(cc->state))
		return -EBUSY;

	r = ccrypt_keyring_read(type, description, raw, size);
	if (!r)
		r = ccrypt_unlock(cc->state, raw, size, &lease);
	memzero_explicit(raw, sizeof(raw));
	return r;
}

static int ccrypt_message_renew(struct ccrypt_target *cc, char **args)
{
	struct ccrypt_lease lease;

	if (!ccrypt_parse_lease(args[0], &lease) || (!lease.ms && lease.kind == CCRYPT_LEASE_FOR))
		return -EINVAL;
	return ccrypt_renew(cc->state, &lease);
}

static int ccrypt_message_lock(struct ccrypt_target *cc, char **args)
{
	ccrypt_lock(cc->state);
	return 0;
}

static int ccrypt_message_gate(struct ccrypt_target *cc, char **args)
{
	u64 id;

	if (!ccrypt_parse_u64(args[0], U64_MAX, &id))
		return -EINVAL;
	return ccrypt_gate_set(cc->state, id);
}

static const struct ccrypt_message_type {
	const char *word;
	unsigned int args;
	int (*handle)(struct ccrypt_target *cc, char **args);
} ccrypt_messages[] = {
	{ CONTAINER_CRYPT_MSG_UNLOCK, 2, ccrypt_message_unlock },
	{ CONTAINER_CRYPT_MSG_RENEW, 1, ccrypt_message_renew },
	{ CONTAINER_CRYPT_MSG_LOCK, 0, ccrypt_message_lock },
	{ CONTAINER_CRYPT_MSG_GATE, 1, ccrypt_message_gate },
};

static const char *ccrypt_error_text(int error)
{
	switch (error) {
	case -EAGAIN:
		return "the host is about to hibernate";
	case -EBUSY:
		return "the mapping is active, lock it first";
	case -EKEYREJECTED:
		return "the key has another size than the message says, or equal halves";
	case -EKEYEXPIRED:
	case -EKEYREVOKED:
		return "the key has expired or been revoked";
	case -ENOENT:
		return "no such cgroup";
	case -ENOKEY:
		return "no such key in the caller's keyrings, or the mapping is locked";
	case -ENOPKG:
		return "the cipher's implementation is gone, create the mapping again";
	case -EPERM:
		return "the mapping is active and bound to a cgroup that the caller is not in";
	case -EOPNOTSUPP:
		return "this kernel has no cgroups";
	case -ESTALE:
		return "the bound cgroup is gone, set the gate first";
	case -ETIME:
		return "the lease has ended";
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
	if (argc - 1 == type->args)
		r = type->handle(ti->private, argv + 1);

	if (r)
		DMWARN_LIMIT("%s: %s refused: %s (%d)", dm_table_device_name(ti->table), type->word,
			     ccrypt_error_text(r), r);
	ccrypt_audit_ctrl(ti, type->word, !r);
	memalloc_noio_restore(noio);
	return r;
}
