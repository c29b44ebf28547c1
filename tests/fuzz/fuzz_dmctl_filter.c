// SPDX-License-Identifier: Apache-2.0
/*
 * A seccomp filter's program: 64 bytes of a call, and instructions. One that passes the check runs
 * inside of its bounds, and what it answers is among the answers that were found without arguments.
 */
#include <string.h>

#include "dmctl/container/measure_filter.h"
#include "dmctl/host/seccomp_program.h"
#include "fuzz.h"

#define FILTER                                                                                  \
	"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"syscalls\":[{\"names\":[\"read\"],\"action\":" \
	"\"SCMP_ACT_ALLOW\"},{\"names\":[\"clone\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{"  \
	"\"index\":0,\"value\":255,\"op\":\"SCMP_CMP_LT\"}]}]}"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sock_filter p[SECCOMP_PROGRAM_MAX];
	static unsigned int inputs;
	struct seccomp_answers reached;
	struct seccomp_data d;
	struct cc_error err;
	size_t n;

	if (size < sizeof(d) || size - sizeof(d) > sizeof(p))
		return 0;
	memcpy(&d, data, sizeof(d));
	memcpy(p, data + sizeof(d), size - sizeof(d));
	n = (size - sizeof(d)) / sizeof(p[0]);
	if (seccomp_program_check(p, n, &err))
		return 0;
	if (seccomp_program_answers(p, n, d.arch, (uint32_t)d.nr, &reached) == 0)
		REQUIRE(seccomp_answers_has(&reached, seccomp_program_run(p, n, &d)));
	if (inputs++ % 64 == 0) { /* which takes its time */
		cc_auto_json json_t *filter = json_loads(FILTER, 0, NULL);

		REQUIRE(measure_filter(filter, p, n, &err) == 0 || err.fact[0]);
	}
	return 0;
}
