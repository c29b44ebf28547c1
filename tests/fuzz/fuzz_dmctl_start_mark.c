// SPDX-License-Identifier: Apache-2.0
/*
 * The mark of a container that was bound: what is taken is written again and taken the same; what
 * is not taken says nothing but that it is there.
 */
#include <string.h>

#include "dmctl/container/start_mark.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	start_mark_auto struct start_mark k = {0}, again = {0};
	cc_auto_free char *text = NULL;
	struct cc_error err;

	if (start_mark_parse((const char *)data, size, &k, &err)) {
		REQUIRE(k.there && !k.pid && !k.upper && !k.sure && !k.first && !k.end[0] &&
			!k.settled && !k.user.groups && !k.filter[0]);
		return 0;
	}
	text = start_mark_text(&k);
	REQUIRE(text && start_mark_parse(text, strlen(text), &again, &err) == 0);
	REQUIRE(again.there && k.pid == again.pid && k.start_time == again.start_time &&
		!strcmp(k.boot, again.boot) && !strcmp(k.end, again.end) &&
		!strcmp(k.filter, again.filter) && k.sure == again.sure && k.first == again.first &&
		k.settled == again.settled && k.user.uid == again.user.uid &&
		k.user.n_groups == again.user.n_groups && !k.upper == !again.upper &&
		(!k.upper || !strcmp(k.upper, again.upper)));
	return 0;
}
