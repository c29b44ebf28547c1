/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine.h - what each of the processes gives up once it is set up.
 */
#ifndef KEYD_CONFINE_H
#define KEYD_CONFINE_H

#include <stdbool.h>
#include <sys/types.h>

#include "error.h"

#define CONFINE_USER "container-crypt"
#define CONFINE_FALLBACK_USER "nobody"

struct confine_user {
	uid_t uid;
	gid_t gid;
	bool fallback; /* it is CONFINE_FALLBACK_USER, because CONFINE_USER does not exist */
};

/* Looks @name up; NULL is CONFINE_USER, or else CONFINE_FALLBACK_USER. root is refused. */
int confine_find_user(const char *name, struct confine_user *user, struct cc_error *err);

/**
 * confine_front - becomes @user without any capability, for good (no_new_privs), and lets seccomp
 * kill the process at any system call that serving accepted connections does not need: no file is
 * opened, no socket made, no program run. Dies with its parent.
 */
int confine_front(const struct confine_user *user, struct cc_error *err);

/**
 * confine_custodian - stays root, to whom the files belong, but keeps CAP_IPC_LOCK only; seccomp
 * kills it at anything but files, memory, the sockets it has and connections that come to them:
 * there is no way to a network or another program.
 */
int confine_custodian(struct cc_error *err);

#endif
