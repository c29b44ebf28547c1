/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyd_marked.h - keyd's world with a high-water mark, and older databases that are put back in it.
 */
#ifndef TEST_KEYD_MARKED_H
#define TEST_KEYD_MARKED_H

#include "keyd_copies.h"
#include "keyd_hosts.h"

#define FIRST_BOOT "f0000000-0000-4000-8000-000000000001"
#define SECOND_BOOT "f0000000-0000-4000-8000-000000000002"

/* ---- the database and its copies ---- */

static inline void put_back(struct world *w, const char *name)
{
	custodian_close(&w->custodian);
	copy_back(w, name);
	open_custodian(w);
}

static inline int marked_world(void **state)
{
	struct world *w;

	fake_host_boot = FIRST_BOOT;
	fake_kernel_left_ms = 0;
	two_hosts(state);
	w = *state;
	snprintf(w->anchor, sizeof(w->anchor), "%s/anchor", w->dir);
	reopen_custodian(w);
	return 0;
}

/* ---- what is seen ---- */

static inline void assert_quarantine(struct world *w)
{
	auto_got struct got g = release_to_host2(w);

	assert_error(&g, 409, "busy", "quarantine");
	assert_null(strstr(g.text, "jwe"));
}

static inline void assert_fits(struct world *w)
{
	assert_false(quarantine_on(&w->custodian));
	assert_free(w);
}

#define marked_test(f) cmocka_unit_test_setup_teardown(f, marked_world, two_hosts_end)

#endif
