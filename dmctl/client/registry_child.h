/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry_child.h - the process that asks a registry, without rights (image_pull.h), and what it
 * sends.
 */
#ifndef CC_REGISTRY_CHILD_H
#define CC_REGISTRY_CHILD_H

#include <stdint.h>

#include "client/registry_name.h"
#include "error.h"

/* Before each document that is sent; behind the last one there is one of these alone. */
enum pull_end { PULL_MORE, PULL_DONE, PULL_FAILED };

/**
 * struct pull_head - @len bytes of a document follow, or of an error's text.
 * @end: enum pull_end
 * @kind, @named: as struct registry_document has them
 * @code: of PULL_FAILED, enum cc_code
 */
struct pull_head {
	uint32_t end, kind, named, code, len;
	char digest[CC_DIGEST_LEN];
};

/**
 * struct registry_ask - for what, and how.
 * @ca: certificates in PEM, NULL: the system's
 * @auth_file: config of an engine with credentials; NULL: those of Docker and Podman
 * @plain, @plain_said: by http, and that somebody said so (registry_http.h)
 */
struct registry_ask {
	const struct registry_name *name;
	const char *ca;
	const char *auth_file;
	bool plain, plain_said;
};

/*
 * What no process that asks a registry has: see image_pull.h. Not taken back; what is to be read
 * first is read before. Return: 0; -1 with CC_E_INTERNAL: do not go on.
 */
int registry_give_up_rights(struct cc_error *err);

/* What the child does, in a process that was just forked of @parent. @fd: where it sends */
_Noreturn void registry_child(const struct registry_ask *ask, int fd, int parent);

#endif
