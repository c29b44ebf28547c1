/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compose.h - a service of a Compose file (the Compose Specification, as of Compose 2), as what
 * Docker would be asked to start. One file of one document: what takes others with it ("extends",
 * "include", an override beside it) is refused by name, as are profiles and members whose effect on
 * a container is not known. Variables are those that are given, no environment is read. The
 * project has the name of the file's directory unless it or COMPOSE_PROJECT_NAME says another.
 */
#ifndef CC_DRAFT_COMPOSE_H
#define CC_DRAFT_COMPOSE_H

#include "draft/asked.h"
#include "draft/source.h"

/**
 * compose_read - what the service asks for.
 * @a: of asked_init()
 * Return: 0; -1 with CC_E_INVALID, the text begins with file, service and member; CC_E_NOTFOUND for
 * a service that it does not have.
 */
int compose_read(const char *text, size_t len, const struct draft_source *from, struct asked *a,
		 struct cc_error *err);

#endif
