// SPDX-License-Identifier: Apache-2.0
#include "custodian/serials.h"

uint64_t serials_floor(const struct store_identities *list)
{
	uint64_t floor = 0;

	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].floor > floor)
			floor = list->v[i].floor;
	return floor;
}

uint64_t serials_start(const struct store_identities *list)
{
	const struct store_identity *newest = &list->v[0];
	uint64_t says = newest->floor ? newest->floor : newest->serial;
	uint64_t floor = serials_floor(list);

	return says > floor ? says : floor;
}

bool serials_starts(const struct store_identities *list, const struct store_identity *row)
{
	return row->state == IDENTITY_LIVE && row->serial >= serials_start(list);
}

bool serials_in_use(const struct store_leases *leases, uint64_t serial)
{
	for (size_t i = 0; i < leases->n; i++)
		if (leases->v[i].serial == serial)
			return true;
	return false;
}

const struct store_identity *serials_find(const struct store_identities *list, uint64_t serial)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].serial == serial)
			return &list->v[i];
	return NULL;
}
