// SPDX-License-Identifier: Apache-2.0
#include "nearest.h"

#include <inttypes.h>

void cc_nearest_init(struct cc_nearest *n)
{
	n->tried = n->at = 0;
	n->serial = 0;
	cc_facts_init(&n->facts, CC_FACTS_MAX);
}

/* Nothing to compare is the farthest. */
static size_t distance(const struct cc_facts *differ)
{
	return differ->found ? differ->found : SIZE_MAX;
}

void cc_nearest_take(struct cc_nearest *n, uint64_t serial, const struct cc_facts *differ,
		     const struct cc_error *err)
{
	size_t at = n->tried++;

	if (at > 0 && distance(differ) >= distance(&n->facts))
		return;
	n->at = at;
	n->serial = serial;
	n->facts = *differ;
	n->first = *err;
}

int cc_nearest_say(struct cc_nearest *n, struct cc_error *err)
{
	*err = n->first;
	if (n->tried > 1)
		cc_prefix(err, "none of %zu identities, of the nearest, serial %" PRIu64, n->tried,
			  n->serial);
	if (n->facts.n)
		n->facts.v[0] = *err;
	return -1;
}
