// SPDX-License-Identifier: Apache-2.0
#include "demand.h"

#include <stddef.h>
#include <string.h>

/* @name: letters of the name that follows beside those of all names; NULL: none follows */
static const struct {
	const char *word, *hint, *name;
} demands[] = {
	{CC_NO_CORE,
	 "run it with --ulimit core=0, on a host whose kernel.core_pattern is not a pipe", NULL},
	{CC_NO_STDIN, "run it without -i", NULL},
	{CC_NO_TTY, "run it without -t", NULL},
	{CC_NO_SWAP, "run it with --memory and a --memory-swap that is the same", NULL},
	{CC_NO_EXTRA_HOSTS, "run it without --add-host and --dns", NULL},
	{CC_NO_PORTS, "run it without -p and -P", NULL},
	{CC_PRIVATE_IPC, "run it with --ipc private", NULL},
	{CC_USER_NAMESPACE, "run it with --userns auto, or the engine with userns-remap", NULL},
	{CC_NETWORK, "run it with --network and that name", ""},
	{CC_RUNTIME, "run it with --runtime and that name (Podman: podman --runtime)", "/+"},
	{CC_SELINUX_TYPE, "run it with --security-opt label=type: and that type, under SELinux",
	 ""},
	{CC_SELINUX_LEVEL, "run it with --security-opt label=level: and that level, under SELinux",
	 ":,"},
};

static bool is_named(const char *name, const char *more)
{
	static const char ok[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.-";
	size_t len = strlen(name);

	if (len == 0 || len > CC_DEMAND_NAME_MAX)
		return false;
	for (; *name; name++)
		if (!strchr(ok, *name) && !strchr(more, *name))
			return false;
	return true;
}

/* Index of @word in the table, or -1. */
static int index_of(const char *word)
{
	for (size_t i = 0; i < sizeof(demands) / sizeof(demands[0]); i++) {
		size_t len = strlen(demands[i].word);

		if (demands[i].name ? !strncmp(word, demands[i].word, len) &&
					      is_named(word + len, demands[i].name)
				    : !strcmp(demands[i].word, word))
			return (int)i;
	}
	return -1;
}

bool cc_demand_is_known(const char *word)
{
	return index_of(word) >= 0;
}

const char *cc_demand_hint(const char *word)
{
	int i = index_of(word);

	return i < 0 ? "nobody knows how" : demands[i].hint;
}
