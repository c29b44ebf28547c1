/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ask.h - requests to keyd, of which there may be very many in a row.
 */
#ifndef CC_STATE_ASK_H
#define CC_STATE_ASK_H

#include "json.h"

/* As keyd_request(), but one that is too early for keyd's rate is asked again, for up to 30 s. */
int state_ask(const char *method, const char *path, const json_t *body, json_t **answer,
	      struct cc_error *err);

#endif
