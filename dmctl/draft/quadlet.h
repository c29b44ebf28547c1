/* SPDX-License-Identifier: Apache-2.0 */
/*
 * quadlet.h - a .container file of Podman's (Quadlet, podman-systemd.unit(5), as of Podman 5), as
 * what Podman would be asked to start. Keys whose effect on a container is not known from the file
 * are refused by name, and so is what systemd would put in (%i, $HOME) where it matters.
 */
#ifndef CC_DRAFT_QUADLET_H
#define CC_DRAFT_QUADLET_H

#include "draft/asked.h"
#include "draft/source.h"

/**
 * quadlet_read - what the file asks for.
 * @a: of asked_init()
 * Return: 0; -1 with CC_E_INVALID, the text begins with file, line and key.
 */
int quadlet_read(const char *text, size_t len, const struct draft_source *from, struct asked *a,
		 struct cc_error *err);

#endif
