// SPDX-License-Identifier: Apache-2.0
#include "custodian/custodian.h"

#include <string.h>
#include <time.h>
#include <systemd/sd-id128.h>

#include "log.h"
#include "name.h"
#include "timestamp.h"
#include "custodian/upgrade.h"

static int64_t real_now(void)
{
	return (int64_t)time(NULL);
}

static int64_t boot_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int read_settings(struct custodian *c, struct cc_error *err)
{
	cc_auto_free char *realm = NULL, *kek_id = NULL;

	if (store_setting_get(c->store, "realm", &realm, err) ||
	    store_setting_get(c->store, "kek_id", &kek_id, err))
		return -1;
	if (!realm || !kek_id || !cc_is_name(realm))
		return cc_fail(err, CC_E_NOTFOUND, "keyd init did not finish: run it again");
	memcpy(c->realm, realm, strlen(realm) + 1);
	return 0;
}

static int read_boot_id(struct custodian *c, struct cc_error *err)
{
	sd_id128_t id;
	int rc = sd_id128_get_boot(&id);

	if (rc < 0)
		return cc_fail(err, CC_E_INTERNAL, "the boot id cannot be read: %s", strerror(-rc));
	snprintf(c->boot_id, sizeof(c->boot_id), SD_ID128_UUID_FORMAT_STR, SD_ID128_FORMAT_VAL(id));
	return 0;
}

static void log_set_back(int64_t says, int64_t floor)
{
	char is[CC_TIME_LEN], was[CC_TIME_LEN];

	cc_time_format(says, is);
	cc_time_format(floor, was);
	cc_log(LOG_WARNING,
	       "the clock was set back: it says %s, the audit log has %s, which counts until the "
	       "clock has passed it",
	       is, was);
}

int custodian_now(struct custodian *c, int64_t *now, struct cc_error *err)
{
	struct custodian_floor *f = &c->floor;
	int64_t says = c->clock.real();

	if (!f->known && store_audit_last_time(c->store, &f->time, err))
		return -1;
	f->known = true;
	if (says < f->time && !f->behind)
		log_set_back(says, f->time);
	f->behind = says < f->time;
	if (!f->behind)
		f->time = says;
	*now = f->time;
	return 0;
}

int custodian_unlock(struct custodian *c, struct cc_error *err)
{
	int64_t now;

	if (seal_derive(&c->seal, &c->kek, err) ||
	    store_start(c->store, &c->seal.ops, c->clock.real(), err) ||
	    custodian_now(c, &now, err) || store_rows_load(c->store, err))
		return -1;
	return upgrade_keys(c->store, &c->kek, now, err) || upgrade_signers(c->store, now, err) ? -1
												: 0;
}

int custodian_open(struct custodian *c, const char *state_dir, const char *kek_path,
		   enum store_mode mode, struct cc_error *err)
{
	*c = (struct custodian){.clock = {real_now, boot_now_ms}};
	if (kek_load(kek_path, &c->kek, err) || read_boot_id(c, err))
		return -1;
	c->kept = kept_new(err);
	c->store = c->kept ? store_open(state_dir, mode, err) : NULL;
	if (!c->store)
		return -1;
	if (seal_check_kek(c->store, &c->kek, err) || custodian_unlock(c, err) ||
	    read_settings(c, err)) {
		/* That is so for good: starting again does not help. */
		if (store_is_bad_row(err))
			err->code = CC_E_INVALID;
		return -1;
	}
	return 0;
}

void custodian_close(struct custodian *c)
{
	if (c->marked)
		mark_close(&c->mark);
	if (c->has_domain)
		domain_close(&c->domain);
	c->marked = c->has_domain = false;
	store_close(c->store);
	kept_free(cc_steal(c->kept));
	ca_clear(&c->ca);
	seal_clear(&c->seal);
	kek_clear(&c->kek);
	refusals_clear(&c->refusals);
	c->store = NULL;
}

bool custodian_is_refusal(const struct cc_error *err)
{
	return err->code != CC_E_INTERNAL && err->code != CC_E_NOMEM;
}

const char *custodian_fact(const struct cc_error *err)
{
	return err->fact[0] ? err->fact : cc_code_name(err->code);
}

/* It becomes a label as it is. */
static bool is_label(const char *fact)
{
	size_t len = strspn(fact, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789-_.");

	return len > 0 && fact[len] == '\0';
}

void custodian_count_fact(struct custodian *c, const char *fact)
{
	const size_t last = CUSTODIAN_FACTS - 1;
	size_t i = is_label(fact) ? 0 : last;

	while (i < last && c->counters.refused[i].n &&
	       strcmp(c->counters.refused[i].fact, fact) != 0)
		i++;
	if (!c->counters.refused[i].n++)
		snprintf(c->counters.refused[i].fact, CC_FACT_MAX, "%s",
			 i < last ? fact : FACT_OTHER);
}

void custodian_count_refusal(struct custodian *c, const struct cc_error *err)
{
	if (custodian_is_refusal(err))
		custodian_count_fact(c, custodian_fact(err));
	else
		c->counters.errors++;
}
