/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docker_api.h - requests to the Docker daemon.
 */
#ifndef CC_DOCKER_API_H
#define CC_DOCKER_API_H

#include "json.h"

#define DOCKER_SOCKET "/run/docker.sock"

/**
 * docker_get - what the daemon answers to a GET.
 * @path: without a version of the API, "/info": then it is the daemon's own. A daemon refuses versions
 *        that it no longer speaks
 *
 * Return: new reference; NULL with CC_E_NOTFOUND for status 404, CC_E_UNREACHABLE for any other
 * answer than a JSON document and 200, and when there is none within 15 seconds.
 */
json_t *docker_get(const char *path, struct cc_error *err);

#endif
