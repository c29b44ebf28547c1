/* SPDX-License-Identifier: Apache-2.0 */
/*
 * document.h - the document that says what keyd is to have: container-crypt-state(5).
 *
 * All of it is read and checked before anything is done, with the files that it names. Errors begin
 * with the path of the member ("volumes[2]").
 */
#ifndef CC_STATE_DOCUMENT_H
#define CC_STATE_DOCUMENT_H

#include "state/state.h"

#define STATE_DOCUMENT_MAX ((size_t)16 * 1024 * 1024) /* bytes */

/**
 * state_document_read - reads the document @path, "-" for standard input.
 * JSON, or YAML (yaml.h) where its name ends in .yaml or .yml, or standard input does not begin as
 * JSON does.
 * @s: out, zeroed before; to be cleared also after a failure
 * Files that it names by relative paths are looked for beside it; for "-" where the program is.
 */
int state_document_read(const char *path, struct state *s, struct cc_error *err);

/* The same from what was parsed. @dir: where its files are, NULL for where the program is. */
int state_document_parse(const json_t *doc, const char *dir, struct state *s, struct cc_error *err);

#endif
