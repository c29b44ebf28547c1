/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyd_versions.h - several identities of a volume in keyd's world, and what they let hosts do.
 */
#ifndef TEST_KEYD_VERSIONS_H
#define TEST_KEYD_VERSIONS_H

#include "keyd_hosts.h"
#include "keyd_return.h"

/* The world has identity 3, which host1's container matches as it is. @floor: 0 for none. */
static inline json_t *version(uint64_t serial, uint64_t floor, const char *program)
{
	json_t *pred = predicate(serial);

	if (floor)
		json_object_set_new(pred, "floor", json_integer((json_int_t)floor));
	if (program)
		json_object_set_new(pred, "process", json_pack("{s:[s]}", "args", program));
	return pred;
}

static inline void add(struct world *w, json_t *pred)
{
	auto_got struct got g = add_identity(w, w->signer, pred);

	if (g.http != 200)
		fail_msg("%s", g.text);
}

static inline json_t *serial(uint64_t n)
{
	return json_pack("{s:I}", "serial", (json_int_t)n);
}

static inline void assert_goes_on(struct world *w, const char *lease)
{
	auto_got struct got g = renew(w, lease);

	assert_renewed(&g);
}

static inline void assert_ends(struct world *w, const char *lease, const char *fact)
{
	auto_got struct got g = renew(w, lease);

	assert_not_renewed(&g, fact);
	assert_string_equal(last_audit(w).fact, fact);
}

/* With which identity host1's container starts. */
static inline uint64_t starts_with(struct world *w)
{
	auto_got struct got g = release_to(w, BOOT_1, CONTAINER_1);
	uint64_t n;

	if (g.http != 200)
		fail_msg("%s", g.text);
	n = (uint64_t)json_integer_value(
		json_object_get(json_object_get(g.body, "identity"), "serial"));
	return_lease(w, lease_of(&g));
	return n;
}

static inline void assert_no_start(struct world *w, const char *fact)
{
	auto_got struct got g = release_to_host2(w);

	assert_error(&g, 403, "refused", fact);
}

#endif
