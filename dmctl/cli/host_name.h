/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_name.h - a name for this host's agent.
 */
#ifndef CC_HOST_NAME_H
#define CC_HOST_NAME_H

/* First label of @host as a name that cc_is_name() takes; "host" when nothing is left of it. */
void host_name_clean(const char *host, char out[static 64]);

/* The same of this host's name. */
void host_name_default(char out[static 64]);

#endif
