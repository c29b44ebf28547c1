/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide_env.h - the decision's part about the environment. Pure as the rest of it; its work grows
 * with the number of variables and not with its square, whoever chose them.
 */
#ifndef CC_DECIDE_ENV_H
#define CC_DECIDE_ENV_H

#include "facts.h"
#include "identity.h"
#include "measurement.h"

/*
 * Whether @var, "NAME=value", is one of HOME, HOSTNAME, TERM, container and container_uuid with a value such as
 * engines give it.
 */
bool cc_env_is_of_engines(const char *var);

/* @var, "NAME=value", is refused; @missing: it is the image's and the container lacks it. -1: enough */
typedef int cc_env_refused_fn(void *arg, const char *var, bool missing);

/**
 * cc_env_each_refused - tells @fn of each variable that cc_decide_env() refuses, in its order.
 * Return: 0, or -1 as soon as @fn says that; -1 without a word when there are more than CC_ENV_MAX.
 */
int cc_env_each_refused(const struct cc_identity *id, const struct cc_measurement *m,
			cc_env_refused_fn *fn, void *arg);

#define CC_ENV_MAX 4096 /* variables of a container, and of an image */

/**
 * cc_decide_env - the container has the image's variables, those an engine sets, those the
 * identity names, and no other; none of the image's is missing.
 *
 * @out: fact "env" with the variable's name, never its value, for each that differs
 * Return: 0 to go on, -1 when no more is wanted.
 */
int cc_decide_env(const struct cc_identity *id, const struct cc_measurement *m,
		  struct cc_facts *out);

#endif
