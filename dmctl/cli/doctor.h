/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor.h - is this host fit to run protected containers? One check a fact, each with what to do.
 */
#ifndef CC_DOCTOR_H
#define CC_DOCTOR_H

#include "cli/cmd.h"

enum finding_state {
	FINDING_OK,
	FINDING_WARN, /* works, but protects less, or something is not used */
	FINDING_FAIL, /* containers will not get their volumes */
	FINDING_NONE, /* does not apply here */
};

/**
 * struct finding - what a check found.
 * @code: of FINDING_FAIL, what dmctl exits with
 * @text: what is
 * @advice: what to do; "" when there is nothing to do
 */
struct finding {
	enum finding_state state;
	enum cc_code code;
	char text[512];
	char advice[512];
};

typedef void check_fn(const struct global_options *g, struct finding *f);

/* Fill @f. */
void finding_ok(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void finding_warn(struct finding *f, const char *advice, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void finding_fail(struct finding *f, enum cc_code code, const char *advice, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* doctor_host.c: the kernel and what it lets out. */
check_fn doctor_kernel, doctor_module, doctor_lockdown, doctor_cgroup, doctor_gate_open,
	doctor_gate_look, doctor_clock, doctor_swap, doctor_core, doctor_kdump;
/* doctor_service.c: our own programs and files. */
check_fn doctor_hook, doctor_agent, doctor_enrolled, doctor_keyd, doctor_specs, doctor_plugin,
	doctor_luns;
/* doctor_engine.c */
check_fn doctor_docker, doctor_podman;

/* First line of a file, "" when it cannot be read. */
void doctor_line(const char *path, char *out, size_t size);

/* ---- pure parts, for tests ---- */

/* "6.12.107+deb13-amd64" is at least @major.@minor. */
bool doctor_version_at_least(const char *release, unsigned int major, unsigned int minor);
/* The word in brackets of "none [integrity] confidentiality"; "" when there is none. */
void doctor_bracketed(const char *line, char *out, size_t size);

#endif
