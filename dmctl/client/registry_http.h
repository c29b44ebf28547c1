/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry_http.h - asks a registry, by libcurl: https alone, unless it was said otherwise;
 * redirects within that; a token where the registry wants one (distribution project,
 * spec/auth/token), or user and password. Credentials go to the registry itself and to whom it
 * names for tokens, never to where it redirects, nor to whom that names. Blocking; for a process
 * without rights (image_pull.h).
 */
#ifndef CC_REGISTRY_HTTP_H
#define CC_REGISTRY_HTTP_H

#include "client/registry_name.h"
#include "client/registry_walk.h"

#define REGISTRY_REQUESTS_MAX 1024
#define REGISTRY_BYTES_MAX (64 * 1024 * 1024L) /* of all answers */

/**
 * struct registry - one, while it is asked.
 * @name: of the image
 * @plain: http in place of https
 * @plain_said: somebody said so; else only the registry is asked by http, being this machine, and
 *              credentials go to this machine alone by it
 * @ca: certificates in PEM, NULL: the system's
 * @basic: base64 of user and password, NULL: none
 * The others are its own; zeroed to begin with.
 */
struct registry {
	const struct registry_name *name;
	bool plain, plain_said;
	const char *ca;
	const char *basic;
	void *curl;
	char *authorization; /* the header's line that was asked for */
	size_t requests;
	size_t bytes;
};

void registry_close(struct registry *r);

/* As struct registry_source has it; @arg is a struct registry. */
int registry_get(void *arg, const char *path, const char *accept, size_t max,
		 struct registry_answer *a, struct cc_error *err);

#endif
