/* SPDX-License-Identifier: Apache-2.0 */
/*
 * agent_list.h - the agent's `list`, in pages that fit a message.
 */
#ifndef CC_AGENT_LIST_H
#define CC_AGENT_LIST_H

#include "json.h"
#include "strv.h"

/**
 * agent_binding_fn - what is shown of the binding @name; new reference.
 * Return: NULL on error, with CC_E_NOTFOUND when it is gone meanwhile, which is passed over.
 */
typedef json_t *agent_binding_fn(const char *name, struct cc_error *err);

/**
 * agent_list_page - one page: {"ok":true,"bindings":[…],"more":b}, by name.
 * @names: of the bindings; sorted here
 * @after: the first name of the page is above this one; "" for the first page
 * Return: its text, at most AGENT_MESSAGE_MAX bytes, malloced; NULL on error.
 */
char *agent_list_page(struct cc_strv *names, const char *after, agent_binding_fn *show,
		      struct cc_error *err);

/* The page of what is bound on this host; how its leases are, the kernel says. */
char *agent_list(const char *after, struct cc_error *err);

#endif
