// SPDX-License-Identifier: Apache-2.0
#include "lease.h"

#include <string.h>
#include <systemd/sd-id128.h>

static int new_lease(struct store *st, struct store_volume *v, const struct cc_evidence *ev,
		     int64_t now, struct store_lease *lease, struct cc_error *err)
{
	sd_id128_t id;
	int rc = sd_id128_randomize(&id);

	if (rc < 0)
		return cc_fail(err, CC_E_INTERNAL, "no random numbers: %s", strerror(-rc));
	*lease = (struct store_lease){.fence = v->fence + 1, .granted = now};
	snprintf(lease->id, sizeof(lease->id), SD_ID128_UUID_FORMAT_STR, SD_ID128_FORMAT_VAL(id));
	snprintf(lease->volume, sizeof(lease->volume), "%s", v->name);
	snprintf(lease->volume_uuid, sizeof(lease->volume_uuid), "%s", v->uuid);
	snprintf(lease->agent, sizeof(lease->agent), "%s", ev->iss);
	snprintf(lease->container, sizeof(lease->container), "%s", ev->measurement->container_id);
	snprintf(lease->boot_id, sizeof(lease->boot_id), "%s", ev->boot_id);

	v->fence = lease->fence;
	if (store_volume_update(st, v, err))
		return -1;
	return store_lease_add(st, v->id, lease, err);
}

static int held(const struct store_lease *lease, struct cc_error *err)
{
	char since[21];

	cc_time_format(lease->granted, since);
	cc_fail(err, CC_E_BUSY,
		"volume %s is leased to container %.12s of agent %s since %s: stop that container, or "
		"revoke lease %s if it is gone",
		lease->volume, lease->container, lease->agent, since, lease->id);
	return cc_set_fact(err, "lease");
}

int lease_grant(struct store *st, struct store_volume *v, const struct cc_evidence *ev, int64_t now,
		struct store_lease *lease, struct cc_error *err)
{
	if (strlen(ev->measurement->container_id) >= sizeof(lease->container)) {
		cc_fail(err, CC_E_INVALID, "container id is too long");
		return cc_set_fact(err, "evidence");
	}
	if (store_lease_of(st, v->id, lease, err)) {
		if (err->code != CC_E_NOTFOUND)
			return -1;
		return new_lease(st, v, ev, now, lease, err);
	}
	if (strcmp(lease->agent, ev->iss) != 0)
		return held(lease, err);
	if (strcmp(lease->boot_id, ev->boot_id) != 0) {
		if (store_lease_delete(st, lease->id, err))
			return -1;
		return new_lease(st, v, ev, now, lease, err);
	}
	return strcmp(lease->container, ev->measurement->container_id) ? held(lease, err) : 0;
}
