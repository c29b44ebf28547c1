/* SPDX-License-Identifier: Apache-2.0 */
/*
 * volume_json.h - volumes and leases as the API shows them (docs/api.md).
 */
#ifndef KEYD_VOLUME_JSON_H
#define KEYD_VOLUME_JSON_H

#include "custodian/custodian.h"

/* The record as peers see it: with the realm, which is this keyd's and in no row. */
struct cc_volume volume_record(const struct custodian *c, const struct store_volume *v);

/* New references; NULL on error. */
/* Without its lease; @id: its identity, NULL for none. */
json_t *volume_and_identity_json(const struct custodian *c, const struct store_volume *v,
				 const struct store_identity *id, struct cc_error *err);
json_t *volume_json(struct custodian *c, const struct store_volume *v, struct cc_error *err);
json_t *lease_json(const struct store_lease *l, int64_t now_ms, struct cc_error *err);

#endif
