/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sweep.h - when the engines are asked which containers are gone for good: that is about all that
 * were ever bound, so not at each end of one but once in a while.
 */
#ifndef CC_SWEEP_H
#define CC_SWEEP_H

#include <stdbool.h>
#include <time.h>

#define SWEEP_SECONDS 600

/**
 * sweep_is_due - and takes note that it is done now.
 * @file: whose time is that of the last one; made when there is none
 * @now: seconds since the epoch; a clock that was set back makes it due
 */
bool sweep_is_due(const char *file, time_t now);

#endif
