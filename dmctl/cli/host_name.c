// SPDX-License-Identifier: Apache-2.0
/*
 * host_name.c - a name for this host's agent.
 */
#include "cli/host_name.h"

#include <string.h>
#include <unistd.h>

void host_name_clean(const char *host, char out[static 64])
{
	size_t n = 0;

	/* the first label: the rest is the same for all of a fleet */
	for (; *host && *host != '.' && n < 63; host++) {
		char c = *host;

		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			out[n++] = c;
		else if (n)
			out[n++] = c == '_' ? '_' : '-';
	}
	out[n] = '\0';
	if (!n)
		memcpy(out, "host", sizeof("host"));
}

void host_name_default(char out[static 64])
{
	char host[256] = "";

	if (gethostname(host, sizeof(host) - 1))
		host[0] = '\0';
	host_name_clean(host, out);
}
