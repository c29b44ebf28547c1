// SPDX-License-Identifier: Apache-2.0
/*
 * confine.c - what the agent's processes give up.
 */
#include "agent/confine.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <syslog.h>

#include "cleanup.h"
#include "log.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1UL
#endif

#define PERSONALITY_ASK 0xffffffffUL

void confine_loop(void)
{
	if (prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0UL, 0UL, 0UL))
		cc_log(LOG_WARNING,
		       "this kernel (before Linux 6.3) does not keep what was writable from being "
		       "executed in the agent's loop");
}

static void free_context(scmp_filter_ctx *ctx)
{
	seccomp_release(*ctx);
}

/* One rule: refused when this holds of that argument. A call that the machine lacks needs none. */
static int refuse(scmp_filter_ctx ctx, int nr, struct scmp_arg_cmp when)
{
	int rc = seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(EPERM), nr, 1, &when);

	return rc == -EDOM ? 0 : rc;
}

static int add_memory(scmp_filter_ctx ctx)
{
	const scmp_datum_t both = PROT_WRITE | PROT_EXEC;

	return refuse(ctx, SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, both, both)) ||
			       refuse(ctx, SCMP_SYS(mprotect),
				      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC)) ||
			       refuse(ctx, SCMP_SYS(pkey_mprotect),
				      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC)) ||
			       refuse(ctx, SCMP_SYS(shmat),
				      SCMP_A2(SCMP_CMP_MASKED_EQ, SHM_EXEC, SHM_EXEC))
		       ? -1
		       : 0;
}

/* What sched_setattr(2) asks for is behind a pointer. */
static int add_rest(scmp_filter_ctx ctx)
{
	const scmp_datum_t now = (scmp_datum_t)(unsigned int)personality(PERSONALITY_ASK);

	return refuse(ctx, SCMP_SYS(sched_setscheduler), SCMP_A1(SCMP_CMP_EQ, SCHED_FIFO)) ||
			       refuse(ctx, SCMP_SYS(sched_setscheduler),
				      SCMP_A1(SCMP_CMP_EQ, SCHED_RR)) ||
			       refuse(ctx, SCMP_SYS(sched_setscheduler),
				      SCMP_A1(SCMP_CMP_GT, SCHED_IDLE)) ||
			       seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(sched_setattr),
						0) ||
			       refuse(ctx, SCMP_SYS(personality), SCMP_A0(SCMP_CMP_NE, now))
		       ? -1
		       : 0;
}

int confine_worker(struct cc_error *err)
{
	cc_cleanup(free_context) scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	if (!ctx || add_memory(ctx) || add_rest(ctx))
		return cc_fail(err, CC_E_INTERNAL, "a worker's seccomp filter cannot be made");
	if (seccomp_load(ctx))
		return cc_fail(err, CC_E_INTERNAL, "a worker's seccomp filter cannot be loaded");
	return 0;
}
