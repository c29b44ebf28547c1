// SPDX-License-Identifier: Apache-2.0
#include "custodian/scope_check.h"

#include <string.h>

#define SHOWN 240 /* characters of a list in a text, so that its end still fits */

static const char *one_of(const char *noun)
{
	return strcmp(noun, "agents") ? "signer" : "agent";
}

int scope_check(const char *noun, const char *name, const struct cc_scope *scope,
		const char *volume, struct cc_error *err)
{
	const char *cut = strlen(scope->text) > SHOWN ? "..." : "";
	bool none = !strcmp(scope->text, CC_SCOPE_NONE);

	if (cc_scope_covers(scope, volume))
		return 0;
	return cc_refuse(err, "scope",
			 "%s %s is for volumes \"%.*s%s\", not for %s; \"dmctl %s set %s --volumes "
			 "'%.*s%s%s%s'\" allows it",
			 one_of(noun), name, SHOWN, scope->text, cut, volume, noun, name, SHOWN,
			 none ? "" : scope->text, cut, none ? "" : ",", volume);
}

int scope_differs(const char *noun, const char *name, const struct cc_scope *is,
		  const struct cc_scope *asked, struct cc_error *err)
{
	const char *cut = strlen(asked->text) > SHOWN ? "..." : "";

	cc_fail(err, CC_E_EXISTS,
		"%s %s is enrolled for volumes \"%.*s%s\" already: change that with \"dmctl %s set "
		"%s --volumes '%.*s%s'\"",
		one_of(noun), name, SHOWN, is->text, strlen(is->text) > SHOWN ? "..." : "", noun,
		name, SHOWN, asked->text, cut);
	return cc_set_fact(err, "scope");
}
