/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_chain.h - the hash chain of the audit log, shared by keyd (writes) and dmctl audit verify.
 *
 * hash(row) = SHA-256( prev hash (32 bytes) || for each of seq, time, event, outcome, agent,
 * volume, container, fact, detail: 4-byte big-endian length || UTF-8 bytes ). seq and time are
 * decimal and RFC 3339 text. The first row's prev is 32 zero bytes. Absent fields are empty
 * strings.
 */
#ifndef CC_AUDIT_CHAIN_H
#define CC_AUDIT_CHAIN_H

#include <stdint.h>
#include "error.h"

struct cc_audit_row {
	uint64_t seq;
	const char *time;    /* RFC 3339 UTC */
	const char *event;   /* "release", "format", "identity.add", "volume.create" … */
	const char *outcome; /* "allow", "refuse", "error" */
	const char *agent, *volume, *container, *fact, *detail;
};

/* @prev and @hash: 32 bytes. */
int cc_audit_hash(const unsigned char prev[static 32], const struct cc_audit_row *row,
		  unsigned char hash[static 32], struct cc_error *err);

#endif
