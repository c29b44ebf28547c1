/* SPDX-License-Identifier: Apache-2.0 */
/*
 * refusal.h - why containers of this host did not get their volume: the last answer to each, kept
 * for `dmctl why`. An engine may show an exit status only (Podman with crun).
 *
 * One file a container in CC_REFUSALS_DIR, root only, gone with the boot: the error object of
 * docs/api.md with "time", "container", "name", "engine" and "volume" beside it, and where the
 * container differs from the identity what would let it in (client/identity_patch.h). No value of a
 * variable is in it.
 */
#ifndef CC_REFUSAL_H
#define CC_REFUSAL_H

#include "json.h"

#define REFUSALS_MAX 64		       /* files; of more the oldest goes */
#define REFUSAL_BYTES_MAX (128 * 1024) /* of one; without its patches, if it would be longer */

/**
 * struct refusal - an answer that was no.
 * @dir: CC_REFUSALS_DIR
 * @container: its id
 * @name, @engine, @volume: NULL where not known
 * @more: members to be beside the error's own, or NULL: "facts", "factCount", "patch", "patches",
 *        "patchOf", "left"
 */
struct refusal {
	const char *dir;
	const char *container;
	const char *name, *engine, *volume;
	const struct cc_error *err;
	const json_t *more;
};

/* In place of an earlier one to this container. 0 or -1 with @err, for a log. */
int refusal_keep(const struct refusal *r, struct cc_error *err);

/*
 * @r's container got its volume now: what was said of that before is over, to it and to an earlier
 * one of its name. @r: without @err and @more
 */
void refusal_forget(const struct refusal *r);

/**
 * refusal_find - the last one to a container.
 * @what: its id or the beginning of that (at least 4 digits), its name, or the volume's name
 * Return: new reference; NULL with CC_E_NOTFOUND, CC_E_PERM, CC_E_INVALID.
 */
json_t *refusal_find(const char *dir, const char *what, struct cc_error *err);

#endif
