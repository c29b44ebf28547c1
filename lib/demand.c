// SPDX-License-Identifier: Apache-2.0
#include "demand.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *word, *hint;
} demands[] = {
	{CC_NO_CORE, "run it with --ulimit core=0"},
	{CC_NO_STDIN, "run it without -i"},
	{CC_NO_TTY, "run it without -t"},
	{CC_NO_SWAP, "run it with --memory and a --memory-swap that is the same"},
	{CC_NO_EXTRA_HOSTS, "run it without --add-host and --dns"},
	{CC_PRIVATE_IPC, "run it with --ipc private"},
	{CC_USER_NAMESPACE, "run it with --userns auto, or the engine with userns-remap"},
	{CC_NETWORK, "run it with --network and that name"},
};

static bool is_network_name(const char *name)
{
	static const char ok[] =
		"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.-";
	size_t len = strlen(name);

	return len > 0 && len <= CC_NETWORK_NAME_MAX && strspn(name, ok) == len;
}

/* Index of @word in the table, or -1. */
static int index_of(const char *word)
{
	const size_t network = strlen(CC_NETWORK);

	for (size_t i = 0; i < sizeof(demands) / sizeof(demands[0]); i++) {
		if (!strcmp(demands[i].word, CC_NETWORK)
			    ? !strncmp(word, CC_NETWORK, network) && is_network_name(word + network)
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
