/* SPDX-License-Identifier: Apache-2.0 */
/*
 * binding.h - a volume bound to a container, as a file in CC_BINDINGS_DIR.
 *
 * A binding has a name, which is that of its file, and what follows CC_DM_PREFIX in that of its
 * mapping: the volume's, VOLUME, where one container has the volume to itself; where several may
 * read it at the same time VOLUME@CONTAINER, with the first 12 digits of the container's id: each
 * has a mapping, a gate and a lease of its own.
 *
 * The file is there before the first effect of a bind and until its last effect is undone, and says
 * how far things got, so that whoever finds it after a crash can undo everything. A file is
 * replaced atomically. The directory is on a file system that a reboot empties, as it empties the
 * kernel.
 */
#ifndef CC_BINDING_H
#define CC_BINDING_H

#include "engine/engine.h"
#include "host/proc_exec.h"
#include "json.h"
#include "lease_terms.h"
#include "strv.h"

/**
 * enum binding_state - how far it is.
 * @BINDING_INTENT: nothing has been done yet
 * @BINDING_ASKED: keyd was asked; it may hold a lease for us that we know nothing of
 * @BINDING_LEASED: the lease is known; mapping and mount may exist
 * @BINDING_BOUND: all done
 * @BINDING_REVOKED: the lease was taken away and returned; the container is frozen for good, its
 * key wiped
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

#define BINDING_NAME_LEN 80 /* a volume's name, '@', 12 digits */

struct binding {
	char name[BINDING_NAME_LEN];
	char volume[64];
	char uuid[37];
	char *device;
	char *engine;
	char container[CONTAINER_ID_LEN + 1];
	char *container_name;
	uint32_t pid;
	uint64_t start_time;
	char runtime[PROC_EXE_LEN]; /* proc_exe_id() of its runtime; "": its program runs */
	char *mount_point;
	bool read_only;
	bool shared;
	bool looked;	    /* measured while its program stood before its first instruction */
	bool looked_late;   /* measured only after that: its program may have changed what it saw */
	bool filter_unread; /* looked, but its seccomp filter was not compared */
	int64_t since;	    /* seconds since the epoch */
	char lease[37];	    /* "": none known */
	uint64_t fence;
	uint64_t lease_ms; /* 0: the lease has no end */
	struct cc_lease_terms terms;
	enum binding_state state;
	char *held_by; /* BINDING_REMOVING: who keeps it from going, as held_by(); may be NULL */
};

void binding_clear(struct binding *b);
#define binding_auto cc_cleanup(binding_clear)

/* ---- names ---- */

/* Sets the name, by volume, container and shared. */
void binding_set_name(struct binding *b);

/* It could be the name of a binding. */
bool binding_is_name(const char *name);

/* The volume of the binding of that name. */
void binding_volume(const char *name, char volume[static 64]);

/* It is the name of a binding of @volume. */
bool binding_is_of(const char *name, const char *volume);

/* ---- files ---- */

/* Writes it to its file (create or replace, synced). */
int binding_save(const struct binding *b, struct cc_error *err);

/* Reads the binding of that name. CC_E_NOTFOUND when there is none; CC_E_INVALID when damaged. */
int binding_load(const char *name, struct binding *b, struct cc_error *err);

/* Removes the file; success when there is none. */
int binding_remove(const char *name, struct cc_error *err);

/* Names of the bindings that have a file, those of @volume, all for NULL; not sorted. */
int binding_list(const char *volume, struct cc_strv *names, struct cc_error *err);

/* Bound, or was and holds on to what is left: nothing to undo while its container lives. */
static inline bool binding_settled(const struct binding *b)
{
	return b->state == BINDING_BOUND || b->state == BINDING_REVOKED;
}

/* Its program was measured since it was executed. */
static inline bool binding_looked_at(const struct binding *b)
{
	return b->looked || b->looked_late;
}

/* True while the bound container's process lives. */
bool binding_alive(const struct binding *b);

/* As in the file and in the agent's `list` (docs/api.md). NULL without memory. */
json_t *binding_to_json(const struct binding *b);
int binding_from_json(struct binding *b, const json_t *obj, struct cc_error *err);

#endif
