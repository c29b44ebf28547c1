/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml.h - YAML (libyaml) as far as it is JSON by another spelling: mappings, sequences, scalars,
 * comments; one document of UTF-8.
 *
 * Refused, and said where: anchors, aliases and merge keys, so that no text means more than it
 * says; tags; a key that is there twice; what versions 1.1 and 1.2 of YAML read as different things
 * (yes, no, on, off, y, n, 0755, 0x1f, 1_000, 1:30), which quotes make text; a NUL in a text; more
 * than YAML_DEPTH_MAX levels, YAML_NODES_MAX values or YAML_MAX bytes.
 */
#ifndef CC_STATE_YAML_H
#define CC_STATE_YAML_H

#include "json.h"

#define YAML_MAX ((size_t)4 * 1024 * 1024)
#define YAML_DEPTH_MAX 32
#define YAML_NODES_MAX 200000

/**
 * yaml_parse - the value of a YAML document.
 * @what: names it in errors, which begin with it, line and column
 * Return: new reference; NULL with CC_E_INVALID or CC_E_NOMEM.
 */
json_t *yaml_parse(const char *text, size_t len, const char *what, struct cc_error *err);

/**
 * yaml_parse_linked - the same of a document that was written for somebody else: with anchors,
 * aliases and merge keys ("<<", what a mapping says itself goes before it), and without a refusal of
 * what versions of YAML read differently: words (yes, off) and 1:30 are text; a number or date of
 * which another reader would write another text (0755, 0x1f, 1_000, 2026-11-29) is a real, whatever
 * its value, so that whoever needs its text refuses reals.
 *
 * A value behind an alias counts as often as it is named, towards levels and values. It is shared:
 * nobody changes what is returned.
 */
json_t *yaml_parse_linked(const char *text, size_t len, const char *what, struct cc_error *err);

#endif
