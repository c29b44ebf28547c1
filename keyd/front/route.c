// SPDX-License-Identifier: Apache-2.0
#include "front/route.h"

#include <stdbool.h>
#include <string.h>

#include "name.h"

static const struct {
	const char *method;
	const char *pattern; /* a segment NAME or UUID is the argument */
	enum op op;
} routes[] = {
	{"GET", "/healthz", OP_HEALTHZ},
	{"GET", "/metrics", OP_METRICS},
	{"POST", "/v1/challenge", OP_CHALLENGE},
	{"POST", "/v1/release", OP_RELEASE},
	{"POST", "/v1/renew", OP_RENEW},
	{"GET", "/v1/changes", OP_CHANGES},
	{"GET", "/v1/leases", OP_LEASE_LIST},
	{"POST", "/v1/leases/UUID/return", OP_LEASE_RETURN},
	{"DELETE", "/v1/leases/UUID", OP_LEASE_REVOKE},
	{"POST", "/v1/volumes", OP_VOLUME_CREATE},
	{"GET", "/v1/volumes", OP_VOLUME_LIST},
	{"GET", "/v1/volumes/NAME", OP_VOLUME_GET},
	{"POST", "/v1/volumes/NAME/ready", OP_VOLUME_READY},
	{"POST", "/v1/volumes/NAME/set", OP_VOLUME_SET},
	{"POST", "/v1/volumes/NAME/grow", OP_VOLUME_GROW},
	{"DELETE", "/v1/volumes/NAME", OP_VOLUME_DELETE},
	{"POST", "/v1/signers", OP_SIGNER_ADD},
	{"GET", "/v1/signers", OP_SIGNER_LIST},
	{"DELETE", "/v1/signers/NAME", OP_SIGNER_DELETE},
	{"POST", "/v1/identities", OP_IDENTITY_ADD},
	{"GET", "/v1/identities/NAME", OP_IDENTITY_GET},
	{"DELETE", "/v1/identities/NAME", OP_IDENTITY_REVOKE},
	{"POST", "/v1/agents", OP_AGENT_ADD},
	{"GET", "/v1/agents", OP_AGENT_LIST},
	{"DELETE", "/v1/agents/NAME", OP_AGENT_DELETE},
	{"GET", "/v1/audit", OP_AUDIT_LIST},
};

enum match { MATCH_NONE, MATCH_BAD_ARG, MATCH_YES };

/* Length of the segment at @s. */
static size_t segment(const char *s)
{
	return strcspn(s, "/");
}

static bool is(const char *s, size_t len, const char *word)
{
	return strlen(word) == len && !memcmp(s, word, len);
}

static enum match take_arg(const char *s, size_t len, bool uuid, char arg[static OP_ARG_LEN])
{
	if (len == 0 || len >= OP_ARG_LEN)
		return MATCH_BAD_ARG;
	memcpy(arg, s, len);
	arg[len] = '\0';
	return (uuid ? cc_is_uuid(arg) : cc_is_name(arg)) ? MATCH_YES : MATCH_BAD_ARG;
}

/* Compares segment by segment; a bad argument does not hide that the rest does not match. */
static enum match match(const char *pattern, const char *path, char arg[static OP_ARG_LEN])
{
	enum match result = MATCH_YES;

	while (*pattern == '/' && *path == '/') {
		size_t want = segment(++pattern), have = segment(++path);
		bool uuid = is(pattern, want, "UUID");

		if (uuid || is(pattern, want, "NAME"))
			result = take_arg(path, have, uuid, arg);
		else if (want != have || memcmp(pattern, path, want) != 0)
			return MATCH_NONE;
		pattern += want;
		path += have;
	}
	return *pattern || *path ? MATCH_NONE : result;
}

/* "after=" and 1 to 18 digits. */
static bool parse_after(const char *query, uint64_t *after)
{
	static const char key[] = "after=";
	const char *digits = query + sizeof(key) - 1;
	size_t n;

	if (strncmp(query, key, sizeof(key) - 1) != 0)
		return false;
	n = strspn(digits, "0123456789");
	if (n == 0 || n > 18 || digits[n])
		return false;
	*after = 0;
	for (size_t i = 0; i < n; i++)
		*after = *after * 10 + (uint64_t)(digits[i] - '0');
	return true;
}

int route_find(const char *method, const char *target, struct route *route)
{
	size_t path_len = strcspn(target, "?");
	const char *query = target[path_len] ? target + path_len + 1 : NULL;
	int status = 404;
	char path[160];

	*route = (struct route){0};
	if (path_len >= sizeof(path))
		return 404;
	memcpy(path, target, path_len);
	path[path_len] = '\0';

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		char arg[OP_ARG_LEN] = "";
		enum match m = match(routes[i].pattern, path, arg);

		if (m == MATCH_NONE)
			continue;
		if (strcmp(routes[i].method, method) != 0) {
			status = 405;
			continue;
		}
		if (m == MATCH_BAD_ARG)
			return 400;
		route->op = routes[i].op;
		memcpy(route->arg, arg, sizeof(arg));
		if (!query)
			return 0;
		return route->op == OP_AUDIT_LIST && parse_after(query, &route->after) ? 0 : 400;
	}
	return status;
}
