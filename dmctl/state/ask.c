// SPDX-License-Identifier: Apache-2.0
/*
 * ask.c - requests to keyd, of which there may be very many in a row.
 */
#include "state/ask.h"

#include <string.h>
#include <time.h>

#include "client/keyd_client.h"

#define PAUSE_MS 100
#define PAUSES 300

int state_ask(const char *method, const char *path, const json_t *body, json_t **answer,
	      struct cc_error *err)
{
	/* keyd counts by time alone: there is nothing else to wait for. */
	static const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};

	for (int i = 0;; i++) {
		if (keyd_request(method, path, body, answer, err) == 0)
			return 0;
		if (i == PAUSES || err->code != CC_E_BUSY || strcmp(err->fact, "rate") != 0)
			return -1;
		nanosleep(&pause, NULL);
	}
}
