/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ns_census.h - who is in a namespace. The kernel keeps no list: all processes and their threads
 * are asked, once for all questions of a short while, as a round of renewals has many.
 */
#ifndef CC_NS_CENSUS_H
#define CC_NS_CENSUS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

#define NS_CENSUS_MS 2000 /* how old an answer may be */
#define NS_PASSING_MS \
	1000 /* who is there for a shorter time only passes, as runtimes do at an exec */
#define NS_RELAY_MS \
	1500 /* the same of several, one after the other, where somebody is there at each look */

/**
 * ns_census_hold - takes the census now; what this process and its children ask from now on is
 * answered by it, however old it is. Once for each process. For a round of questions, so that all
 * processes of a host are not asked by each of those who measure.
 */
void ns_census_hold(void);

/* How often a census was taken by this process, and those it was forked from. */
unsigned int ns_census_walks(void);

/**
 * ns_shared - somebody outside @cgroup is in a namespace, and stays; or one after the other is.
 * @kind, @ino: the namespace: index in cc_ns_names, inode
 * @cgroup, @len: path of a group; processes in it or below it do not count
 * @pid: out, whoever it is; 0 for nobody
 */
int ns_shared(size_t kind, uint64_t ino, const char *cgroup, size_t len, pid_t *pid,
	      struct cc_error *err);

/* @pid is in that namespace, outside of @cgroup, and does not leave either within @ms. */
bool ns_stays(pid_t pid, size_t kind, uint64_t ino, const char *cgroup, size_t len, int ms);

#endif
