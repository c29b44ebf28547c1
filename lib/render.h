/* SPDX-License-Identifier: Apache-2.0 */
/*
 * render.h - facts as short text in a caller's buffer, for refusals: compact JSON, cut with an
 * ellipsis when too long. Allocates nothing. Every function returns @out.
 */
#ifndef CC_RENDER_H
#define CC_RENDER_H

#include "identity.h"
#include "strv.h"

#define CC_RENDER_MAX 256 /* bytes, with the NUL */

/* "absent" for NULL. */
const char *cc_render_str(const char *s, char out[static CC_RENDER_MAX]);
/* Of "NAME=value" the name only: values are where secrets are. */
const char *cc_render_var(const char *var, char out[static CC_RENDER_MAX]);
/* The same of each in a list: mount options (password=…). */
const char *cc_render_vars(const struct cc_strv *sv, char out[static CC_RENDER_MAX]);
/*
 * Settings (settings of an identity, container-crypt-identity(5)): with their values those whose
 * values a runtime's specification names, of all others (a health check's command, annotations,
 * what is not known) the name only.
 */
const char *cc_render_setting(const char *setting, char out[static CC_RENDER_MAX]);
const char *cc_render_settings(const struct cc_strv *sv, char out[static CC_RENDER_MAX]);
const char *cc_render_strv(const struct cc_strv *sv, char out[static CC_RENDER_MAX]);
/* 1000:1000 [10,20] */
const char *cc_render_user(const struct cc_user *u, char out[static CC_RENDER_MAX]);

#endif
