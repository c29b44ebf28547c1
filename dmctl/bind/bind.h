/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bind.h - binding a volume to a container; its steps are in bind.c. Runs in a worker process
 * of the agent, which holds the volume's lock.
 */
#ifndef CC_BIND_H
#define CC_BIND_H

#include "container/oci.h"
#include "json.h"

/**
 * struct bind_request - which volume, to which container. All borrowed.
 * @device: the LUN; NULL: the one that carries the volume
 * @state: of a container that is being created, as its runtime gave it to the hook; NULL for a
 *         container that runs
 * @container, @engine: without @state: its name or id, and whose it is; @engine NULL: whoever has
 * it
 * @dry_run: only says what would be answered, and touches nothing
 */
struct bind_request {
	const char *volume;
	const char *device;
	const struct oci_state *state;
	const char *container, *engine;
	bool dry_run;
};

/**
 * bind_volume - binds it.
 * @answer: out, the success answer of the agent's socket; of a refusal that names all facts these,
 *          as cc_facts_to_json() has them; else NULL. New reference
 *
 * Whatever fails, all earlier steps are undone in reverse before it returns; when an undo fails the
 * binding's file stays, in state "removing", for a later unbind_volume(). A volume that is bound to
 * this very container already is success.
 */
int bind_volume(const struct bind_request *request, json_t **answer, struct cc_error *err);

#endif
