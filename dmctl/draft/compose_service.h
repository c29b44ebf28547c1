/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compose_service.h - what the readers of a service's members share.
 */
#ifndef CC_DRAFT_COMPOSE_SERVICE_H
#define CC_DRAFT_COMPOSE_SERVICE_H

#include "draft/asked.h"
#include "draft/source.h"

/**
 * struct service - a service while it is read. All borrowed.
 * @doc: the whole file
 * @self: the service's mapping
 * @project: name of the project
 * @bytes: of texts so far, with variables put in: a short file may ask for many
 */
struct service {
	const struct draft_source *from;
	const json_t *doc, *self;
	const char *project;
	size_t bytes;
	struct asked *a;
	struct cc_error *err;
};

/* Fills s->err, CC_E_INVALID. Return: -1. */
__attribute__((format(printf, 2, 3))) int service_fail(struct service *s, const char *fmt, ...);

int service_no_memory(struct service *s);

/* ---- values (compose_value.c) -------------------------------------------------------------- */

/* A text with its variables put in; malloced. @value: text, number or boolean. NULL: refused */
char *service_text(struct service *s, const json_t *value);

/* The same into *out, in the place of what was there. */
int service_set(struct service *s, const json_t *value, char **out);

/* @what: names it in errors */
int service_bool(struct service *s, const json_t *value, const char *what, bool *out);

/* Tells @fn of each: of a text as the only one, and of a list of texts. */
typedef int service_text_fn(struct service *s, const char *text);
int service_each(struct service *s, const json_t *value, service_text_fn *fn);

/*
 * Tells @fn "NAME=value" of a mapping or a list, and "NAME" of one without a value.
 */
int service_each_pair(struct service *s, const json_t *value, service_text_fn *fn);

/* Refuses members of @obj that are none of @known and do not begin with "x-"; @what: names it, or "". */
int service_only(struct service *s, const json_t *obj, const char *what, const char *const *known);

/* @path as seen from the file's directory, without "." and ".."; malloced. NULL: refused */
char *service_path(struct service *s, const char *path);

/* ---- members, by their names --------------------------------------------------------------- */

typedef int service_member_fn(struct service *s, const json_t *value);

/* compose_mounts.c */
service_member_fn service_volumes, service_tmpfs, service_secrets, service_configs;

/* compose_members.c; service_no: what is refused when it is true */
service_member_fn service_cap_add, service_cap_drop, service_cgroup, service_command;
service_member_fn service_deploy, service_devices, service_domainname, service_entrypoint;
service_member_fn service_env_file, service_environment, service_healthcheck, service_ipc;
service_member_fn service_network_mode, service_no, service_pid, service_read_only;
service_member_fn service_security_opt, service_sysctls, service_ulimits, service_user;
service_member_fn service_uts, service_working_dir;

#endif
