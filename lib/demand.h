/* SPDX-License-Identifier: Apache-2.0 */
/*
 * demand.h - what an identity may demand beyond its facts, in words: each takes something away that
 * containers have unless told otherwise. The agent says which hold of a container, keyd compares.
 */
#ifndef CC_DEMAND_H
#define CC_DEMAND_H

#include <stdbool.h>

#define CC_NO_CORE "no-core"   /* no core: the hard limit is 0, and no program gets one */
#define CC_NO_STDIN "no-stdin" /* nobody outside writes to its standard input */
#define CC_NO_TTY "no-tty"     /* no terminal */
#define CC_NO_SWAP "no-swap"   /* its control group may not swap */
#define CC_NO_EXTRA_HOSTS "no-extra-hosts" /* names in hosts and resolv.conf are the engine's */
#define CC_NO_PORTS "no-ports"		   /* none of its ports is published on the host */
#define CC_PRIVATE_IPC "private-ipc"	   /* not even another container may join */
#define CC_USER_NAMESPACE "user-namespace" /* nobody in there is the host's root */
#define CC_NETWORK "network:"		   /* and a name: on this network and no other */

#define CC_RUNTIME "runtime:"		  /* and a name or path: the engine's record names it so */
#define CC_SELINUX_TYPE "selinux-type:"	  /* and a type: of its processes, SELinux being on */
#define CC_SELINUX_LEVEL "selinux-level:" /* and a level, s0:c1,c2: likewise */

/* Bounds of the name behind those that have one. */
#define CC_DEMAND_NAME_MAX 128

/* One of the words above, with a name where one belongs. */
bool cc_demand_is_known(const char *word);

/* How a container is run so that a known @word holds, for error texts; never NULL. */
const char *cc_demand_hint(const char *word);

#endif
