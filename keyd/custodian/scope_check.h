/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scope_check.h - who is for which volumes, and what is said to whoever is not.
 *
 * @noun in all of them is that of dmctl's verbs: "agents", "signer".
 */
#ifndef KEYD_SCOPE_CHECK_H
#define KEYD_SCOPE_CHECK_H

#include "error.h"
#include "scope.h"

/**
 * scope_check - @volume is one of @scope, that of @name.
 * Return: 0; -1 with CC_E_REFUSED, fact "scope": who, which volume, the scope, and what allows it.
 */
int scope_check(const char *noun, const char *name, const struct cc_scope *scope,
		const char *volume, struct cc_error *err);

/* CC_E_EXISTS for an enrolment that is there with another scope than was asked for. */
int scope_differs(const char *noun, const char *name, const struct cc_scope *is,
		  const struct cc_scope *asked, struct cc_error *err);

#endif
