// SPDX-License-Identifier: Apache-2.0
/*
 * oci_devices.c - config.json's devices: nodes that are made, device numbers that are allowed.
 *
 * A rule of the device control group without a node counts as much as a node: CAP_MKNOD is in the
 * engines' default set.
 */
#include <stdio.h>
#include <string.h>

#include "container/oci.h"
#include "strv.h"

#define NODE "config.json linux.devices"
#define RULE "config.json linux.resources.devices"

/* What every container has (config-linux.md, "Default Devices"), and the pseudo-terminals. */
static const struct {
	const char *path;	 /* NULL: no node is ever asked for */
	json_int_t major, minor; /* minor -1: all */
} defaults[] = {
	{"/dev/null", 1, 3},	{"/dev/zero", 1, 5},	{"/dev/full", 1, 7},
	{"/dev/random", 1, 8},	{"/dev/urandom", 1, 9}, {"/dev/tty", 5, 0},
	{"/dev/console", 5, 1}, {"/dev/ptmx", 5, 2},	{NULL, 136, -1},
};

/*
 * @path: of the node, NULL for a rule. /dev/zero under the name of /dev/urandom is as little a
 * default as a disk is: runtimes prefer a node that is asked for to their own of that name.
 */
static bool is_default(const char *path, const char *type, json_int_t major, json_int_t minor)
{
	size_t i;

	if (strcmp(type, "c") != 0)
		return false;
	for (i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		if (defaults[i].major == major &&
		    (defaults[i].minor == -1 || defaults[i].minor == minor) &&
		    (!path || (defaults[i].path && strcmp(defaults[i].path, path) == 0)))
			return true;
	return false;
}

/* @key of @obj, -1 (the specification's "all") when it is not there. */
static json_int_t number(const json_t *obj, const char *key)
{
	const json_t *n = json_object_get(obj, key);

	return json_is_integer(n) ? json_integer_value(n) : -1;
}

/* A node is called by its path where that is the host's name of it, else also by its numbers. */
static int parse_node(const json_t *node, const struct oci_context *ctx, struct cc_measurement *m,
		      struct cc_error *err)
{
	cc_auto_free char *path = NULL, *type = NULL, *name = NULL;
	json_int_t major, minor;

	if (!json_is_object(node))
		return cc_fail(err, CC_E_INVALID, NODE " must hold objects only");
	if (cc_json_str(node, NODE, "path", true, &path, err) ||
	    cc_json_str(node, NODE, "type", true, &type, err))
		return -1;
	if (strcmp(type, "u") == 0) /* unbuffered character device: the old name of "c" */
		type[0] = 'c';
	major = number(node, "major");
	minor = number(node, "minor");
	if (is_default(path, type, major, minor))
		return 0;
	if (ctx->is_host_device && ctx->is_host_device(path, type, major, minor))
		return cc_strv_push(&m->devices, path, err);
	if (asprintf(&name, "%s %s %lld:%lld", path, type, (long long)major, (long long)minor) <
	    0) {
		name = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	return cc_strv_push(&m->devices, name, err);
}

/* True when a node of these numbers is in the list, so that the rule adds nothing to it. */
static bool has_node(const json_t *nodes, const char *type, json_int_t major, json_int_t minor)
{
	const char *node_type;
	json_t *node;
	size_t i;

	json_array_foreach(nodes, i, node) {
		node_type = json_string_value(json_object_get(node, "type"));
		if (node_type && strcmp(node_type, type) == 0 && number(node, "major") == major &&
		    number(node, "minor") == minor)
			return true;
	}
	return false;
}

static int parse_rule(const json_t *rule, const json_t *nodes, struct cc_measurement *m,
		      struct cc_error *err)
{
	cc_auto_free char *type = NULL, *access = NULL;
	json_int_t major, minor;
	bool allow = false;
	char name[64];

	if (!json_is_object(rule))
		return cc_fail(err, CC_E_INVALID, RULE " must hold objects only");
	if (cc_json_bool(rule, RULE, "allow", true, &allow, err) ||
	    cc_json_str(rule, RULE, "type", false, &type, err) ||
	    cc_json_str(rule, RULE, "access", false, &access, err))
		return -1;
	/* making a node is not yet using it */
	if (!allow || (access && !strpbrk(access, "rw")))
		return 0;
	major = number(rule, "major");
	minor = number(rule, "minor");
	if (!type || strcmp(type, "a") == 0 || major == -1) {
		m->privileged = true;
		return 0;
	}
	if (is_default(NULL, type, major, minor) || has_node(nodes, type, major, minor))
		return 0;
	if (minor == -1)
		snprintf(name, sizeof(name), "%.1s %lld:*", type, (long long)major);
	else
		snprintf(name, sizeof(name), "%.1s %lld:%lld", type, (long long)major,
			 (long long)minor);
	return cc_strv_has(&m->devices, name) ? 0 : cc_strv_push(&m->devices, name, err);
}

int oci_devices_parse(const json_t *lnx, const struct oci_context *ctx, struct cc_measurement *m,
		      struct cc_error *err)
{
	json_t *nodes = NULL, *resources = NULL, *rules = NULL, *obj;
	size_t i;

	if (cc_json_arr(lnx, "config.json linux", "devices", false, &nodes, err) ||
	    cc_json_obj(lnx, "config.json linux", "resources", false, &resources, err))
		return -1;
	json_array_foreach(nodes, i, obj)
		if (parse_node(obj, ctx, m, err))
			return -1;
	if (!resources)
		return 0;
	if (cc_json_arr(resources, "config.json linux.resources", "devices", false, &rules, err))
		return -1;
	json_array_foreach(rules, i, obj)
		if (parse_rule(obj, nodes, m, err))
			return -1;
	return 0;
}
