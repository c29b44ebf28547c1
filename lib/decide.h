/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide.h - the decision: identity, measurement, policy, time -> allow, or the first
 * fact that differs. Pure: no I/O, no clock, no global state; no allocation but what it takes to
 * read a signed image's documents (feed.h).
 */
#ifndef CC_DECIDE_H
#define CC_DECIDE_H

#include "facts.h"
#include "identity.h"
#include "measurement.h"

/**
 * struct cc_policy - what the decision needs beyond the two documents.
 * @now: seconds since the epoch, UTC
 * @volume: name of the volume the key is asked for
 * @serial: lowest serial that is let in for this volume; a lower identity is refused
 * @allow_running: a container whose user code already runs may be bound (dmctl bind by an
 * administrator)
 * @keys: of the signers of the identity's feed, as they are enrolled now; NULL: of none
 * @tries: signatures of images that were verified for the same request; NULL: none
 * @any_signer: for whoever asks without keyd, and knows no signers: an image of a feed is not
 *              compared
 * @renewal: the container has the volume and goes on: the writable layer was decided on when it
 * started
 */
struct cc_policy {
	int64_t now;
	const char *volume;
	uint64_t serial;
	bool allow_running;
	const struct cc_feed_keys *keys;
	struct cc_image_tries *tries;
	bool any_signer;
	bool renewal;
};

/**
 * cc_decide - compares in a fixed order: volume, validity, serial, image (of a
 * feed: the facts of cc_feed_check()), args, cwd, user, env,
 * capabilities, noNewPrivileges, readonlyRootfs, seccomp, apparmor, privileged, devices, mounts,
 * namespaces, hooks, settings, demands, rootfs, state.
 *
 * Return: 0 to allow; -1 with CC_E_REFUSED, .fact the name of the first fact that
 * differs and .text what the identity wants and what was found ("cwd: identity wants \"/\",
 * container has \"/tmp\""). Of the container's arguments and variables it has positions and names,
 * never their text: that may be secret, and a refusal is logged.
 */
int cc_decide(const struct cc_identity *id, const struct cc_measurement *m,
	      const struct cc_policy *policy, struct cc_error *err);

/**
 * cc_decide_all - the same, and all that differs, not the first only: of a list each that is too
 * many or missing.
 * @all: out; in the order of cc_decide(), bounded as lib/facts.h says
 *
 * Return: as cc_decide(), with the same first one in @err.
 */
int cc_decide_all(const struct cc_identity *id, const struct cc_measurement *m,
		  const struct cc_policy *policy, struct cc_facts *all, struct cc_error *err);

/*
 * What an identity need not name: an engine's own profile, or none, as where there is no AppArmor.
 */
bool cc_apparmor_is_default(const char *profile);

/*
 * The capabilities that need no rule, NULL at the end: what Docker gives unasked; Podman gives
 * fewer.
 */
extern const char *const cc_default_capabilities[];

/* A setting that an identity names by naming the filter. */
bool cc_setting_is_of_filter(const char *setting);

#endif
