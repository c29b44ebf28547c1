/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keyd_return.h - how a host of keyd's world gives a lease back.
 */
#ifndef TEST_KEYD_RETURN_H
#define TEST_KEYD_RETURN_H

#include "keyd_world.h"

/* The return of @lease as agent @iss with @key; @says is the lease that the evidence names. */
static inline struct got return_lease_as(struct world *w, const char *iss, const json_t *key,
					 const char *boot_id, const char *lease, const char *says)
{
	auto_got struct got g = challenge(w);
	struct cc_evidence ev = {.iat = fake_real, .op = CC_OP_RETURN};
	cc_auto_free char *jws = NULL;
	struct cc_error err;

	assert_int_equal(
		cc_b64u_decode32(json_string_value(json_object_get(g.body, "nonce")), ev.nonce), 0);
	ev.aud = (char *)"keyd-test";
	ev.iss = (char *)iss;
	ev.channel = (char *)channel_of(w);
	snprintf(ev.boot_id, sizeof(ev.boot_id), "%s", boot_id);
	snprintf(ev.lease, sizeof(ev.lease), "%s", says);
	if (cc_evidence_sign(&ev, key, &jws, &err))
		fail_msg("%s", err.text);
	return ask(w, OP_LEASE_RETURN, lease, json_pack("{s:s}", "evidence", jws));
}

/* host1 returns its lease. */
static inline void return_lease(struct world *w, const char *lease)
{
	auto_got struct got g = return_lease_as(w, "host1", w->agent, BOOT_1, lease, lease);

	if (g.http != 200)
		fail_msg("%s", g.text);
}

#endif
