/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - log lines of the daemons: to the journal with structured fields where there is one,
 * else to stderr, one line each, "<priority>" prefixed per sd-daemon(3) when stderr is not a
 * terminal.
 */
#ifndef CC_LOG_H
#define CC_LOG_H

#include <syslog.h>

/* @name: program name that starts each line, borrowed for ever. @level: highest LOG_… shown. */
void cc_log_init(const char *name, int level);

/* Never pass a secret. Control characters in the result are shown as '?'. */
void cc_log(int priority, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
