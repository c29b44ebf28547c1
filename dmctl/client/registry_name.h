/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry_name.h - the name of an image, as engines take it, and what a registry is asked with for
 * it; and what a registry asks for before it answers.
 */
#ifndef CC_REGISTRY_NAME_H
#define CC_REGISTRY_NAME_H

#include <stdbool.h>

#include "digest.h"
#include "error.h"
#include "json.h"

/**
 * struct registry_name - "registry.example:5000/shop/db:1.4.2", or with "@sha256:...".
 * @host: with its port; of Docker Hub "registry-1.docker.io"
 * @repository: without the host; "library/postgres"
 * @reference: the digest, or else the tag, or else "latest"
 * @is_digest: @reference is one
 * @hub: Docker Hub, for which engines keep credentials under another name
 * @local: the host is this machine: "localhost", 127.0.0.0/8, [::1]
 * All text is owned.
 */
struct registry_name {
	char *host, *repository, *reference;
	bool is_digest, hub, local;
};

void registry_name_clear(struct registry_name *n);
#define auto_registry_name cc_cleanup(registry_name_clear) struct registry_name

/* Return: -1. */
int registry_no_memory(struct cc_error *err);

/* Whether a host, with or without a port, is this machine: localhost, 127.0.0.0/8, [::1]. */
bool registry_is_local(const char *host);

/* @out: zeroed, to be cleared in any case. Return: 0; -1 with CC_E_USAGE. */
int registry_name_parse(const char *image, struct registry_name *out, struct cc_error *err);

/**
 * struct registry_challenge - what a registry wants (RFC 9110 section 11.6.1; the token
 * authentication of the distribution project, spec/auth/token).
 * @bearer: a token, to be had at @realm for @service; else user and password
 * @realm, @service: owned; @service may be NULL
 */
struct registry_challenge {
	bool bearer;
	char *realm, *service;
};

void registry_challenge_clear(struct registry_challenge *c);
#define auto_registry_challenge cc_cleanup(registry_challenge_clear) struct registry_challenge

/* @text: the value of WWW-Authenticate. Return: 0; -1 with CC_E_INVALID: none that we know. */
int registry_challenge_parse(const char *text, struct registry_challenge *out,
			     struct cc_error *err);

/**
 * registry_credentials - what an engine's config (config.json of Docker, auth.json of Podman,
 * containers-auth.json(5)) has for a repository: of the longest name that fits.
 * Return: base64 of "user:password", malloced; NULL when it has none.
 */
char *registry_credentials(const json_t *config, const struct registry_name *name);

#endif
