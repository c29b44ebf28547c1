/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugin_request.h - requests of the Docker volume plugin protocol, version 1: what an engine sends
 * to a path such as /VolumeDriver.Create. Outside bytes; pure.
 */
#ifndef CC_PLUGIN_REQUEST_H
#define CC_PLUGIN_REQUEST_H

#include "json.h"
#include "mount_options.h"

#define PLUGIN_NAME_MAX 128

enum plugin_call {
	PLUGIN_ACTIVATE,
	PLUGIN_CAPABILITIES,
	PLUGIN_CREATE,
	PLUGIN_REMOVE,
	PLUGIN_PATH,
	PLUGIN_GET,
	PLUGIN_MOUNT,
	PLUGIN_UNMOUNT,
	PLUGIN_LIST,
};

/**
 * struct plugin_request - one request.
 * @name: the engine's name of the volume, fit to be a file name; "" for calls without one
 * @volume, @device, @identity, @fs, @label, @o, @owner, @mode: options of PLUGIN_CREATE, NULL when
 *                                                              not given
 * @options: what @o says
 */
struct plugin_request {
	enum plugin_call call;
	char name[PLUGIN_NAME_MAX + 1];
	char *volume, *device, *identity, *fs, *label, *o, *owner, *mode;
	struct cc_mount_options options;
};

void plugin_request_clear(struct plugin_request *r);
#define plugin_auto_request cc_cleanup(plugin_request_clear)

/* The call of @path. False when there is none. */
bool plugin_call_find(const char *path, enum plugin_call *call);

/* [A-Za-z0-9][A-Za-z0-9_.-]*, what engines call a volume. */
bool plugin_is_name(const char *name);

/**
 * plugin_request_parse - parses the body sent to @path.
 * @body: may be empty for a call without a name
 * Unknown options of Create are refused; other unknown members are ignored: engines add some.
 * Return: 0; -1 with CC_E_INVALID, or CC_E_USAGE for an option.
 */
int plugin_request_parse(const char *path, const char *body, size_t len, struct plugin_request *r,
			 struct cc_error *err);

#endif
