// SPDX-License-Identifier: Apache-2.0
/*
 * lease_terms_option.c - the options that say on what terms a volume's key is lent, and how it is
 * mounted.
 */
#include "cli/lease_terms_option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mount_options.h"
#include "lease_terms.h"

/* "90s", "10m", "1h", "2d", "1500ms"; without a unit seconds. False for anything else. */
static bool parse_time(const char *s, uint64_t *ms)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"", 1000},       {"s", 1000},	   {"ms", 1},
		     {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 24 * 3600 * 1000}};
	unsigned long long n;
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	n = strtoull(s, &end, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].unit) != 0)
			continue;
		*ms = n * units[i].ms;
		return !errno && n <= CC_LEASE_MS_MAX && *ms >= CC_LEASE_MS_MIN &&
		       *ms <= CC_LEASE_MS_MAX;
	}
	return false;
}

static json_t *lease(const char *value, struct cc_error *err)
{
	uint64_t ms;

	if (parse_time(value, &ms))
		return json_integer((json_int_t)ms);
	cc_fail(err, CC_E_USAGE, "--lease must be a time from 2s to 31d, like 90s, 10m or 1h");
	return NULL;
}

static json_t *yes_or_no(const char *value, const char *option, struct cc_error *err)
{
	if (strcmp(value, "yes") == 0 || strcmp(value, "no") == 0)
		return json_boolean(value[0] == 'y');
	cc_fail(err, CC_E_USAGE, "%s must be yes or no", option);
	return NULL;
}

static json_t *word(bool good, const char *value, const char *what, struct cc_error *err)
{
	if (good)
		return json_string(value);
	cc_fail(err, CC_E_USAGE, "%s", what);
	return NULL;
}

static json_t *mount_options(const char *value, struct cc_error *err)
{
	struct cc_mount_options o = {0};

	return cc_mount_options_parse(value, &o, err) ? NULL : json_string(value);
}

int lease_terms_option(int c, const char *value, json_t *terms, bool *taken, struct cc_error *err)
{
	enum cc_on_revoke revoke;
	enum cc_on_lapse lapse;
	const char *key;
	uint64_t queue;
	json_t *v;

	*taken = true;
	*err = (struct cc_error){0};
	switch (c) {
	case 'L':
		key = "leaseMs";
		v = lease(value, err);
		break;
	case 'S':
		key = "sharedRead";
		v = yes_or_no(value, "--shared-read", err);
		break;
	case 'P':
		key = "onLapse";
		v = word(cc_on_lapse_parse(value, &lapse) == 0, value,
			 "--on-lapse must be freeze or continue", err);
		break;
	case 'R':
		key = "onRevoke";
		v = word(cc_on_revoke_parse(value, &revoke) == 0, value,
			 "--on-revoke must be kill or freeze", err);
		break;
	case 'O':
		key = "onLock";
		v = word(cc_on_lock_parse(value, &queue) == 0, value,
			 "--on-lock must be error or queue:MS, MS from 1 to 600000", err);
		break;
	case 'M':
		key = "mountOptions";
		v = mount_options(value, err);
		break;
	case 'D':
		key = "discard";
		v = yes_or_no(value, "--discard", err);
		break;
	default:
		*taken = false;
		return 0;
	}
	if (err->code)
		return -1;
	return json_object_set_new(terms, key, v) ? cc_fail(err, CC_E_NOMEM, "out of memory") : 0;
}
