// SPDX-License-Identifier: Apache-2.0
/* A packet between keyd's front and custodian, from an end that has been taken over. */
#include <string.h>

#include "fuzz.h"
#include "keyd/message.h"

static void check_request(const struct request *rq, const uint8_t *data, size_t size)
{
	static unsigned char again[MESSAGE_MAX];

	REQUIRE(rq->op > OP_NONE && rq->op < OP_END);
	REQUIRE(strnlen(rq->arg, sizeof(rq->arg)) < sizeof(rq->arg));
	REQUIRE(!rq->plane && !rq->peer && !rq->channel[0] && !rq->enrolment[0]);
	REQUIRE(rq->body_len <= MESSAGE_BODY_MAX);
	/* There is one way to write a request. */
	REQUIRE(message_put_request(again, rq) == size && !memcmp(again, data, size));
}

static void check_part(const struct answer_part *part, const uint8_t *data, size_t size)
{
	static unsigned char again[MESSAGE_MAX];

	REQUIRE(part->http >= 100 && part->http <= 599 && part->len <= MESSAGE_PART_MAX);
	REQUIRE(message_put_part(again, part) == size && !memcmp(again, data, size));
}

static void check_connection(const struct message *m, const uint8_t *data, size_t size)
{
	static unsigned char again[MESSAGE_MAX];
	size_t len = m->type == MESSAGE_CONNECT ? message_put_connect(again, &m->connection)
						: message_put_closed(again, m->connection.id);

	REQUIRE(len == size && !memcmp(again, data, size));
}

static void check_tls(const struct message *m, const uint8_t *data, size_t size)
{
	static unsigned char again[MESSAGE_MAX];
	size_t len = m->type == MESSAGE_TLS    ? message_put_tls(again, &m->tls)
		     : m->type == MESSAGE_PEER ? message_put_peer(again, &m->introduction)
					       : message_put_barred(again, &m->barred);

	REQUIRE(len == size && !memcmp(again, data, size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cc_error err = {0};
	struct message m;

	if (message_get(data, size, &m, &err)) {
		REQUIRE(err.code == CC_E_INVALID);
		return 0;
	}
	if (m.type == MESSAGE_REQUEST)
		check_request(&m.request, data, size);
	else if (m.type == MESSAGE_ANSWER)
		check_part(&m.part, data, size);
	else if (m.type == MESSAGE_CONNECT || m.type == MESSAGE_CLOSED)
		check_connection(&m, data, size);
	else if (m.type == MESSAGE_TLS || m.type == MESSAGE_PEER || m.type == MESSAGE_BARRED)
		check_tls(&m, data, size);
	else
		REQUIRE(size == 12);
	return 0;
}
