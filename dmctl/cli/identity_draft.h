/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity_draft.h - the predicate of an identity (lib/identity.h) made of a measurement, ready to
 * be signed.
 */
#ifndef CC_IDENTITY_DRAFT_H
#define CC_IDENTITY_DRAFT_H

#include "facts.h"
#include "measurement.h"

/**
 * identity_draft_from_measurement - says of a container what it was measured to be, and nothing
 * more.
 * Return: new reference, NULL without memory.
 */
json_t *identity_draft_from_measurement(const struct cc_measurement *m, const char *volume,
					const char *mount_point, uint64_t serial);

/**
 * identity_draft_smallest - says no more of a container than it has to so that it is let in: the
 * image, and what differs from what the image and its engine say.
 * @values: variables with their values; else each has any
 * @left: out; what no predicate lets in, such as files that were copied into the container
 *
 * The writable layer is left out, which has more to do with when it was measured than with what the
 * container is.
 * Return: new reference; NULL with CC_E_NOMEM, or CC_E_INVALID when @volume or @mount_point is none
 * that an identity may have.
 */
json_t *identity_draft_smallest(const struct cc_measurement *m, const char *volume,
				const char *mount_point, uint64_t serial, bool values,
				struct cc_facts *left, struct cc_error *err);

#define DRAFT_LEFT_LEN 160

/* What of @m such a predicate does not pin, in words: what an engine does by itself. @out; "" */
const char *identity_draft_left(const struct cc_measurement *m, char out[static DRAFT_LEFT_LEN]);

/**
 * identity_draft_check - would a container measured as @m be given @volume under an identity with
 * @predicate? A container that runs already counts as one that was just created.
 * Return: 0; -1 with the decision's own refusal, or CC_E_INVALID when @predicate is none.
 */
int identity_draft_check(const json_t *predicate, const struct cc_measurement *m,
			 struct cc_error *err);

#endif
