/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin_store.h - which volumes the engines were told to have: one small file each, named as the
 * engine names the volume, in CC_AGENT_DIR "/volumes". It says which of keyd's volumes is meant,
 * and how this host mounts it; all else is keyd's to know.
 */
#ifndef CC_PLUGIN_STORE_H
#define CC_PLUGIN_STORE_H

#include "json.h"

#include "plugin/plugin_request.h"
#include "strv.h"
#include "volume.h"

/**
 * struct plugin_volume - one of them.
 * @name: the engine's name
 * @volume: keyd's
 * @created: seconds since the epoch
 * @options: how it is mounted, in addition to what its identity says
 */
struct plugin_volume {
	char name[PLUGIN_NAME_MAX + 1];
	char volume[64];
	int64_t created;
	struct cc_mount_options options;
};

/* CC_E_NOTFOUND when there is none. @name: plugin_is_name() */
int plugin_store_load(const char *name, struct plugin_volume *v, struct cc_error *err);
int plugin_store_save(const struct plugin_volume *v, struct cc_error *err);
/* Success when there is none. */
int plugin_store_remove(const char *name, struct cc_error *err);
/* Names of all; not sorted. */
int plugin_store_list(struct cc_strv *names, struct cc_error *err);

/**
 * plugin_store_options - what engines of this host were told of how keyd's volume @volume is
 * mounted.
 * @o: out; none when no engine was told
 * A record that is damaged is an error, whichever it is: it may be the one that takes something
 * away.
 */
int plugin_store_options(const char *volume, struct cc_mount_options *o, struct cc_error *err);

/* How this host mounts @v: as keyd's record says, and on top of it plugin_store_options(). */
int plugin_store_mount(const struct cc_volume *v, struct cc_mount_options *o, struct cc_error *err);

#endif
