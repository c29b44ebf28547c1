/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor.h - is this host fit to run protected containers? One check a fact, each with what to do.
 * Those of the engines are in their rows (engine/engine.h).
 */
#ifndef CC_DOCTOR_H
#define CC_DOCTOR_H

#include "cli/cmd.h"
#include "host/finding.h"

/* Fills @f. */
typedef void check_fn(const struct global_options *g, struct finding *f);

/* doctor_host.c: the kernel and what it lets out. */
check_fn doctor_kernel, doctor_module, doctor_lockdown, doctor_cgroup, doctor_gate_open,
	doctor_gate_look, doctor_tracing, doctor_clock, doctor_swap, doctor_core, doctor_kdump;
/* doctor_service.c: our own programs and files. */
check_fn doctor_hook, doctor_agent, doctor_enrolled, doctor_keyd, doctor_specs, doctor_plugin,
	doctor_luns;

/* ---- pure parts, for tests ---- */

/* "6.12.107+deb13-amd64" is at least @major.@minor. */
bool doctor_version_at_least(const char *release, unsigned int major, unsigned int minor);
/* The word in brackets of "none [integrity] confidentiality"; "" when there is none. */
void doctor_bracketed(const char *line, char *out, size_t size);

#endif
