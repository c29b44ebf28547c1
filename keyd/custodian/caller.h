/* SPDX-License-Identifier: Apache-2.0 */
/*
 * caller.h - who asks over TLS: a certificate of keyd's own CA, and the enrolment that it names,
 * which has to stand at the time of each request.
 */
#ifndef KEYD_CALLER_H
#define KEYD_CALLER_H

#include "custodian/custodian.h"
#include "message.h"

/*
 * Makes @c->ca ready, which signs certificates. @make: there is to be one, made when there is none.
 * Context: at the start, outside of a transaction.
 */
int caller_start(struct custodian *c, bool make, struct cc_error *err);

/**
 * caller_check - whether its agent is enrolled as it was when the certificate was made. Zeroed: no.
 * Return: 0; -1 with CC_E_REFUSED, fact "agent", or "certificate" when it is over.
 */
int caller_check(struct custodian *c, const struct ca_name *who, struct cc_error *err);

/* The same of who makes a request; nothing for one that does not come over TLS. */
int caller_may_ask(struct custodian *c, const struct request *rq, struct cc_error *err);

/* Who shows @der, as ca_who(), and caller_check(). @who: zeroed unless that is 0. */
int caller_of(struct custodian *c, const unsigned char *der, size_t len, struct ca_name *who,
	      struct cc_error *err);

#endif
