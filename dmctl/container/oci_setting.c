// SPDX-License-Identifier: Apache-2.0
/*
 * oci_setting.c - one line of m->settings.
 */
#include <stdarg.h>
#include <stdio.h>

#include "container/oci.h"
#include "strv.h"

int oci_setting(struct cc_measurement *m, struct cc_error *err, const char *fmt, ...)
{
	cc_auto_free char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	}
	return cc_strv_has(&m->settings, text) ? 0 : cc_strv_push(&m->settings, text, err);
}

int oci_setting_value(struct cc_measurement *m, const char *object, const char *key,
		      const json_t *value, struct cc_error *err)
{
	cc_auto_free char *text = NULL;

	if (json_is_string(value))
		return oci_setting(m, err, "%s%s=%s", object, key, json_string_value(value));
	text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENCODE_ANY);
	if (!text)
		return cc_fail(err, CC_E_NOMEM, "out of memory");
	return oci_setting(m, err, "%s%s=%s", object, key, text);
}
