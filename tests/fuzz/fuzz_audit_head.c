// SPDX-License-Identifier: Apache-2.0
/* The signed head of the audit log: what is taken verifies, and is the same when written again. */
#include <string.h>

#include "audit_head.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cc_auto_json json_t *obj = NULL, *out = NULL;
	struct cc_error err = {0};
	struct cc_audit_head head;

	obj = cc_json_parse((const char *)data, size, "head", &err);
	if (!obj)
		return 0;
	if (cc_audit_head_from_json(&head, obj, &err)) {
		REQUIRE(err.code && err.text[0] && !strcmp(err.fact, "audit"));
		return 0;
	}
	REQUIRE(cc_is_name(head.realm) && !cc_audit_head_verify(&head, &err));
	out = cc_audit_head_to_json(&head);
	REQUIRE(out && json_equal(out, obj));
	return 0;
}
