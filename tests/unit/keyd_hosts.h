/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyd_hosts.h - keyd's world with a second host in it, for the tests of who gets a volume when.
 */
#ifndef TEST_KEYD_HOSTS_H
#define TEST_KEYD_HOSTS_H

#include "keyd_world.h"

#define MS 600000
#define LASTS(ms) ((ms) + 2000 + (ms) / 8)
#define END LASTS(MS) /* when keyd gives the volume to somebody else */

static json_t *host2;

static inline int two_hosts(void **state)
{
	world_setup(state);
	host2 = new_agent_key("host2");
	enrol(*state, "host2", host2);
	return 0;
}

static inline int two_hosts_end(void **state)
{
	json_decref(host2);
	return world_teardown(state);
}

static inline struct got release_to_host2(struct world *w)
{
	return release_as(w, "host2", host2, BOOT_2, CONTAINER_2);
}

/* Has a lease of host1; the id is copied. */
static inline void hold(struct world *w, char id[static 37])
{
	auto_got struct got g = release_to(w, BOOT_1, CONTAINER_1);

	assert_int_equal(g.http, 200);
	snprintf(id, 37, "%s", lease_of(&g));
}

static inline void assert_busy(struct world *w)
{
	auto_got struct got g = release_to_host2(w);

	assert_error(&g, 409, "busy", "lease");
}

static inline void assert_free(struct world *w)
{
	auto_got struct got g = release_to_host2(w);

	if (g.http != 200)
		fail_msg("%s", g.text);
}

/* From now on the volume is for reading only. */
static inline void read_only_identity(struct world *w)
{
	json_t *pred = predicate(4);
	auto_got struct got g = {0};

	json_object_set_new(pred, "readOnly", json_true());
	g = add_identity(w, w->signer, pred);
	assert_int_equal(g.http, 200);
}

#define hosts_test(f) cmocka_unit_test_setup_teardown(f, two_hosts, two_hosts_end)

#endif
