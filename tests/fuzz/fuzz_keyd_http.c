// SPDX-License-Identifier: Apache-2.0
/* The head of a request to keyd, and where its target leads. */
#include <string.h>

#include "fuzz.h"
#include "keyd/front/http.h"
#include "name.h"
#include "keyd/front/route.h"

static void check_route(const struct http_head *h)
{
	struct route r;
	int status = route_find(h->method, h->target, &r);

	REQUIRE(status == 0 || status == 400 || status == 404 || status == 405);
	if (status)
		return;
	REQUIRE(r.op > OP_NONE && r.op < OP_END);
	REQUIRE(!r.arg[0] || cc_is_name(r.arg) || cc_is_uuid(r.arg));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_head h;
	int status = http_parse_head((const char *)data, size, &h);

	if (status) {
		REQUIRE(status >= 400 && status < 600);
		return 0;
	}
	REQUIRE(size <= HTTP_HEAD_MAX);
	REQUIRE(strnlen(h.method, sizeof(h.method)) < sizeof(h.method));
	REQUIRE(strnlen(h.target, sizeof(h.target)) < sizeof(h.target));
	REQUIRE(h.content_length < 1000000000);
	check_route(&h);
	return 0;
}
