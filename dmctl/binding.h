/* SPDX-License-Identifier: Apache-2.0 */
/*
 * binding.h - a volume bound to a container, as a file in CC_BINDINGS_DIR.
 *
 * The file is there before the first effect of a bind and until its last effect is undone, and says
 * how far things got, so that whoever finds it after a crash can undo everything. A file is
 * replaced atomically. The directory is on a file system that a reboot empties, as it empties the kernel.
 */
#ifndef CC_BINDING_H
#define CC_BINDING_H

#include "cgroup.h"
#include "json.h"
#include "terms.h"

/**
 * enum binding_state - how far it is.
 * @BINDING_INTENT: nothing has been done yet
 * @BINDING_ASKED: keyd was asked; it may hold a lease for us that we know nothing of
 * @BINDING_LEASED: the lease is known; mapping and mount may exist
 * @BINDING_BOUND: all done
 * @BINDING_REVOKED: the lease was taken away and returned; the container is frozen for good, its key wiped
 * @BINDING_REMOVING: being undone
 */
enum binding_state {
	BINDING_INTENT,
	BINDING_ASKED,
	BINDING_LEASED,
	BINDING_BOUND,
	BINDING_REVOKED,
	BINDING_REMOVING,
};

struct binding {
	char volume[64];
	char uuid[37];
	char *device;
	char *engine;
	char container[CONTAINER_ID_LEN + 1];
	char *container_name;
	uint32_t pid;
	uint64_t start_time;
	char *mount_point;
	bool read_only;
	int64_t since;	/* seconds since the epoch */
	char lease[37]; /* "": none known */
	uint64_t fence;
	uint64_t lease_ms; /* 0: the lease has no end */
	struct cc_terms terms;
	enum binding_state state;
};

void binding_clear(struct binding *b);
#define binding_auto cc_cleanup(binding_clear)

/* Writes it to its file (create or replace, synced). */
int binding_save(const struct binding *b, struct cc_error *err);

/* Reads the binding of @volume. CC_E_NOTFOUND when there is none; CC_E_INVALID when damaged. */
int binding_load(const char *volume, struct binding *b, struct cc_error *err);

/* Removes the file; success when there is none. */
int binding_remove(const char *volume, struct cc_error *err);

/* Names of the volumes that have a file; not sorted. */
int binding_list(struct cc_strv *volumes, struct cc_error *err);

/* Bound, or was and holds on to what is left: nothing to undo while its container lives. */
static inline bool binding_settled(const struct binding *b)
{
	return b->state == BINDING_BOUND || b->state == BINDING_REVOKED;
}

/* True while the bound container's process lives. */
bool binding_alive(const struct binding *b);

/* As in the file and in the agent's `list` (docs/api.md). NULL without memory. */
json_t *binding_to_json(const struct binding *b);
int binding_from_json(struct binding *b, const json_t *obj, struct cc_error *err);

#endif
